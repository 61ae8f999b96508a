package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/khulnasoft/rules_btf/internal/verify"
)

func verifyCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify [--json] FULL MIN OBJECT...",
		Short: "Check that a minimal BTF relocates as the full one does",
		Long: `verify relocates every program of BPF objects with cilium/ebpf, against a
kernel's full BTF and against its minimal one, and compares the results. It
exits with 1 where they differ, and says where.`,
		Args: cobra.MinimumNArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			full, err := parseForVerify(args[0])
			if err != nil {
				return err
			}
			min, err := parseForVerify(args[1])
			if err != nil {
				return err
			}
			res := &verify.Result{}
			for _, path := range args[2:] {
				file, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				o, err := verify.ReadObject(path, file)
				if err != nil {
					return in(path, err)
				}
				res.Add(verify.Compare(full, min, o))
			}
			out := c.OutOrStdout()
			if asJSON {
				enc := json.NewEncoder(out)
				enc.SetIndent("", "  ")
				err = enc.Encode(res)
			} else {
				err = printResult(out, res)
			}
			if err == nil && !res.OK() {
				err = in(args[1], fmt.Errorf("%d of %d relocations differ from those against %s", len(res.Differences), res.Relocations, args[0]))
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return c
}

func parseForVerify(path string) (*verify.Kernel, error) {
	raw, err := readBTF(path)
	if err != nil {
		return nil, err
	}
	k, err := verify.Parse(raw)
	if err != nil {
		return nil, in(path, err)
	}
	return k, nil
}

func printResult(w io.Writer, res *verify.Result) error {
	var b strings.Builder
	for _, r := range res.Remarks {
		fmt.Fprintf(&b, "remark: %s\n", r)
	}
	for _, d := range res.Limits {
		fmt.Fprintf(&b, "limit: %s\n", d)
	}
	for _, d := range res.Differences {
		fmt.Fprintf(&b, "difference: %s\n", d)
	}
	fmt.Fprintf(&b, "%d programs, %d relocations: %d same, %d different, %d at a limit of the loader's, %d type ids\n",
		res.Programs, res.Relocations, res.Same, len(res.Differences), len(res.Limits), res.TypeIDs)
	_, err := io.WriteString(w, b.String())
	return err
}
