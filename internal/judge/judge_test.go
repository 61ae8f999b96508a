package judge_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/judge"
)

var orders = []binary.ByteOrder{binary.LittleEndian, binary.BigEndian}

const kernel = `
int int 4 signed
struct one 8 { a int @0; b int @32 }
struct moved 8 { a int @32 }
struct twice 8 { a int @0; b int @32 }
struct twice 8 { b int @0; a int @32 }
struct some 8 { a int @0 }
struct some 8 { b int @0 }
enum color 4 { RED = 7 }
`

const object = `
int int 4 signed
struct one 8 { a int @0; b int @32; missing int @64 }
struct moved 4 { a int @0 }
struct twice 8 { a int @0; b int @32 }
struct some 8 { a int @0 }
struct none 4 { a int @0 }
enum color 4 { RED = 1; GREEN = 2 }
reloc kprobe/a field_byte_offset struct one 0:1
reloc kprobe/a field_byte_offset struct one 0:2
reloc kprobe/a field_exists struct one 0:2
reloc kprobe/a field_byte_offset struct moved 0:0
reloc kprobe/a type_exists struct none 0
reloc ?kprobe/b field_byte_offset struct twice 0:1
reloc ?kprobe/b type_size struct twice 0
reloc kprobe/c field_byte_offset struct some 0:0
reloc kprobe/c enumval_value enum color 0
reloc kprobe/c enumval_exists enum color 1
reloc kprobe/c field_byte_offset struct one 0:9
reloc kprobe/c type_id_target struct moved 0
`

func TestOutcomes(t *testing.T) {
	libbpf := judge.Libbpf(t)
	want := []string{
		"kprobe/a #0: 4; 1 of 1",
		"kprobe/a #1: poison; 0 of 1",
		"kprobe/a #2: 0; 0 of 1",
		"kprobe/a #3: 4; 1 of 1",
		"kprobe/a #4: 0; 0 of 0",
		"?kprobe/b #5: offset-ambiguity; 0 of 2",
		"?kprobe/b #6: 8; 2 of 2",
		"kprobe/c #7: 0; 1 of 2",
		"kprobe/c #8: 7; 1 of 1",
		"kprobe/c #9: 0; 0 of 1",
		"kprobe/c #10: local-spec; 0 of 1",
		"kprobe/c #11: 3; 1 of 1",
	}
	for _, order := range orders {
		outcomes, err := libbpf.Outcomes(btftest.Compile(t, order, kernel), btftest.Object(t, order, object))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range outcomes {
			value := strings.TrimSuffix(o.String(), ", instruction refused") // what it was before is not the point here
			got = append(got, fmt.Sprintf("%s #%d: %s; %d of %d", o.Section, o.Record, value, o.Matching, o.Candidates))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: got\n%s\nexpected\n%s", order, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// Compare must see each kind of difference, or its silence would mean nothing.
func TestCompare(t *testing.T) {
	libbpf := judge.Libbpf(t)
	for _, c := range []struct {
		name, old, min string
		relocation     string
	}{
		{"same", "", "", ""},
		{"member that nobody needs", "a int @0; b int @32 }\nstruct moved", "b int @32 }\nstruct moved", ""},
		{"member", "; b int @32 }\nstruct moved", " }\nstruct moved", "struct one.b"},
		{"found", "struct some", "struct none 4 { }\nstruct some", "struct none"},
		{"second candidate lost", "struct twice 8 { b int @0; a int @32 }\n", "", "struct twice.b"},
		{"size", "struct twice 8 { b int @0; a int @32 }", "struct twice 12 { b int @0; a int @32 }", "struct twice"},
		{"value", "RED = 7", "RED = 8", "enum color::RED"},
		{"type id", "int int 4 signed", "int int 4 signed\nstruct other 4 { }", ""},
		{"type of an id", "struct moved 8", "struct renamed 8", "struct moved"},
	} {
		for _, order := range orders {
			t.Run(c.name+"/"+order.String(), func(t *testing.T) {
				min := strings.Replace(kernel, c.old, c.min, 1)
				if (min == kernel) != (c.name == "same") {
					t.Fatal("the case is not what it says")
				}
				res, err := libbpf.Compare(btftest.Compile(t, order, kernel), btftest.Compile(t, order, min), btftest.Object(t, order, object))
				if err != nil {
					t.Fatal(err)
				}
				if res.Relocations != 12 || res.TypeIDs != 1 || res.Errors != 2 || res.Loads < 5 || res.Sets < 5 || res.Sets > 8 || res.Mixed < 1 || res.Mixed > 3 {
					t.Errorf("%+v", res)
				}
				found := slices.ContainsFunc(res.Differences, func(d judge.Difference) bool {
					return strings.Contains(d.Relocation, c.relocation+" ") || strings.HasSuffix(d.Relocation, c.relocation)
				})
				if found != (c.relocation != "") {
					t.Errorf("a difference at %q: %v\n%v", c.relocation, found, res.Differences)
				}
			})
		}
	}
}

// Libbpf takes a size of 2 GiB and more for an error.
func TestHugeSize(t *testing.T) {
	libbpf := judge.Libbpf(t)
	for _, size := range []string{"0x80000000", "0x80000008", "0xffffffff"} {
		outcomes, err := libbpf.Outcomes(btftest.Compile(t, binary.LittleEndian, "int int 4\nstruct one "+size+" { a int @0 }"),
			btftest.Object(t, binary.LittleEndian, "int int 4\nstruct one 4 { a int @0 }\nreloc kprobe/a field_exists struct one 0:0"))
		if err != nil {
			t.Fatalf("%s: %v", size, err)
		}
		if outcomes[0].Class != judge.CandidateError || outcomes[0].Errno == 0 {
			t.Errorf("%s: %+v", size, outcomes[0])
		}
	}
}

// The whole loader sees a difference, too.
func TestLoader(t *testing.T) {
	loader := judge.LibbpfLoader(t)
	for _, order := range orders {
		full, obj := btftest.Compile(t, order, kernel), btftest.Object(t, order, object)
		for _, c := range []struct {
			min     []byte
			differs bool
		}{{full, false}, {btftest.Compile(t, order, ""), true}} {
			switch res, err := loader.Compare(full, c.min, obj); {
			case err != nil:
				t.Error(err)
			case (len(res.Differences) > 0) != c.differs:
				t.Errorf("%v: differences %v", order, res.Differences)
			}
		}
	}
}

// One process serves many comparisons, and damage ends none of them.
func TestCompareAfterDamage(t *testing.T) {
	libbpf := judge.Libbpf(t)
	full, obj := btftest.Compile(t, binary.LittleEndian, kernel), btftest.Object(t, binary.LittleEndian, object)
	empty := btftest.Compile(t, binary.LittleEndian, "")
	for _, c := range []struct {
		name              string
		full, min, object []byte
		differs, fails    bool
	}{
		{"good", full, full, obj, false, false},
		{"bad min", full, empty, obj, true, false},
		{"half an object", full, full, obj[:100], false, true},
		{"no object", full, full, nil, false, true},
		{"half a min", full, full[:20], obj, false, true},
		{"half a full", full[:20], full, obj, false, true},
		{"bad full", empty, full, obj, true, false},
		{"good again", full, full, obj, false, false},
	} {
		switch res, err := libbpf.Compare(c.full, c.min, c.object); {
		case (err != nil) != c.fails:
			t.Errorf("%s: %v", c.name, err)
		case err == nil && (len(res.Differences) > 0) != c.differs:
			t.Errorf("%s: %v", c.name, res.Differences)
		}
	}
}
