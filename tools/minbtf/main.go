// Command minbtf cuts kernels' BTF down to what BPF objects' CO-RE relocations need.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/term"
)

func main() {
	// Runs are short, and their memory is bounded by their input: collect garbage late.
	debug.SetGCPercent(800)
	debug.SetMemoryLimit(1 << 30) // beyond, do
	interrupted := make(chan os.Signal, 1)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(interrupted, s)
		}
	}
	go func() { end(<-interrupted) }()
	// To write what nobody reads any more is an error then, and no sudden end.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, syscall.EPIPE) {
			os.Exit(128 + int(syscall.SIGPIPE)) // the reader has enough, which is what a shell knows by this
		}
		fmt.Fprintln(os.Stderr, "minbtf:", err)
		os.Exit(exitCode(err))
	}
}

// end leaves nothing behind that is not whole, and ends the process by a
// signal, for whoever waits for it to see.
func end(s os.Signal) {
	removeTemporary()
	if term.IsTerminal(int(os.Stderr.Fd())) {
		fmt.Fprintln(os.Stderr) // behind the progress
	}
	signal.Reset(s)
	if self, err := os.FindProcess(os.Getpid()); err == nil && self.Signal(s) == nil {
		time.Sleep(time.Second) // it comes when it comes
	}
	os.Exit(1)
}
