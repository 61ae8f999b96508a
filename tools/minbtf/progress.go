package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// work is what a verb does with many kernels: it shows how far it is, on a
// terminal, and keeps what went wrong.
type work struct {
	mu       sync.Mutex
	stderr   io.Writer
	bar      *progressbar.ProgressBar // nil if not on a terminal
	failures []kernelError
	done     int
}

type kernelError struct {
	name string
	error
}

// startWork begins work on a number of kernels.
func startWork(stderr io.Writer, what string, kernels int, quiet bool) *work {
	w := &work{stderr: stderr}
	if f, ok := stderr.(*os.File); ok && !quiet && term.IsTerminal(int(f.Fd())) {
		w.bar = progressbar.NewOptions(kernels,
			progressbar.OptionSetWriter(stderr),
			progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(65*time.Millisecond),
			progressbar.OptionSetPredictTime(true),
		)
	}
	return w
}

// kernel notes that a kernel is done, with or without success. An error is about a file.
func (w *work) kernel(name string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		// What it says may be in memory of the kernel.
		w.failures = append(w.failures, kernelError{name, errors.New(err.Error())})
	}
	w.done++
	if w.bar != nil {
		_ = w.bar.Add(1) // it is for looking at
	}
}

// failed returns the names of the kernels that failed.
func (w *work) failed() map[string]bool {
	names := map[string]bool{}
	for _, f := range w.failures {
		names[f.name] = true
	}
	return names
}

// clear takes the progress away.
func (w *work) clear() {
	if w.bar != nil {
		_ = w.bar.Finish()
	}
}

// finish is clear, and returns an error if kernels failed, each of which it names.
func (w *work) finish() error {
	w.clear()
	switch {
	case len(w.failures) == 0:
		return nil
	case w.done == 1:
		return w.failures[0].error
	}
	slices.SortFunc(w.failures, func(a, b kernelError) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.Error(), b.Error()))
	})
	for _, f := range w.failures {
		fmt.Fprintln(w.stderr, "minbtf: failed: "+oneLine(f.name+": "+f.Error()))
	}
	return fmt.Errorf("%d of %d kernels failed", len(w.failures), w.done)
}
