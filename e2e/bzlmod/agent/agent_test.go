package agent

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/khulnasoft/rules_btf/btfpack"
)

func TestBTF(t *testing.T) {
	const kernel = "debian/12/x86_64/6.1.0-47-cloud-amd64"
	want, err := os.ReadFile("agent_btfs/" + kernel + ".btf")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := BTF(kernel); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v, want the %d of the kernel's file", len(got), err, len(want))
	}
	if _, err := BTF("debian/12/x86_64/6.1.0-48-cloud-amd64"); !errors.Is(err, btfpack.ErrNoKernel) {
		t.Errorf("another kernel: %v", err)
	}
}
