package core

import "github.com/khulnasoft/rules_btf/internal/btf"

// shapeOf returns the shape of a local type: whole for type_matches (deep);
// otherwise as compatibility sees it, which stops at named things and looks at
// kinds alone (libbpf's bpf_core_types_are_compat).
func shapeOf(f *btf.File, id uint32, deep bool) Shape {
	b := shapeBuilder{f: f, deep: deep, nodes: map[uint32]int{}}
	b.node(id)
	// Breadth first, as a queue: pointers may lead arbitrarily deep.
	var shape Shape
	for n := 0; n < len(b.queue); n++ {
		shape = append(shape, b.expand(b.queue[n]))
	}
	return shape
}

type shapeBuilder struct {
	f     *btf.File
	deep  bool
	nodes map[uint32]int
	queue []uint32 // type of each node
	t     btf.Type
}

// node returns the number of the node of type id.
func (b *shapeBuilder) node(id uint32) int {
	id = underlying(b.f, id)
	n, ok := b.nodes[id]
	if !ok {
		n = len(b.queue)
		b.nodes[id] = n
		b.queue = append(b.queue, id)
	}
	return n
}

func (b *shapeBuilder) expand(id uint32) ShapeType {
	t := &b.t
	b.f.Type(id, t)
	s := ShapeType{Kind: t.Kind}
	switch t.Kind {
	case btf.Ptr:
		s.Type = b.node(t.Ref)
		return s
	case btf.Array:
		s.Type, s.Index = b.node(t.Ref), b.node(t.Index)
		if b.deep {
			s.Size = t.Size
		}
		return s
	case btf.FuncProto:
		s.Type = b.node(t.Ref)
		for _, p := range t.Members {
			s.Members = append(s.Members, ShapeMember{Type: b.node(p.Type)})
		}
		return s
	}
	if !b.deep {
		return s
	}
	s.Name, s.Size = b.f.String(t.Name), t.Size
	switch t.Kind {
	case btf.Int:
		s.Signed = isSigned(t)
	case btf.Fwd:
		s.Union = t.KFlag
	case btf.Struct, btf.Union:
		s.Size = 0 // no loader compares it
		for _, m := range t.Members {
			s.Members = append(s.Members, ShapeMember{Name: b.f.String(m.Name), Type: b.node(m.Type)})
		}
	case btf.Enum, btf.Enum64:
		for _, m := range t.Members {
			s.Members = append(s.Members, ShapeMember{Name: b.f.String(m.Name)})
		}
	}
	return s
}
