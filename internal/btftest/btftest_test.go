package btftest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	wire "github.com/khulnasoft/rules_btf/internal/btf"
)

// everything is in the form that Format writes.
const everything = `int int 4 signed
int unsigned~char 1 bits 3 offset 5
int byte 1 char bool
float double 8
struct s 24 { a int @0; b int @32:3; next *struct s @64; struct 8 { in int @0 } @128; _ int @160; struct t @192 }
struct t 8 kflag {  }
struct t 4 { x fwd later#2 @0 }
union u 8 { x [2]const int @0; y struct t#2 @0 }
enum e 4 signed { A = 0; B = -1 }
enum e 4 { A = 4294967295 }
enum64 f 8 { C = 4294967296 }
fwd struct later
fwd union later
typedef fn func(int, *void, void) int
typedef deep const volatile restrict *tag user enum e#2
func main func(int) int
var v int
datasec .data 4 { var v @0:4; }
decl_tag note func main
type *tag user int
type *enum 8 { X = 1 }
`

func TestFormatIsCompileBackwards(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if got := Format(Parse(t, order, everything)); got != everything {
			t.Errorf("%v:\n%s\nexpected:\n%s", order, got, everything)
		}
	}
}

func TestCompileIsWhatCiliumReads(t *testing.T) {
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(Compile(t, binary.LittleEndian, `
		int int 4 signed
		struct s 16 { a int @0:3; _ int @3:29; union 8 { p *struct s @0; n [2]int @0 } @64 }
		enum64 e 8 { BIG = 0x100000000 }`)))
	if err != nil {
		t.Fatal(err)
	}
	var s *btf.Struct
	if err := spec.TypeByName("s", &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Members) != 3 || s.Members[0].BitfieldSize != 3 || s.Members[1].Name != "" || s.Members[1].Offset != 3 {
		t.Errorf("members %+v", s.Members)
	}
	u := s.Members[2].Type.(*btf.Union)
	if p := u.Members[0].Type.(*btf.Pointer); p.Target != s {
		t.Errorf("pointer to %v", p.Target)
	}
	if a := u.Members[1].Type.(*btf.Array); a.Nelems != 2 {
		t.Errorf("array %v", a)
	}
	var e *btf.Enum
	if err := spec.TypeByName("e", &e); err != nil || e.Values[0].Value != 1<<32 {
		t.Errorf("enum %+v, %v", e, err)
	}
}

func TestObjectIsWhatCiliumLoads(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(Object(t, order, `
			int int 4 signed
			struct s 4 { a int @0 }
			reloc kprobe/x field_byte_offset struct s 0:0
			reloc socket type_exists struct s 0
			reloc kprobe/x field_exists struct s 0:0`)))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		for name, p := range spec.Programs {
			for i := range p.Instructions {
				if r := btf.CORERelocationMetadata(&p.Instructions[i]); r != nil {
					got[name] = append(got[name], r.String())
				}
			}
		}
		if len(got["kprobe_x"]) != 2 || len(got["socket"]) != 1 || !strings.Contains(got["socket"][0], "type_exists") {
			t.Errorf("%v: %v", order, got)
		}
	}
}

const object = `int int 4 signed
struct s 4 { a int @0; b int @32 }
struct s 8 { l [2]struct s @0 }
reloc .text field_exists struct s 0:1
call .text#2 .text
reloc .text#2 type_exists *struct s 0
load kprobe/a struct s#2 0:0:1
call kprobe/a .text#2
reloc ?kprobe/b enumval_value enum 4 { A = 0 } 0
reloc kprobe/a#2 field_byte_size struct s 0:0
`

func TestTextIsReadBackwards(t *testing.T) {
	s, err := Read(object)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Text(); err != nil || got != object {
		t.Errorf("%v:\n%s\nexpected:\n%s", err, got, object)
	}
	if got := From(Parse(t, binary.BigEndian, everything)); len(got.Types) < 30 {
		t.Errorf("%d types", len(got.Types))
	} else if text, err := got.Text(); err != nil || text != everything {
		t.Errorf("%v:\n%s\nexpected:\n%s", err, text, everything)
	}
}

func TestFunctionsAreWhatCiliumLoads(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(Object(t, order, object)))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for name, p := range spec.Programs {
			for i := range p.Instructions {
				ins := &p.Instructions[i]
				if r := btf.CORERelocationMetadata(ins); r != nil {
					got[name] += fmt.Sprintf("%d+%d ", ins.Constant, ins.Offset)
				}
			}
		}
		// The subprograms' constants follow those of the program: 1 and 1.
		if want := map[string]string{"kprobe_a": "0+4 1+0 1+0 ", "kprobe_a_2": "4+0 ", "kprobe_b": "0+0 "}; !maps.Equal(got, want) {
			t.Errorf("%v: %v, expected %v", order, got, want)
		}
	}
}

func TestModuleGoesOnFromItsBase(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		base := Parse(t, order, everything)
		const module = `struct mod 24 { a int @0; own *struct mod @64; s struct s @128 }
typedef mod_t struct mod
struct s 8 { n [2]int @0 }
`
		raw := Module(t, base, module)
		m, err := wire.ParseSplit(raw, base)
		if err != nil {
			t.Fatal(err)
		}
		if got := Format(m); got != everything+module {
			t.Errorf("%v:\n%s", order, got)
		}
		if kind, name := m.Head(m.FirstOwn()); kind != wire.Struct || m.String(name) != "mod" {
			t.Errorf("the first type is %s", m.Describe(m.FirstOwn()))
		}
		spec, err := btf.LoadSpecFromReader(bytes.NewReader(Compile(t, order, everything)))
		if err != nil {
			t.Fatal(err)
		}
		split, err := btf.LoadSplitSpecFromReader(bytes.NewReader(raw), spec)
		if err != nil {
			t.Fatal(err)
		}
		var s *btf.Struct
		if err := split.TypeByName("mod", &s); err != nil || s.Members[1].Type.(*btf.Pointer).Target != s {
			t.Errorf("%v: %v", s, err)
		}
	}
}
