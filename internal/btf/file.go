package btf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unsafe"
)

// ErrFormat is wrapped by every error about bytes that are not valid BTF.
var ErrFormat = errors.New("invalid BTF")

// ErrNoBase is wrapped by an error about split BTF that is read without a base.
var ErrNoBase = errors.New("split BTF")

// ErrBase is wrapped, beside ErrFormat, by an error about split BTF that may as
// well be whole, but made for another base.
var ErrBase = errors.New("split BTF of another base")

// otherBase adds ErrBase to an error, but not to what it says.
type otherBase struct{ error }

func (otherBase) Is(target error) bool { return target == ErrBase }

// A File is parsed BTF. Type ids run from 0 (void) to NumTypes()-1.
// Its methods take ids and name references that come from the File itself.
type File struct {
	big     bool
	words   []uint32 // the type section, every record of which is made of 32-bit words
	strs    []byte
	offsets []uint32 // of type first+i in words
	depths  []uint16 // of type first+i, see checkChains
	base    *File    // nil unless split
	first   uint32   // id of the first own type; own id 0 counts, so 0 without a base
	strBase uint32   // first own string reference
}

// Parse reads raw BTF, without copying it.
func Parse(raw []byte) (*File, error) { return ParseSplit(raw, nil) }

// ParseSplit reads a kernel module's BTF, whose type ids and string references
// go on from those of base (libbpf's btf__new_split). A nil base is Parse.
func ParseSplit(raw []byte, base *File) (*File, error) {
	f := &File{base: base}
	hdr, err := f.header(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if base != nil {
		if base.base != nil {
			return nil, fmt.Errorf("%w: the base is split BTF itself", ErrFormat)
		}
		if base.big != f.big {
			return nil, fmt.Errorf("%w: %w", ErrFormat, otherBase{errors.New("byte order differs from the base's")})
		}
		f.first = base.NumTypes()
		f.strBase = uint32(len(base.strs))
	}
	tags, err := f.index(hdr)
	if err == nil {
		err = f.checkChains()
	}
	if err == nil {
		err = f.checkTags(tags)
	}
	if err == nil {
		err = f.checkLengths()
	}
	if err == nil && base != nil {
		err = f.checkNames()
	}
	if err != nil && base != nil {
		err = otherBase{err}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return f, nil
}

// header finds the sections and returns the kinds' layouts.
func (f *File) header(raw []byte) (*[128]layout, error) {
	if len(raw) < headerLen {
		return nil, fmt.Errorf("%d bytes, shorter than a header", len(raw))
	}
	switch {
	case raw[0] == 0x9f && raw[1] == 0xeb:
	case raw[0] == 0xeb && raw[1] == 0x9f:
		f.big = true
	default:
		return nil, fmt.Errorf("magic is %#x %#x, not 0xeb9f", raw[0], raw[1])
	}
	if raw[2] != version {
		return nil, fmt.Errorf("version %d, expected %d", raw[2], version)
	}
	if raw[3] != 0 {
		return nil, fmt.Errorf("unknown flags %#x", raw[3])
	}
	word := func(at int) uint32 { return f.Order().Uint32(raw[at:]) }
	hlen := word(4)
	if hlen < headerLen || uint64(hlen) > uint64(len(raw)) {
		return nil, fmt.Errorf("header length %d in %d bytes", hlen, len(raw))
	}
	body := raw[hlen:]
	section := func(name string, off, size uint32) ([]byte, error) {
		if uint64(off)+uint64(size) > uint64(len(body)) {
			return nil, fmt.Errorf("%s section (offset %d, %d bytes) ends behind the file (%d bytes after the header): truncated?", name, off, size, len(body))
		}
		return body[off : off+size : off+size], nil
	}
	if word(8)%4 != 0 {
		return nil, fmt.Errorf("type section at offset %d is not aligned", word(8))
	}
	types, err := section("type", word(8), word(12))
	if err != nil {
		return nil, err
	}
	if len(types)%4 != 0 {
		return nil, fmt.Errorf("type section of %d bytes is cut off", len(types))
	}
	f.words = Words(types, f.big)
	if f.strs, err = section("string", word(16), word(20)); err != nil {
		return nil, err
	}
	if f.base == nil || len(f.strs) > 0 { // a module may have no string of its own
		if len(f.strs) == 0 {
			return nil, errors.New("string section is empty")
		}
		if f.strs[len(f.strs)-1] != 0 {
			return nil, errors.New("string section does not end with a NUL")
		}
		if f.base == nil && f.strs[0] != 0 { // pahole writes that in a base alone
			return nil, fmt.Errorf("string section does not begin with the empty string: %w?", ErrNoBase)
		}
	}
	if hlen < headerLenLay || word(28) == 0 {
		return &layouts, nil
	}
	lay, err := section("layout", word(24), word(28))
	if err != nil {
		return nil, err
	}
	all := layouts
	for k := 0; k < len(lay)/4 && k < len(all); k++ {
		if k < int(numKinds) {
			continue // these are known
		}
		if lay[4*k]%4 != 0 || lay[4*k+1]%4 != 0 {
			return nil, fmt.Errorf("layout of kind %d: %d and %d bytes, not made of words", k, lay[4*k], lay[4*k+1])
		}
		all[k] = layout{true, lay[4*k] / 4, lay[4*k+1] / 4}
	}
	return &all, nil
}

// Words returns b, which has the given byte order, as words: the same memory
// if byte order and alignment are this machine's, otherwise a copy.
func Words(b []byte, big bool) []uint32 {
	if len(b) == 0 {
		return nil
	}
	native := binary.NativeEndian.Uint16([]byte{1, 0}) == 1
	if native != big && uintptr(unsafe.Pointer(&b[0]))%4 == 0 {
		return unsafe.Slice((*uint32)(unsafe.Pointer(&b[0])), len(b)/4)
	}
	w := make([]uint32, len(b)/4)
	for i := range w {
		if big {
			w[i] = binary.BigEndian.Uint32(b[4*i:])
		} else {
			w[i] = binary.LittleEndian.Uint32(b[4*i:])
		}
	}
	return w
}

// An info is the second word of a record.
type info uint32

func (i info) kind() Kind   { return Kind(i >> 24 & 0x7f) }
func (i info) kflag() bool  { return i>>31 == 1 }
func (i info) vlen() uint32 { return uint32(i & maxVlen) }

// index finds where each record begins, and checks that each type id and each
// name reference leads to the beginning of a string. The loop only gathers
// what there is; blame finds the culprit. It returns the declaration tags, and
// leaves in depths 1 for types of kinds that contain nothing, and 0 for the others.
func (f *File) index(kinds *[128]layout) (tags []uint32, err error) {
	w := f.words
	// The average record of a kernel takes more than 6 words; append copes with the rest.
	f.offsets = make([]uint32, 0, len(w)/6+1)
	f.depths = make([]uint16, 0, len(w)/6+1)
	if f.base == nil {
		f.offsets = append(f.offsets, 0) // void
		f.depths = append(f.depths, 1)
	}
	var maxType uint32
	var inString byte                      // not 0 if a name begins within a string, or outside of all
	ends := f.strs[:max(len(f.strs), 1)-1] // where a string may end before another one
	name := func(ref uint32) {
		if before := ref - f.strBase - 1; before < uint32(len(ends)) {
			inString |= ends[before]
		} else if ref != 0 && !f.ValidName(ref) {
			inString = 1
		}
	}
	for at := 0; at < len(w); {
		if len(w)-at < recordWords {
			return nil, fmt.Errorf("type %d at byte %d of the type section is cut off", f.NumTypes(), 4*at)
		}
		inf := info(w[at+1])
		lay := &kinds[inf.kind()]
		if !lay.known {
			return nil, fmt.Errorf("type %d has unknown kind %d", f.NumTypes(), inf.kind())
		}
		size := recordWords + int(lay.once) + int(lay.each)*int(inf.vlen())
		if size > len(w)-at {
			return nil, fmt.Errorf("type %d (%s, %d entries) at byte %d of the type section is cut off", f.NumTypes(), inf.kind(), inf.vlen(), 4*at)
		}
		f.offsets = append(f.offsets, uint32(at))
		r := w[at : at+size]
		at += size
		name(r[0])
		contains := uint16(1)
		switch inf.kind() {
		case Ptr, Func, Var:
			maxType = max(maxType, r[2])
		case DeclTag:
			maxType = max(maxType, r[2])
			tags = append(tags, f.NumTypes()-1)
		case Typedef, Volatile, Const, Restrict, TypeTag:
			maxType = max(maxType, r[2])
			contains = 0
		case Array:
			maxType = max(maxType, r[3], r[4])
			contains = 0
		case Struct, Union:
			for r = r[3:]; len(r) >= 3; r = r[3:] {
				name(r[0])
				maxType = max(maxType, r[1])
			}
			contains = 0
		case Enum:
			for r = r[3:]; len(r) >= 2; r = r[2:] {
				name(r[0])
			}
		case Enum64:
			for r = r[3:]; len(r) >= 3; r = r[3:] {
				name(r[0])
			}
		case FuncProto:
			maxType = max(maxType, r[2])
			for r = r[3:]; len(r) >= 2; r = r[2:] {
				name(r[0])
				maxType = max(maxType, r[1])
			}
		case Datasec:
			for r = r[3:]; len(r) >= 3; r = r[3:] {
				maxType = max(maxType, r[0])
			}
		}
		f.depths = append(f.depths, contains)
	}
	if maxType >= f.NumTypes() || inString != 0 {
		return nil, f.blame()
	}
	return tags, nil
}

// ValidName reports whether ref is a name reference of this File: the offset of
// the beginning of a string.
func (f *File) ValidName(ref uint32) bool {
	switch {
	case ref == 0:
		return true
	case ref < f.strBase:
		return f.base.ValidName(ref)
	case ref-f.strBase >= uint32(len(f.strs)):
		return false
	}
	return ref == f.strBase || f.strs[ref-f.strBase-1] == 0
}

func (f *File) blame() error {
	var t Type
	for id := f.first + uint32(f.own()); id < f.NumTypes(); id++ {
		f.Type(id, &t)
		if !f.ValidName(t.Name) {
			return fmt.Errorf("type %d (%s): name at %d, which is not the beginning of a string", id, t.Kind, t.Name)
		}
		if n := f.NumTypes(); t.Ref >= n || t.Index >= n {
			return fmt.Errorf("type %d (%s) refers to type %d, but there are only %d", id, t.Kind, max(t.Ref, t.Index), n-1)
		}
		for i, m := range t.Members {
			if !f.ValidName(m.Name) {
				return fmt.Errorf("type %d (%s): name of entry %d at %d, which is not the beginning of a string", id, t.Kind, i, m.Name)
			}
			if !t.Kind.IsEnum() && m.Type >= f.NumTypes() {
				return fmt.Errorf("type %d (%s): entry %d refers to type %d, but there are only %d", id, t.Kind, i, m.Type, f.NumTypes()-1)
			}
		}
	}
	return errors.New("a reference is out of range") // not reached
}

// own is the index in offsets of the first record.
func (f *File) own() int {
	if f.base == nil {
		return 1
	}
	return 0
}

// NumTypes returns the number of types, those of a base and void included.
func (f *File) NumTypes() uint32 { return f.first + uint32(len(f.offsets)) }

// Size returns the size of the types and strings in bytes, without a base's.
func (f *File) Size() int { return 4*len(f.words) + len(f.strs) }

// FirstOwn returns the id of the first type that is not a base's: 1 if there is no base.
func (f *File) FirstOwn() uint32 { return f.first + uint32(f.own()) }

// BigEndian reports the byte order.
func (f *File) BigEndian() bool { return f.big }

// Order returns the byte order.
func (f *File) Order() binary.ByteOrder {
	if f.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// Text returns the string section from a name reference on. The name ends at
// the first NUL.
func (f *File) Text(ref uint32) []byte {
	if ref < f.strBase {
		return f.base.Text(ref)
	}
	return f.strs[min(ref-f.strBase, uint32(len(f.strs))):] // a module may have no strings
}

// TextLen is one more than the highest name reference.
func (f *File) TextLen() uint32 { return f.strBase + uint32(len(f.strs)) }

// String returns the string at a name reference. It shares the File's memory.
func (f *File) String(ref uint32) string {
	b := f.Text(ref)
	if len(b) == 0 {
		return ""
	}
	b = b[:bytes.IndexByte(b, 0)]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Head returns a type's kind and name reference, and is cheaper than Type.
func (f *File) Head(id uint32) (kind Kind, name uint32) {
	if id < f.first || id == 0 {
		return f.headElsewhere(id)
	}
	at := f.offsets[id-f.first]
	return info(f.words[at+1]).kind(), f.words[at]
}

func (f *File) headElsewhere(id uint32) (Kind, uint32) {
	if id == 0 {
		return Void, 0
	}
	return f.base.Head(id)
}

// Ref returns what a PTR or modifier refers to, and is cheaper than Type.
func (f *File) Ref(id uint32) uint32 {
	if id < f.first {
		return f.base.Ref(id)
	}
	return f.words[f.offsets[id-f.first]+2]
}

// SizeOf returns the size of a struct or union, and is cheaper than Type.
func (f *File) SizeOf(id uint32) uint32 {
	if id < f.first {
		return f.base.SizeOf(id)
	}
	return f.words[f.offsets[id-f.first]+2]
}

// Type decodes type id into t. It reuses the memory of t.Members.
func (f *File) Type(id uint32, t *Type) {
	if id < f.first {
		f.base.Type(id, t)
		return
	}
	ms := t.Members[:0]
	if id == 0 {
		*t = Type{Members: ms}
		return
	}
	r := f.words[f.offsets[id-f.first]:]
	inf, third := info(r[1]), r[2]
	*t = Type{Kind: inf.kind(), KFlag: inf.kflag(), Name: r[0]}
	vlen := inf.vlen()
	r = r[recordWords:]
	switch t.Kind {
	case Int:
		t.Size, t.Word = third, r[0]
	case Float:
		t.Size = third
	case Ptr, Typedef, Volatile, Const, Restrict, TypeTag:
		t.Ref = third
	case Func:
		t.Ref, t.Linkage = third, vlen
	case Var, DeclTag:
		t.Ref, t.Word = third, r[0]
	case Array:
		t.Ref, t.Index, t.Size = r[0], r[1], r[2]
	case Struct, Union:
		t.Size = third
		ms = slices.Grow(ms, int(vlen))
		for r = r[:3*vlen]; len(r) >= 3; r = r[3:] {
			ms = append(ms, Member{Name: r[0], Type: r[1], Offset: r[2]})
		}
	case Enum:
		t.Size = third
		ms = slices.Grow(ms, int(vlen))
		for r = r[:2*vlen]; len(r) >= 2; r = r[2:] {
			ms = append(ms, Member{Name: r[0], Offset: r[1]})
		}
	case Enum64:
		t.Size = third
		for r = r[:3*vlen]; len(r) >= 3; r = r[3:] {
			ms = append(ms, Member{Name: r[0], Offset: r[1], Type: r[2]})
		}
	case FuncProto:
		t.Ref = third
		for r = r[:2*vlen]; len(r) >= 2; r = r[2:] {
			ms = append(ms, Member{Name: r[0], Type: r[1]})
		}
	case Datasec:
		t.Size = third
		for r = r[:3*vlen]; len(r) >= 3; r = r[3:] {
			ms = append(ms, Member{Type: r[0], Offset: r[1], Size: r[2]})
		}
	}
	t.Members = ms
}
