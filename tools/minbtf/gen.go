package main

import (
	"bytes"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

type genFlags struct {
	kernelFlags
	findings, kernel string
	allowTypeID      bool
}

func genCommand() *cobra.Command {
	var flags genFlags
	c := &cobra.Command{
		Use:   "gen [--base VMLINUX] [--module FILE]... INPUT OUTPUT OBJECT...",
		Short: "Write one kernel's minimal BTF",
		Long: `gen writes the minimal BTF of one kernel for some BPF objects. The order of its
arguments is that of "bpftool gen min_core_btf".

INPUT   the kernel's BTF: raw (.btf, /sys/kernel/btf/vmlinux), a vmlinux with a
        .BTF section, or either as .xz, .gz, .zst, .tar or .tar.xz
OUTPUT  the file to write; - is stdout
OBJECT  BPF ELF objects, or relocations files of "minbtf relocs"

INPUT may have 4 GiB, and 256 MiB of BTF in it; an OBJECT may have 256 MiB.

The types of modules go on from those of their vmlinux. For a kernel with modules
INPUT is either vmlinux, with each module as --module, or a module (.btf, .ko),
with vmlinux as --base and further modules as --module. OUTPUT is one file for
all; in which order they are named does not matter.`,
		Example: "  minbtf gen 6.1.0-47-amd64.btf.tar.xz 6.1.0-47-amd64.btf tracee.bpf.o\n" +
			"  minbtf gen --base vmlinux.btf nf_conntrack.ko min.btf conntrack.bpf.o",
		Args: atLeast("INPUT", "OUTPUT", "OBJECT..."),
		RunE: func(c *cobra.Command, args []string) error {
			return flags.run(c.OutOrStdout(), c.ErrOrStderr(), args[0], args[1], args[2:])
		},
	}
	flags.register(c, "INPUT")
	c.Flags().StringVar(&flags.findings, "findings", "", "file to write with the relocations that the kernel does not serve, for \"minbtf report\"")
	c.Flags().StringVar(&flags.kernel, "kernel", "", "the kernel's name there (by default INPUT's without folder and extensions)")
	c.Flags().BoolVar(&flags.allowTypeID, "allow-type-id", false, "accept relocations for the ids of kernel types, which are not the running kernel's")
	return c
}

func (g *genFlags) run(stdout, stderr io.Writer, input, out string, objects []string) error {
	files := g.files(input)
	paths := []string{out}
	if g.findings != "" {
		paths = append(paths, g.findings)
	}
	if err := checkOutputs(paths, slices.Concat(files, objects)); err != nil {
		return err
	}
	relocations, uses, err := readRelocations(objects)
	if err == nil && !g.allowTypeID {
		err = uses.refuseTypeIDs()
	}
	if err != nil {
		return err
	}
	whole, err := readKernel(files...)
	if err != nil {
		return err
	}
	kernel := graph.Raw{File: whole.File}
	min, err := core.Prune(kernel, relocations)
	if err != nil {
		return in(files[0], err)
	}
	var notes bytes.Buffer // for when all went well
	if err := whole.noteHomonyms(&notes, relocations); err != nil {
		return in(files[0], err)
	}
	uses.note(&notes)
	outputs := []output{{path: out, data: min}}
	if g.findings != "" {
		name := g.kernel
		if name == "" {
			name = release(files[0])
		}
		findings, err := findingsOf(name, kernel, relocations)
		if err != nil {
			return in(input, err)
		}
		outputs = append(outputs, output{path: g.findings, data: findings})
	}
	if err := writeFiles(stdout, outputs...); err != nil {
		return err
	}
	notes.WriteTo(stderr)
	return nil
}

// findingsOf returns the findings file of one kernel.
func findingsOf(name string, kernel graph.Graph, relocations *core.Relocations) ([]byte, error) {
	findings, err := core.Findings(kernel, relocations)
	if err != nil {
		return nil, err
	}
	var c core.Collector
	c.Add(name, findings)
	file, err := c.File()
	if err != nil {
		return nil, err
	}
	return file.Marshal()
}
