// Command minbtf cuts kernels' BTF down to what BPF objects' CO-RE relocations need.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
)

func main() {
	// Runs are short, and their memory is bounded by their input: collect garbage late.
	debug.SetGCPercent(800)
	debug.SetMemoryLimit(1 << 30) // beyond, do
	if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "minbtf:", err)
		os.Exit(exitCode(err))
	}
}
