package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/khulnasoft/rules_btf/internal/core"
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
		Use:   "verify [--json] [--base VMLINUX] [--module FILE]... FULL MIN OBJECT...\n  minbtf verify [--json] --pairs FILE OBJECT...",
		Short: "Check that minimal BTF relocates as the full one does",
		Long: `verify relocates every program of BPF objects with cilium/ebpf, against a
kernel's full BTF and against its minimal one, and compares the results. It
exits with 1 where they differ, and says where.

FULL and MIN may have any form that gen reads; what is FULL of a kernel with
modules is said as with gen. With --pairs they are lines of a file, two paths
separated by a tab, and modules behind another one each.`,
		Args: func(c *cobra.Command, args []string) error {
			if flags.pairs != "" {
				if flags.base != "" || flags.modules != nil {
					return errors.New("--pairs names the modules in its lines, not with --base and --module")
				}
				return cobra.MinimumNArgs(1)(c, args)
			}
			return cobra.MinimumNArgs(3)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error { return flags.run(c.OutOrStdout(), args) },
	}
	flags.register(c, "FULL")
	c.Flags().BoolVar(&flags.json, "json", false, "print the result as JSON")
	c.Flags().StringVar(&flags.pairs, "pairs", "", "file with lines of FULL and MIN, and modules of FULL, separated by tabs")
	c.Flags().StringVar(&flags.shard, "shard", "", "INDEX/COUNT: only every COUNTth pair, from INDEX on")
	return c
}

// A pair is the files of a kernel's full BTF, vmlinux and modules, and its minimal one.
type pair struct {
	full []string
	min  string
}

func (v *verifyFlags) run(stdout io.Writer, args []string) error {
	pairs, objectPaths := []pair{{v.files(args[0]), args[min(1, len(args)-1)]}}, args[min(2, len(args)):]
	if v.pairs != "" {
		var err error
		if pairs, err = v.readPairs(); err != nil {
			return err
		}
		objectPaths = args
	}
	var objects []*verify.Object
	for _, path := range objectPaths {
		file, err := readFile(path, maxObject)
		if err != nil {
			return err
		}
		// cilium/ebpf does not expect hostile files, so they must be valid first.
		if valid, err := core.ReadObject(file); err != nil {
			return in(path, err)
		} else if _, err := valid.Relocations(); err != nil {
			return in(path, err)
		}
		o, err := verify.ReadObject(path, file)
		if err != nil {
			return in(path, err)
		}
		objects = append(objects, o)
	}
	total := &verify.Result{Differences: []verify.Difference{}, Limits: []verify.Difference{}} // [] as JSON, not null
	var failed []string
	for _, p := range pairs {
		res, err := compare(p, objects)
		if err != nil {
			return err
		}
		if !res.OK() {
			failed = append(failed, p.min)
		}
		if v.pairs != "" && !v.json {
			fmt.Fprintf(stdout, "%s: ", p.min)
			if err := printResult(stdout, res); err != nil {
				return err
			}
		}
		total.Add(res)
	}
	if v.json {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(total); err != nil {
			return err
		}
	} else if v.pairs == "" {
		if err := printResult(stdout, total); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(stdout, "%d kernels, %d relocations: %d same, %d different\n", len(pairs), total.Relocations, total.Same, len(total.Differences))
	}
	if len(failed) > 0 {
		return in(failed[0], fmt.Errorf("%d differences from the full BTF in %d relocations (%d of %d kernels)",
			len(total.Differences), total.Relocations, len(failed), len(pairs)))
	}
	return nil
}

func (v *verifyFlags) readPairs() ([]pair, error) {
	file, err := os.ReadFile(v.pairs)
	if err != nil {
		return nil, err
	}
	index, count := 0, 1
	if v.shard != "" {
		if _, err := fmt.Sscanf(v.shard, "%d/%d", &index, &count); err != nil || index < 0 || index >= count {
			return nil, fmt.Errorf("--shard: expected INDEX/COUNT, got %q", v.shard)
		}
	}
	var pairs []pair
	n := 0
	for line := range strings.Lines(string(file)) {
		paths := strings.Split(strings.TrimSpace(line), "\t")
		if len(paths) < 2 {
			return nil, in(v.pairs, fmt.Errorf("expected two paths and a tab, got %q", line))
		}
		if n%count == index {
			pairs = append(pairs, pair{append(paths[:1:1], paths[2:]...), paths[1]})
		}
		n++
	}
	if n == 0 {
		return nil, in(v.pairs, errors.New("has no pairs"))
	}
	return pairs, nil
}

func compare(p pair, objects []*verify.Object) (*verify.Result, error) {
	full, err := parseForVerify(p.full...)
	if err != nil {
		return nil, err
	}
	min, err := parseForVerify(p.min)
	if err != nil {
		return nil, err
	}
	res := &verify.Result{}
	for _, o := range objects {
		if err := o.Fits(full); err != nil {
			return nil, in(p.full[0], err)
		}
		if err := o.Fits(min); err != nil {
			return nil, in(p.min, err)
		}
		res.Add(verify.Compare(full, min, o))
	}
	return res, nil
}

// parseForVerify leaves to cilium/ebpf what it can read itself: all but a kernel with modules.
func parseForVerify(files ...string) (*verify.Kernel, error) {
	var raw []byte
	var err error
	if len(files) == 1 {
		if raw, err = readBTF(files[0]); err == nil {
			_, err = parseVmlinux(files[0], raw)
		}
	} else {
		var k *kernel
		if k, err = readKernel(files...); err == nil {
			raw, err = k.Bytes()
		}
	}
	if err != nil {
		return nil, err
	}
	k, err := verify.Parse(raw)
	if err != nil {
		return nil, in(files[0], err)
	}
	return k, nil
}

func printResult(w io.Writer, res *verify.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d programs, %d relocations: %d same, %d different, %d at a limit of the loader's, %d type ids\n",
		res.Programs, res.Relocations, res.Same, len(res.Differences), len(res.Limits), res.TypeIDs)
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
