package archive

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// A folder that cannot be read may have kernels, so it is an error.
func TestUnreadableFolder(t *testing.T) {
	tree(t, "a/d/k.btf", "a/e/k.btf")
	if err := os.Chmod("a/e", 0); err != nil {
		t.Fatal(err)
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
		defer syscall.Setfsuid(0) // for whoever removes the folder
	}
	if got := kernels("a"); got != "open a/e: permission denied\n" {
		t.Error(got)
	}
}
