package btftest

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
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
func main fn
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
