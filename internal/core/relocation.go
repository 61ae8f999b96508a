package core

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// RelocationKind is enum bpf_core_relo_kind of include/uapi/linux/bpf.h.
type RelocationKind uint32

// The 13 kinds of relocations.
const (
	FieldByteOffset RelocationKind = iota
	FieldByteSize
	FieldExists
	FieldSigned
	FieldLShiftU64
	FieldRShiftU64
	TypeIDLocal
	TypeIDTarget
	TypeExists
	TypeSize
	EnumvalExists
	EnumvalValue
	TypeMatches

	numRelocationKinds
)

var relocationKindNames = [numRelocationKinds]string{
	"field_byte_offset", "field_byte_size", "field_exists", "field_signed", "field_lshift_u64", "field_rshift_u64",
	"type_id_local", "type_id_target", "type_exists", "type_size", "enumval_exists", "enumval_value", "type_matches",
}

func (k RelocationKind) String() string {
	if k < numRelocationKinds {
		return relocationKindNames[k]
	}
	return fmt.Sprintf("relocation kind %d", uint32(k))
}

// MarshalText implements encoding.TextMarshaler.
func (k RelocationKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *RelocationKind) UnmarshalText(b []byte) error {
	i := slices.Index(relocationKindNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("unknown relocation kind %q", b)
	}
	*k = RelocationKind(i)
	return nil
}

// IsField reports whether k is about a field of a type.
func (k RelocationKind) IsField() bool { return k <= FieldRShiftU64 }

// IsEnumval reports whether k is about an enumerator.
func (k RelocationKind) IsEnumval() bool { return k == EnumvalExists || k == EnumvalValue }

// isRoot reports whether a relocation can be about a type of kind k. Functions,
// variables and what describes them match nothing: libbpf finds none,
// cilium/ebpf refuses them, and graphs have no such candidates.
func isRoot(k btf.Kind) bool {
	switch k {
	case btf.Func, btf.Var, btf.Datasec, btf.DeclTag:
		return false
	}
	return true
}

// A Relocation is one requirement on the kernel's types, free of all that
// changes with the code around it: no instruction, section or program, no
// type id, no string offset.
type Relocation struct {
	Kind RelocationKind
	// TypeKind and Type are those of the local type, with its flavor.
	TypeKind btf.Kind
	Type     string
	// Path of a field: a first index, then names and indices. Anonymous members
	// have no part in it.
	Path []Accessor
	// Enumerator is the local enumerator's name.
	Enumerator string
	// Shape is the local type as matching consults it: of type_matches, and of
	// other type relocations whose root does not say it all: typedefs, pointers,
	// arrays and functions.
	Shape Shape
}

// An Accessor is one step of a path: a member's name or, if that is empty, an index.
type Accessor struct {
	Name  string
	Type  FieldType // of a named member
	Index int
}

func (a Accessor) compare(b Accessor) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Index, b.Index), a.Type.compare(b.Type))
}

// A FieldType is a local member's type as far as it decides whether a member
// of the kernel is compatible with it (libbpf's bpf_core_fields_are_compat).
type FieldType struct {
	Kind btf.Kind // UNION counts as STRUCT, ENUM64 as ENUM; Void is compatible with nothing
	Name string   // ENUM, FWD: the essential name
	Dims int      // how many ARRAYs stand around it
}

func (t FieldType) compare(u FieldType) int {
	return cmp.Or(cmp.Compare(t.Kind, u.Kind), cmp.Compare(t.Name, u.Name), cmp.Compare(t.Dims, u.Dims))
}

// String describes the type: "enum pid_type[]".
func (t FieldType) String() string {
	s := t.Kind.String()
	if t.Name != "" {
		s += " " + t.Name
	}
	return s + strings.Repeat("[]", t.Dims)
}

func parseFieldType(s string) (FieldType, error) {
	base := s
	var t FieldType
	for strings.HasSuffix(base, "[]") {
		base = base[:len(base)-2]
		t.Dims++
	}
	kind, name, _ := strings.Cut(base, " ")
	var ok bool
	t.Kind, ok = btf.ParseKind(kind)
	t.Name = name
	// The name is an essential one, and may yet end like a flavor.
	if n := t.normal(); !ok || t.String() != s || t.Kind != n.Kind || (t.Name == "") != (n.Name == "") {
		return t, fmt.Errorf("unknown type of a member %q", s)
	}
	return t, nil
}

// normal returns the one type that stands for all that match alike.
func (t FieldType) normal() FieldType {
	switch t.Kind {
	case btf.Struct, btf.Union:
		t.Kind, t.Name = btf.Struct, ""
	case btf.Enum, btf.Enum64:
		t.Kind, t.Name = btf.Enum, graph.EssentialName(t.Name)
	case btf.Fwd:
		t.Name = graph.EssentialName(t.Name)
	case btf.Int, btf.Ptr, btf.Float:
		t.Name = ""
	default:
		t.Kind, t.Name = btf.Void, ""
	}
	return t
}

// A Shape is a type graph whose root is node 0. Typedefs and modifiers, which
// matching skips, are not in it. Nodes are numbered in the order of a
// breadth-first walk, so equal shapes are equal as data.
type Shape []ShapeType

// A ShapeType is a node of a Shape.
type ShapeType struct {
	Kind    btf.Kind      `json:"kind"`
	Name    string        `json:"name,omitempty"`
	Size    uint32        `json:"size,omitempty"`   // bytes; ARRAY: elements
	Signed  bool          `json:"signed,omitempty"` // INT
	Union   bool          `json:"union,omitempty"`  // FWD of a union
	Type    int           `json:"type,omitempty"`   // PTR, ARRAY, FUNC_PROTO (return type): node
	Index   int           `json:"index,omitempty"`  // ARRAY: node of the index type
	Members []ShapeMember `json:"members,omitempty"`
}

// A ShapeMember is a member, a parameter (without a name) or an enumerator (without a type).
type ShapeMember struct {
	Name string `json:"name,omitempty"`
	Type int    `json:"type,omitempty"`
}

func (a ShapeType) compare(b ShapeType) int {
	return cmp.Or(
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Size, b.Size),
		compareBool(a.Signed, b.Signed), compareBool(a.Union, b.Union),
		cmp.Compare(a.Type, b.Type), cmp.Compare(a.Index, b.Index),
		slices.CompareFunc(a.Members, b.Members, func(a, b ShapeMember) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type))
		}))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (r *Relocation) compare(o *Relocation) int {
	return cmp.Or(
		cmp.Compare(r.Type, o.Type),
		cmp.Compare(r.TypeKind, o.TypeKind),
		slices.CompareFunc(r.Path, o.Path, Accessor.compare),
		cmp.Compare(r.Enumerator, o.Enumerator),
		cmp.Compare(r.Kind, o.Kind),
		slices.CompareFunc(r.Shape, o.Shape, ShapeType.compare))
}

// String describes the relocation in C's words: "field_exists struct sock.sk_protocol".
func (r *Relocation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", r.Kind, r.TypeKind, r.Type)
	for i, a := range r.Path {
		switch {
		case a.Name != "":
			b.WriteString("." + a.Name)
		case i > 0 || a.Index > 0:
			fmt.Fprintf(&b, "[%d]", a.Index)
		}
	}
	if r.Enumerator != "" {
		b.WriteString("::" + r.Enumerator)
	}
	return b.String()
}

// ByteOrder says how an object, and so its kernels, store integers.
type ByteOrder string

// The byte orders. An empty one is that of no object at all.
const (
	LittleEndian ByteOrder = "little"
	BigEndian    ByteOrder = "big"
)

func byteOrder(big bool) ByteOrder {
	if big {
		return BigEndian
	}
	return LittleEndian
}

// Relocations is a canonical set: sorted, without duplicates. Two sets are
// equal if and only if their JSON is.
type Relocations struct {
	ByteOrder   ByteOrder
	Relocations []Relocation
}

// Find returns the index of an equal relocation.
func (rs *Relocations) Find(r *Relocation) (i int, found bool) {
	return slices.BinarySearchFunc(rs.Relocations, r, func(a Relocation, b *Relocation) int { return a.compare(b) })
}

// normalize sorts and removes duplicates.
func (rs *Relocations) normalize() {
	slices.SortFunc(rs.Relocations, func(a, b Relocation) int { return a.compare(&b) })
	rs.Relocations = slices.CompactFunc(rs.Relocations, func(a, b Relocation) bool { return a.compare(&b) == 0 })
}
