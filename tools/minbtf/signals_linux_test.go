package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/khulnasoft/rules_btf/internal/btftest"
)

// Whoever is interrupted leaves what was there, and nothing else, and is seen
// to have ended by the signal.
func TestInterrupted(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"gen --findings pipe k.btf out o.bpf.o",
		"tailor -q --findings pipe --out out.btfpack --archive k.btf -o o.bpf.o",
		"tailor -q --out new --archive k.btf --archive pipe -o o.bpf.o",
	} {
		for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(s.String()+" "+args, func(t *testing.T) {
				t.Chdir(t.TempDir())
				for name, data := range map[string][]byte{
					"k.btf":       btftest.Compile(t, binary.LittleEndian, "int int 4"),
					"o.bpf.o":     btftest.Object(t, binary.LittleEndian, "int int 4"),
					"out":         []byte("old"),
					"out.btfpack": []byte("old"),
				} {
					if err := os.WriteFile(name, data, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				if err := syscall.Mkfifo("pipe", 0o644); err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command(self, strings.Fields(args)...)
				cmd.Env = append(os.Environ(), "TEST_IS_MINBTF=1")
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				// It waits for the other end of the pipe, with a temporary file there or a kernel written.
				busy := func() bool {
					return slices.ContainsFunc(files(t, "."), func(path string) bool {
						return path == "new/k.btf" || strings.Contains(path, ".minbtf-") && !strings.HasPrefix(path, "new/")
					})
				}
				for start := time.Now(); !busy(); time.Sleep(time.Millisecond) {
					if time.Since(start) > time.Minute {
						cmd.Process.Kill()
						t.Fatalf("does not come to the pipe: %v, %s", cmd.Wait(), stderr.String())
					}
				}
				if err := cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
				cmd.Wait()
				status := cmd.ProcessState.Sys().(syscall.WaitStatus)
				if !status.Signaled() || status.Signal() != s || stderr.Len() > 0 {
					t.Errorf("ends with %v: %s", cmd.ProcessState, stderr.String())
				}
				want := []string{"k.btf", "o.bpf.o", "out", "out.btfpack", "pipe"}
				if strings.Contains(args, "--out new") {
					want = slices.Insert(want, 1, "new/k.btf") // which is whole
				}
				if got := files(t, "."); !slices.Equal(got, want) {
					t.Errorf("there is %v", got)
				}
				for _, name := range want[len(want)-3 : len(want)-1] {
					if b, err := os.ReadFile(name); err != nil || string(b) != "old" {
						t.Errorf("%s has %q, %v", name, b, err)
					}
				}
			})
		}
	}
}
