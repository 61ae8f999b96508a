package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func exportCommand() *cobra.Command {
	var tree string
	c := &cobra.Command{
		Use:    "export --tree FILE DIR",
		Short:  "Write a tree of files to a folder",
		Hidden: true, // what "bazel run //:NAME.export -- DIR" runs
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name one folder to write to: bazel run //:NAME.export -- DIR")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			list, err := os.ReadFile(tree)
			if err != nil {
				return err
			}
			dir := fromWhereCalled(args[0])
			files, bytes := 0, 0
			for line := range strings.Lines(string(list)) {
				to, from, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
				if !ok || !filepath.IsLocal(to) {
					return in(tree, fmt.Errorf("bad line %q", line))
				}
				to = filepath.Join(dir, filepath.FromSlash(to))
				if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
					return err
				}
				if link, ok := strings.CutPrefix(from, "-> "); ok {
					if err := replaceLink(link, to); err != nil {
						return err
					}
					continue
				}
				data, err := os.ReadFile(from)
				if err != nil {
					return err
				}
				if err := writeFile(to, nil, data); err != nil {
					return err
				}
				files++
				bytes += len(data)
			}
			fmt.Fprintf(c.ErrOrStderr(), "wrote %d files (%d bytes) to %s\n", files, bytes, dir)
			return nil
		},
	}
	c.Flags().StringVar(&tree, "tree", "", "lines of a path in DIR, a tab, and a file to copy or -> and a link's target")
	_ = c.MarkFlagRequired("tree")
	return c
}

// replaceLink makes a symbolic link, in place of an older one but of nothing else.
func replaceLink(target, path string) error {
	switch old, err := os.Readlink(path); {
	case err == nil && old == target:
		return nil
	case err == nil:
		if err := os.Remove(path); err != nil {
			return err
		}
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s: is in the way of a link to %s; remove it", path, target)
	}
	return os.Symlink(target, path)
}
