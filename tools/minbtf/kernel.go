package main

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/report"
)

// kernelFlags say which files a kernel consists of.
type kernelFlags struct {
	base    string
	modules []string
}

func (k *kernelFlags) register(c *cobra.Command, input string) {
	c.Flags().StringVar(&k.base, "base", "", "the kernel's `VMLINUX`, if "+input+" is a module")
	c.Flags().StringArrayVar(&k.modules, "module", nil, "`FILE` of a module, or of a further one; may be repeated")
}

// files returns the kernel's vmlinux, then its modules.
func (k *kernelFlags) files(input string) []string {
	files := []string{input}
	if k.base != "" {
		files = []string{k.base, input}
	}
	return append(files, k.modules...)
}

// A kernel is the types of a vmlinux and of modules.
type kernel struct {
	*btf.File
	parts    []part
	raws     [][]byte // the files' BTF
	releases []func()
}

// release gives back the memory of its files. Nothing of the kernel may be used afterwards.
func (k *kernel) release() {
	for _, release := range k.releases {
		release()
	}
}

// sum is the SHA-256 of a kernel's BTF, and of its modules' behind that.
func (k *kernel) sum() [sha256.Size]byte {
	h := sha256.New()
	for _, raw := range k.raws {
		h.Write(raw)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// sumOf is the sum of a kernel that need not be valid.
func sumOf(files ...string) (sum [sha256.Size]byte, err error) {
	k := &kernel{}
	defer k.release()
	for _, path := range inOrder(files) {
		if _, err := k.raw(path); err != nil {
			return sum, err
		}
	}
	return k.sum(), nil
}

// A part is a file, and the id of its first type in the kernel.
type part struct {
	path  string
	first uint32
}

// inOrder returns a vmlinux and its modules in the order of the modules' names: the ids of
// their types, and so which of several candidates comes first, must not depend on who lists them.
func inOrder(files []string) []string {
	files = slices.Clone(files)
	slices.SortStableFunc(files[1:], func(a, b string) int { return cmp.Compare(archive.Module(a), archive.Module(b)) })
	return files
}

// readKernel reads and validates a vmlinux and its modules.
func readKernel(files ...string) (*kernel, error) {
	k := &kernel{}
	if err := k.read(files...); err != nil {
		k.release()
		return nil, err
	}
	return k, nil
}

// raw returns the raw BTF in a file, until the kernel is released.
func (k *kernel) raw(path string) ([]byte, error) {
	raw, release, err := openBTF(path)
	if err == nil {
		k.raws = append(k.raws, raw)
		k.releases = append(k.releases, release)
	}
	return raw, err
}

func (k *kernel) read(files ...string) error {
	files = inOrder(files)
	raw, err := k.raw(files[0])
	if err != nil {
		return err
	}
	vmlinux, err := parseVmlinux(files[0], raw)
	if err != nil {
		return err
	}
	k.File, k.parts = vmlinux, []part{{files[0], 1}}
	if len(files) == 1 {
		return nil
	}
	var modules []*btf.File
	next := vmlinux.NumTypes()
	info, err := os.Stat(files[0])
	if err != nil {
		return err
	}
	named := []fs.FileInfo{info}
	for _, path := range files[1:] {
		if raw, err = k.raw(path); err != nil {
			return err
		}
		if info, err = os.Stat(path); err != nil {
			return err
		}
		if slices.ContainsFunc(named, func(n fs.FileInfo) bool { return os.SameFile(n, info) }) {
			return in(path, errors.New("is named twice among vmlinux and modules"))
		}
		named = append(named, info)
		m, err := parseModule(path, raw, files[0], vmlinux)
		if err != nil {
			return err
		}
		modules = append(modules, m)
		k.parts = append(k.parts, part{path, next})
		next += m.NumTypes() - m.FirstOwn()
	}
	if k.File, err = btf.Merge(vmlinux, modules...); err != nil {
		return in(files[0], err)
	}
	return nil
}

func parseVmlinux(path string, raw []byte) (*btf.File, error) {
	f, err := btf.Parse(raw)
	if errors.Is(err, btf.ErrNoBase) {
		err = fmt.Errorf("%w if it is a module's, it needs its vmlinux: --base of gen names it, and in an archive it is beside the folder of its modules, and called as that", err)
	}
	if err != nil {
		return nil, in(path, err)
	}
	return f, nil
}

func parseModule(path string, raw []byte, basePath string, base *btf.File) (*btf.File, error) {
	f, err := btf.ParseSplit(raw, base)
	if err == nil {
		return f, nil
	}
	if _, alone := btf.Parse(raw); alone == nil {
		err = fmt.Errorf("is no module's BTF: it is complete without %s", basePath)
	} else if errors.Is(err, btf.ErrBase) {
		err = fmt.Errorf("%w; is %s the vmlinux that this module was built with?", err, basePath)
	}
	return nil, in(path, err)
}

// noteHomonyms says which of the names that relocations ask for mean different
// things in different parts of the kernel.
func (k *kernel) noteHomonyms(w io.Writer, rs *core.Relocations) error {
	if len(k.parts) == 1 {
		return nil
	}
	homonyms, err := core.Homonyms(graph.Raw{File: k.File}, rs)
	if err != nil {
		return err
	}
	for _, h := range homonyms {
		paths := report.Few(k.paths(h.Layouts), 3)
		if len(paths) < 2 {
			continue
		}
		last := len(paths) - 1
		note(w, "%s %s has differing layouts in %s; a relocation that they answer differently is ambiguous",
			h.Kind, h.Name, strings.Join(paths[:last], ", ")+" and "+paths[last])
	}
	return nil
}

// paths returns the parts that have any of the types.
func (k *kernel) paths(layouts [][]uint32) []string {
	ids := slices.Concat(layouts...)
	var paths []string
	for i, p := range k.parts {
		end := k.NumTypes()
		if i+1 < len(k.parts) {
			end = k.parts[i+1].first
		}
		if slices.ContainsFunc(ids, func(id uint32) bool { return id >= p.first && id < end }) {
			paths = append(paths, p.path)
		}
	}
	return paths
}
