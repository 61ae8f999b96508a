package main

import (
	"context"
	"encoding/binary"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btftest"
)

// Who may read what is written is said by the umask, or by the file that is written again.
func TestModes(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, map[string][]byte{
		"k.btf":   btftest.Compile(t, binary.LittleEndian, "int int 4"),
		"o.bpf.o": btftest.Object(t, binary.LittleEndian, "int int 4"),
	})
	defer syscall.Umask(syscall.Umask(0o027))
	for _, before := range []fs.FileMode{0, 0o600, 0o664} {
		for _, args := range []string{"gen k.btf out o.bpf.o", "pack -q -o out k.btf", "relocs -o out o.bpf.o"} {
			os.Remove("out")
			want := fs.FileMode(0o640)
			if before != 0 {
				want = before
				put(t, map[string][]byte{"out": nil})
				if err := os.Chmod("out", before); err != nil {
					t.Fatal(err)
				}
			}
			if err := run(context.Background(), strings.Fields(args), nil, io.Discard, io.Discard); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat("out")
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != want {
				t.Errorf("minbtf %s over %v: %v, expected %v", args, before, info.Mode(), want)
			}
		}
	}
}
