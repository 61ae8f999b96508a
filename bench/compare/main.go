//go:build linux

// Command compare runs commands in turns, A B A B …, and prints what they took
// in Markdown. Turns spread over all of them whatever else the machine does, and
// ratios are those within a turn, so they hold where seconds do not.
//
// Two commands make a row: the CPU seconds of each, the ratio, peak memory, and
// what they wrote. With -rows any number of commands make a table.
//
// What a command's own children took counts as the command's, so a script with
// pipelines can be measured; its peak memory is that of the largest process.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

const usage = `usage: compare [flags] -- COMMAND A... -- COMMAND B...
       compare -rows [flags] -- LABEL OUTPUT KERNELS COMMAND... [-- LABEL OUTPUT KERNELS COMMAND...]...
       compare -header
OUTPUT is a file or folder that the command writes, or - if it writes none. It is
removed before each run. KERNELS is of how many kernels it is the work.
`

func run(args []string) error {
	flags := flag.NewFlagSet("compare", flag.ExitOnError)
	n := flags.Int("n", 11, "runs of each command")
	label := flags.String("label", "", "what is compared: the first column")
	outputs := flags.String("outputs", "", "files that A and B write: A,B")
	header := flags.Bool("header", false, "print the table's header and exit")
	rows := flags.Bool("rows", false, "print a table with a row for each command")
	base := flags.Int("base", 1, "with -rows: the command whose CPU seconds are 1 in the ratios")
	cold := flags.Bool("cold", false, "count the first run, too, which fills the caches")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *header {
		fmt.Println("| | CPU s, A | CPU s, B | A / B | peak MiB, A | B | bytes written, A | B |")
		fmt.Println("|---|---|---|---|---|---|---|---|")
		return nil
	}
	if *rows {
		commands, ok := parseRows(flags.Args())
		if !ok || *n < 1 || *base < 1 || *base > len(commands) {
			flags.Usage()
			os.Exit(2)
		}
		return table{commands: commands, runs: *n, base: *base - 1, cold: *cold}.print(os.Stdout, os.Stderr)
	}
	split := slices.Index(flags.Args(), "--")
	if split < 1 || split == flags.NArg()-1 || *n < 1 {
		flags.Usage()
		os.Exit(2)
	}
	a, b := flags.Args()[:split], flags.Args()[split+1:]

	var as, bs []cost
	var ratios []float64
	for i := range *n + warm(*cold) {
		ca, err := measure(a)
		if err != nil {
			return err
		}
		cb, err := measure(b)
		if err != nil {
			return err
		}
		if i < warm(*cold) {
			continue
		}
		as, bs = append(as, ca), append(bs, cb)
		ratios = append(ratios, ca.cpu/cb.cpu)
	}
	cpu := func(c cost) float64 { return c.cpu }
	peak := func(c cost) float64 { return c.peak }
	fmt.Printf("| %s | %.4f | %.4f | %.2f | %.1f | %.1f |", *label,
		median(as, cpu), median(bs, cpu), median(ratios, func(r float64) float64 { return r }),
		median(as, peak), median(bs, peak))
	for _, path := range strings.SplitN(*outputs+",", ",", 3)[:2] {
		size := ""
		if path != "" {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			size = fmt.Sprint(info.Size())
		}
		fmt.Printf(" %s |", size)
	}
	fmt.Println()
	return nil
}

// warm is how many runs are not counted.
func warm(cold bool) int {
	if cold {
		return 0
	}
	return 1
}

// A cost is what one run took.
type cost struct {
	cpu  float64 // seconds, user and system
	wall float64 // seconds
	peak float64 // MiB resident
}

func measure(command []string) (cost, error) {
	c := exec.Command(command[0], command[1:]...)
	start := time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		return cost{}, fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
	}
	wall := time.Since(start)
	u, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return cost{}, errors.New("no resource usage")
	}
	cpu := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	return cost{cpu.Seconds(), wall.Seconds(), float64(u.Maxrss) / 1024}, nil
}

func median[T any](all []T, of func(T) float64) float64 {
	values := make([]float64, len(all))
	for i, v := range all {
		values[i] = of(v)
	}
	slices.Sort(values)
	m := len(values) / 2
	if len(values)%2 == 1 {
		return values[m]
	}
	return (values[m-1] + values[m]) / 2
}
