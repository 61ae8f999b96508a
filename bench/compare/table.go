//go:build linux

package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// A table has a row for each command. A command that fails is tried no more.
type table struct {
	commands []command
	runs     int
	base     int // index of the command that others are compared with
	cold     bool
}

type command struct {
	label, output string
	kernels       float64 // that it handles
	args          []string
}

// parseRows splits what follows the flags at each "--".
func parseRows(args []string) ([]command, bool) {
	var commands []command
	for rest := args; len(rest) > 0; {
		end := slices.Index(rest, "--")
		if end < 0 {
			end = len(rest)
		}
		part := rest[:end]
		if len(part) < 4 {
			return nil, false
		}
		kernels, err := strconv.Atoi(part[2])
		if err != nil || kernels < 1 {
			return nil, false
		}
		commands = append(commands, command{part[0], part[1], float64(kernels), part[3:]})
		rest = rest[min(end+1, len(rest)):]
	}
	return commands, len(commands) > 0
}

func (t table) print(stdout, stderr io.Writer) error {
	bad := 0
	costs := make([][]cost, len(t.commands))
	failed := make([]error, len(t.commands))
	for i := range t.runs + warm(t.cold) {
		for j, c := range t.commands {
			if failed[j] != nil {
				continue
			}
			if c.output != "-" {
				if err := os.RemoveAll(c.output); err != nil {
					return err
				}
			}
			cost, err := measure(c.args)
			if err != nil {
				bad++
				failed[j] = err
				fmt.Fprintln(stderr, "compare:", err)
			} else if i >= warm(t.cold) {
				costs[j] = append(costs[j], cost)
			}
		}
	}
	fmt.Fprintln(stdout, "| | CPU s | ratio | CPU ms a kernel | wall s | peak MiB | files written | bytes |")
	fmt.Fprintln(stdout, "|---|---|---|---|---|---|---|---|")
	for j, c := range t.commands {
		if failed[j] != nil {
			fmt.Fprintf(stdout, "| %s | failed | | | | | | |\n", c.label)
			continue
		}
		cpu := median(costs[j], func(c cost) float64 { return c.cpu })
		ratio := ""
		if failed[t.base] == nil {
			var ratios []float64
			for i := range costs[j] {
				ratios = append(ratios, costs[j][i].cpu/costs[t.base][i].cpu)
			}
			ratio = threeDigits(median(ratios, func(r float64) float64 { return r }))
		}
		files, bytes, err := written(c.output)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "| %s | %.3f | %s | %.2f | %.2f | %.1f | %s | %s |\n", c.label, cpu, ratio, 1000*cpu/c.kernels,
			median(costs[j], func(c cost) float64 { return c.wall }), median(costs[j], func(c cost) float64 { return c.peak }), files, bytes)
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d commands failed", bad, len(t.commands))
	}
	return nil
}

func threeDigits(f float64) string {
	if f >= 100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.3g", f)
}

// written tells how many files there are in the output, and of how many bytes.
func written(output string) (files, bytes string, err error) {
	if output == "-" {
		return "", "", nil
	}
	n, sum := 0, int64(0)
	err = filepath.WalkDir(output, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		n++
		sum += info.Size()
		return nil
	})
	return fmt.Sprint(n), fmt.Sprint(sum), err
}
