package main

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/pack"
	"github.com/khulnasoft/rules_btf/internal/packfile"
)

// sources are kernels by name: in folders, single files, and packs.
type sources struct {
	kernels []archive.Kernel
	packs   []packSource
	folders []string
	unread  []archive.Kernel // folders in which there may be more
}

type packSource struct {
	path string
	*packfile.Pack
	names []string // of the kernels that are meant
}

// isMeant returns a function that says which kernels are meant.
func (p *packSource) isMeant() func(name string) bool {
	meant := make(map[string]bool, len(p.names))
	for _, name := range p.names {
		meant[name] = true
	}
	return func(name string) bool { return meant[name] }
}

// add adds the kernels of a folder in an archive's layout, of a pack, or the one of a file.
func (s *sources) add(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		kernels, unread, err := archive.Tree(path)
		if err != nil {
			return err
		}
		if len(kernels)+len(unread) == 0 {
			return in(path, errors.New("has no kernels: expected distro/version/arch/release.btf.tar.xz in it"))
		}
		s.kernels = append(s.kernels, kernels...)
		s.unread = append(s.unread, unread...)
		s.folders = append(s.folders, path)
		return nil
	}
	// A pipe cannot be looked into and read again.
	if info.Mode().IsRegular() && isPack(path) {
		return s.addPack(path)
	}
	name := release(path)
	if name == "" {
		name = filepath.Base(path)
	}
	s.kernels = append(s.kernels, archive.Kernel{Name: name, Path: path})
	return nil
}

// isPack reports whether a file is there and begins as packs do.
func isPack(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	begin := make([]byte, len(packfile.Magic))
	n, _ := f.Read(begin)
	return packfile.IsPack(begin[:n])
}

func (s *sources) addPack(path string) error {
	p, err := openPack(path)
	if err != nil {
		return err
	}
	source := packSource{path: path, Pack: p}
	for k, err := range p.Heads() {
		if err != nil {
			return in(path, err)
		}
		source.names = append(source.names, k.Name)
	}
	if len(source.names) == 0 {
		return in(path, errors.New("has no kernels"))
	}
	s.packs = append(s.packs, source)
	return nil
}

func openPack(path string) (*packfile.Pack, error) {
	file, err := readFile(path, maxKernel)
	if err != nil {
		return nil, err
	}
	p, err := pack.Read(file)
	if err != nil {
		return nil, in(path, err)
	}
	return p, nil
}

// paths returns all files.
func (s *sources) paths() []string {
	var paths []string
	for _, k := range s.kernels {
		paths = append(paths, filesOf(k)...)
	}
	for _, p := range s.packs {
		paths = append(paths, p.path)
	}
	return paths
}

// len is how many kernels there are.
func (s *sources) len() int {
	n := len(s.kernels)
	for _, p := range s.packs {
		n += len(p.names)
	}
	return n
}

// byName returns, for each kernel's name, the files that have one.
func (s *sources) byName() map[string][]string {
	at := make(map[string][]string, s.len())
	for _, k := range s.kernels {
		at[k.Name] = append(at[k.Name], k.Path)
	}
	for _, p := range s.packs {
		for _, name := range p.names {
			at[name] = append(at[name], p.path)
		}
	}
	return at
}

// tailored returns the path of the first pack that is tailored, or is not; "" if there is none.
func (s *sources) tailored(is bool) string {
	for _, p := range s.packs {
		if p.Tailored == is {
			return p.path
		}
	}
	return ""
}

func filesOf(k archive.Kernel) []string { return append([]string{k.Path}, k.Modules...) }

// settle sees to it that each kernel has one source. Several that have the same BTF are
// one; of others none is taken, and the kernel cannot be used, as folders cannot that
// are not readable. Where packs are merged, that finds out whether they have the same kernel,
// as they say.
func (s *sources) settle(jobs jobs, merged bool) error {
	twins, err := s.twins(jobs)
	if err != nil {
		return err
	}
	var bad []archive.Kernel
	for _, name := range slices.Sorted(maps.Keys(twins)) {
		k := one(name, twins[name])
		if k.Err == nil && !merged && twins[name][0].sum == ([sha256.Size]byte{}) {
			k.Err = in(k.Path, fmt.Errorf("may have another kernel %s than %s, as neither has its sum; leave one out", name, twins[name][1].path))
		}
		if k.Err != nil {
			bad = append(bad, k)
		}
	}
	isBad, done := map[string]bool{}, map[string]bool{}
	for _, k := range bad {
		isBad[k.Name], done[k.Name] = true, true
	}
	again := func(name string) bool {
		was := done[name]
		done[name] = was || twins[name] != nil
		return was
	}
	for i := range s.packs { // first, as nothing of theirs has to be decoded
		s.packs[i].names = slices.DeleteFunc(s.packs[i].names, func(name string) bool {
			return again(name) && (isBad[name] || !merged)
		})
	}
	s.kernels = slices.DeleteFunc(s.kernels, func(k archive.Kernel) bool { return again(k.Name) })
	s.kernels = slices.Concat(s.kernels, bad, s.unread)
	return nil
}

// A twin is one of several sources of a kernel.
type twin struct {
	path string
	sum  [sha256.Size]byte // of its BTF
	err  error
}

// twins returns the sources of kernels that have several. In tailored packs there are no
// sums to tell whether they are the same: the pack that they go into does that.
func (s *sources) twins(jobs jobs) (map[string][]*twin, error) {
	at := s.byName()
	if s.tailored(true) != "" || len(at) == s.len() {
		return nil, nil
	}
	twins := map[string][]*twin{}
	add := func(name string, t *twin) bool {
		if len(at[name]) < 2 {
			return false
		}
		twins[name] = append(twins[name], t)
		return true
	}
	var group errgroup.Group
	group.SetLimit(int(jobs))
	for _, k := range s.kernels {
		t := &twin{path: k.Path, err: k.Err}
		if add(k.Name, t) && t.err == nil {
			group.Go(func() error {
				t.sum, t.err = sumOf(filesOf(k)...)
				return nil
			})
		}
	}
	_ = group.Wait() // errors are the twins'
	for _, p := range s.packs {
		for k, err := range p.Heads() {
			if err != nil {
				return nil, in(p.path, err)
			}
			if _, ok := slices.BinarySearch(p.names, k.Name); ok {
				add(k.Name, &twin{path: p.path, sum: k.Sum})
			}
		}
	}
	return twins, nil
}

// one returns what several sources of a kernel are together.
func one(name string, twins []*twin) archive.Kernel {
	k := archive.Kernel{Name: name, Path: twins[0].path}
	for _, t := range twins {
		switch {
		case t.err != nil:
			k.Err = t.err
			return k
		case t.sum != twins[0].sum && k.Err == nil:
			k.Err = in(k.Path, fmt.Errorf("has another kernel %s than %s; leave one out", name, t.path))
		}
	}
	return k
}

// readSource reads a kernel that was found by its name.
func readSource(k archive.Kernel) (*kernel, error) {
	if k.Err != nil {
		return nil, k.Err
	}
	if !packfile.IsName(k.Name) {
		return nil, in(k.Path, errors.New("a kernel's name is UTF-8 without control characters; rename the file"))
	}
	return readKernel(filesOf(k)...)
}

// A filter chooses kernels by name.
type filter struct {
	arch             string
	include, exclude []string
	names            []string
}

func (f *filter) register(c *cobra.Command) {
	c.Flags().StringVarP(&f.arch, "arch", "a", "", "only kernels of this `ARCH`, as the archive spells it (x86_64, arm64)")
	c.Flags().StringArrayVar(&f.include, "include", nil, "only kernels that match the `GLOB`; may be repeated")
	c.Flags().StringArrayVar(&f.exclude, "exclude", nil, "no kernels that match the `GLOB`; may be repeated")
	c.Flags().StringArrayVar(&f.names, "kernel", nil, "only the kernel of this `NAME`, or those in the lines of @FILE; may be repeated")
}

// read puts the lines of files in the place of @FILE among the names, and returns the files.
func (f *filter) read() (lists []string, err error) {
	asked := f.names != nil
	if f.names, lists, err = fileArgs(f.names); err == nil && asked && len(f.names) == 0 {
		err = misuse{fmt.Errorf("--kernel: expected NAME, got none in %s", few(lists))}
	}
	return lists, err
}

// apply leaves out kernels that are not chosen. What chooses none is an error.
func (f *filter) apply(s *sources) error {
	if f.arch == "" && f.include == nil && f.exclude == nil && f.names == nil {
		return nil
	}
	left := slices.Sorted(maps.Keys(s.byName()))
	if f.arch != "" {
		archs := map[string]bool{}
		for _, name := range left {
			archs[cmp.Or(archive.Arch(name), "none that its name tells")] = true
		}
		if !archs[f.arch] {
			return fmt.Errorf("none of %s is of --arch %s, but of %s", count(len(left), "kernel"), f.arch, few(slices.Sorted(maps.Keys(archs))))
		}
		left = slices.DeleteFunc(left, func(name string) bool { return archive.Arch(name) != f.arch })
	}
	matching := func(flag string, patterns []string) (map[string]bool, error) {
		matched := map[string]bool{}
		for _, pattern := range patterns {
			found := false
			for _, name := range left {
				if matchGlob(strings.Split(pattern, "/"), strings.Split(name, "/")) {
					matched[name], found = true, true
				}
			}
			if !found {
				return nil, fmt.Errorf("--%s %q matches none of %d kernels (%s); a pattern matches the whole of distro/version/arch/release, such as 'debian/**'",
					flag, pattern, len(left), few(left))
			}
		}
		return matched, nil
	}
	included, err := matching("include", f.include)
	if err != nil {
		return err
	}
	excluded, err := matching("exclude", f.exclude)
	if err != nil {
		return err
	}
	left = slices.DeleteFunc(left, func(name string) bool { return len(f.include) > 0 && !included[name] || excluded[name] })
	if len(f.names) > 0 {
		for _, name := range f.names {
			if _, ok := slices.BinarySearch(left, name); !ok {
				return fmt.Errorf("--kernel %s is none of %d kernels (%s)", name, len(left), few(left))
			}
		}
		left = slices.Compact(slices.Sorted(slices.Values(f.names)))
		s.unread = nil // all are found
	}
	if len(left) == 0 {
		return errors.New("no kernel is left after --include and --exclude")
	}
	out := func(name string) bool {
		_, ok := slices.BinarySearch(left, name)
		return !ok
	}
	s.kernels = slices.DeleteFunc(s.kernels, func(k archive.Kernel) bool { return out(k.Name) })
	for i := range s.packs {
		s.packs[i].names = slices.DeleteFunc(s.packs[i].names, out)
	}
	return nil
}

// matchGlob matches path segments: * and ? stay within one, ** is any number of them.
func matchGlob(pattern, path []string) bool {
	if len(pattern) == 0 {
		return len(path) == 0
	}
	if pattern[0] == "**" {
		return matchGlob(pattern[1:], path) || len(path) > 0 && matchGlob(pattern, path[1:])
	}
	return len(path) > 0 && matchSegment(pattern[0], path[0]) && matchGlob(pattern[1:], path[1:])
}

func matchSegment(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		return matchSegment(pattern[1:], text) || text != "" && matchSegment(pattern, text[1:])
	}
	return text != "" && (pattern[0] == '?' || pattern[0] == text[0]) && matchSegment(pattern[1:], text[1:])
}
