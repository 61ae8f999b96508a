package core_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/hostile"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
	"github.com/khulnasoft/rules_btf/internal/verify"
)

// What may be allocated, freed or not, for a byte of input. debug/elf reads
// what a file claims to have in pieces of 10 MB; a JSON of {} is of one struct
// for each 3 bytes; and pruning goes over its types up to a hundred times.
var (
	objectCosts = hostile.Bound{Factor: 64, Plus: 64 << 20, Time: 10 * time.Second}
	jsonCosts   = hostile.Bound{Factor: 256, Plus: 16 << 20, Time: 10 * time.Second}
	pruneCosts  = hostile.Bound{Factor: 1024, Plus: 64 << 20, Time: 10 * time.Second}
)

// FuzzReadObject checks: there is an error if and only if there is no object,
// and the same for its relocations; they can be written and read again; time
// and memory are bounded.
func FuzzReadObject(f *testing.F) {
	for _, name := range []string{"kinds.bpf.o", "kinds.eb.bpf.o", "uses.bpf.o"} {
		f.Add(testdata(f, name))
	}
	for _, order := range orders {
		f.Add(newParts(f, order).bytes())
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		var o *core.Object
		var err error
		objectCosts.Check(t, len(file), func() { o, err = core.ReadObject(file) })
		if (err == nil) != (o != nil) || err != nil && !errors.Is(err, core.ErrObject) {
			t.Fatalf("%v, %v", o, err)
		}
		if o == nil {
			return
		}
		o.Uses()
		rs, err := o.Relocations()
		if (err == nil) != (rs != nil) || err != nil && !errors.Is(err, core.ErrObject) {
			t.Fatalf("%v, %v", rs, err)
		}
		if rs != nil {
			readBack(t, rs)
		}
	})
}

// readBack checks that a set of relocations survives its file.
func readBack(t *testing.T, rs *core.Relocations) {
	file, err := rs.Marshal()
	if err != nil {
		if !strings.Contains(err.Error(), "is not UTF-8") {
			t.Fatal(err)
		}
		return
	}
	back, err := core.Unmarshal(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	if again := marshal(t, back); !bytes.Equal(again, file) {
		t.Fatalf("read and written again: %s", testfiles.Diff(string(again), string(file)))
	}
}

// FuzzUnmarshal checks: there is an error if and only if there are no
// relocations; what was read is written in the canonical form, and that is read
// as the same; time and memory are bounded.
func FuzzUnmarshal(f *testing.F) {
	f.Add(testdata(f, "kinds.json"))
	f.Add([]byte(`{"version":1,"byte_order":"","relocations":[]}`))
	f.Add([]byte(`{"version":1,"byte_order":"big","relocations":[{"kind":"type_matches","type":"fwd f","shape":[{"kind":"fwd","name":"f","union":true}]}]}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		var rs *core.Relocations
		var err error
		jsonCosts.Check(t, len(file), func() { rs, err = core.Unmarshal(file) })
		if (err == nil) != (rs != nil) || err != nil && !errors.Is(err, core.ErrRelocations) {
			t.Fatalf("%v, %v", rs, err)
		}
		if rs != nil {
			readBack(t, rs)
		}
	})
}

// FuzzUnmarshalFindings checks the same of findings.
func FuzzUnmarshalFindings(f *testing.F) {
	for _, c := range testfiles.Cases(f, "testdata/prune") {
		kernel := btftest.Compile(f, binary.LittleEndian, c.Part("kernel"))
		rs := btftest.Relocations(f, btftest.Object(f, binary.LittleEndian, c.Part("object")))
		var of core.Collector
		of.Add(c.Name, found(f, kernel, rs))
		of.Add("another", nil)
		of.Add("the last", found(f, kernel, rs))
		f.Add(collected(f, &of))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		var findings *core.FindingsFile
		var err error
		jsonCosts.Check(t, len(file), func() { findings, err = core.UnmarshalFindings(file) })
		if (err == nil) != (findings != nil) || err != nil && !errors.Is(err, core.ErrFindings) {
			t.Fatalf("%v, %v", findings, err)
		}
		if findings == nil {
			return
		}
		first, err := findings.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		findings, err = core.UnmarshalFindings(first)
		if err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		if again, err := findings.Marshal(); err != nil || !bytes.Equal(again, first) {
			t.Fatalf("read and written again (%v): %s", err, testfiles.Diff(string(again), string(first)))
		}
	})
}

// places is from how many places relocations look at a type. What is left of it depends on the place,
// so it is there once for each at most: as a candidate, by value, in an anonymous nest that is kept
// for its depth, behind a pointer, and for each step of a path and each node of a shape. So there is no
// bound by the kernel's size alone: a struct of many members may be held twice, each time by
// one that is held twice, and of each of these another member be asked for.
func places(rs *core.Relocations) int {
	n := 4
	for _, r := range rs.Relocations {
		n += len(r.Path) + len(r.Shape)
	}
	return n
}

// prunable checks what holds of Prune whatever the kernel: there is an error if
// and only if there is no result; that is no larger than the places that are looked at
// allow for, valid, valid for cilium/ebpf if the kernel is, and stays as it is if it is pruned again.
// It returns nil where there is an error.
func prunable(t *testing.T, raw []byte, k *btf.File, rs *core.Relocations) []byte {
	t.Helper()
	var min []byte
	var err error
	pruneCosts.Check(t, len(raw), func() { min, err = core.Prune(graph.Raw{File: k}, rs) })
	if (err == nil) != (min != nil) {
		t.Fatalf("%d bytes, %v", len(min), err)
	}
	if err != nil {
		if !errors.Is(err, btf.ErrFormat) && !errors.Is(err, core.ErrByteOrder) && !errors.Is(err, core.ErrWork) {
			t.Fatal(err)
		}
		return nil
	}
	m := btftest.File(t, min)
	if most := places(rs)*len(raw) + 3; len(min) > most { // names may be padded
		t.Fatalf("pruning makes %d bytes of %d:\n%s\nwas:\n%s", len(min), len(raw), btftest.Format(m), btftest.Format(k))
	}
	if _, err := verify.Parse(min); err != nil {
		if _, err := verify.Parse(raw); err == nil {
			t.Fatalf("cilium/ebpf reads the kernel, but not what is left of it: %v\n%s", err, btftest.Format(m))
		}
	}
	again, err := core.Prune(graph.Raw{File: m}, rs)
	if err != nil || !bytes.Equal(again, min) {
		t.Fatalf("pruned again (%v):\n%s\nwas:\n%s", err, btftest.Format(btftest.File(t, again)), btftest.Format(m))
	}
	return min
}

// FuzzPrune checks that of any kernel and any relocations.
func FuzzPrune(f *testing.F) {
	for _, c := range testfiles.Cases(f, "testdata/prune") {
		for _, order := range orders {
			f.Add(btftest.Compile(f, order, c.Part("kernel")), marshal(f, btftest.Relocations(f, btftest.Object(f, order, c.Part("object")))))
		}
	}
	f.Fuzz(func(t *testing.T, raw, file []byte) {
		k, err := btf.Parse(raw)
		if err != nil {
			return
		}
		rs, err := core.Unmarshal(file)
		if err != nil {
			return
		}
		prunable(t, raw, k, rs)
		found, err := core.Findings(graph.Raw{File: k}, rs)
		if err != nil {
			if !errors.Is(err, core.ErrWork) {
				t.Fatal(err)
			}
			return
		}
		findings := findingsFile(t, "k", found)
		if _, err := core.UnmarshalFindings(findings); err != nil {
			t.Fatalf("%v\n%s", err, findings)
		}
	})
}

// FuzzGen goes the way of gen, from the files of a kernel and an object to
// minimal BTF, and checks besides that cilium/ebpf relocates the object against
// that as against the kernel, if it reads both.
func FuzzGen(f *testing.F) {
	for _, c := range testfiles.Cases(f, "testdata/prune") {
		for _, order := range orders {
			f.Add(btftest.Compile(f, order, c.Part("kernel")), btftest.Object(f, order, c.Part("object")))
		}
	}
	f.Fuzz(func(t *testing.T, kernel, object []byte) { gen(t, kernel, object) })
}

// gen returns how far it got.
func gen(t *testing.T, kernel, object []byte) stage {
	t.Helper()
	raw, err := archive.ReadBTF("k.btf", kernel)
	if err != nil {
		return notRead
	}
	k, err := btf.Parse(raw)
	if err != nil {
		return notRead
	}
	o, err := core.ReadObject(object)
	if err != nil {
		return notRead
	}
	rs, err := o.Relocations()
	if err != nil {
		return notRead
	}
	min := prunable(t, raw, k, rs)
	if min == nil {
		return notPruned
	}
	res := judged(t, raw, min, object)
	if res == nil {
		return notJudged
	}
	for _, d := range res.Differences {
		t.Errorf("%s\nthe kernel:\n%s\nwhat is left of it:\n%s", d, few(btftest.Format(k)), few(btftest.Format(btftest.File(t, min))))
	}
	return judgedSame
}

// A stage is how far damaged files get.
type stage int

const (
	notRead stage = iota
	notPruned
	notJudged // by cilium/ebpf, which does not read all that we read
	judgedSame
	stages
)

// judged returns cilium/ebpf's judgement, if it reads kernel and object.
func judged(t *testing.T, raw, min, object []byte) *verify.Result {
	full, err := verify.Parse(raw)
	if err != nil {
		return nil
	}
	left, err := verify.Parse(min)
	if err != nil {
		t.Fatal(err)
	}
	o, err := verify.ReadObject("object", object)
	if err != nil || o.Fits(full) != nil {
		return nil
	}
	return verify.Compare(full, left, o)
}

// few returns a text that is not too long to read.
func few(s string) string { return s[:min(len(s), 4000)] }
