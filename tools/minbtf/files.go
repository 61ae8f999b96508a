package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
)

// in names the file that an error is about.
func in(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) { // it names the file itself
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// readFile returns a file's bytes, which stay valid until the process ends.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		if file, err := mapFile(f, info.Size()); err == nil {
			return file, nil
		}
	}
	return io.ReadAll(f) // a pipe, a file of sysfs, an empty file, a folder (an error)
}

// readBTF returns the raw BTF in a file of any form that package archive knows.
func readBTF(path string) ([]byte, error) {
	file, err := readFile(path)
	if err != nil {
		return nil, err
	}
	raw, err := archive.ReadBTF(path, file)
	if err != nil {
		return nil, in(path, err)
	}
	return raw, nil
}

// readKernel reads and validates a kernel's BTF.
func readKernel(path string) (*btf.File, error) {
	raw, err := readBTF(path)
	if err != nil {
		return nil, err
	}
	f, err := btf.Parse(raw)
	if err != nil {
		return nil, in(path, err)
	}
	return f, nil
}

// readRelocations returns the relocations of objects, or of the relocations
// files that may stand in their place.
func readRelocations(paths []string) (*core.Relocations, error) {
	var sets []*core.Relocations
	for _, path := range paths {
		file, err := readFile(path)
		if err != nil {
			return nil, err
		}
		var rs *core.Relocations
		if bytes.HasPrefix(file, []byte("{")) {
			rs, err = core.Unmarshal(file)
		} else {
			var o *core.Object
			if o, err = core.ReadObject(file); err == nil {
				rs, err = o.Relocations()
			}
		}
		if err != nil {
			return nil, in(path, err)
		}
		sets = append(sets, rs)
	}
	rs, err := core.Union(sets...)
	if err != nil {
		return nil, in(paths[len(paths)-1], err)
	}
	return rs, nil
}

// checkOutput refuses to write over an input.
func checkOutput(output string, inputs ...string) error {
	out, err := os.Stat(output)
	if err != nil || !out.Mode().IsRegular() {
		return nil
	}
	for _, input := range inputs {
		if info, err := os.Stat(input); err == nil && os.SameFile(out, info) {
			return in(output, errors.New("is an input, too; name another output"))
		}
	}
	return nil
}

// writeFile writes a file at once or not at all. "-" is stdout.
func writeFile(path string, stdout io.Writer, data []byte) error {
	if path == "-" {
		_, err := stdout.Write(data)
		return err
	}
	if err := replaceFile(path, data); err != nil {
		// The errors name a temporary file, too, or none.
		if e := new(os.LinkError); errors.As(err, &e) {
			err = e.Err
		} else if e := new(fs.PathError); errors.As(err, &e) {
			err = e.Err
		}
		return fmt.Errorf("%s: cannot be written: %w", path, err)
	}
	return nil
}

func replaceFile(path string, data []byte) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return errors.New("is a folder")
	} else if err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, data, 0o666) // a device or a pipe
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		// Write what the link leads to, and keep the link. What leads to an open
		// file (/dev/stdout, /proc/self/fd/1) or nowhere has no place to rename to.
		to, err := filepath.EvalSymlinks(path)
		if link, _ := os.Readlink(path); err != nil || strings.HasPrefix(link, "/proc/") {
			return os.WriteFile(path, data, 0o666)
		}
		path = to
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".minbtf-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
