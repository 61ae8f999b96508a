package store

import (
	"encoding/binary"
	"slices"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// A Kernel is the types of one kernel, full or minimal, in a Store.
type Kernel struct {
	BigEndian bool
	// Long is the INT from which libbpf infers the size of a pointer
	// (btf__pointer_size); 0 if there is none, or no pointer.
	Long uint32
	// Roots are the named types, those of one stem (graph.Stem) in the kernel's order. A node is
	// there once, and a second time where ids shall tell that there are more of it.
	Roots []uint32
	// Copies tell types apart which are one node, but point to different types of a name.
	Copies []Copy
	// Order is Roots with what Copies tell apart; nil if there are none. IsCopy + i
	// stands for Copies[i].
	Order []uint32
}

// IsCopy marks, in Kernel.Order, the index of a Copy.
const IsCopy = 1 << 31

// A Copy is a root type of a kernel that leads, by value or through pointers without
// names, to types of which the kernel has several of a name.
type Copy struct {
	Root uint32 // node
	// Choices say what the type leads to, in the order of its references: of
	// Named nodes that the kernel has several types for, which one, from 1; of
	// roots held by value that have several copies, which one, from 0.
	Choices []uint32
}

// Raw returns the types of a kernel as raw BTF; see View.Raw.
func (s *Store) Raw(k *Kernel) ([]byte, error) { return NewView(s, true).Raw(k) }

// Raw returns the types of a kernel as raw BTF: Long and the roots of its stem, the other
// roots in their order, and then what they lead to, breadth first.
func (v *View) Raw(k *Kernel) ([]byte, error) {
	if err := v.Show(k); err != nil {
		return nil, err
	}
	v.ids, v.names = cleared(v.ids, int(v.nodes)+len(v.made)), cleared(v.names, v.s.Strings())
	e := emitter{v: v}
	// Those of Long's stem come first, in their order: no other integer may be taken for long.
	long := ""
	if k.Long != 0 {
		long = v.stemOf(k.Long)
	}
	for _, id := range v.order {
		if long != "" && v.stemOf(id) == long {
			e.add(id)
		}
	}
	if k.Long != 0 && *e.id(k.Long) == 0 {
		e.add(k.Long)
	}
	for _, id := range v.order {
		if long == "" || v.stemOf(id) != long {
			e.add(id)
		}
	}
	var t btf.Type
	for i := 0; i < len(e.order); i++ {
		v.Type(e.order[i], &t)
		e.visit(&t.Ref)
		e.visit(&t.Index)
		if !t.Kind.IsEnum() {
			for i := range t.Members {
				e.visit(&t.Members[i].Type)
			}
		}
	}
	if v.err != nil {
		return nil, v.err
	}
	w := btf.NewWriter()
	if len(e.order) > 0 {
		// libbpf before 1.7 asks any type for an integer's sign, in the word behind it. In a
		// kernel that is a name reference, too small for a sign; behind our last type come
		// the strings, which so begin with a word of zeros.
		w.String("\x00\x00")
	}
	name := func(n *uint32) {
		if *n == 0 {
			return
		}
		ref := &v.names[*n]
		if *ref == 0 {
			*ref = w.String(v.s.Text(*n))
		}
		*n = *ref
	}
	for _, id := range e.order {
		v.Type(id, &t)
		name(&t.Name)
		e.visit(&t.Ref)
		e.visit(&t.Index)
		for i := range t.Members {
			m := &t.Members[i]
			name(&m.Name)
			if !t.Kind.IsEnum() {
				e.visit(&m.Type)
			}
		}
		if _, err := w.Add(&t); err != nil {
			return nil, err
		}
	}
	if k.BigEndian {
		return w.Bytes(binary.BigEndian), nil
	}
	return w.Bytes(binary.LittleEndian), nil
}

func (v *View) stemOf(id uint32) string {
	_, name := v.Head(id)
	return graph.Stem(v.String(name))
}

// An emitter gives types the ids of raw BTF, which are in View.ids.
type emitter struct {
	v     *View
	order []uint32 // by id, from 1
}

// id returns where the id of a type in raw BTF is, 0 if it has none yet.
func (e *emitter) id(of uint32) *uint32 {
	ids := &e.v.ids
	for int(of) >= len(*ids) { // types are made while they are looked at
		*ids = append(*ids, 0)
	}
	return &(*ids)[of]
}

func (e *emitter) add(id uint32) {
	e.order = append(e.order, id)
	if of := e.id(id); *of == 0 {
		*of = uint32(len(e.order))
	}
}

// visit turns a reference into the id in raw BTF.
func (e *emitter) visit(ref *uint32) {
	if *ref == 0 {
		return
	}
	*ref = e.v.root(*ref)
	if *e.id(*ref) == 0 {
		e.add(*ref)
	}
	*ref = *e.id(*ref)
}

// cleared returns n zeros, in the memory of s if there is enough.
func cleared(s []uint32, n int) []uint32 {
	s = slices.Grow(s[:0], n)[:n]
	clear(s)
	return s
}
