package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/needs"
)

// On a terminal there is progress, which is gone in the end. Elsewhere there is none.
func TestProgress(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, map[string][]byte{
		"a/1.btf":    btftest.Compile(t, binary.LittleEndian, "int int 4"),
		"a/2.btf":    btftest.Compile(t, binary.LittleEndian, "int int 4 signed"),
		"a/3.btf.xz": []byte("Not BTF."),
		"o.bpf.o":    btftest.Object(t, binary.LittleEndian, "int int 4"),
	})
	for _, c := range []struct{ args, what, want string }{
		{"pack -j 1 -o p.btfpack a", "packing", "minbtf: failed: 3: a/3.btf.xz: no kernel BTF: neither BTF, ELF, xz, gzip, zstd nor tar (begins with 4e 6f 74 20 42 54)\n" +
			"minbtf: note: p.btfpack: 2 kernels with 2 different types: "},
		{"tailor -j 1 -o o.bpf.o --archive p.btfpack --out min", "tailoring", "minbtf: note: min: 2 kernels, 1 distinct: "},
		{"unpack p.btfpack --out full", "unpacking", "minbtf: note: full: 2 kernels, "},
		{"unpack -q p.btfpack --out full", "", ""},
	} {
		master, terminal := openTerminal(t)
		shown := make(chan string)
		go func() {
			b, _ := io.ReadAll(master) // fails when nobody has the terminal open any more
			shown <- string(b)
		}()
		err := run(context.Background(), strings.Fields(c.args), nil, io.Discard, terminal)
		if failed := strings.HasPrefix(c.args, "pack"); (err != nil) != failed {
			t.Error(err)
		}
		terminal.Close()
		var got string
		select {
		case got = <-shown:
		case <-time.After(time.Minute):
			t.Fatal("the terminal is still open")
		}
		master.Close()
		got = strings.ReplaceAll(got, "\r\n", "\n")
		// A line is what is behind the last return.
		end := strings.LastIndex(got, "\r")
		if c.what == "" {
			if got != "" {
				t.Errorf("minbtf %s: shows %q", c.args, got)
			}
		} else if begin := got[:end+1]; !strings.Contains(begin, c.what) || !strings.Contains(begin, "(1/") || strings.Contains(begin, "\n") {
			t.Errorf("minbtf %s: shows %q", c.args, got)
		}
		if !strings.HasPrefix(got[end+1:], c.want) {
			t.Errorf("minbtf %s: shows in the end %q, expected %q", c.args, got[end+1:], c.want)
		}

		var stderr bytes.Buffer
		if run(context.Background(), strings.Fields(c.args), nil, io.Discard, &stderr); stderr.String() != got[end+1:] {
			t.Errorf("minbtf %s: says %q", c.args, stderr.String())
		}
	}
}

// openTerminal returns both ends of a pseudo terminal.
func openTerminal(t *testing.T) (master, terminal *os.File) {
	missing := func(err error) {
		needs.Missing(t, "terminal", fmt.Sprintf("there is no pseudo terminal, so nobody sees progress (mount devpts at /dev/pts): %v", err))
	}
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		missing(err)
	}
	var unlock, number int32
	for request, arg := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(arg))); errno != 0 {
			missing(errno)
		}
	}
	if terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		missing(err)
	}
	return master, terminal
}
