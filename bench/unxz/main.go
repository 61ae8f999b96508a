// Command unxz decodes .xz files and throws the result away: what an import of
// an archive cannot do without, with the library that minbtf uses for it.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mikelolasagasti/xz"
)

func main() {
	jobs := flag.Int("j", runtime.GOMAXPROCS(0), "files at a time")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: unxz [-j N] DIR\nDecodes every .xz below DIR and prints how many bytes that gave.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 || *jobs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	n, err := decodeAll(flag.Arg(0), *jobs)
	if err != nil {
		fmt.Fprintln(os.Stderr, "unxz:", err)
		os.Exit(1)
	}
	fmt.Println(n)
}

// decodeAll returns how many bytes are in the .xz files below a folder.
func decodeAll(dir string, jobs int) (int64, error) {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".xz") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	var sum atomic.Int64
	var failed error
	var once sync.Once
	next := make(chan string)
	var wait sync.WaitGroup
	for range jobs {
		wait.Go(func() {
			for path := range next {
				n, err := decode(path)
				if err != nil {
					once.Do(func() { failed = fmt.Errorf("%s: %w", path, err) })
				}
				sum.Add(n)
			}
		})
	}
	for _, path := range paths {
		next <- path
	}
	close(next)
	wait.Wait()
	return sum.Load(), failed
}

func decode(path string) (int64, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	r, err := xz.NewReader(bytes.NewReader(file), 128<<20)
	if err != nil {
		return 0, err
	}
	return io.Copy(io.Discard, r)
}
