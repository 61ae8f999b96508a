package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
			var outputs []output
			files, bytes := 0, 0
			for line := range strings.Lines(string(list)) {
				to, from, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
				if !ok || !filepath.IsLocal(to) {
					return in(tree, fmt.Errorf("bad line %q", line))
				}
				to = filepath.Join(dir, filepath.FromSlash(to))
				if link, ok := strings.CutPrefix(from, "-> "); ok {
					outputs = append(outputs, output{path: to, link: link})
					continue
				}
				err := eachFile(from, func(rel, path string) error {
					data, err := readFile(path, maxKernel)
					if err != nil {
						return err
					}
					outputs = append(outputs, output{path: filepath.Join(to, rel), data: data})
					files++
					bytes += len(data)
					return nil
				})
				if err != nil {
					return err
				}
			}
			if err := writeTree(outputs); err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "wrote %d files (%d bytes) to %s\n", files, bytes, dir)
			return nil
		},
	}
	c.Flags().StringVar(&tree, "tree", "", "lines of a path in DIR, a tab, and a file or folder to copy or -> and a link's target")
	_ = c.MarkFlagRequired("tree")
	return c
}

// eachFile calls do for each file below a folder, or for path if it is a file. Bazel
// has folders as links.
func eachFile(path string, do func(rel, path string) error) error {
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		return do(rel, filepath.Join(path, rel))
	})
}

// writeTree writes files and links, and the folders that they need, or none of those that are new.
func writeTree(outputs []output) (err error) {
	made := map[string]bool{}
	defer func() {
		if err == nil {
			return
		}
		// What is in a folder comes behind it.
		for _, dir := range slices.Backward(slices.Sorted(maps.Keys(made))) {
			os.Remove(dir)
		}
	}()
	for _, o := range outputs {
		above := filepath.Dir(o.path)
		for dir := above; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
				break
			}
			made[dir] = true
		}
		if err := os.MkdirAll(above, 0o777); err != nil {
			return err
		}
	}
	return writeFiles(nil, outputs...)
}
