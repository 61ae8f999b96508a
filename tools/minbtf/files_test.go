package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btftest"
)

func TestOutputsThatAreLinks(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(path(name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, path(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path("file"), []byte("old and longer"), 0o644); err != nil {
		t.Fatal(err)
	}
	link("file", "link")
	link("nowhere", "dangling")
	open, err := os.Create(path("open"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	link(fmt.Sprintf("/proc/self/fd/%d", open.Fd()), "stdout")

	for name, target := range map[string]string{"link": "file", "dangling": "nowhere", "stdout": "open"} {
		if err := writeFile(path(name), nil, []byte("new")); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if info, err := os.Lstat(path(name)); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more", name)
		}
		if got := read(target); got != "new" {
			t.Errorf("%s: what it leads to has %q", name, got)
		}
	}
	if info, err := open.Stat(); err != nil || info.Size() != 3 {
		t.Errorf("what was open is another file now: %v, %v", info.Size(), err)
	}
}

// What is new is removed if a later output cannot be put in its place; what was there stays a file.
func TestNothingNewIsLeft(t *testing.T) {
	t.Chdir(t.TempDir())
	err := writeFiles(writer(func() { os.Mkdir("b", 0o755) }), output{path: "a"}, output{path: "b"}, output{path: "-"})
	if want := "b: cannot be written: file exists"; err == nil || err.Error() != want {
		t.Errorf("%v, expected %s", err, want)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("there is more than the folder b: %v, %v", entries, err)
	}
}

// A writer does something first.
type writer func()

func (w writer) Write(p []byte) (int, error) {
	w()
	return len(p), nil
}

// Files that cannot be what they are given as are not read.
func TestSizes(t *testing.T) {
	t.Chdir(t.TempDir())
	const MiB = 1 << 20
	for name, f := range map[string]struct {
		data []byte
		size int64
	}{
		"k.btf":   {btftest.Compile(t, binary.LittleEndian, "int int 4"), 0},
		"o.bpf.o": {btftest.Object(t, binary.LittleEndian, "int int 4"), 0},
		"vmlinux": {nil, 4096*MiB + 1},
		"object":  {btftest.Object(t, binary.LittleEndian, "int int 4"), 256*MiB + 1},
		"most":    {btftest.Object(t, binary.LittleEndian, "int int 4"), 256 * MiB},
		"json":    {[]byte("{"), 256*MiB + 1},
	} {
		if err := os.WriteFile(name, f.data, 0o644); err != nil {
			t.Fatal(err)
		}
		if f.size > 0 {
			if err := os.Truncate(name, f.size); err != nil { // takes no room on the disk
				t.Fatal(err)
			}
		}
	}
	for args, want := range map[string]string{
		"gen vmlinux out o.bpf.o":                "vmlinux: is too large: more than 4096 MiB",
		"gen --module vmlinux k.btf out o.bpf.o": "vmlinux: is too large: more than 4096 MiB",
		"inspect vmlinux":                        "vmlinux: is too large: more than 4096 MiB",
		"gen k.btf out object":                   "object: is too large: more than 256 MiB",
		"gen k.btf out json":                     "json: is too large: more than 256 MiB",
		"relocs -o out object":                   "object: is too large: more than 256 MiB",
		"verify k.btf k.btf object":              "object: is too large: more than 256 MiB",
		"report -o out --object object json":     "object: is too large: more than 256 MiB",
		"report -o out --object o.bpf.o json":    "json: is too large: more than 256 MiB",
		"inspect object":                         "object: is too large: more than 256 MiB",
		"inspect json":                           "json: is too large: more than 256 MiB",
		"gen k.btf out most":                     "<nil>",
		"inspect most":                           "<nil>",
	} {
		var out bytes.Buffer
		err := run(context.Background(), strings.Fields(args), nil, &out, &out)
		if got := fmt.Sprint(err); got != want || err != nil && exitCode(err) != 1 {
			t.Errorf("minbtf %s: %s, expected %s", args, got, want)
		}
	}
}
