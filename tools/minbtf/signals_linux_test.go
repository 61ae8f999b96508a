package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// Whoever is interrupted leaves what was there, and nothing else, and is seen
// to have ended by the signal.
func TestInterrupted(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	kernel := btftest.Compile(t, binary.LittleEndian, "int int 4")
	for _, c := range []struct{ args, new string }{
		{"gen --findings pipe k.btf out o.bpf.o", ""},
		{"tailor -q --findings pipe --out out.btfpack --archive k.btf -o o.bpf.o", ""},
		{"tailor -q --out new --archive k.btf --archive pipe -o o.bpf.o", "new/k.btf"},
		{"tailor -q --out out.btfpack --archive k.btf --archive pipe -o o.bpf.o", ""},
		{"pack -o out.btfpack k.btf pipe", ""},
		{"unpack -q k.btfpack --file 1=new --file 2=pipe", "new"},
	} {
		for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
			t.Run(s.String()+" "+c.args, func(t *testing.T) {
				t.Chdir(t.TempDir())
				put(t, map[string][]byte{
					"k.btf":       kernel,
					"o.bpf.o":     btftest.Object(t, binary.LittleEndian, "int int 4"),
					"1.btf":       kernel,
					"2.btf":       kernel,
					"out":         []byte("old"),
					"out.btfpack": []byte("old"),
				})
				if err := run(context.Background(), strings.Fields("pack -q -o k.btfpack 1.btf 2.btf"), nil, nil, os.Stderr); err != nil {
					t.Fatal(err)
				}
				if err := syscall.Mkfifo("pipe", 0o644); err != nil {
					t.Fatal(err)
				}
				was := files(t, ".")
				cmd := exec.Command(self, strings.Fields(c.args)...)
				cmd.Env = append(os.Environ(), "TEST_IS_MINBTF=1")
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				// It waits for the other end of the pipe: with a temporary file there, what is to be
				// new written, or as one who reads the pipe, which is then open for writing.
				busy := func() bool {
					if c.new != "" {
						_, err := os.Stat(c.new)
						return err == nil
					}
					if slices.ContainsFunc(files(t, "."), func(path string) bool { return strings.Contains(path, ".minbtf-") }) {
						return true
					}
					pipe, err := os.OpenFile("pipe", os.O_WRONLY|syscall.O_NONBLOCK, 0)
					if err == nil {
						t.Cleanup(func() { pipe.Close() })
					}
					return err == nil
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
				want := slices.Clone(was)
				if c.new != "" {
					want = append(want, c.new)
					if _, err := btf.Parse(testfiles.Read(t, c.new)); err != nil {
						t.Errorf("%s is not whole: %v", c.new, err)
					}
				}
				slices.Sort(want)
				if got := files(t, "."); !slices.Equal(got, want) {
					t.Errorf("there is %v, expected %v", got, want)
				}
				for _, name := range []string{"out", "out.btfpack"} {
					if b, err := os.ReadFile(name); err != nil || string(b) != "old" {
						t.Errorf("%s has %q, %v", name, b, err)
					}
				}
			})
		}
	}
}

// Whom nobody listens to any more writes nothing that is not whole, and the
// rest of what there is to do.
func TestReaderGone(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	kernel := btftest.Compile(t, binary.LittleEndian, "int int 4")
	for _, c := range []struct {
		args   string
		stderr bool // and not stdout
		exit   int
		new    []string
	}{
		{"gen --findings f.json k.btf - o.bpf.o", false, 128 + int(syscall.SIGPIPE), nil},
		{"tailor -q --findings f.json --out - --archive k.btf -o o.bpf.o", false, 128 + int(syscall.SIGPIPE), nil},
		{"pack -o out.btfpack k.btf bad1 bad2 bad3", true, 1, []string{"out.btfpack"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Chdir(t.TempDir())
			put(t, map[string][]byte{
				"k.btf":   kernel,
				"o.bpf.o": btftest.Object(t, binary.LittleEndian, "int int 4"),
				"bad1":    []byte("bad"), "bad2": []byte("bad"), "bad3": []byte("bad"),
			})
			want := append(files(t, "."), c.new...)
			slices.Sort(want)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			cmd := exec.Command(self, strings.Fields(c.args)...)
			cmd.Env = append(os.Environ(), "TEST_IS_MINBTF=1")
			var heard bytes.Buffer
			cmd.Stdout, cmd.Stderr = w, &heard
			if c.stderr {
				cmd.Stdout, cmd.Stderr = &heard, w
			}
			cmd.Run()
			w.Close()
			if exit := cmd.ProcessState.ExitCode(); exit != c.exit || heard.Len() > 0 {
				t.Errorf("ends with %v, expected %d: %s", cmd.ProcessState, c.exit, heard.String())
			}
			if got := files(t, "."); !slices.Equal(got, want) {
				t.Errorf("there is %v, expected %v", got, want)
			}
		})
	}
}
