package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// Files that unpack to more than a machine has, and one without an end, are
// refused in good time, with bounded memory and nothing left behind.
func TestBombs(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	gz := func(b []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		w.Write(b)
		w.Close()
		return out.Bytes()
	}
	const pieces = 1 << 12 // of 2 MiB; 8 GiB in all
	zeros := gz(make([]byte, 2<<20))
	header := func(size int64) []byte {
		var b bytes.Buffer
		if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: "bomb", Size: size, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		return gz(b.Bytes())
	}
	zst := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3} // a frame with a window of 128 MiB
	for range pieces * 16 {
		block := binary.LittleEndian.AppendUint32(nil, 128<<10<<3|1<<1) // 128 KiB of the byte that follows
		zst = append(append(zst, block[:3]...), 0)
	}
	object := btftest.Object(t, binary.LittleEndian, "int int 4")
	for what, c := range map[string]struct {
		file []byte
		want string
	}{
		"xz":      {bytes.Repeat(testfiles.Read(t, "testdata/bad/2MiB.zeros.xz"), pieces), "bomb: no kernel BTF: unpacks to more than 256 MiB"},
		"gzip":    {bytes.Repeat(zeros, pieces), "bomb: no kernel BTF: unpacks to more than 256 MiB"},
		"zstd":    {zst, "bomb: no kernel BTF: unpacks to more than 256 MiB"},
		"tar.gz":  {append(header(pieces<<21), bytes.Repeat(zeros, pieces)...), "bomb: no kernel BTF: unpacks to more than 256 MiB"},
		"small":   {append(header(1), bytes.Repeat(zeros, pieces)...), "bomb: no kernel BTF: unpacks to more than 256 MiB"},
		"endless": {nil, "bomb: is too large: more than 256 MiB"},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			bomb := filepath.Join(dir, "bomb")
			if err := os.WriteFile(filepath.Join(dir, "o.bpf.o"), object, 0o644); err != nil {
				t.Fatal(err)
			}
			if c.file == nil {
				err = os.Symlink("/dev/zero", bomb)
			} else {
				err = os.WriteFile(bomb, c.file, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(self, "gen", "bomb", "out", "o.bpf.o")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "TEST_IS_MINBTF=1")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			start := time.Now()
			err := cmd.Run()
			took := time.Since(start)
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 || stderr.String() != "minbtf: "+c.want+"\n" {
				t.Errorf("%v: %s", err, stderr.String())
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
				t.Errorf("left behind: %v (%v)", entries, err)
			}
			usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			if usage.Maxrss > 1200<<10 {
				t.Errorf("%d MiB of memory are used", usage.Maxrss>>10)
			}
			if took > time.Minute {
				t.Errorf("it takes %v", took)
			}
			t.Logf("%d bytes: %v, %d MiB", len(c.file), took, usage.Maxrss>>10)
		})
	}
}
