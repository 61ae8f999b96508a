package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/store"
	"github.com/khulnasoft/rules_btf/internal/verify"
)

type verifyFlags struct {
	kernelFlags
	json         bool
	pairs, shard string
}

func verifyCommand() *cobra.Command {
	var flags verifyFlags
	c := &cobra.Command{
		Use: "verify [--json] [--base VMLINUX] [--module FILE]... FULL MIN OBJECT...\n" +
			"  minbtf verify [--json] DIR|PACK DIR|PACK OBJECT...\n" +
			"  minbtf verify [--json] --pairs FILE [DIR|PACK DIR|PACK] OBJECT...",
		Short: "Check that minimal BTF relocates as the full one does",
		Long: `verify relocates every program of BPF objects with cilium/ebpf, against a
kernel's full BTF and against its minimal one, and compares the results. It
exits with 1 where they differ, and says where.

FULL and MIN may have any form that gen reads; what is FULL of a kernel with
modules is said as with gen. Or either is of many kernels: a folder in
BTFHub's layout, or a pack. Then all kernels of MIN are compared with those of
their names in FULL, and a file stands for the one that is called as it is. With
--pairs they are lines of a file, two paths separated by a tab, and modules behind
another one each, and those of two folders or packs if these come first.`,
		Args: func(c *cobra.Command, args []string) error {
			if flags.pairs != "" {
				if flags.base != "" || flags.modules != nil {
					return errors.New("--pairs names the modules in its lines, not with --base and --module")
				}
				return atLeast("OBJECT...")(c, args)
			}
			return atLeast("FULL", "MIN", "OBJECT...")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			return flags.run(c.OutOrStdout(), c.ErrOrStderr(), args)
		},
	}
	flags.register(c, "FULL")
	c.Flags().BoolVar(&flags.json, "json", false, "print the result as JSON")
	c.Flags().StringVar(&flags.pairs, "pairs", "", "file with lines of FULL and MIN, and modules of FULL, separated by tabs")
	c.Flags().StringVar(&flags.shard, "shard", "", "INDEX/COUNT: only every COUNTth pair, from INDEX on")
	return c
}

// A pair is a kernel's full BTF and its minimal one.
type pair struct {
	name      string
	full, min side
}

// A side is BTF to compare, and where it is from.
type side struct {
	path string
	raw  func() ([]byte, error)
}

func (v *verifyFlags) run(stdout, stderr io.Writer, args []string) error {
	pairs, many, objectPaths, err := v.all(args)
	if err != nil {
		return err
	}
	if pairs, err = share(v.shard, pairs); err != nil {
		return err
	}
	objects, err := verifyObjects(objectPaths)
	if err != nil {
		return err
	}
	total := &verify.Result{Differences: []verify.Difference{}, Limits: []verify.Difference{}} // [] as JSON, not null
	var differ []string
	if len(pairs) > 1 {
		thrifty()
	}
	w := &work{stderr: stderr} // what is printed shows how far it is
	for _, p := range pairs {
		res, err := compare(p, objects)
		if err != nil && !many {
			return err
		}
		w.kernel(p.name, err)
		if err != nil {
			continue
		}
		if !res.OK() {
			differ = append(differ, p.min.path)
		}
		if many && !v.json {
			fmt.Fprintf(stdout, "%s: ", oneLine(p.name))
			if err := printResult(stdout, res); err != nil {
				return err
			}
		}
		total.Add(res)
	}
	if n := len(w.failures); n > 0 && n == len(pairs) {
		return w.finish()
	}
	if v.json {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(total)
	} else if many {
		_, err = fmt.Fprintf(stdout, "%s, %s: %d same, %d different\n",
			count(len(pairs)-len(w.failures), "kernel"), count(total.Relocations, "relocation"), total.Same, len(total.Differences))
	} else {
		err = printResult(stdout, total)
	}
	if err != nil {
		return err
	}
	failed := w.finish()
	if len(differ) > 0 {
		err := fmt.Errorf("%s from the full BTF in %s", count(len(total.Differences), "difference"), count(total.Relocations, "relocation"))
		if len(pairs) > 1 {
			return fmt.Errorf("%s: %w, of %d of %d kernels", few(differ), err, len(differ), len(pairs))
		}
		return in(differ[0], err)
	}
	return failed
}

// all returns what is to be compared, whether that are kernels by their names, and the objects' paths.
func (v *verifyFlags) all(args []string) (pairs []pair, many bool, objects []string, err error) {
	if v.pairs != "" {
		if pairs, err = v.readPairs(); err != nil || len(args) < 3 || !isMany(args[0]) || !isMany(args[1]) {
			return pairs, true, args, err
		}
		more, err := pairsByName(args[0], args[1])
		return append(pairs, more...), true, args[2:], err
	}
	many = isMany(args[0]) || isMany(args[1])
	switch {
	case !many:
		pairs = []pair{pairOf(args[1], v.files(args[0])...)}
	case v.base != "" || v.modules != nil:
		err = misuse{errors.New("--base and --module are for one kernel; in a folder, modules are in one that is called as their kernel")}
	default:
		pairs, err = pairsByName(args[0], args[1])
	}
	return pairs, many, args[2:], err
}

// isMany reports whether a path is a folder or a pack.
func isMany(path string) bool {
	info, err := os.Stat(path)
	return err == nil && (info.IsDir() || info.Mode().IsRegular() && isPack(path))
}

func pairOf(min string, full ...string) pair {
	return pair{min, sideOf(full...), sideOf(min)}
}

// sideOf returns a kernel's BTF in files. It leaves to cilium/ebpf what it can read
// itself: all but a kernel with modules.
func sideOf(files ...string) side {
	return side{files[0], func() ([]byte, error) {
		if len(files) == 1 {
			raw, err := readBTF(files[0])
			if err == nil {
				_, err = parseVmlinux(files[0], raw)
			}
			return raw, err
		}
		k, err := readKernel(files...)
		if err != nil {
			return nil, err
		}
		defer k.release()
		raw, err := k.Bytes()
		if err != nil {
			return nil, in(files[0], err)
		}
		return raw, nil
	}}
}

// pairsByName returns the kernels of min, by name, with those of full.
func pairsByName(full, min string) ([]pair, error) {
	var from, to sources
	if err := from.add(full); err != nil {
		return nil, err
	}
	if path := from.tailored(true); path != "" {
		return nil, in(path, errors.New("is tailored, and no full BTF to compare with"))
	}
	if err := to.add(min); err != nil {
		return nil, err
	}
	for _, s := range []*sources{&from, &to} {
		if err := s.settle(jobs(runtime.GOMAXPROCS(0)), false); err != nil {
			return nil, err
		}
	}
	from.nameLike(&to)
	to.nameLike(&from)
	fulls, mins := from.sides(), to.sides()
	var pairs []pair
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(mins)) {
		p := pair{name, fulls[name], mins[name]}
		if p.full.raw == nil {
			if i := slices.IndexFunc(from.unread, func(k archive.Kernel) bool { return strings.HasPrefix(name, k.Name+"/") }); i >= 0 {
				p.full = fulls[from.unread[i].Name]
			} else if slices.ContainsFunc(to.unread, func(k archive.Kernel) bool { return k.Name == name }) {
				p.full = p.min // which fails
			} else {
				missing = append(missing, name)
			}
		}
		pairs = append(pairs, p)
	}
	if len(missing) > 0 {
		return nil, in(full, fmt.Errorf("has no kernel %s, which %s has", few(missing), min))
	}
	return pairs, nil
}

// nameLike names the one kernel of a file by the folder or pack that it is compared with.
func (s *sources) nameLike(other *sources) {
	if len(s.folders) > 0 || len(s.kernels) != 1 {
		return
	}
	k := &s.kernels[0]
	names := slices.Collect(maps.Keys(other.byName()))
	if len(names) > 1 {
		names = slices.DeleteFunc(names, func(name string) bool { return path.Base(name) != k.Name })
	}
	if len(names) == 1 {
		k.Name = names[0]
	}
}

// sides returns kernels by name. They must be read in the order of their names.
func (s *sources) sides() map[string]side {
	sides := map[string]side{}
	for _, k := range s.kernels {
		sides[k.Name] = sideOf(filesOf(k)...)
		if k.Err != nil {
			sides[k.Name] = side{k.Path, func() ([]byte, error) { return nil, k.Err }}
		}
	}
	for _, p := range s.packs {
		var view *store.View
		next, _ := iter.Pull2(p.Kernels(true))
		var damage error // is said once by next, and of all kernels that come then by us
		for _, name := range p.names {
			path := p.path + ": " + name
			sides[name] = side{path, func() ([]byte, error) {
				for {
					k, err, ok := next()
					switch {
					case damage != nil:
						return nil, damage
					case err != nil:
						damage = in(p.path, err)
						return nil, damage
					case !ok:
						return nil, in(path, errors.New("cannot be read; is the pack damaged?"))
					case k.Name != name:
						continue
					}
					if view == nil {
						view = store.NewView(p.Store, true)
					}
					raw, err := view.Raw(&k.Kernel)
					if err != nil {
						return nil, in(path, err)
					}
					return raw, nil
				}
			}}
		}
	}
	return sides
}

func (v *verifyFlags) readPairs() ([]pair, error) {
	file, err := os.ReadFile(v.pairs)
	if err != nil {
		return nil, err
	}
	var pairs []pair
	for line := range strings.Lines(string(file)) {
		paths := strings.Split(strings.TrimSpace(line), "\t")
		if len(paths) < 2 {
			return nil, in(v.pairs, fmt.Errorf("expected two paths and a tab, got %q", line))
		}
		pairs = append(pairs, pairOf(paths[1], append(paths[:1:1], paths[2:]...)...))
	}
	if len(pairs) == 0 {
		return nil, in(v.pairs, errors.New("has no pairs"))
	}
	return pairs, nil
}

// share returns what a shard, "INDEX/COUNT", has of all; "" has all of it.
func share[T any](shard string, all []T) ([]T, error) {
	if shard == "" {
		return all, nil
	}
	first, second, _ := strings.Cut(shard, "/")
	index, err := strconv.Atoi(first)
	count, err2 := strconv.Atoi(second)
	if err != nil || err2 != nil || index < 0 || index >= count {
		return nil, fmt.Errorf("--shard: expected INDEX/COUNT, got %q", shard)
	}
	var part []T
	for n := index; n < len(all); n += count {
		part = append(part, all[n])
	}
	return part, nil
}

func verifyObjects(paths []string) ([]*verify.Object, error) {
	var objects []*verify.Object
	for _, path := range paths {
		file, err := readFile(path, maxObject)
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(file, []byte("{")) {
			return nil, in(path, errors.New("is a relocations file, which has no programs to relocate; name the object"))
		}
		// cilium/ebpf does not expect hostile files, so they must be valid first.
		if valid, err := core.ReadObject(file); err != nil {
			return nil, in(path, err)
		} else if _, err := valid.Relocations(); err != nil {
			return nil, in(path, err)
		}
		o, err := verify.ReadObject(path, file)
		if err != nil {
			return nil, in(path, err)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func compare(p pair, objects []*verify.Object) (*verify.Result, error) {
	full, err := p.full.kernel()
	if err != nil {
		return nil, err
	}
	min, err := p.min.kernel()
	if err != nil {
		return nil, err
	}
	res := &verify.Result{}
	for _, o := range objects {
		if err := o.Fits(full); err != nil {
			return nil, in(p.full.path, err)
		}
		if err := o.Fits(min); err != nil {
			return nil, in(p.min.path, err)
		}
		res.Add(verify.Compare(full, min, o))
	}
	return res, nil
}

func (s *side) kernel() (*verify.Kernel, error) {
	raw, err := s.raw()
	if err != nil {
		return nil, err
	}
	k, err := verify.Parse(raw)
	if err != nil {
		return nil, in(s.path, err)
	}
	return k, nil
}

func printResult(w io.Writer, res *verify.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s: %d same, %d different",
		count(res.Programs, "program"), count(res.Relocations, "relocation"), res.Same, len(res.Differences))
	if n := len(res.Limits); n > 0 {
		fmt.Fprintf(&b, ", %d at a limit of the loader's", n)
	}
	if res.TypeIDs > 0 {
		fmt.Fprintf(&b, ", %s", count(res.TypeIDs, "type id"))
	}
	b.WriteByte('\n')
	for _, r := range res.Remarks {
		fmt.Fprintf(&b, "remark: %s\n", r)
	}
	for _, d := range res.Limits {
		fmt.Fprintf(&b, "limit: %s\n", d)
	}
	for _, d := range res.Differences {
		fmt.Fprintf(&b, "difference: %s\n", d)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
