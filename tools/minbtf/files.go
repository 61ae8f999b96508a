package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

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

// writeFile writes a file at once or not at all. "-" is stdout.
func writeFile(path string, stdout io.Writer, data []byte) error {
	if path == "-" {
		_, err := stdout.Write(data)
		return err
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return os.WriteFile(path, data, 0o666) // a device or a pipe
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".minbtf-*")
	if err != nil {
		return fmt.Errorf("%s: cannot be written: %w", path, errors.Unwrap(err))
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		// These name the temporary file.
		if e := new(os.LinkError); errors.As(err, &e) {
			err = e.Err
		} else if e := new(fs.PathError); errors.As(err, &e) {
			err = e.Err
		}
		return fmt.Errorf("%s: cannot be written: %w", path, err)
	}
	return nil
}
