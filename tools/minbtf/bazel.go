package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// bazelArgs returns the command line of a target that Bazel runs. Rules hand
// over the first arguments in a file (rules/private/actions.bzl), and
// "bazel test" says by its environment which share of a test to run.
func bazelArgs(args []string) ([]string, error) {
	path := os.Getenv("MINBTF_ARGS_FILE")
	if path == "" {
		return args, nil
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w; run this target with bazel run or bazel test", err)
	}
	first := strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")
	if shards := os.Getenv("TEST_TOTAL_SHARDS"); shards != "" {
		first = append(first, "--shard="+os.Getenv("TEST_SHARD_INDEX")+"/"+shards)
		if status := os.Getenv("TEST_SHARD_STATUS_FILE"); status != "" {
			if err := os.WriteFile(status, nil, 0o644); err != nil { // tells Bazel that we know about shards
				return nil, err
			}
		}
	}
	return append(first, args...), nil
}

// fileArgs puts the lines of FILE in the place of an argument @FILE, by which
// Bazel hands over more arguments than fit a command line, and names those files.
func fileArgs(args []string) (all, lists []string, err error) {
	for _, arg := range args {
		path, ok := strings.CutPrefix(arg, "@")
		if !ok {
			all = append(all, arg)
			continue
		}
		file, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		lists = append(lists, path)
		for line := range strings.Lines(string(file)) {
			if line = strings.TrimRight(line, "\r\n"); line != "" {
				all = append(all, line)
			}
		}
	}
	return all, lists, nil
}

// fromWhereCalled resolves a path that a person gave to "bazel run", which
// starts its targets in a folder of their own.
func fromWhereCalled(path string) string {
	if dir := os.Getenv("BUILD_WORKING_DIRECTORY"); dir != "" && !filepath.IsAbs(path) {
		return filepath.Join(dir, path)
	}
	return path
}
