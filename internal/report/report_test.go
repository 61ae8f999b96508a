package report_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/report"
)

const types = "int int 4 signed\nstruct s 8 { a int @0; b int @32 }\nenum e 4 { A = 1 }\n"

var objects = map[string]string{
	"one.bpf.o": types + `
reloc kprobe/read field_byte_offset struct s 0:0
reloc kprobe/read field_byte_offset struct s 0:1
reloc kprobe/check field_exists struct s 0:1
reloc kprobe/check field_byte_offset struct s 0:1
reloc kprobe/ask enumval_value enum e 0
`,
	"two.bpf.o": types + `
reloc ?kprobe/only_checks field_exists struct s 0:1
reloc ?kprobe/reads field_byte_offset struct s 0:1
`,
}

var kernels = map[string]string{
	"k1": types,
	"k2": "int int 4 signed\nstruct s 8 { a int @0 }\n",
	"k3": "int int 4 signed\nstruct s 8 { a int @0 }\nenum e 4 { B = 1 }\n",
	"k4": "int int 4 signed\nstruct s 8 { a int @0; b int @32 }\nstruct s 8 { a int @32; b int @0 }\nenum e 4 { A = 1 }\n",
	"k5": types,
}

// build makes a report of findings files; each is given as the names of its kernels.
func build(t *testing.T, objectNames []string, files ...string) *report.Report {
	t.Helper()
	var b report.Builder
	var sets []*core.Relocations
	for _, name := range objectNames {
		o, err := core.ReadObject(btftest.Object(t, binary.LittleEndian, objects[name]))
		if err != nil {
			t.Fatal(err)
		}
		rs, err := o.Relocations()
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, rs)
		if err := b.AddObject("some/folder/"+name, o); err != nil {
			t.Fatal(err)
		}
	}
	all, err := core.Union(sets...)
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range files {
		if err := b.AddFindings(findings(t, all, strings.Fields(names))); err != nil {
			t.Fatal(err)
		}
	}
	return b.Report()
}

// findings returns the findings file of some kernels.
func findings(t *testing.T, rs *core.Relocations, kernelNames []string) *core.FindingsFile {
	t.Helper()
	var c core.Collector
	for _, name := range kernelNames {
		found, err := core.Findings(graph.Raw{File: btftest.Parse(t, binary.LittleEndian, kernels[name])}, rs)
		if err != nil {
			t.Fatal(err)
		}
		c.Add(name, found)
	}
	file, err := c.File()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestReport(t *testing.T) {
	rep := build(t, []string{"one.bpf.o", "two.bpf.o"}, "k1", "k2", "k3", "k4", "k5")
	var got []string
	for _, e := range rep.Findings {
		var programs []string
		for _, p := range e.Programs {
			programs = append(programs, p.Object+":"+p.Section)
		}
		got = append(got, fmt.Sprintf("%s: %s, %s, checked %v on %v (%d) in %s", &e.Relocation, e.Outcome, e.Effect, e.Checked, e.Kernels, e.Count(), strings.Join(programs, " ")))
	}
	want := []string{
		"enumval_value enum e::A: no_candidate, poison, checked false on [[1 1]] (1) in one.bpf.o:kprobe/ask",
		"enumval_value enum e::A: no_match, poison, checked false on [[2 2]] (1) in one.bpf.o:kprobe/ask",
		"field_byte_offset struct s.a: ambiguous, refusal, checked false on [[3 3]] (1) in one.bpf.o:kprobe/read",
		"field_byte_offset struct s.b: no_match, poison, checked false on [[1 2]] (2) in one.bpf.o:kprobe/check one.bpf.o:kprobe/read two.bpf.o:?kprobe/reads",
		"field_byte_offset struct s.b: ambiguous, refusal, checked false on [[3 3]] (1) in one.bpf.o:kprobe/check one.bpf.o:kprobe/read two.bpf.o:?kprobe/reads",
		"field_exists struct s.b: no_match, zero, checked false on [[1 2]] (2) in one.bpf.o:kprobe/check two.bpf.o:?kprobe/only_checks",
		"field_exists struct s.b: ambiguous, refusal, checked false on [[3 3]] (1) in one.bpf.o:kprobe/check two.bpf.o:?kprobe/only_checks",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nexpected:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A function that checks is probably one that does not get to what is poisoned.
func TestChecked(t *testing.T) {
	objects["three.bpf.o"] = types + `
reloc kprobe/check field_exists struct s 0:1
reloc kprobe/check field_byte_offset struct s 0:1
reloc kprobe/ask enumval_value enum e 0
`
	for _, e := range build(t, []string{"three.bpf.o"}, "k2").Findings {
		if want := e.Relocation.Kind == core.FieldByteOffset; e.Checked != want {
			t.Errorf("%s: checked %v", &e.Relocation, e.Checked)
		}
	}
}

// Neither the order nor which kernels are in one file matters.
func TestOrderDoesNotMatter(t *testing.T) {
	want, err := build(t, []string{"one.bpf.o", "two.bpf.o"}, "k1", "k2", "k3", "k4", "k5").JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range [][]string{{"k4", "k2", "k1", "k5", "k3"}, {"k1 k2 k3 k4 k5"}, {"k2 k4", "k3 k1 k5"}, {"k1 k5", "", "k4 k3 k2"}} {
		got, err := build(t, []string{"two.bpf.o", "one.bpf.o"}, files...).JSON()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q: %v\n%s\nexpected:\n%s", files, err, got, want)
		}
	}
	var body map[string]any
	if err := json.Unmarshal(want, &body); err != nil || len(body["findings"].([]any)) != 7 || len(body["kernels"].([]any)) != 5 {
		t.Errorf("%v: %s", err, want)
	}
}

// Objects of one name are told apart by as much of their paths as it takes.
func TestObjectsOfOneName(t *testing.T) {
	paths := []string{"bin/a/x.bpf.o", "bin/b/x.bpf.o", "lib/b/x.bpf.o", "/b/x.bpf.o", "b/x.bpf.o", "bin/a/y.bpf.o"}
	wanted := []string{"a/x.bpf.o", "bin/b/x.bpf.o", "lib/b/x.bpf.o", "/b/x.bpf.o", "b/x.bpf.o", "y.bpf.o"}
	const reads = "reloc kprobe/p field_byte_offset struct s 0:1\n"
	var reports [][]byte
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}} {
		var b report.Builder
		var rs *core.Relocations
		for _, i := range order {
			text := types + reads
			if i != 0 { // a program of the same name checks
				text += "reloc kprobe/p field_exists struct s 0:1\n"
			}
			o, err := core.ReadObject(btftest.Object(t, binary.LittleEndian, text))
			if err != nil {
				t.Fatal(err)
			}
			if err := b.AddObject(paths[i], o); err != nil {
				t.Fatal(err)
			}
			if i != 0 {
				rs, _ = o.Relocations()
			}
		}
		if err := b.AddFindings(findings(t, rs, []string{"k2"})); err != nil {
			t.Fatal(err)
		}
		rep := b.Report()
		file, err := rep.JSON()
		if err != nil {
			t.Fatal(err)
		}
		reports = append(reports, file)
		var objects, programs []string
		for _, o := range rep.Objects {
			objects = append(objects, o.File)
		}
		for _, p := range rep.Findings[0].Programs {
			programs = append(programs, p.Object)
		}
		slices.Sort(wanted)
		if !slices.Equal(objects, wanted) || !slices.Equal(programs, wanted) {
			t.Errorf("objects %q, of programs %q, expected %q", objects, programs, wanted)
		}
		if rep.Findings[0].Checked {
			t.Error("a check in one object is taken for one in another")
		}
	}
	if !bytes.Equal(reports[0], reports[1]) {
		t.Errorf("the order matters:\n%s\n%s", reports[0], reports[1])
	}
}

func TestFew(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	for most, want := range map[int]string{2: "a b 2 more", 3: "a b c d", 4: "a b c d"} {
		if got := strings.Join(report.Few(names, most), " "); got != want {
			t.Errorf("of %d: %s, expected %s", most, got, want)
		}
	}
}

func TestText(t *testing.T) {
	got := build(t, []string{"one.bpf.o", "two.bpf.o"}, "k1", "k2", "k3").Text()
	const want = `2 objects, 4 relocations, 3 kernels
Poisoned: the verifier refuses these instructions unless they are never reached.
  enumval_value enum e::A: no_candidate on k2
    in kprobe_ask
  enumval_value enum e::A: no_match on k3
    in kprobe_ask
  field_byte_offset struct s.b: no_match on 2 kernels, k2 to k3
    in kprobe_check, kprobe_read, kprobe_reads
Checks that find nothing:
  field_exists struct s.b: no_match on 2 kernels, k2 to k3
    in kprobe_check, kprobe_only_checks
`
	if got != want {
		t.Errorf("got:\n%s\nexpected:\n%s", got, want)
	}
}

func TestErrors(t *testing.T) {
	var b report.Builder
	foreign := &core.Relocations{Relocations: []core.Relocation{{Kind: core.TypeExists, TypeKind: btf.Struct, Type: "t"}}}
	if err := b.AddFindings(findings(t, foreign, []string{"k1"})); err == nil || err.Error() != "type_exists struct t is a relocation of none of the objects; the findings were made for others" {
		t.Error(err)
	}
	none := &core.Relocations{}
	if err := b.AddFindings(findings(t, none, []string{"k1", "k3"})); err != nil {
		t.Error(err)
	}
	if err := b.AddFindings(findings(t, none, []string{"k2", "k3"})); err == nil || err.Error() != "another kernel is named k3, too" {
		t.Error(err)
	}
	if got := b.Report().Kernels; !slices.Equal(got, []string{"k1", "k3"}) {
		t.Errorf("kernels %q", got)
	}
	little, _ := core.ReadObject(btftest.Object(t, binary.LittleEndian, objects["one.bpf.o"]))
	big, _ := core.ReadObject(btftest.Object(t, binary.BigEndian, objects["one.bpf.o"]))
	if err := b.AddObject("little", little); err != nil {
		t.Fatal(err)
	}
	if err := b.AddObject("./little", little); err == nil || err.Error() != "is named twice among the objects" {
		t.Error(err)
	}
	if err := b.AddObject("big", big); err == nil || !strings.Contains(err.Error(), "byte orders") {
		t.Error(err)
	}
}
