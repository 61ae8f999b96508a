// Command series writes a series of kernels' BTF such as an archive of many
// distributions holds, by changing real ones: members, enumerators and types
// come and go, and all that embeds them is laid out anew. The same flags give
// the same bytes, and a shorter series is the beginning of a longer one.
// bench/README.md says how near to real series it is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sync"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/btf"
)

const usage = `usage: series [flags] -o DIR KERNEL...    write a series made from these kernels
       series -compare KERNEL KERNEL...   tell what differs from each to the next, in Markdown
KERNEL is BTF in any form that minbtf reads.
`

func main() {
	var s series
	flag.IntVar(&s.kernels, "n", 100, "kernels in all")
	flag.StringVar(&s.dir, "o", "", "folder to write to: distro/version/arch/release")
	flag.StringVar(&s.format, "format", "btf", "btf, btf.gz, btf.zst or btf.tar.xz (needs xz, and long)")
	flag.IntVar(&s.line, "line", 100, "kernels of one distro/version/arch")
	flag.IntVar(&s.flavours, "flavours", 4, "flavours of each, which share the months' changes")
	flag.Float64Var(&s.keep, "keep", 1, "share of the structs and unions to keep, for smaller kernels")
	flag.StringVar(&s.with, "with", "", "the `NAME` of a struct to keep, whatever -keep says")
	flag.Float64Var(&s.pace, "pace", 1, "changes a month; 1 is Android's 5.10")
	flag.Uint64Var(&s.seed, "seed", 1, "what differs in the choice of changes")
	flag.IntVar(&s.jobs, "j", runtime.GOMAXPROCS(0), "lines at a time")
	comparing := flag.Bool("compare", false, "compare kernels instead")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	_, known := writers[s.format]
	if flag.NArg() == 0 || *comparing == (s.dir != "") || !known || min(s.kernels, s.line, s.flavours, s.jobs) < 1 || s.flavours > len(flavourNames) {
		flag.Usage()
		os.Exit(2)
	}
	work := s.write
	if *comparing {
		work = printDifferences
	}
	if err := work(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "series:", err)
		os.Exit(1)
	}
}

// A series is what the flags say.
type series struct {
	kernels, line, flavours, jobs int
	keep, pace                    float64
	seed                          uint64
	dir, format, with             string
}

// write writes the kernels and prints their paths below the folder.
func (s *series) write(paths []string) error {
	var origins []origin
	for _, path := range paths {
		o, err := readOrigin(path)
		if err != nil {
			return err
		}
		origins = append(origins, o)
	}
	lines := s.lines(origins)
	names := make([][]string, len(lines))
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	next := make(chan int)
	var wait sync.WaitGroup
	for range s.jobs {
		wait.Go(func() {
			for i := range next {
				if err := lines[i].build(func(name string, raw []byte) error {
					name += "." + s.format
					names[i] = append(names[i], name)
					return errors.Join(context.Cause(ctx), s.writeKernel(name, raw))
				}); err != nil {
					stop(err)
				}
			}
		})
	}
	for i := range lines {
		next <- i
	}
	close(next)
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	for _, name := range slices.Concat(names...) {
		fmt.Println(name)
	}
	return nil
}

func (s *series) lines(origins []origin) []line {
	var lines []line
	for first := 0; first < s.kernels; first += s.line {
		n := len(lines)
		o := origins[n%len(origins)]
		lines = append(lines, line{
			distro: fmt.Sprintf("distro%02d", n+1), version: o.version, arch: o.arch,
			origin: o.file, seed: [2]uint64{s.seed, uint64(n)},
			kernels: min(s.line, s.kernels-first), flavours: s.flavours, share: s.keep, with: s.with, pace: s.pace,
		})
	}
	return lines
}

func (s *series) writeKernel(name string, raw []byte) error {
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	packed, err := writers[s.format](filepath.Base(name), raw)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(path, packed, 0o666)
}

// An origin is a real kernel.
type origin struct {
	version, arch string
	file          *btf.File
}

var (
	versions      = regexp.MustCompile(`[0-9]+\.[0-9]+`)
	architectures = []string{"x86_64", "arm64", "s390x", "ppc64le", "arm", "i386"}
)

func readOrigin(path string) (origin, error) {
	packed, err := os.ReadFile(path)
	if err != nil {
		return origin{}, err
	}
	raw, err := archive.ReadBTF(path, packed)
	if err != nil {
		return origin{}, fmt.Errorf("%s: %w", path, err)
	}
	file, err := btf.Parse(raw)
	if err != nil {
		return origin{}, fmt.Errorf("%s: %w", path, err)
	}
	o := origin{version: versions.FindString(filepath.Base(path)), arch: filepath.Base(filepath.Dir(path)), file: file}
	if o.version == "" {
		o.version = "0.0"
	}
	if !slices.Contains(architectures, o.arch) {
		o.arch = "x86_64" // a folder of another layout
	}
	return o, nil
}

func printDifferences(paths []string) error {
	fmt.Println(differenceHeader)
	var before *view
	for _, path := range paths {
		o, err := readOrigin(path)
		if err != nil {
			return err
		}
		now := newView(newKernel(o.file))
		if before != nil {
			fmt.Println(compare(before, now).row(filepath.Base(path)))
		}
		before = now
	}
	return nil
}
