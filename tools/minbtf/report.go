package main

import (
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/report"
)

type reportFlags struct {
	output  string
	json    bool
	objects []string
}

func reportCommand() *cobra.Command {
	var flags reportFlags
	c := &cobra.Command{
		Use:   "report [-o FILE] [--json] --object OBJECT... FINDINGS...",
		Short: "Say which programs ask for what which kernels do not have",
		Long: `report joins the findings of kernels (gen --findings, tailor --findings), one or
many to a file, with the programs of the BPF objects that they are about:
relocations that find no type, no field or several that disagree, whether that
is expected of them (existence checks), and what in the objects no BTF but the
running kernel's own can serve.

@FILE stands for the arguments in the lines of a file.`,
		Example: `  minbtf gen --findings 6.1.json 6.1.btf.tar.xz 6.1.min.btf tracee.bpf.o
  minbtf report --object tracee.bpf.o 6.1.json`,
		Args: atLeast("FINDINGS..."),
		RunE: func(c *cobra.Command, args []string) error {
			findings, lists, err := fileArgs(args)
			if err != nil {
				return err
			}
			if err := checkOutputs([]string{flags.output}, slices.Concat(findings, lists, flags.objects)); err != nil {
				return err
			}
			return flags.run(c.OutOrStdout(), findings)
		},
	}
	c.Flags().StringVarP(&flags.output, "output", "o", "-", "file to write; - is stdout")
	c.Flags().BoolVar(&flags.json, "json", false, "write JSON")
	c.Flags().StringArrayVar(&flags.objects, "object", nil, "BPF ELF object; may be repeated")
	_ = c.MarkFlagRequired("object")
	return c
}

func (r *reportFlags) run(stdout io.Writer, findingsPaths []string) error {
	var b report.Builder
	for _, path := range r.objects {
		file, err := readFile(path, maxObject)
		if err != nil {
			return err
		}
		o, err := core.ReadObject(file)
		if err == nil {
			err = b.AddObject(path, o)
		}
		if err != nil {
			return in(path, err)
		}
	}
	for _, path := range findingsPaths {
		file, err := readFile(path, maxObject)
		if err != nil {
			return err
		}
		findings, err := core.UnmarshalFindings(file)
		if err == nil {
			err = b.AddFindings(findings)
		}
		if err != nil {
			return in(path, err)
		}
	}
	rep := b.Report()
	text := []byte(rep.Text())
	if r.json {
		var err error
		if text, err = rep.JSON(); err != nil {
			return err
		}
	}
	return writeFile(r.output, stdout, text)
}
