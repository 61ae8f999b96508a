package archive_test

import (
	"os"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// A folder that cannot be read may have kernels, or modules of one that can: each
// says so for itself.
func TestUnreadableFolder(t *testing.T) {
	tree(t, "a/d/k.btf", "a/d/k/nf.ko", "a/d/l.btf", "a/e/k.btf")
	for _, dir := range []string{"a/d/k", "a/e"} {
		if err := os.Chmod(dir, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(dir, 0o755) }) // for whoever removes it
	}
	testfiles.ObeyPermissions(t)
	for dir, want := range map[string]string{
		"a":   "d/k: open a/d/k: permission denied\nd/l a/d/l.btf\ne: open a/e: permission denied\n",
		"a/e": "open a/e/: permission denied\n",
	} {
		if got := kernels(dir); got != want {
			t.Errorf("%s: got:\n%sexpected:\n%s", dir, got, want)
		}
	}
}
