package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

func TestDecodeAll(t *testing.T) {
	archive := filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(testfiles.Kernels(t)[0]))))
	n, err := decodeAll(archive, 2)
	// Tars of six kernels of 2.8 to 5.4 MB.
	if err != nil || n < 20e6 || n > 40e6 {
		t.Errorf("%d bytes, %v", n, err)
	}

	dir := t.TempDir()
	whole := testfiles.Read(t, testfiles.Kernels(t)[0])
	if err := os.WriteFile(filepath.Join(dir, "a.xz"), whole[:len(whole)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	if n, err := decodeAll(dir, 1); err == nil {
		t.Errorf("%d bytes of half a file and no error", n)
	}
}
