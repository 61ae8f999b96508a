package objgen

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
)

// A value is what a compiler computes for a relocation from the local type.
type value struct {
	value    uint64
	size     uint32 // of a field, in bytes
	bitfield bool
}

func localValue(f *btf.File, order ByteOrder, kind core.RelocationKind, id uint32, access string) (value, error) {
	if id >= f.NumTypes() {
		return value{}, fmt.Errorf("type %d, but there are only %d", id, f.NumTypes()-1)
	}
	switch kind {
	case core.TypeExists, core.TypeMatches:
		return value{value: 1}, nil
	case core.TypeIDLocal, core.TypeIDTarget:
		return value{value: uint64(id)}, nil
	case core.TypeSize:
		return value{value: uint64(sizeOf(f, id))}, nil
	}
	var path []int
	for part := range strings.SplitSeq(access, ":") {
		i, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return value{}, fmt.Errorf("access %q: %w", access, err)
		}
		path = append(path, int(i))
	}
	if kind.IsEnumval() {
		return enumerator(f, kind, id, path)
	}
	fd, err := findField(f, id, path)
	if err != nil {
		return value{}, fmt.Errorf("access %q: %w", access, err)
	}
	v := value{size: fd.size, bitfield: fd.bitfield}
	switch kind {
	case core.FieldByteOffset:
		v.value = uint64(fd.offset)
	case core.FieldByteSize:
		v.value = uint64(fd.size)
	case core.FieldExists:
		v.value = 1
	case core.FieldSigned:
		if isSigned(f, fd.id) {
			v.value = 1
		}
	case core.FieldLShiftU64:
		v.value = uint64(64 - fd.bit - fd.bits)
		if order == binary.BigEndian {
			v.value = uint64(64 - 8*fd.size + fd.bit)
		}
	case core.FieldRShiftU64:
		v.value = uint64(64 - fd.bits)
	default:
		return value{}, fmt.Errorf("no value for %s", kind)
	}
	return v, nil
}

func enumerator(f *btf.File, kind core.RelocationKind, id uint32, path []int) (value, error) {
	t := underlying(f, id)
	if !t.Kind.IsEnum() || len(path) != 1 || path[0] >= len(t.Members) {
		return value{}, fmt.Errorf("%v names no enumerator of type %s", path, f.Describe(id))
	}
	m := t.Members[path[0]]
	switch {
	case kind == core.EnumvalExists:
		return value{value: 1}, nil
	case t.Kind == btf.Enum64:
		return value{value: uint64(m.Type)<<32 | uint64(m.Offset)}, nil
	case t.KFlag:
		return value{value: uint64(int32(m.Offset))}, nil
	}
	return value{value: uint64(m.Offset)}, nil
}

// A field is the end of a path. Of a bitfield, offset and size are those of
// the integer to load, and bit is where the field begins in it.
type field struct {
	id           uint32
	offset, size uint32 // bytes
	bit, bits    uint32
	bitfield     bool
}

func findField(f *btf.File, id uint32, path []int) (field, error) {
	at := uint32(path[0]) * sizeOf(f, id) * 8 // in bits
	width := uint32(0)                        // of a bitfield
	for _, i := range path[1:] {
		switch t := underlying(f, id); {
		case t.Kind.IsComposite() && i < len(t.Members):
			m := t.Members[i]
			offset := m.Offset
			if t.KFlag {
				offset, width = m.Offset&0xffffff, m.Offset>>24
			}
			at += offset
			id = m.Type
		case t.Kind == btf.Array:
			at += uint32(i) * sizeOf(f, t.Ref) * 8
			id = t.Ref
		default:
			return field{}, fmt.Errorf("leads out of type %s", f.Describe(id))
		}
	}
	size := sizeOf(f, id)
	if width == 0 {
		return field{id: id, offset: at / 8, size: size, bits: 8 * size}, nil
	}
	for size > 0 && at%(8*size)+width > 8*size && size < 8 {
		size *= 2
	}
	if size == 0 || at%(8*size)+width > 8*size {
		return field{}, fmt.Errorf("bitfield of %d bits in type %s", width, f.Describe(id))
	}
	return field{id: id, offset: at / 8 / size * size, size: size, bit: at % (8 * size), bits: width, bitfield: true}, nil
}

func isSigned(f *btf.File, id uint32) bool {
	switch t := underlying(f, id); t.Kind {
	case btf.Int:
		return t.Word>>24&1 == 1 // BTF_INT_SIGNED
	case btf.Enum, btf.Enum64:
		return t.KFlag
	}
	return false
}

// sizeOf returns a type's size in bytes; 0 if it has none.
func sizeOf(f *btf.File, id uint32) uint32 {
	switch t := underlying(f, id); t.Kind {
	case btf.Ptr:
		return 8
	case btf.Array:
		return t.Size * sizeOf(f, t.Ref)
	default:
		return t.Size
	}
}

// underlying skips typedefs and modifiers.
func underlying(f *btf.File, id uint32) *btf.Type {
	var t btf.Type
	for f.Type(id, &t); t.Kind.IsModifier(); f.Type(t.Ref, &t) {
	}
	return &t
}
