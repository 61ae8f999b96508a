// Package example tests what examples/tracee gives when it is really built.
package example

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	minbtf string
	full   = map[string]string{} // by distro/version/arch/release
	min    = map[string]string{}
	links  []string
)

// TestMain takes the command line that the BUILD file gives: MINBTF --full FILE... --min FILE...
func TestMain(m *testing.M) {
	flag.Parse()
	if args := flag.Args(); len(args) > 0 {
		minbtf = args[0]
		files := full
		for _, arg := range args[1:] {
			switch {
			case arg == "--full":
				files = full
			case arg == "--min":
				files = min
			case strings.Contains(filepath.Base(arg), ".btf"):
				files[kernel(arg)] = arg
			default:
				links = append(links, arg)
			}
		}
	}
	os.Exit(m.Run())
}

// kernel names the kernel that a file is of, by the last parts of its path.
func kernel(path string) string {
	parts := strings.Split(filepath.ToSlash(path), "/")
	name, _, _ := strings.Cut(strings.Join(parts[len(parts)-4:], "/"), ".btf")
	return name
}

// facts is what minbtf inspect finds in a kernel's BTF.
type facts struct {
	What string
	BTF  struct{ Bytes, Types int }
}

func inspect(t *testing.T, path string) facts {
	t.Helper()
	out, err := exec.Command(minbtf, "inspect", "--json", path).Output()
	if err != nil {
		t.Fatalf("minbtf inspect %s: %v", path, err)
	}
	var f facts
	if err := json.Unmarshal(out, &f); err != nil {
		t.Fatal(err)
	}
	if f.What != "BTF" {
		t.Fatalf("%s: is a %s, not BTF", path, f.What)
	}
	return f
}

func TestSizes(t *testing.T) {
	if os.Getenv("TEST_SRCDIR") == "" {
		t.Skip("run it with Bazel, which has the example's files")
	}
	if len(full) < 5 {
		t.Errorf("only %d kernels", len(full))
	}
	for k := range min {
		if full[k] == "" {
			t.Errorf("%s: there is minimal BTF of a kernel that there is not", k)
		}
	}
	for k, path := range full {
		t.Run(k, func(t *testing.T) {
			if min[k] == "" {
				t.Fatal("no minimal BTF")
			}
			f, m := inspect(t, path), inspect(t, min[k])
			if m.BTF.Types < 100 || m.BTF.Types > f.BTF.Types/20 || m.BTF.Bytes > f.BTF.Bytes/20 {
				t.Errorf("minimal BTF has %d types in %d bytes, the full one %d in %d",
					m.BTF.Types, m.BTF.Bytes, f.BTF.Types, f.BTF.Bytes)
			}
			if file, err := os.Stat(min[k]); err != nil || file.Size() != int64(m.BTF.Bytes) {
				t.Errorf("%s is not BTF alone (%v)", min[k], err)
			}
		})
	}
}

// An archive's alias is a link in the tree, and leads to the same files wherever the tree is.
func TestAliases(t *testing.T) {
	if os.Getenv("TEST_SRCDIR") == "" {
		t.Skip("run it with Bazel, which has the example's files")
	}
	if len(links) != 1 || !strings.HasSuffix(links[0], "/debian/bookworm") {
		t.Fatalf("expected debian/bookworm, got %v", links)
	}
	root := strings.TrimSuffix(links[0], "debian/bookworm")
	behind := 0
	for k, path := range min {
		rest, ok := strings.CutPrefix(k, "debian/12/")
		if !ok {
			continue
		}
		behind++
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(root, "debian", "bookworm", filepath.FromSlash(rest)+".btf"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: is another file through the alias", k)
		}
	}
	if behind == 0 {
		t.Error("no kernel of debian/12")
	}
}
