package archive

import (
	"os"
	"runtime"
	"syscall"
	"testing"
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
	if os.Geteuid() == 0 {
		// Root reads all folders, so this thread is nobody's to the file system, and ends with the test.
		runtime.LockOSThread()
		if err := os.Chmod(".", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer syscall.Setfsuid(0)
	}
	for dir, want := range map[string]string{
		"a":   "d/k: open a/d/k: permission denied\nd/l a/d/l.btf\ne: open a/e: permission denied\n",
		"a/e": "open a/e/: permission denied\n",
	} {
		if got := kernels(dir); got != want {
			t.Errorf("%s: got:\n%sexpected:\n%s", dir, got, want)
		}
	}
}
