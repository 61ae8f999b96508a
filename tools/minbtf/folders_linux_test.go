package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// A folder that cannot be read fails for itself, and for the kernels that are looked for in
// it: the others go on.
func TestUnreadableFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	kernel := btftest.Compile(t, binary.LittleEndian, "int int 4 signed\nstruct s 4 { a int @0 }")
	put(t, map[string][]byte{
		"a/d/1/x/k.btf": kernel,
		"a/d/2/x/l.btf": kernel,
		"b/d/1/x/k.btf": kernel,
		"b/d/2/x/l.btf": kernel,
		"o.bpf.o":       btftest.Object(t, binary.LittleEndian, "int int 4 signed\nstruct s 4 { a int @0 }\nreloc kprobe/a field_byte_offset struct s 0:0"),
	})
	if err := os.Chmod("a/d/2", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod("a/d/2", 0o755) }) // for whoever removes the folder
	testfiles.ObeyPermissions(t)
	const failed = "minbtf: failed: d/2: open a/d/2: permission denied\n"
	const verified = "d/1/x/k: 1 program, 1 relocation: 1 same, 0 different\n1 kernel, 1 relocation: 1 same, 0 different\n"
	for _, c := range []struct{ args, stdout, stderr, err string }{
		{"pack -q -o a.btfpack a", "", failed, "1 of 2 kernels failed"},
		{"ls a.btfpack", "d/1/x/k\t2 types\tlittle-endian\n", "", ""},
		{"pack -q -o none a/d/2 b", "", "", "open a/d/2/: permission denied"},
		{"tailor -q -o o.bpf.o --archive a --out t.btfpack", "", failed, "1 of 2 kernels failed"},
		{"tailor -q -o o.bpf.o --archive a --out t2.btfpack --kernel d/1/x/k", "", "", ""},
		{"ls a", "d/1/x/k\t73 bytes\n", failed, "1 of 2 kernels failed"},
		{"verify b a o.bpf.o", verified, failed, "1 of 2 kernels failed"},
		{"verify a b o.bpf.o", verified, strings.Replace(failed, "d/2:", "d/2/x/l:", 1), "1 of 2 kernels failed"},
		{"verify a t.btfpack o.bpf.o", verified, "", ""},
	} {
		var stdout, stderr bytes.Buffer
		err := ""
		if e := run(context.Background(), strings.Fields(c.args), nil, &stdout, &stderr); e != nil {
			err = e.Error()
		}
		if stdout.String() != c.stdout || stderr.String() != c.stderr || err != c.err {
			t.Errorf("minbtf %s: %q\n%s%s", c.args, err, stdout.String(), stderr.String())
		}
	}
	if !bytes.Equal(testfiles.Read(t, "t.btfpack"), testfiles.Read(t, "t2.btfpack")) {
		t.Error("t2.btfpack differs")
	}
}
