package objgen_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	ciliumbtf "github.com/cilium/ebpf/btf"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/objgen"
)

// Ids of the local types that newObject declares.
const (
	intID = iota + 1
	pointID
	arrayID
	shapeID
	colorID
	wideID
	typedefID
	longID
)

// newObject returns an object with these types:
//
//	struct point { int x, y; };
//	struct shape { int first : 3; int kind : 20; struct point *next; struct point points[4]; };
//	enum color { RED = -1, BLUE = 2 };
//	enum wide : unsigned long { FAR = 1 << 40 };
//	typedef struct shape shape_t;
func newObject(t *testing.T, order objgen.ByteOrder) *objgen.Object {
	t.Helper()
	o := objgen.New(order)
	name := o.Types.String
	const signed = 1 << 24
	for i, typ := range []btf.Type{
		intID - 1: {Kind: btf.Int, Name: name("int"), Size: 4, Word: signed | 32},
		pointID - 1: {Kind: btf.Struct, Name: name("point"), Size: 8, Members: []btf.Member{
			{Name: name("x"), Type: intID}, {Name: name("y"), Type: intID, Offset: 32},
		}},
		arrayID - 1: {Kind: btf.Array, Ref: pointID, Index: intID, Size: 4},
		shapeID - 1: {Kind: btf.Struct, KFlag: true, Name: name("shape"), Size: 48, Members: []btf.Member{
			{Name: name("first"), Type: intID, Offset: 3 << 24},
			{Name: name("kind"), Type: intID, Offset: 20<<24 | 3},
			{Name: name("next"), Type: longID, Offset: 64},
			{Name: name("points"), Type: arrayID, Offset: 128},
		}},
		colorID - 1: {Kind: btf.Enum, KFlag: true, Name: name("color"), Size: 4, Members: []btf.Member{
			{Name: name("RED"), Offset: 1<<32 - 1}, {Name: name("BLUE"), Offset: 2},
		}},
		wideID - 1: {Kind: btf.Enum64, Name: name("wide"), Size: 8, Members: []btf.Member{
			{Name: name("FAR"), Type: 1 << 8},
		}},
		typedefID - 1: {Kind: btf.Typedef, Name: name("shape_t"), Ref: shapeID},
		longID - 1:    {Kind: btf.Ptr, Ref: pointID},
	} {
		id, err := o.Types.Add(&typ)
		if err != nil || int(id) != i+1 {
			t.Fatalf("type %d: id %d, %v", i+1, id, err)
		}
	}
	return o
}

var orders = []objgen.ByteOrder{binary.LittleEndian, binary.BigEndian}

// TestValues checks the value in the instruction of each kind of relocation.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		kind   core.RelocationKind
		typeID uint32
		access string
		little int64
		big    int64 // little's if 0
	}{
		{core.FieldByteOffset, pointID, "0:1", 4, 0},
		{core.FieldByteOffset, pointID, "2:1", 20, 0},
		{core.FieldByteOffset, shapeID, "0:3:2:1", 36, 0},
		{core.FieldByteOffset, typedefID, "0:2", 8, 0},
		{core.FieldByteOffset, shapeID, "0:1", 0, 0},
		{core.FieldByteSize, shapeID, "0:3", 32, 0},
		{core.FieldByteSize, shapeID, "0:1", 4, 0},
		{core.FieldExists, shapeID, "0:2", 1, 0},
		{core.FieldSigned, shapeID, "0:1", 1, 0},
		{core.FieldSigned, shapeID, "0:2", 0, 0},
		{core.FieldLShiftU64, shapeID, "0:1", 41, 35},
		{core.FieldRShiftU64, shapeID, "0:1", 44, 0},
		{core.FieldLShiftU64, pointID, "0:1", 32, 0},
		{core.TypeIDLocal, shapeID, "0", shapeID, 0},
		{core.TypeIDTarget, shapeID, "0", shapeID, 0},
		{core.TypeExists, shapeID, "0", 1, 0},
		{core.TypeSize, typedefID, "0", 48, 0},
		{core.TypeMatches, pointID, "0", 1, 0},
		{core.EnumvalExists, colorID, "1", 1, 0},
		{core.EnumvalValue, colorID, "0", -1, 0},
		{core.EnumvalValue, wideID, "0", 1 << 40, 0},
	} {
		for _, order := range orders {
			o := newObject(t, order)
			p := o.Func("kprobe/a", "a")
			p.Move(1, c.kind, c.typeID, c.access)
			p.Emit(objgen.MoveImm(0, 0), objgen.Exit())
			got := load(t, o).Programs["a"].Instructions[0].Constant
			want := c.little
			if order == binary.BigEndian && c.big != 0 {
				want = c.big
			}
			if got != want {
				t.Errorf("%s of type %d, access %s, %s: %d, want %d", c.kind, c.typeID, c.access, order, got, want)
			}
		}
	}
}

// load builds an object and reads it as cilium/ebpf does.
func load(t *testing.T, o *objgen.Object) *ebpf.CollectionSpec {
	t.Helper()
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(build(t, o)))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func build(t *testing.T, o *objgen.Object) []byte {
	t.Helper()
	file, err := o.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func newPrograms(t *testing.T, order objgen.ByteOrder) *objgen.Object {
	o := newObject(t, order)
	sub := o.Func(objgen.Text, "sub")
	sub.Move(1, core.FieldExists, pointID, "0:1")
	sub.Load(0, 2, pointID, "0:1")
	sub.Emit(objgen.Exit())

	a := o.Func("kprobe/a", "a")
	a.Call(sub)
	a.Move(1, core.EnumvalValue, wideID, "0")
	a.Load(0, 2, shapeID, "0:2")
	a.Emit(objgen.Exit())

	b := o.Func("kprobe/b", "b")
	b.Raw(core.FieldByteSize, shapeID, "0:3", objgen.MoveImm(3, 32))
	b.Emit(objgen.MoveImm(0, 0), objgen.Exit())

	second := o.Func("kprobe/a", "a2")
	second.Move(0, core.TypeSize, typedefID, "0")
	second.Call(sub)
	second.Emit(objgen.Exit())
	return o
}

// TestRecords reads back what .BTF.ext holds.
func TestRecords(t *testing.T) {
	for _, order := range orders {
		o, err := core.ReadObject(build(t, newPrograms(t, order)))
		if err != nil {
			t.Fatal(err)
		}
		if o.BigEndian != (order == binary.BigEndian) {
			t.Errorf("%s: read as the other byte order", order)
		}
		var got []core.Record
		var access []string
		for _, r := range o.Records() {
			access = append(access, o.BTF.String(r.Access))
			r.Access = 0
			got = append(got, r)
		}
		want := []core.Record{
			{Section: ".text", InsnOffset: 0, TypeID: pointID, Kind: core.FieldExists},
			{Section: ".text", InsnOffset: 8, TypeID: pointID, Kind: core.FieldByteOffset},
			{Section: "kprobe/a", InsnOffset: 8, TypeID: wideID, Kind: core.EnumvalValue},
			{Section: "kprobe/a", InsnOffset: 24, TypeID: shapeID, Kind: core.FieldByteOffset},
			{Section: "kprobe/a", InsnOffset: 40, TypeID: typedefID, Kind: core.TypeSize},
			{Section: "kprobe/b", InsnOffset: 0, TypeID: shapeID, Kind: core.FieldByteSize},
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: records\n%+v, want\n%+v", order, got, want)
		}
		if want := []string{"0:1", "0:1", "0", "0:2", "0", "0:3"}; !slices.Equal(access, want) {
			t.Errorf("%s: access strings %q, want %q", order, access, want)
		}
	}
}

// TestCilium relocates programs against their own types: all that a loader
// checks must hold, and no instruction may change.
func TestCilium(t *testing.T) {
	for _, order := range orders {
		spec := load(t, newPrograms(t, order))
		if len(spec.Programs) != 3 {
			t.Errorf("%d programs, want 3", len(spec.Programs))
		}
		for name, want := range map[string]int{"a": 4, "a2": 3, "b": 1} {
			p := spec.Programs[name]
			if p.License != "GPL" || p.ByteOrder != binary.ByteOrder(order) {
				t.Errorf("program %s: license %q, byte order %s", name, p.License, p.ByteOrder)
			}
			if got := relocate(t, p.Instructions, spec.Types, order); got != want {
				t.Errorf("program %s has %d relocations, want %d", name, got, want)
			}
		}
	}
}

func relocate(t *testing.T, insns asm.Instructions, kernel *ciliumbtf.Spec, order objgen.ByteOrder) int {
	t.Helper()
	var relos []*ciliumbtf.CORERelocation
	var at []*asm.Instruction
	for i := range insns {
		if r := ciliumbtf.CORERelocationMetadata(&insns[i]); r != nil {
			relos = append(relos, r)
			at = append(at, &insns[i])
			if source := insns[i].Source(); source == nil || !strings.Contains(source.String(), "use(") {
				t.Errorf("%s: line of source is %v", r, source)
			}
		}
	}
	fixups, err := ciliumbtf.CORERelocate(relos, []*ciliumbtf.Spec{kernel}, order, kernel.TypeID)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range fixups {
		before := *at[i]
		if err := f.Apply(at[i]); err != nil {
			t.Errorf("%s: %v", relos[i], err)
		}
		if after := *at[i]; after.OpCode != before.OpCode || after.Constant != before.Constant || after.Offset != before.Offset {
			t.Errorf("%s: %v became %v", relos[i], before, after)
		}
	}
	return len(fixups)
}

func TestDeterminism(t *testing.T) {
	for _, order := range orders {
		if !bytes.Equal(build(t, newPrograms(t, order)), build(t, newPrograms(t, order))) {
			t.Errorf("%s: two builds differ", order)
		}
	}
}

// TestEmpty: an object needs neither programs nor a license.
func TestEmpty(t *testing.T) {
	for _, order := range orders {
		o := objgen.New(order)
		o.License = ""
		got, err := core.ReadObject(build(t, o))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range got.Records() {
			t.Errorf("%s: relocation %+v", order, r)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(p *objgen.Func)
		want  string
	}{
		{"no type", func(p *objgen.Func) { p.Move(0, core.TypeSize, 99, "0") }, "type 99, but there are only 8"},
		{"no number", func(p *objgen.Func) { p.Move(0, core.FieldExists, pointID, "0:x") }, `access "0:x"`},
		{"no member", func(p *objgen.Func) { p.Move(0, core.FieldExists, pointID, "0:2") }, `leads out of type 2 (struct "point")`},
		{"no enumerator", func(p *objgen.Func) { p.Move(0, core.EnumvalValue, colorID, "2") }, "names no enumerator"},
		{"load of a struct", func(p *objgen.Func) { p.Load(0, 1, shapeID, "0:3") }, "no load of 32 bytes"},
		{"load of a bitfield", func(p *objgen.Func) { p.Load(0, 1, shapeID, "0:1") }, "no load of 4 bytes"},
	} {
		o := newObject(t, binary.LittleEndian)
		c.build(o.Func("kprobe/a", "a"))
		if _, err := o.Bytes(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		o = newObject(t, binary.LittleEndian)
		o.Lenient = true
		c.build(o.Func("kprobe/a", "a"))
		if c.name == "no type" {
			continue // that is no object at all
		}
		got, err := core.ReadObject(build(t, o))
		if err != nil {
			t.Errorf("%s: lenient: %v", c.name, err)
			continue
		}
		n := 0
		for range got.Records() {
			n++
		}
		if n != 1 {
			t.Errorf("%s: lenient: %d relocations", c.name, n)
		}
	}
}
