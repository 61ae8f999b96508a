package main

import (
	"bytes"
	"slices"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

var defaults = size{relocations: 34752, different: 371, roots: 100, programs: 300, subprograms: 40, matches: true}

const newest = "6.12.107+deb13-amd64"

func TestDeterminism(t *testing.T) {
	kernel := btftest.File(t, testfiles.BTF(t, testfiles.Kernel(t, newest)))
	small := size{relocations: 1000, different: 200, roots: 60, programs: 10, subprograms: 2}
	var objects [][]byte
	for _, seed := range []uint64{1, 1, 2} {
		o, err := largeObject(kernel, small, seed)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	if !bytes.Equal(objects[0], objects[1]) {
		t.Error("two builds with one seed differ")
	}
	if bytes.Equal(objects[0], objects[2]) {
		t.Error("two seeds give one object")
	}
}

func TestTooMuch(t *testing.T) {
	kernel := btftest.File(t, testfiles.BTF(t, testfiles.Kernel(t, newest)))
	for _, s := range []size{
		{relocations: 1000, different: 200, roots: 1000, programs: 10, subprograms: 2},
		{relocations: 100, different: 200, roots: 60, programs: 10, subprograms: 2},
		{relocations: 1000, different: 200, roots: 60},
	} {
		if _, err := largeObject(kernel, s, 1); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
}

func TestMatches(t *testing.T) {
	kernel := btftest.File(t, testfiles.BTF(t, testfiles.Kernel(t, newest)))
	for _, matches := range []bool{false, true} {
		s := defaults
		s.matches = matches
		object, err := largeObject(kernel, s, 1)
		if err != nil {
			t.Fatal(err)
		}
		relocations := btftest.Relocations(t, object).Relocations
		if got := slices.ContainsFunc(relocations, func(r core.Relocation) bool { return r.Kind == core.TypeMatches }); got != matches {
			t.Errorf("type_matches: %v, want %v", got, matches)
		}
		if len(relocations) < s.different {
			t.Errorf("%d different relocations, want %d or more", len(relocations), s.different)
		}
	}
}

// TestLargeObject relocates the object as cilium/ebpf does, against its own
// kernel and an older one.
func TestLargeObject(t *testing.T) {
	object, err := largeObject(btftest.File(t, testfiles.BTF(t, testfiles.Kernel(t, newest))), defaults, 1)
	if err != nil {
		t.Fatal(err)
	}
	o, err := core.ReadObject(object)
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	for range o.Records() {
		records++
	}
	if records != defaults.relocations {
		t.Errorf("%d relocations, want %d", records, defaults.relocations)
	}
	relocations := btftest.Relocations(t, object)
	if n := len(relocations.Relocations); n < defaults.different {
		t.Errorf("%d different relocations, want %d or more", n, defaults.different)
	}
	roots := map[string]bool{}
	kinds := map[core.RelocationKind]bool{}
	for _, r := range relocations.Relocations {
		roots[r.Type] = true
		kinds[r.Kind] = true
	}
	if len(roots) < 110 || len(kinds) < 11 {
		t.Errorf("%d root types and %d kinds of relocations, want 110 and 11 or more", len(roots), len(kinds))
	}

	for _, release := range []string{newest, "5.10.0-30-amd64"} {
		raw := testfiles.BTF(t, testfiles.Kernel(t, release))
		min, err := core.Prune(graph.Raw{File: btftest.File(t, raw)}, relocations)
		if err != nil {
			t.Fatal(err)
		}
		res := btftest.Verify(t, raw, min, object)
		if !res.OK() || len(res.Remarks) > 0 || res.Programs != defaults.programs {
			t.Errorf("%s: %d programs, %d relocations, differences %v, remarks %v", release, res.Programs, res.Relocations, res.Differences, res.Remarks)
		}
	}
}

func BenchmarkRelocations(b *testing.B) {
	object, err := largeObject(btftest.File(b, testfiles.BTF(b, testfiles.Kernel(b, newest))), defaults, 1)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(object)))
	b.ReportAllocs()
	for b.Loop() {
		o, err := core.ReadObject(object)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := o.Relocations(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPrune(b *testing.B) {
	raw := testfiles.BTF(b, testfiles.Kernel(b, newest))
	kernel := btftest.File(b, raw)
	object, err := largeObject(kernel, defaults, 1)
	if err != nil {
		b.Fatal(err)
	}
	relocations := btftest.Relocations(b, object)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := core.Prune(graph.Raw{File: kernel}, relocations); err != nil {
			b.Fatal(err)
		}
	}
}
