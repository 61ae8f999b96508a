// Package testfiles finds the files that tests share, under go test and under
// Bazel alike, and keeps what tests expect in files.
//
// Under Bazel a test of the example's kernels or object declares
//
//	data = ["@example_tracee//:archive_files", "@example_tracee//:tracee.bpf.o"],
//	env = {"TRACEE_OBJECT": "$(rlocationpath @example_tracee//:tracee.bpf.o)"},
package testfiles

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/archive"
)

var update = flag.Bool("update", false, "rewrite what tests expect with what they got")

// TraceeObject returns the absolute path of the example's BPF object.
func TraceeObject(t testing.TB) string {
	t.Helper()
	if object := os.Getenv("TRACEE_OBJECT"); object != "" {
		for _, runfiles := range []string{os.Getenv("RUNFILES_DIR"), os.Getenv("TEST_SRCDIR")} {
			path, err := filepath.Abs(filepath.Join(runfiles, object))
			if err != nil {
				t.Fatal(err)
			}
			if runfiles != "" && exists(path) {
				return path
			}
		}
		t.Fatalf("TRACEE_OBJECT is %s, which is not in the runfiles", object)
	}
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for ; !exists(filepath.Join(dir, "go.mod")); dir = filepath.Dir(dir) {
		if dir == filepath.Dir(dir) {
			t.Fatal("neither TRACEE_OBJECT is set nor is there a go.mod above")
		}
	}
	return filepath.Join(dir, "examples", "tracee", "tracee.bpf.o")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

const kernelExt = ".btf.tar.xz"

// Kernels returns the paths of the example's kernels, sorted.
func Kernels(t testing.TB) []string {
	t.Helper()
	return Files(t, filepath.Join(filepath.Dir(TraceeObject(t)), "archive"), kernelExt)
}

// Files returns the paths of the files in a folder, and in those in it, whose names end with one of ext, sorted.
func Files(t testing.TB, dir string, ext ...string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if slices.ContainsFunc(ext, func(e string) bool { return strings.HasSuffix(path, e) }) {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files in %s (%v)", len(paths), dir, err)
	}
	slices.Sort(paths)
	return paths
}

// Shared returns a folder beside the repository in place of a flag; without it the test is skipped.
func Shared(t testing.TB, name, flag string) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(TraceeObject(t)), "..", "..", "..", "shared", name)
	if !exists(dir) {
		t.Skipf("neither %s nor %s", flag, dir)
	}
	return dir
}

// Release returns the kernel's release, which its path ends with.
func Release(path string) string { return strings.TrimSuffix(filepath.Base(path), kernelExt) }

// Kernel returns the path of the example's kernel of a release.
func Kernel(t testing.TB, release string) string {
	t.Helper()
	for _, path := range Kernels(t) {
		if Release(path) == release {
			return path
		}
	}
	t.Fatalf("no kernel %s", release)
	return ""
}

// BTF returns the raw BTF of a kernel's file.
func BTF(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := archive.ReadBTF(path, Read(t, path))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return raw
}

// Read returns a file's content.
func Read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Golden compares what a test got with a file, or writes it there if the test
// is run with -update.
func Golden(t testing.TB, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := Read(t, path); !bytes.Equal(got, want) {
		t.Errorf("%s (go test -update rewrites it): %s", path, Diff(string(got), string(want)))
	}
}

// Kept returns a file that was once got. It is written anew if a test is run with -update.
func Kept(t testing.TB, path string, got []byte) []byte {
	t.Helper()
	if *update {
		Golden(t, path, got)
	}
	return Read(t, path)
}

// Diff shows where two texts begin to differ.
func Diff(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	n := 0
	for n < min(len(g), len(w)) && g[n] == w[n] {
		n++
	}
	from := max(n-2, 0)
	part := func(lines []string) string {
		return strings.Join(lines[min(from, len(lines)):min(n+12, len(lines))], "\n")
	}
	return fmt.Sprintf("differs from line %d on\ngot:\n%s\nexpected:\n%s", n+1, part(g), part(w))
}

// A Case is a test as a file: a comment, then parts behind lines "-- name --".
type Case struct {
	Name    string
	Comment string
	Parts   []Part
	path    string
}

// A Part is one part of a Case.
type Part struct{ Name, Text string }

// Cases returns the cases in the *.txtar files of a folder.
func Cases(t testing.TB, dir string) []*Case {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases in %s (%v)", dir, err)
	}
	var cases []*Case
	for _, path := range paths {
		c := &Case{Name: strings.TrimSuffix(filepath.Base(path), ".txtar"), path: path}
		text := &c.Comment
		for line := range strings.Lines(string(Read(t, path))) {
			name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- ")
			name, ok2 := strings.CutSuffix(name, " --")
			if !ok || !ok2 {
				*text += line
				continue
			}
			c.Parts = append(c.Parts, Part{Name: name})
			text = &c.Parts[len(c.Parts)-1].Text
		}
		cases = append(cases, c)
	}
	return cases
}

// Part returns the text of a part, empty if there is none of that name.
func (c *Case) Part(name string) string {
	for _, p := range c.Parts {
		if p.Name == name {
			return p.Text
		}
	}
	return ""
}

// Expect compares what a test got with a part, or writes it there if the test
// is run with -update.
func (c *Case) Expect(t testing.TB, name, got string) {
	t.Helper()
	if got != "" && !strings.HasSuffix(got, "\n") {
		got += "\n"
	}
	want := c.Part(name)
	if got == want {
		return
	}
	if !*update {
		t.Errorf("%s, %s (go test -update rewrites it): %s", c.path, name, Diff(got, want))
		return
	}
	i := slices.IndexFunc(c.Parts, func(p Part) bool { return p.Name == name })
	if i < 0 {
		i = len(c.Parts)
		c.Parts = append(c.Parts, Part{Name: name})
	}
	c.Parts[i].Text = got
	file := c.Comment
	for _, p := range c.Parts {
		file += "-- " + p.Name + " --\n" + p.Text
	}
	if err := os.WriteFile(c.path, []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
}
