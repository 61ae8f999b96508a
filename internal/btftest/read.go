package btftest

import (
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/verify"
)

// File reads raw BTF.
func File(t testing.TB, raw []byte) *btf.File {
	t.Helper()
	f, err := btf.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Relocations reads those of a BPF ELF object.
func Relocations(t testing.TB, object []byte) *core.Relocations {
	t.Helper()
	o, err := core.ReadObject(object)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := o.Relocations()
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// Verify returns cilium/ebpf's judgement of a minimal BTF.
func Verify(t testing.TB, kernel, min, object []byte) *verify.Result {
	t.Helper()
	k, err := verify.Parse(kernel)
	if err != nil {
		t.Fatal(err)
	}
	m, err := verify.Parse(min)
	if err != nil {
		t.Fatal(err)
	}
	o, err := verify.ReadObject("object", object)
	if err != nil {
		t.Fatal(err)
	}
	return verify.Compare(k, m, o)
}
