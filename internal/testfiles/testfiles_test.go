package testfiles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKernelsAreFound(t *testing.T) {
	paths := Kernels(t)
	if len(paths) < 6 {
		t.Errorf("%d kernels: %v", len(paths), paths)
	}
	for _, path := range paths {
		if Kernel(t, Release(path)) != path {
			t.Errorf("release %s is not %s", Release(path), path)
		}
	}
	if b := Read(t, TraceeObject(t)); !strings.HasPrefix(string(b), "\x7fELF") {
		t.Errorf("%s is no ELF file", TraceeObject(t))
	}
}

func TestRunfiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("RUNFILES_DIR", "")
	t.Setenv("TEST_SRCDIR", dir)
	t.Setenv("TRACEE_OBJECT", "some_repository/tracee.bpf.o")
	kernel := filepath.Join(dir, "some_repository", "archive", "debian", "1.2.btf.tar.xz")
	object := filepath.Join(dir, "some_repository", "tracee.bpf.o")
	for _, path := range []string{kernel, object} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := TraceeObject(t); got != object {
		t.Errorf("object %s, expected %s", got, object)
	}
	if got := Kernel(t, "1.2"); got != kernel {
		t.Errorf("kernel %s, expected %s", got, kernel)
	}
}

func TestCases(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txtar")
	const text = "Why.\n-- in --\n1\n2\n-- out --\n3\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c := Cases(t, dir)[0]
	if c.Name != "a" || c.Comment != "Why.\n" || c.Part("in") != "1\n2\n" || c.Part("out") != "3\n" || c.Part("x") != "" {
		t.Errorf("%+v", c)
	}
	c.Expect(t, "out", "3")
	defer func(old bool) { *update = old }(*update)
	*update = true
	c.Expect(t, "out", "4")
	if got := string(Read(t, path)); got != strings.Replace(text, "3", "4", 1) {
		t.Errorf("updated to %q", got)
	}
}
