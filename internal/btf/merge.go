package btf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// maxSize is how many bytes of types and strings Merge makes. libbpf takes no
// string beyond 2 GiB.
const maxSize = 1<<31 - 1

// Merge returns a kernel with modules as one BTF: the types and names of
// vmlinux, then those of each module, which ParseSplit read on top of vmlinux,
// in the order given. What two of them have twice is there twice.
func Merge(vmlinux *File, modules ...*File) (*File, error) {
	words, strs, types := uint64(len(vmlinux.words)), uint64(len(vmlinux.strs)), uint64(len(vmlinux.offsets))
	for _, m := range modules {
		if m.base != vmlinux {
			return nil, errors.New("a module to be merged was read on another base")
		}
		words += uint64(len(m.words))
		strs += uint64(len(m.strs))
		types += uint64(len(m.offsets))
		if 4*words+strs > maxSize {
			return nil, fmt.Errorf("vmlinux and modules have more than %d bytes of BTF", maxSize)
		}
	}
	f := &File{
		big:     vmlinux.big,
		words:   append(make([]uint32, 0, words), vmlinux.words...),
		strs:    append(make([]byte, 0, strs), vmlinux.strs...),
		offsets: append(make([]uint32, 0, types), vmlinux.offsets...),
		depths:  append(make([]uint16, 0, types), vmlinux.depths...),
	}
	for _, m := range modules {
		f.add(m)
	}
	return f, nil
}

// add appends a module. Its references to types and names of its own go on from
// those of its base, and are moved to where these are now. What Parse checks
// holds as it did before.
func (f *File) add(m *File) {
	ids, names := f.NumTypes()-m.first, uint32(len(f.strs))-m.strBase
	at := len(f.words)
	for _, offset := range m.offsets {
		f.offsets = append(f.offsets, uint32(at)+offset)
	}
	f.depths = append(f.depths, m.depths...)
	f.words = append(f.words, m.words...)
	f.strs = append(f.strs, m.strs...)
	name := func(ref *uint32) {
		if *ref >= m.strBase {
			*ref += names
		}
	}
	id := func(ref *uint32) {
		if *ref >= m.first {
			*ref += ids
		}
	}
	for _, offset := range m.offsets {
		r := f.words[at+int(offset):]
		inf := info(r[1])
		vlen := inf.vlen()
		name(&r[0])
		switch inf.kind() {
		case Ptr, Typedef, Volatile, Const, Restrict, TypeTag, Func, Var, DeclTag:
			id(&r[2])
		case Array:
			id(&r[3])
			id(&r[4])
		case Struct, Union:
			for r = r[3 : 3+3*vlen]; len(r) >= 3; r = r[3:] {
				name(&r[0])
				id(&r[1])
			}
		case Enum:
			for r = r[3 : 3+2*vlen]; len(r) >= 2; r = r[2:] {
				name(&r[0])
			}
		case Enum64:
			for r = r[3 : 3+3*vlen]; len(r) >= 3; r = r[3:] {
				name(&r[0])
			}
		case FuncProto:
			id(&r[2])
			for r = r[3 : 3+2*vlen]; len(r) >= 2; r = r[2:] {
				name(&r[0])
				id(&r[1])
			}
		case Datasec:
			for r = r[3 : 3+3*vlen]; len(r) >= 3; r = r[3:] {
				id(&r[0])
			}
		}
	}
}

// Bytes returns raw BTF in the File's byte order, with a header of 24 bytes. A
// type of a kind unknown to this package, which only a layout section makes
// readable, is an error.
func (f *File) Bytes() ([]byte, error) {
	for id := f.FirstOwn(); id < f.NumTypes(); id++ {
		if kind, _ := f.Head(id); kind >= numKinds {
			return nil, fmt.Errorf("cannot write type %s", f.Describe(id))
		}
	}
	b := make([]byte, headerLen+4*len(f.words)+len(f.strs))
	putHeader(b, f.Order(), 4*len(f.words), len(f.strs))
	p := b[headerLen:]
	for _, w := range f.words {
		if f.big {
			binary.BigEndian.PutUint32(p, w)
		} else {
			binary.LittleEndian.PutUint32(p, w)
		}
		p = p[4:]
	}
	copy(p, f.strs)
	return b, nil
}

// checkNames returns an error if split BTF has names of its own and refers to
// none of them. Then it was made for a smaller base, such as the few types
// that are distilled for a module built out of tree, and all of its references
// lead to what they do not mean.
func (f *File) checkNames() error {
	if len(f.strs) <= 1 {
		return nil
	}
	var t Type
	for id := f.first; id < f.NumTypes(); id++ {
		f.Type(id, &t)
		if t.Name >= f.strBase || slices.ContainsFunc(t.Members, func(m Member) bool { return m.Name >= f.strBase }) {
			return nil
		}
	}
	return fmt.Errorf("none of %d bytes of names is referred to: made for another base", len(f.strs))
}
