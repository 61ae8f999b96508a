package archive_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/archive"
)

// tree makes a folder of files, and of links ("name -> target"), and enters it.
func tree(t *testing.T, names ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, name := range names {
		name, target, isLink := strings.Cut(name, " -> ")
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err == nil && isLink {
			err = os.Symlink(target, name)
		} else if err == nil {
			err = os.WriteFile(name, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// kernels is a folder's kernels, a line each: name, path, modules, or what is wrong.
func kernels(dir string) string {
	list, unread, err := archive.Tree(dir)
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	for _, k := range append(list, unread...) {
		line := strings.Join(append([]string{k.Name, k.Path}, k.Modules...), " ")
		if k.Err != nil {
			line = k.Name + ": " + k.Err.Error()
		}
		fmt.Fprintln(&b, line)
	}
	return b.String()
}

func TestTree(t *testing.T) {
	for _, c := range []struct {
		what  string
		files []string
		want  string
	}{
		{"nothing", []string{"a/README.md", "a/x/vmlinux", "a/x/.btf", "a/x/btf", "a/x/k.btf.bz2", "a/x/k.btf.tar.xz.asc"}, ""},
		{"BTFHub's layout", []string{"a/ubuntu/20.04/x86_64/5.4.0-1.btf.tar.xz", "a/debian/12/arm64/6.1.btf.tar.xz", "a/debian/12/x86_64/6.1.btf.tar.xz", "a/README.md"},
			"debian/12/arm64/6.1 a/debian/12/arm64/6.1.btf.tar.xz\n" +
				"debian/12/x86_64/6.1 a/debian/12/x86_64/6.1.btf.tar.xz\n" +
				"ubuntu/20.04/x86_64/5.4.0-1 a/ubuntu/20.04/x86_64/5.4.0-1.btf.tar.xz\n"},
		{"every form", []string{"a/1.btf", "a/2.btf.xz", "a/3.btf.gz", "a/4.btf.zst", "a/5.btf.tar", "a/6.btf.tar.xz", "a/7.btf.tar.gz", "a/8.btf.tar.zst"},
			"1 a/1.btf\n2 a/2.btf.xz\n3 a/3.btf.gz\n4 a/4.btf.zst\n5 a/5.btf.tar\n6 a/6.btf.tar.xz\n7 a/7.btf.tar.gz\n8 a/8.btf.tar.zst\n"},
		{"sorted by name", []string{"a/b-1.btf", "a/b.btf.xz", "a/b/c.btf", "a/b.1.btf"},
			"b a/b.btf.xz a/b/c.btf\nb-1 a/b-1.btf\nb.1 a/b.1.btf\n"},
		{"modules", []string{"a/d/k.btf.tar.xz", "a/d/k/z.ko.xz", "a/d/k/nf.btf", "a/d/k/README", "a/d/k/a.ko", "a/d/k/b.ko.zst", "a/d/l/x.ko", "a/d/l/y.btf"},
			"d/k a/d/k.btf.tar.xz a/d/k/a.ko a/d/k/b.ko.zst a/d/k/nf.btf a/d/k/z.ko.xz\nd/l/y a/d/l/y.btf\n"},
		{"a module twice", []string{"a/d/k.btf", "a/d/k/nf.btf", "a/d/k/nf.ko", "a/d/l.btf"},
			"d/k: a/d/k/nf.btf: is the same module d/k/nf as a/d/k/nf.ko; remove one\nd/l a/d/l.btf\n"},
		{"a module's file twice", []string{"a/d/k.btf", "a/d/k/nf.ko", "a/d/k/nf.ko.xz"},
			"d/k: a/d/k/nf.ko.xz: is the same module d/k/nf as a/d/k/nf.ko; remove one\n"},
		{"a module twice of no kernel", []string{"a/d/k/nf.ko", "a/d/k/nf.ko.xz"}, ""},
		{"a kernel twice", []string{"a/d/k.btf.tar.xz", "a/d/k.btf", "a/d/k/nf.ko"},
			"d/k a/d/k.btf a/d/k/nf.ko\nd/k a/d/k.btf.tar.xz a/d/k/nf.ko\n"},
		{"links to folders", []string{"a/debian/12/x86_64/k.btf", "a/debian/bookworm -> 12", "a/all -> ."},
			"debian/12/x86_64/k a/debian/12/x86_64/k.btf\n"},
		{"links to files", []string{"a/d/k.btf -> ../../k", "k", "a/d/l.btf -> nowhere", "a/d/m.btf -> m.btf", "a/d/README -> nowhere", "a/d/n.btf -> /dev/null"},
			"d/k a/d/k.btf\nd/l a/d/l.btf\nd/m a/d/m.btf\n"},
		{"a link itself", []string{"b/d/k.btf", "a -> b"}, "d/k a/d/k.btf\n"},
		{"odd names", []string{"a/ /k l.btf", "a/\xff.btf", "a/n\nm.btf", "a/..btf", "a/...btf", "a/k.btf.btf", "a/@k=.btf"},
			" /k l a/ /k l.btf\n@k= a/@k=.btf\nk.btf a/k.btf.btf\nn\nm a/n\nm.btf\n\xff a/\xff.btf\n"},
		{"a file", []string{"a"}, "lstat a/: not a directory\n"},
		{"not there", nil, "lstat a/: no such file or directory\n"},
	} {
		t.Run(c.what, func(t *testing.T) {
			tree(t, c.files...)
			if got := kernels("a"); got != c.want {
				t.Errorf("got:\n%sexpected:\n%s", got, c.want)
			}
		})
	}
}

// However the folder is named, the names are the same.
func TestTreePaths(t *testing.T) {
	tree(t, "a/d/k.btf")
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"a/": "d/k a/d/k.btf\n", "./a": "d/k a/d/k.btf\n", ".": "a/d/k a/d/k.btf\n", "a/d": "k a/d/k.btf\n", "a/../a/d": "k a/d/k.btf\n",
		here + "/a": "d/k " + here + "/a/d/k.btf\n",
	} {
		if got := kernels(dir); got != want {
			t.Errorf("%s: got %q, expected %q", dir, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"debian/12/x86_64/6.1": "x86_64", "x86_64/6.1": "x86_64", "6.1": "",
	} {
		if got := archive.Arch(name); got != want {
			t.Errorf("architecture of %s: %q", name, got)
		}
	}
	for file, want := range map[string]string{
		"a/6.1.0-47-amd64.btf.tar.xz": "6.1.0-47-amd64", "6.1.btf": "6.1", "6.1.btf.zst": "6.1",
		"vmlinux": "", "vmlinux.xz": "", ".btf": "", "a/.btf.tar.xz": "", "..btf": "", "...btf": "", "6.1.btf.xz.tar": "", "6.1.tar.xz": "",
	} {
		if got, ok := archive.Release(file); ok != (want != "") || ok && got != want {
			t.Errorf("release of %s: %q, %v", file, got, ok)
		}
	}
}
