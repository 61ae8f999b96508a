package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/packfile"
)

// in names the file that an error is about.
func in(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) { // it names the file itself
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// The largest files that are read. A vmlinux with debug information may have
// more than 1 GiB, an object rarely has 10 MiB.
const (
	maxKernel = 4 << 30
	maxObject = 256 << 20 // also of relocations and findings
)

// readFile returns a file's bytes, which stay valid until the process ends.
func readFile(path string, most int64) ([]byte, error) {
	file, _, err := openFile(path, most)
	return file, err
}

// openFile returns a file's bytes, which stay valid until they are released.
func openFile(path string, most int64) (file []byte, release func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	switch info, err := f.Stat(); {
	case err != nil:
	case info.IsDir():
		return nil, nil, in(path, errors.New("is a folder; minbtf pack, tailor and ls read those"))
	case info.Mode().IsRegular():
		if info.Size() > most {
			return nil, nil, tooLarge(path, most)
		}
		if file, release, err := mapFile(f, info.Size()); err == nil {
			return file, release, nil
		}
	}
	// A pipe, a file of sysfs, an empty file, or a device without an end.
	most = min(most, archive.MaxSize)
	file, err = io.ReadAll(io.LimitReader(f, most+1))
	if int64(len(file)) > most {
		return nil, nil, tooLarge(path, most)
	}
	return file, func() {}, err
}

func tooLarge(path string, most int64) error {
	return in(path, fmt.Errorf("is too large: more than %d MiB", most>>20))
}

// readBTF returns the raw BTF in a file of any form that package archive knows.
func readBTF(path string) ([]byte, error) {
	raw, _, err := openBTF(path)
	return raw, err
}

// openBTF is readBTF for bytes that will be released.
func openBTF(path string) (raw []byte, release func(), err error) {
	file, unmap, err := openFile(path, maxKernel)
	if err != nil {
		return nil, nil, err
	}
	r := readers.Get().(*archive.Reader)
	release = func() {
		unmap()
		readers.Put(r)
	}
	if raw, err = rawBTF(r, path, file); err != nil {
		release()
		return nil, nil, err
	}
	return raw, release, nil
}

// readers are those whose memory is not in use.
var readers = sync.Pool{New: func() any { return new(archive.Reader) }}

// rawBTF returns the raw BTF in a file's bytes.
func rawBTF(r *archive.Reader, path string, file []byte) ([]byte, error) {
	if packfile.IsPack(file) {
		return nil, in(path, errors.New("is a pack of kernels: minbtf tailor cuts them down, minbtf unpack takes them out"))
	}
	raw, err := r.ReadBTF(path, file)
	if err != nil {
		return nil, in(path, err)
	}
	return raw, nil
}

// release is the name of a kernel's BTF file without folder and extensions.
func release(path string) string {
	name, _ := archive.Release(path)
	return name
}

// readRelocations returns the relocations of objects, or of the relocations
// files that may stand in their place, and their uses of the running kernel's BTF.
func readRelocations(paths []string) (*core.Relocations, fileUses, error) {
	var sets []*core.Relocations
	var uses fileUses
	for i, path := range paths {
		if slices.Contains(paths[:i], path) {
			continue
		}
		file, err := readFile(path, maxObject)
		if err != nil {
			return nil, nil, err
		}
		var rs *core.Relocations
		var o *core.Object
		if bytes.HasPrefix(file, []byte("{")) {
			rs, err = core.Unmarshal(file)
		} else if o, err = core.ReadObject(file); err == nil {
			rs, err = o.Relocations()
		}
		if err != nil {
			return nil, nil, in(path, err)
		}
		sets = append(sets, rs)
		uses = uses.add(path, rs, o)
	}
	rs, err := core.Union(sets...)
	if err != nil {
		return nil, nil, in(paths[len(paths)-1], err)
	}
	return rs, uses, nil
}

// checkOutputs refuses to write over an input, and to write one file twice.
func checkOutputs(outputs, inputs []string) error {
	targets := make([]string, len(outputs))
	for i, path := range outputs {
		var err error
		if targets[i], _, err = (output{path: path}).target(); err != nil {
			return cannotWrite(path, err)
		}
		if path == "-" {
			targets[i] = os.Stdout.Name()
		}
		for n, other := range outputs[:i] {
			if path == other || sameFile(targets[i], targets[n]) {
				return in(path, fmt.Errorf("is the same file as the output %s; name another", other))
			}
		}
		out, err := os.Stat(targets[i])
		if err != nil || !out.Mode().IsRegular() {
			continue
		}
		for _, input := range inputs {
			if info, err := os.Stat(input); err == nil && os.SameFile(out, info) {
				return in(path, errors.New("is an input, too; name another output"))
			}
		}
	}
	return nil
}

// checkBelow refuses to write over an input in a folder of many outputs, which differ.
func checkBelow(outputs, inputs []string) error {
	written := map[int64][]fs.FileInfo{} // inputs by the time of their last change
	for _, path := range inputs {
		if info, err := os.Stat(path); err == nil {
			at := info.ModTime().UnixNano()
			written[at] = append(written[at], info)
		}
	}
	for _, path := range outputs {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		for _, input := range written[info.ModTime().UnixNano()] {
			if os.SameFile(info, input) {
				return in(path, errors.New("is an input, too; name another folder"))
			}
		}
	}
	return nil
}

// isWithin reports whether a path, be it there or not yet, is a folder or in it.
func isWithin(path, folder string) bool {
	of, err := os.Stat(folder)
	if err != nil {
		return false
	}
	if path, err = filepath.Abs(path); err != nil {
		return false
	}
	for {
		if to, err := filepath.EvalSymlinks(path); err == nil {
			path = to
		}
		if info, err := os.Stat(path); err == nil && os.SameFile(info, of) {
			return true
		}
		above := filepath.Dir(path)
		if above == path {
			return false
		}
		path = above
	}
}

// sameFile reports whether two targets are one file, be it there or not yet.
// Devices have room for both.
func sameFile(a, b string) bool {
	x, _ := os.Stat(a)
	y, _ := os.Stat(b)
	switch {
	case x != nil && y != nil:
		return x.Mode().IsRegular() && os.SameFile(x, y)
	case x != nil || y != nil || filepath.Base(a) != filepath.Base(b):
		return false
	}
	x, _ = os.Stat(filepath.Dir(a))
	y, _ = os.Stat(filepath.Dir(b))
	return os.SameFile(x, y)
}

// An output is a file to be written, or a symbolic link. "-" is stdout.
type output struct {
	path string
	data []byte
	link string // what it is to lead to; "" for a file
}

// writeFile writes a file at once or not at all.
func writeFile(path string, stdout io.Writer, data []byte) error {
	return writeFiles(stdout, output{path: path, data: data})
}

// temporary are the files that are not in their place yet. Whoever has it locked
// keeps an interrupted minbtf from ending.
var temporary struct {
	sync.Mutex
	paths map[string]bool
}

// removeTemporary removes what is not in its place yet. Nothing is put there afterwards.
func removeTemporary() {
	temporary.Lock()
	for path := range temporary.paths {
		os.Remove(path)
	}
}

// writeFiles writes files, each at once, and no new one if one of them cannot be written.
func writeFiles(stdout io.Writer, outputs ...output) error {
	targets := make([]string, len(outputs))
	temps := make([]string, len(outputs)) // "": written where it is
	defer func() {
		temporary.Lock()
		defer temporary.Unlock()
		for _, path := range temps {
			if temporary.paths[path] {
				os.Remove(path)
				delete(temporary.paths, path)
			}
		}
	}()
	for i, o := range outputs {
		var replace bool
		var err error
		if targets[i], replace, err = o.target(); err == nil && replace {
			temps[i], err = o.writeTemp(targets[i])
		}
		if err != nil {
			return cannotWrite(o.path, err)
		}
	}
	for i, o := range outputs {
		var err error
		switch {
		case o.path == "-":
			_, err = stdout.Write(o.data)
		case temps[i] == "":
			err = os.WriteFile(targets[i], o.data, 0o666)
		}
		if err != nil {
			return cannotWrite(o.path, err)
		}
	}
	return rename(outputs, temps, targets)
}

// rename puts temporary files in their places, or no new one there.
func rename(outputs []output, temps, targets []string) error {
	temporary.Lock()
	defer temporary.Unlock()
	var made []string
	for i, o := range outputs {
		if temps[i] == "" {
			continue
		}
		_, before := os.Lstat(targets[i])
		if err := os.Rename(temps[i], targets[i]); err != nil {
			for _, path := range made {
				os.Remove(path)
			}
			return cannotWrite(o.path, err)
		}
		delete(temporary.paths, temps[i])
		if errors.Is(before, fs.ErrNotExist) {
			made = append(made, targets[i])
		}
	}
	return nil
}

var errIsFolder = errors.New("is a folder")

func cannotWrite(path string, err error) error {
	// The errors name a temporary file, too, or none.
	if e := new(os.LinkError); errors.As(err, &e) {
		err = e.Err
	} else if e := new(fs.PathError); errors.As(err, &e) {
		err = e.Err
	}
	return fmt.Errorf("%s: cannot be written: %w", path, err)
}

// target returns the file that an output leads to, and whether that can be
// replaced by another file.
func (o output) target() (to string, replace bool, err error) {
	path := o.path
	if path == "-" {
		return path, false, nil
	}
	if o.link != "" {
		if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink == 0 {
			return "", false, fmt.Errorf("is in the way of a link to %s; remove it", o.link)
		}
		return path, true, nil
	}
	switch info, err := os.Stat(path); {
	case err != nil && (path == "" || !errors.Is(err, fs.ErrNotExist)):
		return "", false, err
	case err == nil && info.IsDir():
		return "", false, errIsFolder
	case err == nil && !info.Mode().IsRegular():
		return path, false, nil // a device or a pipe
	}
	// Write what a link leads to, be it there or not yet, and keep the link.
	for {
		dir, name := filepath.Split(path)
		if dir, err = filepath.EvalSymlinks(cmp.Or(dir, ".")); err != nil {
			return "", false, err
		}
		path = filepath.Join(dir, name)
		if strings.HasPrefix(path, "/proc/") {
			return path, false, nil // an open file (/dev/stdout), which has no place to rename to
		}
		link, err := os.Readlink(path)
		if err != nil {
			return path, true, nil
		}
		if path = link; !filepath.IsAbs(link) {
			path = dir + "/" + link // not joined: ".." behind a link to a folder is not what it looks like
		}
	}
}

// writeTemp writes a file that is to be renamed to target, and which writeFiles removes.
func (o output) writeTemp(target string) (path string, err error) {
	f, err := createTemp(filepath.Dir(target))
	if err != nil {
		return "", err
	}
	_, err = f.Write(o.data)
	if info, was := os.Stat(target); err == nil && was == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	err = errors.Join(err, f.Close())
	if err == nil && o.link != "" {
		if err = os.Remove(f.Name()); err == nil {
			err = os.Symlink(o.link, f.Name())
		}
	}
	return f.Name(), err
}

// createTemp makes a file of a new name, for whom the umask allows (os.CreateTemp's are private).
func createTemp(dir string) (f *os.File, err error) {
	temporary.Lock()
	defer temporary.Unlock()
	for range 100 {
		path := filepath.Join(dir, fmt.Sprintf(".minbtf-%016x", rand.Uint64()))
		if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err == nil {
		if temporary.paths == nil {
			temporary.paths = map[string]bool{}
		}
		temporary.paths[f.Name()] = true
	}
	return f, err
}
