package main

import (
	"github.com/spf13/cobra"

	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

func genCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "gen INPUT OUTPUT OBJECT...",
		Short: "Write one kernel's minimal BTF",
		Long: `gen writes the minimal BTF of one kernel for some BPF objects. The order of its
arguments is that of "bpftool gen min_core_btf".

INPUT   the kernel's BTF: raw (.btf, /sys/kernel/btf/vmlinux), a vmlinux with a
        .BTF section, or either as .xz, .gz, .zst, .tar or .tar.xz
OUTPUT  the file to write; - is stdout
OBJECT  BPF ELF objects, or relocations files of "minbtf relocs"`,
		Example: "  minbtf gen 6.1.0-47-amd64.btf.tar.xz 6.1.0-47-amd64.btf tracee.bpf.o",
		Args:    cobra.MinimumNArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			input, output := args[0], args[1]
			if err := checkOutput(output, append(args[2:], input)...); err != nil {
				return err
			}
			relocations, err := readRelocations(args[2:])
			if err != nil {
				return err
			}
			kernel, err := readKernel(input)
			if err != nil {
				return err
			}
			min, err := core.Prune(graph.Raw{File: kernel}, relocations)
			if err != nil {
				return in(input, err)
			}
			return writeFile(output, c.OutOrStdout(), min)
		},
	}
}
