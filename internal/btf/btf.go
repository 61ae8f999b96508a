// Package btf reads and writes the BPF Type Format's wire form: the raw bytes
// of /sys/kernel/btf/vmlinux, of an object's .BTF section or of a BTFHub file.
//
// The format is defined by the kernel's include/uapi/linux/btf.h and
// Documentation/bpf/btf.rst. Both byte orders are read, headers of 24 bytes,
// of 32 bytes (with a layout section) and longer ones, and split BTF on top of
// its base. A File refers to the bytes it was given and costs six
// bytes per type; only types of another byte order than this machine's are copied.
//
// Input is hostile until proven otherwise. Parse checks every count, offset
// and type id, so that no later access can leave the input, and that no type
// contains itself; it allocates no more than three times the input's size.
package btf

import "fmt"

// Kind is a BTF_KIND_* constant.
type Kind uint8

// The kinds of include/uapi/linux/btf.h.
const (
	Void Kind = iota
	Int
	Ptr
	Array
	Struct
	Union
	Enum
	Fwd
	Typedef
	Volatile
	Const
	Restrict
	Func
	FuncProto
	Var
	Datasec
	Float
	DeclTag
	TypeTag
	Enum64

	numKinds
)

var kindNames = [numKinds]string{
	"void", "int", "ptr", "array", "struct", "union", "enum", "fwd", "typedef", "volatile", "const",
	"restrict", "func", "func_proto", "var", "datasec", "float", "decl_tag", "type_tag", "enum64",
}

func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// ParseKind is the inverse of Kind.String.
func ParseKind(s string) (Kind, bool) {
	for k, n := range kindNames {
		if n == s {
			return Kind(k), true
		}
	}
	return 0, false
}

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(b []byte) error {
	var ok bool
	if *k, ok = ParseKind(string(b)); !ok {
		return fmt.Errorf("unknown kind of type %q", b)
	}
	return nil
}

// IsComposite reports whether k is STRUCT or UNION.
func (k Kind) IsComposite() bool { return k == Struct || k == Union }

// IsEnum reports whether k is ENUM or ENUM64.
func (k Kind) IsEnum() bool { return k == Enum || k == Enum64 }

// IsModifier reports whether both loaders look through k: TYPEDEF, CONST,
// VOLATILE, RESTRICT, TYPE_TAG (libbpf's skip_mods_and_typedefs).
func (k Kind) IsModifier() bool {
	switch k {
	case Typedef, Volatile, Const, Restrict, TypeTag:
		return true
	}
	return false
}

// A Type is one record in a form common to all kinds. Fields that a kind does
// not have are zero.
type Type struct {
	Kind  Kind
	KFlag bool   // kind_flag
	Name  uint32 // reference for File.String; 0 if unnamed
	// Size in bytes of INT, FLOAT, STRUCT, UNION, ENUM, ENUM64, DATASEC; the
	// number of elements of an ARRAY.
	Size uint32
	// Ref is the type that a PTR, modifier, FUNC, VAR or DECL_TAG refers to, an
	// ARRAY's element type, a FUNC_PROTO's return type.
	Ref   uint32
	Index uint32 // ARRAY: index type
	// Word is the extra word of INT (encoding, offset, bits), VAR (linkage) and
	// DECL_TAG (component index).
	Word    uint32
	Linkage uint32 // FUNC: the linkage that is kept in vlen
	Members []Member
}

// A Member is a struct or union member, an enumerator, a parameter or a
// variable of a DATASEC.
type Member struct {
	Name uint32
	// Type of a member, parameter or variable; the high 32 bits of an ENUM64's value.
	Type uint32
	// Offset word of a member as it stands in the record (with kind_flag:
	// bitfield size << 24 | bit offset); the low 32 bits of an enumerator's
	// value; a DATASEC variable's offset in bytes.
	Offset uint32
	Size   uint32 // DATASEC: the variable's size in bytes
}

const (
	magic         = 0xeb9f
	version       = 1
	headerLen     = 24 // up to str_len
	headerLenLay  = 32 // with layout_off, layout_len
	recordWords   = 3  // struct btf_type
	maxVlen       = 1<<24 - 1
	maxNestedness = 1024
)

// A layout is how many words follow a record of a kind: once, and for each
// entry (struct btf_layout, which counts bytes).
type layout struct {
	known      bool
	once, each uint8
}

var layouts = [128]layout{
	Int:       {true, 1, 0},
	Ptr:       {true, 0, 0},
	Array:     {true, 3, 0},
	Struct:    {true, 0, 3},
	Union:     {true, 0, 3},
	Enum:      {true, 0, 2},
	Fwd:       {true, 0, 0},
	Typedef:   {true, 0, 0},
	Volatile:  {true, 0, 0},
	Const:     {true, 0, 0},
	Restrict:  {true, 0, 0},
	Func:      {true, 0, 0},
	FuncProto: {true, 0, 2},
	Var:       {true, 1, 0},
	Datasec:   {true, 0, 3},
	Float:     {true, 0, 0},
	DeclTag:   {true, 1, 0},
	TypeTag:   {true, 0, 0},
	Enum64:    {true, 0, 3},
}
