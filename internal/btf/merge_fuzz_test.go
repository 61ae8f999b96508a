package btf_test

import (
	"bytes"
	"testing"

	ciliumbtf "github.com/cilium/ebpf/btf"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// FuzzMerge checks: vmlinux and a module that are accepted can be merged, twice
// the module with itself, and the result is what they are; cilium/ebpf reads it
// if it reads the parts.
func FuzzMerge(f *testing.F) {
	for _, order := range orders {
		raw := oneOfEach(f, order)
		base := parse(f, raw)
		f.Add(raw, like(f, base, base, never))
		f.Add(withHeader(raw, order, 0, 0), like(f, base, base, func(id uint32) bool { return id%2 == 0 && id < 12 }))
		f.Add(raw, module(f, order, base, "own\x00", func(first, str uint32) []btf.Type {
			return []btf.Type{{Kind: btf.Struct, Name: str, Members: []btf.Member{{Name: 1, Type: first + 1}}}, {Kind: btf.Ptr, Ref: first}}
		}))
	}
	f.Fuzz(func(t *testing.T, vmlinux, module []byte) {
		base, err := btf.Parse(vmlinux)
		if err != nil {
			return
		}
		m, err := btf.ParseSplit(module, base)
		if err != nil {
			return
		}
		merged := merge(t, base, m, m)
		everyMethod(t, merged)
		if rewriteKnown(t, merged) == nil { // there are unknown kinds
			if raw, err := merged.Bytes(); (raw == nil) == (err == nil) {
				t.Fatalf("%d bytes, %v", len(raw), err)
			}
			return
		}
		raw := checkMerged(t, merged, base, m, m)
		spec, err := ciliumbtf.LoadSpecFromReader(bytes.NewReader(vmlinux))
		if err != nil {
			return
		}
		if _, err := ciliumbtf.LoadSplitSpecFromReader(bytes.NewReader(module), spec); err != nil {
			return
		}
		if _, err := ciliumbtf.LoadSpecFromReader(bytes.NewReader(raw)); err != nil {
			t.Fatalf("cilium/ebpf reads vmlinux and module, but not both in one: %v", err)
		}
	})
}
