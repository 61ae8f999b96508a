package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/khulnasoft/rules_btf/internal/packfile"
	"github.com/khulnasoft/rules_btf/internal/store"
)

type unpackFlags struct {
	out   string
	files []string
	quiet bool
}

func unpackCommand() *cobra.Command {
	var flags unpackFlags
	c := &cobra.Command{
		Use:   "unpack FILE.btfpack [KERNEL]... --out DIR\n  minbtf unpack FILE.btfpack --file KERNEL=FILE...",
		Short: "Write the kernels in a pack as files again",
		Long: `unpack writes kernels in a pack as raw BTF: what gen would have written, byte for
byte, if the pack is tailored, and otherwise all types that relocations can ask
for. Without names it writes all kernels, as DIR/distro/version/arch/release.btf.

@FILE stands for the arguments in the lines of a file.`,
		Example: "  minbtf unpack tracee.btfpack --out btfs\n" +
			"  minbtf unpack tracee.btfpack --file debian/12/x86_64/6.1.0-47-amd64=min.btf",
		Args: atLeast("FILE.btfpack"),
		RunE: func(c *cobra.Command, args []string) error {
			return flags.run(c.OutOrStdout(), c.ErrOrStderr(), args)
		},
	}
	c.Flags().StringVarP(&flags.out, "out", "o", "", "folder to write to (`DIR`)")
	c.Flags().StringArrayVar(&flags.files, "file", nil, "write a kernel to a file, - is stdout (`KERNEL=FILE`, or @FILE); may be repeated")
	quietFlag(c, &flags.quiet)
	c.MarkFlagsMutuallyExclusive("out", "file")
	return c
}

func (u *unpackFlags) run(stdout, stderr io.Writer, args []string) error {
	args, lists, err := fileArgs(args)
	if err != nil {
		return err
	}
	files, fileLists, err := fileArgs(u.files)
	if err != nil {
		return err
	}
	if err := u.check(args, files); err != nil {
		return err
	}
	p, err := openPack(args[0])
	if err != nil {
		return err
	}
	to, err := u.targets(p, args[0], args[1:], files)
	if err != nil {
		return err
	}
	inputs := slices.Concat(args[:1], lists, fileLists)
	paths := slices.Sorted(maps.Values(to))
	if u.files == nil {
		err = checkBelow(paths, inputs)
	} else {
		err = checkOutputs(paths, inputs)
	}
	if err != nil {
		return err
	}
	if len(to) > 1 {
		thrifty()
	}
	w := startWork(stderr, "unpacking", len(to), u.quiet)
	defer w.clear()
	if err := p.Types(); err != nil {
		return in(args[0], err)
	}
	view := store.NewView(p.Store, true)
	var wrote int64
	for k, err := range p.Kernels(true) {
		if err != nil {
			return in(args[0], err)
		}
		path, ok := to[k.Name]
		if !ok {
			continue
		}
		raw, err := view.Raw(&k.Kernel)
		if err != nil {
			w.kernel(k.Name, in(args[0], err))
			continue
		}
		if u.files == nil {
			err = writeBelow(path, raw)
		} else {
			err = writeFile(path, stdout, raw)
		}
		if err != nil && (u.files != nil || !isOfName(err, u.out)) {
			return err
		}
		w.kernel(k.Name, err)
		if err == nil {
			wrote += int64(len(raw))
		}
	}
	failed := w.finish()
	if done := len(to) - len(w.failures); done > 0 && !u.quiet {
		what := few(paths)
		if u.files == nil {
			what = u.out
		}
		note(stderr, "%s: %s, %s", what, count(done, "kernel"), inBytes(wrote))
	}
	return failed
}

// check checks that it is clear what to write where.
func (u *unpackFlags) check(args, files []string) error {
	switch {
	case len(args) == 0:
		return misuse{errors.New("requires a FILE.btfpack")}
	case u.files != nil && len(args) > 1:
		return misuse{errors.New("kernels are named by arguments or with --file, not both")}
	case u.files != nil && len(files) == 0:
		return misuse{errors.New("--file: expected KERNEL=FILE, got none")}
	case u.files == nil && u.out == "":
		return misuse{errors.New("expected a folder to write to (--out DIR), or files (--file KERNEL=FILE)")}
	}
	return nil
}

// targets returns the paths of the kernels that are named, or of all.
func (u *unpackFlags) targets(p *packfile.Pack, pack string, names, files []string) (map[string]string, error) {
	there := map[string]bool{}
	for k, err := range p.Heads() {
		if err != nil {
			return nil, in(pack, err)
		}
		there[k.Name] = true
	}
	if len(there) == 0 {
		return nil, in(pack, errors.New("has no kernels"))
	}
	to := map[string]string{}
	for _, file := range files {
		name, path, ok := cutFile(file, there)
		if !ok {
			return nil, misuse{fmt.Errorf("--file: expected KERNEL=FILE, got %q", file)}
		}
		if to[name] != "" {
			return nil, misuse{fmt.Errorf("--file: kernel %s is named twice", name)}
		}
		to[name] = path
	}
	if len(names) == 0 && len(files) == 0 {
		names = slices.Collect(maps.Keys(there))
	}
	for _, name := range names {
		to[name] = u.path(name)
	}
	missing := maps.Clone(to)
	maps.DeleteFunc(missing, func(name, _ string) bool { return there[name] })
	if len(missing) > 0 {
		return nil, in(pack, fmt.Errorf("has no kernel %s; minbtf ls says which there are", few(slices.Sorted(maps.Keys(missing)))))
	}
	return to, nil
}

// cutFile divides KERNEL=FILE. Both may have a = of their own, so it is the longest kernel that
// there is.
func cutFile(s string, there map[string]bool) (kernel, file string, ok bool) {
	kernel, file, ok = strings.Cut(s, "=")
	for i := range len(s) - 1 {
		if s[i] == '=' && there[s[:i]] {
			kernel, file = s[:i], s[i+1:]
		}
	}
	return kernel, file, ok && kernel != "" && file != ""
}

// path is where a kernel is written to in a folder.
func (u *unpackFlags) path(name string) string {
	return filepath.Join(u.out, filepath.FromSlash(name)+".btf")
}

// isOfName reports whether a kernel cannot be written to a folder for its name alone: it is longer
// than the file system allows, or another one's file is where it needs a folder.
func isOfName(err error, folder string) bool {
	if info, none := os.Stat(folder); none != nil || !info.IsDir() {
		return false
	}
	return errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, errIsFolder)
}

// writeBelow writes a file, and makes the folders that it is in.
func writeBelow(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return cannotWrite(path, err)
	}
	return writeFile(path, nil, data)
}
