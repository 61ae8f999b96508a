package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/khulnasoft/rules_btf/internal/pack"
	"github.com/khulnasoft/rules_btf/internal/packfile"
)

// jobs is how many kernels are worked on at a time.
type jobs int

func (j *jobs) register(c *cobra.Command, packs string) {
	c.Flags().IntVarP((*int)(j), "jobs", "j", runtime.GOMAXPROCS(0), "`N` kernels' files are worked on at a time, each with up to six times its BTF in memory; "+packs)
}

func (j jobs) check() error {
	if j < 1 {
		return misuse{fmt.Errorf("--jobs: expected 1 or more, got %d", j)}
	}
	return nil
}

// thrifty has garbage collected sooner, which is worth its time with many kernels.
func thrifty() { debug.SetGCPercent(100) }

func quietFlag(c *cobra.Command, quiet *bool) {
	c.Flags().BoolVarP(quiet, "quiet", "q", false, "say nothing if all goes well")
}

type packFlags struct {
	filter
	jobs
	output  string
	name    string
	modules []string
	quiet   bool
}

func packCommand() *cobra.Command {
	var flags packFlags
	c := &cobra.Command{
		Use:   "pack -o FILE.btfpack INPUT...\n  minbtf pack -o FILE.btfpack [--name NAME] [--module FILE]... KERNEL",
		Short: "Put kernels into one small file",
		Long: `pack puts kernels' BTF into one file that has each type once: all that CO-RE
relocations can ask for, and nothing else (no functions, variables, ids). The
same kernels give the same bytes, in any order, from files or other packs.

INPUT   a folder in BTFHub's layout: distro/version/arch/release.btf.tar.xz, and
        modules in a folder that is called as their kernel; links to folders
        are not followed
        a kernel's file, in any form that gen reads
        a pack, whose kernels are added; packs are all full, or all tailored
GLOB    matches the whole of distro/version/arch/release; see minbtf tailor

A kernel in a folder is named by its path there without extensions, one given
as a file by the file, or by --name. @FILE stands for the arguments in the lines
of a file.

A kernel that cannot be read does not stop the others: stderr names it, and the
exit status is 1. So it is with two different ones of a name; the same one may
come twice.`,
		Example: "  minbtf pack -o kernels.btfpack btfhub-archive\n" +
			"  minbtf pack -o all.btfpack debian.btfpack ubuntu.btfpack",
		Args: atLeast("INPUT..."),
		RunE: func(c *cobra.Command, args []string) error {
			return flags.run(c.OutOrStdout(), c.ErrOrStderr(), args)
		},
	}
	c.Flags().StringVarP(&flags.output, "output", "o", "", "`FILE` to write; - is stdout")
	c.Flags().StringVar(&flags.name, "name", "", "the `NAME` of the kernel in a file: distro/version/arch/release")
	c.Flags().StringArrayVar(&flags.modules, "module", nil, "`FILE` of a module of that kernel; may be repeated")
	flags.filter.register(c)
	flags.jobs.register(c, "packs are merged by one job")
	quietFlag(c, &flags.quiet)
	_ = c.MarkFlagRequired("output")
	return c
}

func (p *packFlags) run(stdout, stderr io.Writer, args []string) error {
	if err := p.check(); err != nil {
		return err
	}
	args, lists, err := fileArgs(args)
	if err != nil {
		return err
	}
	nameLists, err := p.filter.read()
	if err != nil {
		return err
	}
	s, err := p.sources(args)
	if err != nil {
		return err
	}
	if err := checkOutputs([]string{p.output}, slices.Concat(s.paths(), lists, nameLists)); err != nil {
		return err
	}
	if s.len() > 1 {
		thrifty()
	}
	if err := s.settle(p.jobs, true); err != nil {
		return err
	}
	w := startWork(stderr, "packing", s.len(), p.quiet)
	defer w.clear()
	b := pack.NewBuilder()
	if err := p.fill(b, s, w); err != nil {
		return err
	}
	failed := w.finish()
	if b.Len() == 0 {
		return failed
	}
	file, err := b.Bytes()
	if err != nil {
		return in(p.output, err)
	}
	if err := writeFile(p.output, stdout, file); err != nil {
		return err
	}
	if !p.quiet {
		note(stderr, "%s: %s with %s: %s", p.output, count(b.Len(), "kernel"), count(b.Types(), "different type"), s.became(w, int64(len(file))))
		s.noteNames(stderr, w.failed())
	}
	return failed
}

// sources returns what the arguments stand for.
func (p *packFlags) sources(args []string) (*sources, error) {
	if len(args) == 0 {
		return nil, misuse{errors.New("requires at least one INPUT")}
	}
	s := &sources{}
	for _, arg := range args {
		if err := s.add(arg); err != nil {
			return nil, err
		}
	}
	tailored, full := s.tailored(true), s.tailored(false)
	if full == "" && len(s.kernels) > 0 {
		full = s.kernels[0].Path
	}
	if tailored != "" && full != "" {
		return nil, in(tailored, fmt.Errorf("is tailored, and %s is not; pack them apart", full))
	}
	if p.name != "" || p.modules != nil {
		if len(args) > 1 || len(s.packs)+len(s.folders) > 0 {
			return nil, misuse{errors.New("--name and --module are for one kernel's file")}
		}
		k := &s.kernels[0]
		k.Modules = p.modules
		if p.name != "" {
			if !packfile.IsName(p.name) {
				return nil, misuse{fmt.Errorf("--name: expected distro/version/arch/release, got %q", p.name)}
			}
			k.Name = p.name
		}
	}
	if err := p.apply(s); err != nil {
		return nil, in(few(args), err)
	}
	return s, nil
}

// fill puts kernels into a pack. Failures of single ones are w's.
func (p *packFlags) fill(b *pack.Builder, s *sources, w *work) error {
	for _, source := range s.packs {
		err := b.Merge(source.Pack, source.isMeant())
		if e := new(pack.ClashError); errors.As(err, &e) {
			paths := s.byName()[e.Name]
			return in(paths[0], fmt.Errorf("has another kernel %s than %s; leave one out", e.Name, few(paths[1:])))
		} else if err != nil {
			return in(source.path, err)
		}
		for _, name := range source.names {
			w.kernel(name, nil)
		}
	}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(int(p.jobs))
	for _, source := range s.kernels {
		group.Go(func() error {
			k, err := readSource(source)
			if err == nil {
				defer k.release()
				sum := k.sum()
				mu.Lock()
				defer mu.Unlock()
				if err = b.Import(source.Name, sum, k.File); err != nil {
					err = in(source.Path, err)
				}
			}
			w.kernel(source.Name, err)
			return nil
		})
	}
	return group.Wait()
}

// noteNames says which kernels nobody finds who asks for one of a distribution and architecture.
func (s *sources) noteNames(stderr io.Writer, failed map[string]bool) {
	var short []string
	for _, name := range slices.Sorted(maps.Keys(s.byName())) {
		if strings.Count(name, "/") != 3 && !failed[name] {
			short = append(short, name)
		}
	}
	if len(short) > 0 {
		note(stderr, "%s not named distro/version/arch/release (%s); applications ask for that: give the archive's own folder, or the file's kernel with --name",
			count(len(short), "kernel"), few(short))
	}
}

// became says how many bytes kernels had and have, or only the latter where a pack has
// others, too.
func (s *sources) became(w *work, after int64) string {
	failed := w.failed()
	var files []string
	for _, k := range s.kernels {
		if !failed[k.Name] {
			files = append(files, filesOf(k)...)
		}
	}
	for _, p := range s.packs {
		if len(p.names) < p.Len() || slices.ContainsFunc(p.names, func(name string) bool { return failed[name] }) {
			return inBytes(after)
		}
		files = append(files, p.path)
	}
	slices.Sort(files)
	return inBytes(size(slices.Compact(files))) + " became " + inBytes(after)
}

// size is the size of files, as far as it is known.
func size(paths []string) (n int64) {
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			n += info.Size()
		}
	}
	return n
}

// count is a number of things, as it is said.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

func inBytes(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
