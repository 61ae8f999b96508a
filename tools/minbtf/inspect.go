package main

import "github.com/spf13/cobra"

func inspectCommand() *cobra.Command {
	return &cobra.Command{Use: "inspect FILE", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error { return nil }}
}
