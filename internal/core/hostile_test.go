package core_test

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/hostile"
)

// A maker makes types by the thousand.
type maker struct {
	*btf.Writer
	t    testing.TB
	refs []core.Relocation // what JSON asks of a kernel
	recs []uint32          // what an object asks: type, access, kind
}

func newMaker(t testing.TB) *maker {
	m := &maker{Writer: btf.NewWriter(), t: t}
	m.add(btf.Type{Kind: btf.Int, Name: m.String("int"), Size: 4, Word: 32}) // type 1
	return m
}

func (m *maker) add(ty btf.Type) uint32 {
	id, err := m.Add(&ty)
	if err != nil {
		m.t.Fatal(err)
	}
	return id
}

// many returns members of a type, m0 and so on.
func (m *maker) many(n int, ty uint32) []btf.Member {
	ms := make([]btf.Member, n)
	for i := range ms {
		ms[i] = btf.Member{Name: m.String(fmt.Sprint("m", i)), Type: ty, Offset: uint32(i)}
	}
	return ms
}

// chain returns the end of a chain of n modifiers.
func (m *maker) chain(n int, id uint32) uint32 {
	for range n {
		id = m.add(btf.Type{Kind: btf.Const, Ref: id})
	}
	return id
}

func (m *maker) field(path ...string) {
	r := core.Relocation{Kind: core.FieldExists, TypeKind: btf.Struct, Type: "s", Path: []core.Accessor{{}}}
	for _, p := range path {
		r.Path = append(r.Path, core.Accessor{Name: p, Type: core.FieldType{Kind: btf.Int}})
	}
	m.refs = append(m.refs, r)
}

func (m *maker) record(id, access uint32, kind core.RelocationKind) {
	m.recs = append(m.recs, 0, id, access, uint32(kind))
}

// object is an object with the records.
func (m *maker) object() []byte {
	order := binary.LittleEndian
	head := []uint32{m.String("kprobe/a"), uint32(len(m.recs) / 4)}
	records, err := binary.Append(nil, order, append(head, m.recs...))
	if err != nil {
		m.t.Fatal(err)
	}
	e := btftest.ELF{Order: order}
	e.Add(".BTF", elf.SHT_PROGBITS, 0, m.Bytes(order))
	e.Add(".BTF.ext", elf.SHT_PROGBITS, 0, btftest.Ext(order, 32, 16, records))
	return e.Bytes()
}

// Kernels that are made to be looked at for hours, by relocations that are made
// for it. What would take more than any real kernel and objects is refused.
func TestHostileKernels(t *testing.T) {
	defer core.SetMaxWork(1 << 22)()
	for what, c := range map[string]struct {
		make func(m *maker)
		fits bool // no more work than is allowed
	}{
		"typedefs of a wide struct": {func(m *maker) {
			s := m.add(btf.Type{Kind: btf.Struct, Name: m.String("wide"), Members: m.many(50_000, 1)})
			for range 50_000 {
				m.add(btf.Type{Kind: btf.Typedef, Name: m.String("s"), Ref: s})
			}
			m.field("m7")
		}, true},
		"typedefs of a wide enum": {func(m *maker) {
			s := m.add(btf.Type{Kind: btf.Enum, Size: 4, Name: m.String("wide"), Members: m.many(50_000, 0)})
			for range 50_000 {
				m.add(btf.Type{Kind: btf.Typedef, Name: m.String("s"), Ref: s})
			}
			m.refs = []core.Relocation{{Kind: core.EnumvalExists, TypeKind: btf.Enum, Type: "s", Enumerator: "m3"}}
		}, true},
		"a wide struct at the end of many paths": {func(m *maker) {
			wide := m.add(btf.Type{Kind: btf.Struct, Name: m.String("wide"), Members: m.many(100_000, 1)})
			last := wide
			var path []string
			for i := range 500 {
				name := "s"
				if i < 499 {
					name = "t"
				}
				last = m.add(btf.Type{Kind: btf.Struct, Name: m.String(name), Members: []btf.Member{
					{Name: m.String("a"), Type: wide}, {Name: m.String("b"), Type: last},
				}})
				m.field(append(append([]string(nil), path...), "a", "m1")...)
				path = append(path, "b")
			}
		}, false},
		"many paths through many types": {func(m *maker) {
			const width, levels = 60, 10
			below := []uint32{1}
			for l := range levels {
				name := "t"
				if l == levels-1 {
					name = "s"
				}
				var ms []btf.Member
				for _, b := range below {
					ms = append(ms, btf.Member{Name: m.String("a"), Type: b}, btf.Member{Name: m.String("b"), Type: b})
				}
				below = below[:0:0]
				for range width {
					below = append(below, m.add(btf.Type{Kind: btf.Struct, Name: m.String(name), Members: ms}))
				}
			}
			for p := range 1 << levels {
				var path []string
				for l := range levels {
					path = append(path, string("ab"[p>>l&1]))
				}
				m.field(path...)
			}
		}, false},
		"circles of types that match each other": {func(m *maker) {
			const here, there = 20_001, 1000
			for i := range uint32(here) {
				m.add(btf.Type{Kind: btf.Struct, Name: m.String("s"), Members: []btf.Member{{Name: m.String("a"), Type: 2 + here + i}}})
			}
			for i := range uint32(here) {
				m.add(btf.Type{Kind: btf.Ptr, Ref: 2 + (i+1)%here})
			}
			var shape core.Shape
			for i := range there {
				shape = append(shape, core.ShapeType{Kind: btf.Struct, Name: "s", Members: []core.ShapeMember{{Name: "a", Type: 2*i + 1}}},
					core.ShapeType{Kind: btf.Ptr, Type: 2 * (i + 1) % (2 * there)})
			}
			m.refs = []core.Relocation{{Kind: core.TypeMatches, TypeKind: btf.Struct, Type: "s", Shape: shape}}
		}, false},
		"types of one name that disagree": {func(m *maker) {
			for i := range uint32(100_000) {
				m.add(btf.Type{Kind: btf.Struct, Name: m.String("s"), Members: []btf.Member{{Name: m.String("a"), Type: 1, Offset: 8 * i}}})
			}
			for i := range 100 {
				r := core.Relocation{Kind: core.FieldByteOffset, TypeKind: btf.Struct, Type: fmt.Sprint("s___", i),
					Path: []core.Accessor{{}, {Name: "a", Type: core.FieldType{Kind: btf.Int}}}}
				m.refs = append(m.refs, r)
			}
		}, true},
		"functions of many parameters": {func(m *maker) {
			s := m.add(btf.Type{Kind: btf.FuncProto, Members: make([]btf.Member, 50_000)})
			for range 50_000 {
				m.add(btf.Type{Kind: btf.Typedef, Name: m.String("s"), Ref: s})
			}
			m.refs = []core.Relocation{{Kind: core.TypeExists, TypeKind: btf.Typedef, Type: "s", Shape: core.Shape{{Kind: btf.FuncProto}}}}
		}, true},
		"long names": {func(m *maker) {
			name := m.String("s___" + strings.Repeat("_x", 30_000))
			members := make([]btf.Member, 1000)
			for i := range members {
				members[i] = btf.Member{Name: name, Type: 1}
			}
			for range 100_000 {
				m.add(btf.Type{Kind: btf.Union, Name: name})
			}
			m.add(btf.Type{Kind: btf.Struct, Name: m.String("s"), Members: members})
			m.refs = []core.Relocation{{Kind: core.TypeMatches, TypeKind: btf.Struct, Type: "s", Shape: core.Shape{{Kind: btf.Struct, Name: "s"}}}}
		}, true},
		"long chains": {func(m *maker) {
			end := m.chain(1000, 1)
			for range 100_000 {
				m.add(btf.Type{Kind: btf.Typedef, Name: m.String("s"), Ref: end})
			}
			m.refs = []core.Relocation{{Kind: core.TypeSize, TypeKind: btf.Typedef, Type: "s", Shape: core.Shape{{Kind: btf.Int}}}}
		}, true},
		"many long chains of pointers": {func(m *maker) {
			for i := range uint32(100_000) {
				if i%150 == 0 {
					m.add(btf.Type{Kind: btf.Typedef, Name: m.String("s"), Ref: i + 1})
					m.add(btf.Type{Kind: btf.Struct, Name: m.String(fmt.Sprint("t", i))})
				}
				m.add(btf.Type{Kind: btf.Ptr, Ref: uint32(i + 1 + 2*(i/150))})
			}
			m.refs = []core.Relocation{{Kind: core.TypeExists, TypeKind: btf.Typedef, Type: "s", Shape: core.Shape{{Kind: btf.Ptr}}}}
		}, true},
	} {
		t.Run(what, func(t *testing.T) {
			m := newMaker(t)
			c.make(m)
			rs, err := core.Union(&core.Relocations{ByteOrder: core.LittleEndian, Relocations: m.refs})
			if err != nil {
				t.Fatal(err)
			}
			k := btftest.File(t, m.Bytes(binary.LittleEndian))
			var min []byte
			costs := hostile.Bound{Factor: 32, Plus: 64 << 20, Live: true, Time: time.Minute}
			costs.Check(t, k.Size(), func() { min, err = core.Prune(graph.Raw{File: k}, rs) })
			switch {
			case c.fits && err == nil && len(min) > 24:
			case !c.fits && errors.Is(err, core.ErrWork) && min == nil && err.Error() == "relocations look at too much of the kernel's types: damaged?":
			default:
				t.Errorf("%d bytes, %v", len(min), err)
			}
			costs.Check(t, k.Size(), func() {
				if found, err := core.Findings(graph.Raw{File: k}, rs); err != nil && (found != nil || !errors.Is(err, core.ErrWork)) {
					t.Errorf("findings: %d, %v", len(found), err)
				}
			})
			costs.Check(t, k.Size(), func() {
				if found, err := core.Homonyms(graph.Raw{File: k}, rs); err != nil && (found != nil || !errors.Is(err, core.ErrWork)) {
					t.Errorf("homonyms: %d, %v", len(found), err)
				}
			})
		})
	}
}

// Objects whose relocations multiply their types.
func TestHostileObjects(t *testing.T) {
	const n = 50_000
	for what, c := range map[string]struct {
		make func(m *maker)
		want string // "": it is read
	}{
		"many relocations of a wide enum": {func(m *maker) {
			e := m.add(btf.Type{Kind: btf.Enum, Size: 4, Name: m.String("e"), Members: m.many(n, 0)})
			for i := range n {
				m.record(e, m.String(fmt.Sprint(i)), core.EnumvalValue)
			}
		}, ""},
		"many relocations of a wide struct": {func(m *maker) {
			s := m.add(btf.Type{Kind: btf.Struct, Name: m.String("s"), Members: m.many(n, 1)})
			for i := range n {
				m.record(s, m.String(fmt.Sprint("0:", i)), core.FieldExists)
			}
		}, ""},
		"many relocations that end at a wide struct": {func(m *maker) {
			wide := m.add(btf.Type{Kind: btf.Struct, Name: m.String("wide"), Members: m.many(n, 1)})
			s := m.add(btf.Type{Kind: btf.Struct, Name: m.String("s"), Members: m.many(n, wide)})
			for i := range n {
				m.record(s, m.String(fmt.Sprint("0:", i)), core.FieldExists)
			}
		}, ""},
		"a section of many variables that are a wide struct": {func(m *maker) {
			s := m.add(btf.Type{Kind: btf.Struct, Name: m.String("s"), Members: m.many(n, 1)})
			vars := make([]btf.Member, n)
			for i := range vars {
				vars[i].Type = s
			}
			m.add(btf.Type{Kind: btf.Datasec, Name: m.String(".ksyms"), Members: vars})
			m.record(s, m.String("0:0"), core.FieldExists)
		}, ""},
		"many types that lead to each other": {func(m *maker) {
			for i := range uint32(n) {
				m.add(btf.Type{Kind: btf.Struct, Name: m.String("s"), Members: []btf.Member{{Name: m.String("a"), Type: 2 + n + i}}})
			}
			for i := range uint32(n) {
				m.add(btf.Type{Kind: btf.Ptr, Ref: 2 + (i+1)%n})
				m.record(2+i, m.String("0"), core.TypeMatches)
			}
		}, "its relocations take more than 128 MiB"},
		"many relocations of a type with a long name": {func(m *maker) {
			s := m.add(btf.Type{Kind: btf.Struct, Name: m.String(strings.Repeat("x", 60_000)), Members: m.many(n, 1)})
			for i := range n {
				m.record(s, m.String(fmt.Sprint("0:", i)), core.FieldExists)
			}
		}, "its relocations take more than 128 MiB"},
		"a long access string": {func(m *maker) {
			access := m.String(strings.Repeat("0:", 30_000) + "0")
			for range n {
				m.record(m.add(btf.Type{Kind: btf.Struct, Name: m.String("s")}), access, core.TypeIDLocal)
			}
		}, "its relocations take more than 128 MiB"},
		"a longer one": {func(m *maker) {
			m.record(1, m.String(strings.Repeat("0:", 1<<20)+"0"), core.TypeIDLocal)
		}, "section .BTF.ext: access string of relocation 0: at 5, longer than 65535 bytes"},
		"a name that is too long": {func(m *maker) {
			m.add(btf.Type{Kind: btf.Struct, Name: m.String(strings.Repeat("x", 1<<16))})
			m.record(1, m.String("0"), core.TypeIDLocal)
		}, "section .BTF: invalid BTF: type 2 (struct) has a name of more than 65535 bytes"},
	} {
		t.Run(what, func(t *testing.T) {
			m := newMaker(t)
			c.make(m)
			file := m.object()
			var err error
			hostile.Bound{Factor: 64, Plus: 512 << 20, Live: true, Time: time.Minute}.Check(t, len(file), func() {
				var o *core.Object
				if o, err = core.ReadObject(file); err != nil {
					return
				}
				o.Uses()
				var rs *core.Relocations
				if rs, err = o.Relocations(); err != nil {
					return
				}
				_, err = rs.Marshal()
			})
			got := ""
			if err != nil {
				got = strings.TrimPrefix(err.Error(), core.ErrObject.Error()+": ")
			}
			if got != c.want {
				t.Errorf("%q, expected %q", got, c.want)
			}
		})
	}
}
