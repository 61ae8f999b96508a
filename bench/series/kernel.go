package main

import (
	"encoding/binary"
	"slices"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// A kernel is BTF to be changed. Its types keep their ids until it is written:
// a removed one becomes void, a new one goes to the end. Kernels share what
// their types' Members are until it is replaced.
type kernel struct {
	*names
	big     bool
	pointer int // bytes
	types   []btf.Type
	pending map[uint32]pending // structs and unions to be laid out anew
}

// A name of a kernel is a reference into the BTF that it was made from, or
// behind that into what was added.
type names struct {
	origin *btf.File
	added  []string
	refs   map[string]uint32
}

func newKernel(f *btf.File) *kernel {
	k := &kernel{
		names:   &names{origin: f, refs: map[string]uint32{}},
		big:     f.BigEndian(),
		pointer: 8,
		types:   make([]btf.Type, f.NumTypes()),
		pending: map[uint32]pending{},
	}
	for id := range k.types {
		t := &k.types[id]
		f.Type(uint32(id), t)
		if t.Kind == btf.Int && f.String(t.Name) == "long unsigned int" {
			k.pointer = int(t.Size)
		}
	}
	for id := range k.types {
		// Tags of members would have to follow them.
		if t := &k.types[id]; t.Kind == btf.DeclTag && k.types[t.Ref].Kind.IsComposite() {
			*t = btf.Type{}
		}
	}
	return k
}

// clone returns a copy that shares the names.
func (k *kernel) clone() *kernel {
	c := *k
	c.types = slices.Clone(k.types)
	c.pending = map[uint32]pending{}
	return &c
}

func (n *names) text(ref uint32) string {
	if first := n.origin.TextLen(); ref >= first {
		return n.added[ref-first]
	}
	return n.origin.String(ref)
}

// name returns the reference of a new text.
func (n *names) name(text string) uint32 {
	ref, ok := n.refs[text]
	if !ok {
		ref = n.origin.TextLen() + uint32(len(n.added))
		n.added = append(n.added, text)
		n.refs[text] = ref
	}
	return ref
}

// add appends a type and returns its id.
func (k *kernel) add(t btf.Type) uint32 {
	k.types = append(k.types, t)
	return uint32(len(k.types) - 1)
}

// skip looks through typedefs and other modifiers.
func (k *kernel) skip(id uint32) uint32 {
	for k.types[id].Kind.IsModifier() {
		id = k.types[id].Ref
	}
	return id
}

// references calls yield for each type that t refers to.
func references(t *btf.Type, yield func(id uint32)) {
	yield(t.Ref)
	yield(t.Index)
	if !t.Kind.IsEnum() {
		for _, m := range t.Members {
			yield(m.Type)
		}
	}
}

// bytes returns the raw BTF of the types that are left.
func (k *kernel) bytes() ([]byte, error) {
	ids := make([]uint32, len(k.types))
	var last uint32
	for id := range k.types {
		if k.types[id].Kind != btf.Void {
			last++
			ids[id] = last
		}
	}
	w := btf.NewWriter()
	refs := make([]uint32, int(k.origin.TextLen())+len(k.added)) // cheaper than the Writer's map
	name := func(ref uint32) uint32 {
		if ref != 0 && refs[ref] == 0 {
			refs[ref] = w.String(k.text(ref))
		}
		return refs[ref]
	}
	var members []btf.Member
	for id := range k.types {
		t := k.types[id]
		if t.Kind == btf.Void {
			continue
		}
		t.Name, t.Ref, t.Index = name(t.Name), ids[t.Ref], ids[t.Index]
		members = append(members[:0], t.Members...)
		t.Members = members
		for i := range members {
			m := &members[i]
			m.Name = name(m.Name)
			if !t.Kind.IsEnum() {
				m.Type = ids[m.Type]
			}
		}
		if _, err := w.Add(&t); err != nil {
			return nil, err
		}
	}
	if k.big {
		return w.Bytes(binary.BigEndian), nil
	}
	return w.Bytes(binary.LittleEndian), nil
}
