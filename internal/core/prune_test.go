package core_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	cilium "github.com/cilium/ebpf/btf"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
	"github.com/khulnasoft/rules_btf/internal/verify"
)

var orders = []binary.ByteOrder{binary.LittleEndian, binary.BigEndian}

// prune checks what holds of every minimal BTF: it can be read, by cilium/ebpf
// too, has the kernel's byte order, is the same each time, and has nothing left to prune.
func prune(t testing.TB, kernel []byte, rs *core.Relocations) []byte {
	t.Helper()
	k := btftest.File(t, kernel)
	min, err := core.Prune(graph.Raw{File: k}, rs)
	if err != nil {
		t.Fatal(err)
	}
	f := btftest.File(t, min)
	if f.BigEndian() != k.BigEndian() {
		t.Error("the byte order is not the kernel's")
	}
	if _, err := verify.Parse(min); err != nil {
		t.Error(err)
	}
	if again, err := core.Prune(graph.Raw{File: k}, rs); err != nil || !bytes.Equal(again, min) {
		t.Errorf("a second time other bytes come out (%v)", err)
	}
	if again, err := core.Prune(graph.Raw{File: f}, rs); err != nil || !bytes.Equal(again, min) {
		t.Errorf("pruned again it gets from %d to %d bytes (%v):\n%s\nwas:\n%s", len(min), len(again), err,
			btftest.Format(btftest.File(t, again)), btftest.Format(f))
	}
	return min
}

// outcomes returns what cilium/ebpf makes of each relocation against the full
// BTF, so that a case shows what it is about, and that it is not vacuous.
func outcomes(t testing.TB, kernel, object []byte, order binary.ByteOrder) string {
	t.Helper()
	spec, err := cilium.LoadSpecFromReader(bytes.NewReader(kernel))
	if err != nil {
		t.Fatal(err)
	}
	_, infos, err := cilium.LoadSpecAndExtInfosFromReader(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	if infos == nil {
		return ""
	}
	var b strings.Builder
	var sections []string
	for s := range infos.CORERelos {
		sections = append(sections, s)
	}
	slices.Sort(sections)
	for _, s := range sections {
		for _, r := range infos.CORERelos[s] {
			local := func(cilium.Type) (cilium.TypeID, error) { return 1, nil }
			fixups, err := cilium.CORERelocate([]*cilium.CORERelocation{r.Relo}, []*cilium.Spec{spec}, order, local)
			if err != nil {
				for errors.Unwrap(err) != nil {
					err = errors.Unwrap(err)
				}
				fmt.Fprintf(&b, "%s: %v\n", s, err)
				continue
			}
			fmt.Fprintf(&b, "%s: %s\n", s, &fixups[0])
		}
	}
	return b.String()
}

// lines returns the lines of a relocations file that are relocations.
func lines(file []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(file)) {
		if line, ok := strings.CutPrefix(line, "    "); ok {
			b.WriteString(line)
		}
	}
	return b.String()
}

func found(t testing.TB, kernel []byte, rs *core.Relocations) []*core.Finding {
	t.Helper()
	list, err := core.Findings(graph.Raw{File: btftest.File(t, kernel)}, rs)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// findingsFile returns the file of one kernel's findings.
func findingsFile(t testing.TB, name string, findings []*core.Finding) []byte {
	t.Helper()
	var c core.Collector
	c.Add(name, findings)
	return collected(t, &c)
}

func collected(t testing.TB, c *core.Collector) []byte {
	t.Helper()
	file, err := c.File()
	if err != nil {
		t.Fatal(err)
	}
	b, err := file.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// findings returns the lines of the findings file that are findings.
func findings(t testing.TB, kernel []byte, rs *core.Relocations) string {
	t.Helper()
	file := lines(findingsFile(t, "k", found(t, kernel, rs)))
	return strings.ReplaceAll(strings.TrimPrefix(file, "\"k\"\n"), `,"kernels":[[0,0]]`, "")
}

// sameFindings checks that the minimal BTF has the findings of the full one.
// It may lack types that have nothing in common with a relocation but the name.
func sameFindings(t testing.TB, kernel, min []byte, rs *core.Relocations) {
	t.Helper()
	without := func(kernel []byte) (list []core.Finding) {
		for _, f := range found(t, kernel, rs) {
			f := *f
			f.Candidates = 0
			if f.Outcome == core.NoCandidate {
				f.Outcome = core.NoMatch
			}
			list = append(list, f)
		}
		return list
	}
	if full, cut := without(kernel), without(min); !reflect.DeepEqual(full, cut) {
		t.Errorf("findings: full %+v, min %+v", full, cut)
	}
}

// The cases are a kernel and an object as text (package btftest), and then what
// is expected: the relocations, what cilium/ebpf makes of them with the full
// BTF, what findings there are, and the minimal BTF. Each is run in both byte orders.
func TestPrune(t *testing.T) {
	for _, c := range testfiles.Cases(t, "testdata/prune") {
		for _, order := range orders {
			t.Run(c.Name+"/"+order.String(), func(t *testing.T) {
				kernel := btftest.Compile(t, order, c.Part("kernel"))
				object := btftest.Object(t, order, c.Part("object"))
				rs := btftest.Relocations(t, object)
				c.Expect(t, "relocations", lines(marshal(t, rs)))
				const big = "cilium big-endian" // where that differs, as bitfields do
				out := outcomes(t, kernel, object, order)
				if order == binary.LittleEndian {
					c.Expect(t, "cilium", out)
				} else if out != c.Part("cilium") || c.Part(big) != "" {
					c.Expect(t, big, out)
				}
				found := findings(t, kernel, rs)
				const bigFound = "findings big-endian"
				if order == binary.LittleEndian {
					c.Expect(t, "findings", found)
				} else if found != c.Part("findings") || c.Part(bigFound) != "" {
					c.Expect(t, bigFound, found)
				}
				min := prune(t, kernel, rs)
				sameFindings(t, kernel, min, rs)
				c.Expect(t, "min", btftest.Format(btftest.File(t, min)))
				res := btftest.Verify(t, kernel, min, object)
				for _, d := range res.Differences {
					t.Error(d)
				}
				var limits strings.Builder
				for _, d := range res.Limits {
					fmt.Fprintf(&limits, "%s\n", d)
				}
				c.Expect(t, "limits", limits.String())
			})
		}
	}
}
