package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
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
