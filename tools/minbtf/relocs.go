package main

import (
	"github.com/spf13/cobra"
)

func relocsCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "relocs [-o FILE] OBJECT...",
		Short: "Write the canonical relocations of BPF objects",
		Long: `relocs writes the CO-RE relocations of BPF objects as JSON: sorted, without
duplicates, and without anything that changes with the code around them. The
same relocations give the same bytes, in any order of the objects.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			relocations, err := readRelocations(args)
			if err != nil {
				return err
			}
			file, err := relocations.Marshal()
			if err != nil {
				return err
			}
			return writeFile(output, c.OutOrStdout(), file)
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "-", "file to write; - is stdout")
	return c
}
