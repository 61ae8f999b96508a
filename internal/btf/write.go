package btf

import (
	"encoding/binary"
	"fmt"
)

// A Writer builds raw BTF: add the types in the order of their ids, then take
// Bytes. Equal calls give equal bytes.
type Writer struct {
	types []byte // little-endian until Bytes
	strs  []byte
	refs  map[string]uint32
	last  uint32
}

// NewWriter returns a Writer without types.
func NewWriter() *Writer {
	return &Writer{strs: []byte{0}, refs: map[string]uint32{"": 0}}
}

// String returns the name reference of s, which it adds if it is new.
func (w *Writer) String(s string) uint32 {
	if ref, ok := w.refs[s]; ok {
		return ref
	}
	ref := uint32(len(w.strs))
	w.strs = append(append(w.strs, s...), 0)
	w.refs[string(w.strs[ref:len(w.strs)-1])] = ref
	return ref
}

// Add appends a type, whose names are references of this Writer, and returns its id.
func (w *Writer) Add(t *Type) (uint32, error) {
	vlen := uint32(len(t.Members))
	third := t.Size
	switch t.Kind {
	case Ptr, Typedef, Volatile, Const, Restrict, TypeTag, Var, DeclTag, FuncProto:
		third = t.Ref
	case Func:
		third, vlen = t.Ref, t.Linkage
	case Array, Fwd:
		third = 0
	}
	if vlen > maxVlen {
		return 0, fmt.Errorf("%s has %d entries, more than BTF can hold", t.Kind, vlen)
	}
	info := uint32(t.Kind)<<24 | vlen
	if t.KFlag {
		info |= 1 << 31
	}
	le := binary.LittleEndian
	b := w.types
	b = le.AppendUint32(b, t.Name)
	b = le.AppendUint32(b, info)
	b = le.AppendUint32(b, third)
	switch t.Kind {
	case Int, Var, DeclTag:
		b = le.AppendUint32(b, t.Word)
	case Array:
		b = le.AppendUint32(b, t.Ref)
		b = le.AppendUint32(b, t.Index)
		b = le.AppendUint32(b, t.Size)
	case Struct, Union:
		for _, m := range t.Members {
			b = le.AppendUint32(b, m.Name)
			b = le.AppendUint32(b, m.Type)
			b = le.AppendUint32(b, m.Offset)
		}
	case Enum:
		for _, m := range t.Members {
			b = le.AppendUint32(b, m.Name)
			b = le.AppendUint32(b, m.Offset)
		}
	case Enum64:
		for _, m := range t.Members {
			b = le.AppendUint32(b, m.Name)
			b = le.AppendUint32(b, m.Offset)
			b = le.AppendUint32(b, m.Type)
		}
	case FuncProto:
		for _, m := range t.Members {
			b = le.AppendUint32(b, m.Name)
			b = le.AppendUint32(b, m.Type)
		}
	case Datasec:
		for _, m := range t.Members {
			b = le.AppendUint32(b, m.Type)
			b = le.AppendUint32(b, m.Offset)
			b = le.AppendUint32(b, m.Size)
		}
	case Ptr, Fwd, Typedef, Volatile, Const, Restrict, Func, Float, TypeTag:
	default:
		return 0, fmt.Errorf("cannot write a type of %s", t.Kind)
	}
	w.types = b
	w.last++
	return w.last, nil
}

// Bytes returns the raw BTF in the given byte order, with a header of 24 bytes.
func (w *Writer) Bytes(order binary.ByteOrder) []byte {
	b := make([]byte, headerLen, headerLen+len(w.types)+len(w.strs))
	b = append(append(b, w.types...), w.strs...)
	putHeader(b, order, len(w.types), len(w.strs))
	if order == binary.BigEndian { // all records are made of 32-bit words
		for p := b[headerLen : headerLen+len(w.types)]; len(p) >= 4; p = p[4:] {
			binary.BigEndian.PutUint32(p, binary.LittleEndian.Uint32(p))
		}
	}
	return b
}

// putHeader writes a header of 24 bytes for a type section that follows it, and
// a string section behind that.
func putHeader(b []byte, order binary.ByteOrder, types, strs int) {
	order.PutUint16(b, magic)
	b[2] = version
	order.PutUint32(b[4:], headerLen)
	order.PutUint32(b[12:], uint32(types))
	order.PutUint32(b[16:], uint32(types))
	order.PutUint32(b[20:], uint32(strs))
}
