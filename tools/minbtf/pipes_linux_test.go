package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// A kernel may come through a pipe, which gives its bytes once.
func TestPipes(t *testing.T) {
	t.Chdir(t.TempDir())
	raw := btftest.Compile(t, binary.LittleEndian, "int int 4")
	put(t, map[string][]byte{"k.btf": raw, "o.bpf.o": btftest.Object(t, binary.LittleEndian, "int int 4")})
	if err := os.Mkdir("pipe", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo("pipe/k.btf", 0o644); err != nil {
		t.Fatal(err)
	}
	minbtf := func(args string) {
		t.Helper()
		var stderr bytes.Buffer
		if err := run(context.Background(), strings.Fields(args), nil, nil, &stderr); err != nil || stderr.Len() > 0 {
			t.Fatalf("minbtf %s: %v, %s", args, err, stderr.String())
		}
	}
	for _, args := range []string{"pack -q -o OUT IN", "tailor -q -o o.bpf.o --archive IN --out OUT.btfpack"} {
		minbtf(strings.NewReplacer("OUT", "want", "IN", "k.btf").Replace(args))
		wrote := make(chan error)
		go func() { wrote <- os.WriteFile("pipe/k.btf", raw, 0) }()
		minbtf(strings.NewReplacer("OUT", "got", "IN", "pipe/k.btf").Replace(args))
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
	}
	for _, ext := range []string{"", ".btfpack"} {
		if !bytes.Equal(testfiles.Read(t, "got"+ext), testfiles.Read(t, "want"+ext)) {
			t.Errorf("got%s differs", ext)
		}
	}
}
