package main

import (
	"bytes"
	"errors"
	"os"
	"slices"

	"github.com/spf13/cobra"
)

func relocsCommand() *cobra.Command {
	var output, expect, hint string
	var refuseTypeID bool
	c := &cobra.Command{
		Use:   "relocs [-o FILE] OBJECT...",
		Short: "Write the canonical relocations of BPF objects",
		Long: `relocs writes the CO-RE relocations of BPF objects as JSON: sorted, without
duplicates, and without anything that changes with the code around them. The
same relocations give the same bytes, in any order of the objects.`,
		Example: "  minbtf relocs -o tracee.relocs.json tracee.bpf.o",
		Args:    atLeast("OBJECT..."),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkOutputs([]string{output}, slices.Concat(args, []string{expect})); err != nil {
				return err
			}
			relocations, uses, err := readRelocations(args)
			if err == nil && refuseTypeID {
				err = uses.refuseTypeIDs()
			}
			if err != nil {
				return err
			}
			file, err := relocations.Marshal()
			if err != nil {
				return err
			}
			if expect != "" {
				expected, err := os.ReadFile(expect)
				if err != nil {
					return err
				}
				if !bytes.Equal(file, expected) {
					return in(args[0], errors.New(hint))
				}
			}
			if err := writeFile(output, c.OutOrStdout(), file); err != nil {
				return err
			}
			if expect == "" { // else it was said when that file was made
				uses.note(c.ErrOrStderr())
			}
			return nil
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "-", "file to write; - is stdout")
	c.Flags().StringVar(&expect, "expect", "", "fail unless the relocations are those of this file")
	c.Flags().StringVar(&hint, "hint", "the relocations are not the expected ones", "what to say then")
	_ = c.Flags().MarkHidden("hint")
	c.Flags().BoolVar(&refuseTypeID, "refuse-type-id", false, "fail where gen would without --allow-type-id, and name the programs")
	return c
}
