package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/pack"
	"github.com/khulnasoft/rules_btf/internal/store"
)

type tailorFlags struct {
	filter
	jobs
	objects     []string
	archives    []string
	out         string
	findings    string
	allowTypeID bool
	quiet       bool
}

// Where BTFHub has its kernels, and btfgen.sh puts what it makes of them.
const (
	btfhubArchive = "archive"
	btfhubOut     = "custom-archive"
)

func tailorCommand() *cobra.Command {
	var flags tailorFlags
	c := &cobra.Command{
		Use:   "tailor [-a ARCH] -o OBJECT [-o OBJECT]... [--archive DIR|PACK]... [--out DIR|FILE.btfpack]",
		Short: "Write the minimal BTF of all kernels of an archive",
		Long: `tailor does what gen does for all kernels of an archive: a folder in BTFHub's
layout, or a pack of "minbtf pack", which is much faster. It writes raw BTF, as
DIR/distro/version/arch/release.btf, or, if --out ends with .btfpack, one pack of
all kernels, small enough to be embedded in an application.

OBJECT  BPF ELF object, or relocations file of "minbtf relocs"; -o is for what is
        read, --out for what is written
GLOB    matches the whole of distro/version/arch/release; * and ? stay within one
        part of it, ** is any number of parts: 'debian/**', '**/*-cloud-*'

A kernel that cannot be read or served does not stop the others: stderr names
it, and the exit status is 1. So it is with two different ones of a name; the same
one may come twice.

The flags are those of BTFHub's btfgen.sh, so this does the same where BTFHub is:

  ./tools/btfgen.sh -a x86_64 -o first.bpf.o -o second.bpf.o
  minbtf tailor     -a x86_64 -o first.bpf.o -o second.bpf.o

Both read archive and write custom-archive. But paths are those of the current
folder, links to folders are no kernels of their own, all architectures are served
if there is no -a, and custom-archive is not emptied first.`,
		Example: "  minbtf tailor -a x86_64 -o tracee.bpf.o --archive btfhub-archive --out btfs\n" +
			"  minbtf tailor -o tracee.bpf.o --archive kernels.btfpack --out tracee.btfpack",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unexpected argument %q: each object has a -o of its own, and each archive an --archive", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			return flags.run(c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringArrayVarP(&flags.objects, "object", "o", nil, "what the kernels are cut down for (`OBJECT`); may be repeated")
	f.StringArrayVar(&flags.archives, "archive", []string{btfhubArchive}, "folder, pack or kernel's file to read (`DIR|PACK`); may be repeated")
	f.StringVar(&flags.out, "out", "", "folder or .btfpack file to write (`DIR|FILE`; by default "+btfhubOut+", or nothing with --findings)")
	f.StringVar(&flags.findings, "findings", "", "`FILE` to write with the relocations that kernels do not serve, for \"minbtf report\"")
	f.BoolVar(&flags.allowTypeID, "allow-type-id", false, "accept relocations for the ids of kernel types, which are not the running kernel's")
	flags.filter.register(c)
	flags.jobs.register(c, "packs are tailored by one job, unless for type_matches")
	quietFlag(c, &flags.quiet)
	_ = c.MarkFlagRequired("object")
	return c
}

func (t *tailorFlags) run(stdout, stderr io.Writer) error {
	if err := t.check(); err != nil {
		return err
	}
	if t.out == "" && t.findings == "" {
		t.out = btfhubOut
	}
	lists, err := t.filter.read()
	if err != nil {
		return err
	}
	s, err := t.sources()
	if err != nil {
		return err
	}
	rs, uses, err := readRelocations(t.objects)
	if err == nil && !t.allowTypeID {
		err = uses.refuseTypeIDs()
	}
	if err != nil {
		return err
	}
	o := &tailored{relocations: rs, out: t.out, findings: t.findings, stdout: stdout, different: map[[sha256.Size]byte]bool{}}
	if strings.HasSuffix(t.out, ".btfpack") || t.out == "-" {
		o.pack = pack.NewBuilder()
	}
	inputs := slices.Concat(t.objects, s.paths(), lists)
	if err := o.check(s, inputs); err != nil {
		return err
	}
	if len(s.kernels) > 1 || s.len() > 128 { // of a pack they take little memory
		thrifty()
	}
	if err := s.settle(t.jobs, false); err != nil {
		return err
	}
	o.work = startWork(stderr, "tailoring", s.len(), t.quiet)
	defer o.work.clear()
	for _, p := range s.packs {
		if err := o.tailorPack(p, int(t.jobs)); err != nil {
			return err
		}
	}
	if err := o.tailorFiles(s.kernels, int(t.jobs)); err != nil {
		return err
	}
	failed := o.work.finish()
	if o.kernels == 0 {
		return failed
	}
	if err := o.write(); err != nil {
		return err
	}
	if !t.quiet {
		o.note(stderr, s)
		uses.note(stderr)
	}
	return failed
}

// sources returns the kernels that are chosen.
func (t *tailorFlags) sources() (*sources, error) {
	s := &sources{}
	for _, path := range t.archives {
		if err := s.add(path); err != nil {
			if path == btfhubArchive && errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%s: is not here; run in BTFHub's folder, or name another with --archive", path)
			}
			return nil, err
		}
	}
	if path := s.tailored(true); path != "" {
		return nil, in(path, errors.New("is tailored already, and lacks what other objects need; name a pack of full kernels"))
	}
	if err := t.apply(s); err != nil {
		return nil, in(few(t.archives), err)
	}
	return s, nil
}

// tailored is what comes out of tailoring.
type tailored struct {
	relocations *core.Relocations
	out         string        // "" if nothing is written but findings
	pack        *pack.Builder // nil if a folder is written
	findings    string
	stdout      io.Writer
	work        *work
	mu          sync.Mutex
	collector   core.Collector
	different   map[[sha256.Size]byte]bool // raw BTF in a folder
	kernels     int
	bytes       int64
}

// check checks that outputs can be written, and are no inputs.
func (o *tailored) check(s *sources, inputs []string) error {
	var files []string
	switch {
	case o.pack != nil:
		files = append(files, o.out)
	case o.out != "":
		if info, err := os.Stat(o.out); err == nil && !info.IsDir() {
			return in(o.out, errors.New("is a file; --out names a folder, or a pack, whose name ends with .btfpack"))
		}
		for _, folder := range s.folders {
			if isWithin(o.out, folder) {
				return in(o.out, fmt.Errorf("is in the archive %s, and would add to its kernels; name another folder", folder))
			}
		}
		var paths []string
		for name := range s.byName() {
			paths = append(paths, o.path(name))
		}
		slices.Sort(paths)
		if err := checkBelow(paths, inputs); err != nil {
			return err
		}
	}
	if o.findings != "" {
		files = append(files, o.findings)
	}
	return checkOutputs(files, inputs)
}

// path is where a kernel is written to in a folder.
func (o *tailored) path(name string) string {
	return filepath.Join(o.out, filepath.FromSlash(name)+".btf")
}

// tailorPack cuts down the kernels in a pack.
func (o *tailored) tailorPack(p packSource, jobs int) error {
	err := pack.Tailor(p.Pack, o.relocations, jobs, p.isMeant(),
		func(s *store.Store) pack.Sink { return o.sink(p.path, s, o.finder(core.NewFinder)) })
	if err != nil && !errors.As(err, new(*outputError)) {
		return in(p.path, err)
	}
	return err
}

// tailorFiles cuts down kernels in files, some at a time.
func (o *tailored) tailorFiles(kernels []archive.Kernel, jobs int) error {
	group, ctx := errgroup.WithContext(context.Background())
	next := make(chan archive.Kernel)
	group.Go(func() error {
		defer close(next)
		for _, k := range kernels {
			select {
			case next <- k:
			case <-ctx.Done():
				return nil
			}
		}
		return nil
	})
	for range jobs {
		group.Go(func() error {
			finder := o.finder(core.NewSeparateFinder)
			for k := range next {
				if err := o.tailorFile(k, finder); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (o *tailored) tailorFile(source archive.Kernel, finder *core.Finder) error {
	k, err := readSource(source)
	if err != nil {
		o.work.kernel(source.Name, err)
		return nil
	}
	defer k.release()
	g := graph.Raw{File: k.File}
	s := store.New()
	min, err := core.NewPruner(o.relocations, s).Prune(g)
	return o.sink(source.Path, s, finder)(source.Name, g, min, err)
}

// finder returns a Finder, or nil if nobody asks for findings.
func (o *tailored) finder(of func(*core.Relocations) *core.Finder) *core.Finder {
	if o.findings == "" {
		return nil
	}
	return of(o.relocations)
}

// An outputError is one that ends the work.
type outputError struct{ error }

// sink returns a Sink for kernels of a file, whose types are in s.
func (o *tailored) sink(path string, s *store.Store, finder *core.Finder) pack.Sink {
	var add func(name string, k *store.Kernel) error
	if o.pack != nil {
		add = o.pack.Tailored(s)
	}
	raws := raws{s: s}
	return func(name string, g graph.Graph, k *store.Kernel, err error) error {
		var found []*core.Finding
		if err == nil && finder != nil {
			found, err = finder.Findings(g)
			if v, ok := g.(*store.View); ok && err == nil {
				err = v.Err() // what is wrong with a pack's kernel is found out when one looks there
			}
		}
		var r *raw
		if err == nil && o.out != "" && o.pack == nil {
			if r, err = raws.of(k); err == nil {
				if err = writeBelow(o.path(name), r.data); err != nil && !isOfName(err, o.out) {
					return &outputError{err}
				}
			}
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if err == nil && add != nil {
			err = add(name, k)
		}
		if err != nil {
			o.work.kernel(name, in(path, err))
			return nil
		}
		o.work.kernel(name, nil)
		o.kernels++
		if finder != nil {
			o.collector.Add(name, found)
		}
		if r != nil {
			o.different[r.sum] = true
			o.bytes += int64(len(r.data))
		}
		return nil
	}
}

// raws makes raw BTF of kernels in a store, and remembers some: kernels of one series are often the same.
type raws struct {
	s     *store.Store
	known map[string]*raw
	size  int
}

type raw struct {
	data []byte
	sum  [sha256.Size]byte
}

// maxRaws is how many bytes are remembered.
const maxRaws = 16 << 20

// of returns a tailored kernel's raw BTF. Such kernels have no copies.
func (r *raws) of(k *store.Kernel) (*raw, error) {
	var b bytes.Buffer
	if k.BigEndian {
		b.WriteByte(1)
	}
	_ = binary.Write(&b, binary.LittleEndian, append([]uint32{k.Long}, k.Roots...)) // a Buffer has no errors
	key := b.String()
	if one := r.known[key]; one != nil {
		return one, nil
	}
	data, err := r.s.Raw(k)
	if err != nil {
		return nil, err
	}
	one := &raw{data, sha256.Sum256(data)}
	if r.size += len(key) + len(data); r.size > maxRaws || r.known == nil {
		r.known, r.size = map[string]*raw{}, len(key)+len(data)
	}
	r.known[key] = one
	return one, nil
}

// write writes the files that are about all kernels.
func (o *tailored) write() error {
	var outputs []output
	if o.pack != nil {
		file, err := o.pack.Bytes()
		if err != nil {
			return in(o.out, err)
		}
		o.bytes = int64(len(file))
		outputs = append(outputs, output{path: o.out, data: file})
	}
	if o.findings != "" {
		found, err := o.collector.File()
		if err != nil {
			return in(o.findings, err)
		}
		file, err := found.Marshal()
		if err != nil {
			return in(o.findings, err)
		}
		outputs = append(outputs, output{path: o.findings, data: file})
	}
	return writeFiles(o.stdout, outputs...)
}

// note says what was written, of which kernels.
func (o *tailored) note(stderr io.Writer, s *sources) {
	if o.out == "" {
		note(stderr, "%s: findings of %s", o.findings, count(o.kernels, "kernel"))
		return
	}
	different := len(o.different)
	if o.pack != nil {
		different = o.pack.Different()
	}
	note(stderr, "%s: %s, %d distinct: %s", o.out, count(o.kernels, "kernel"), different, s.became(o.work, o.bytes))
}
