package store

import (
	"fmt"
	"slices"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// A View is the graph.Graph of one kernel of a Store after the other. Ids are
// nodes, and beyond them types that are no node alone, but a node and what it
// leads to in this kernel. Names have the same references in all kernels.
type View struct {
	s       *Store
	exact   bool
	k       *Kernel
	err     error
	order   []uint32 // Kernel.Order, with ids
	copies  []uint32 // memory for that
	indexed bool
	marked  []uint32 // nodes
	nodes   uint32   // ids from there on are copies, and then made
	made    []btf.Type
	parts   []uint32 // nodes of those that are no copies
	arena   []btf.Member
	// by node, of roots: how often, and where
	roots []root
	// by name, of roots: the id, and in several by kind and name if there are more
	single  []uint32
	several map[named][]uint32
	leads   map[uint32]bool // of nodes that are no roots: whether they lead to choices
	choices []uint32        // of the copy that is being made
	// of raw BTF: ids by type, and name references by name
	ids, names []uint32
	stems      *graph.Stems
	stem       []int32 // by name: number in stems + 2, or one of these
}

const (
	stemUnknown int32 = 0
	stemNone    int32 = 1
)

type root struct {
	times uint32
	first uint32 // of its copies
	many  uint32 // copies
}

type named struct {
	kind btf.Kind
	name uint32
}

const manyTypes = 1<<32 - 1

// NewView returns a View of a store that will not change. An exact one shows
// all types as they are; another one does not tell copies apart.
func NewView(s *Store, exact bool) *View {
	return &View{
		s:       s,
		exact:   exact,
		nodes:   uint32(s.Len()),
		several: map[named][]uint32{},
		leads:   map[uint32]bool{},
	}
}

// Show turns to a kernel, which must not change until the next one is shown.
func (v *View) Show(k *Kernel) error {
	v.k, v.err, v.made, v.parts, v.arena = k, nil, v.made[:0], v.parts[:0], v.arena[:0]
	v.order, v.indexed = k.Roots, false
	if !v.exact || k.Order == nil {
		return nil
	}
	v.made = slices.Grow(v.made, len(k.Copies))[:len(k.Copies)]
	clear(v.made)
	v.copies = v.copies[:0]
	for _, id := range k.Order {
		if id&IsCopy != 0 {
			if id &^= IsCopy; id >= uint32(len(k.Copies)) {
				return fmt.Errorf("%w: copy %d of %d", btf.ErrFormat, id, len(k.Copies))
			}
			id += v.nodes
		}
		v.copies = append(v.copies, id)
	}
	v.order = v.copies
	return nil
}

// index notes which nodes are roots, and which types the names stand for. That is
// not needed by who follows no pointers.
func (v *View) index() {
	if v.indexed {
		return
	}
	v.indexed = true
	if v.roots == nil {
		v.roots, v.single = make([]root, v.nodes), make([]uint32, v.s.Strings())
	}
	for _, n := range v.marked {
		v.roots[n] = root{}
		v.single[v.s.heads[n].name] = 0
	}
	v.marked = v.marked[:0]
	clear(v.several)
	clear(v.leads)
	seen := make([]bool, len(v.made))
	if len(v.made) > 0 {
		for i, c := range v.k.Copies {
			r := &v.roots[c.Root]
			if r.many == 0 {
				r.first = uint32(i)
			} else if r.first+r.many != uint32(i) {
				v.fail("copies out of order")
			}
			r.many++
			v.marked = append(v.marked, c.Root)
		}
	}
	for _, id := range v.order {
		n := v.node(id)
		r := &v.roots[n]
		if r.times++; r.times == 1 {
			v.marked = append(v.marked, n)
		}
		if id >= v.nodes {
			if again := &seen[id-v.nodes]; *again {
				continue
			} else {
				*again = true
			}
		} else if r.times > 1 {
			continue
		}
		v.name(&v.s.heads[n], id)
	}
}

// name notes the type of a name.
func (v *View) name(h *head, id uint32) {
	switch one := v.single[h.name]; one {
	case 0:
		v.single[h.name] = id
		return
	case manyTypes:
	default:
		v.single[h.name] = manyTypes
		kind, name := v.Head(one)
		v.several[named{kind, name}] = []uint32{one}
	}
	key := named{h.kind, h.name}
	v.several[key] = append(v.several[key], id)
}

// types returns the kernel's types of a kind and name.
func (v *View) types(kind btf.Kind, name uint32, one *[1]uint32) []uint32 {
	v.index()
	switch id := v.single[name]; id {
	case 0:
	case manyTypes:
		return v.several[named{kind, name}]
	default:
		if k, _ := v.Head(id); k == kind {
			one[0] = id
			return one[:]
		}
	}
	return nil
}

func (v *View) fail(format string, args ...any) {
	if v.err == nil {
		v.err = fmt.Errorf("%w: %s", btf.ErrFormat, fmt.Sprintf(format, args...))
	}
}

// Err is what was wrong with the kernel, as far as it was looked at.
func (v *View) Err() error { return v.err }

// resolve returns the id of what a Named node stands for: the one that is
// chosen, where there are several.
func (v *View) resolve(h *head, choose func() uint32) uint32 {
	var one [1]uint32
	list := v.types(btf.Kind(h.size), h.name, &one)
	i := h.word // 0 if not said
	if i == 0 {
		i = 1
		if len(list) > 1 && choose != nil {
			i = choose()
		}
	}
	if i < 1 || i > uint32(len(list)) {
		v.fail("no %s %s of number %d", btf.Kind(h.size), v.s.Text(h.name), i)
		return 0
	}
	return list[i-1]
}

func (v *View) ref(n uint32) uint32 {
	if h := &v.s.heads[n]; h.kind == Named {
		return v.resolve(h, nil)
	}
	return n
}

// root returns, for a typedef behind a pointer, the root that it is. Elsewhere
// it is another node, which holds by value what this one refers to by name.
func (v *View) root(id uint32) uint32 {
	v.index()
	kind, name := v.Head(id)
	if kind != btf.Typedef || id < v.nodes && v.roots[id].times > 0 || id >= v.nodes && id < v.nodes+uint32(len(v.k.Copies)) {
		return id
	}
	var one [1]uint32
	for _, root := range v.types(kind, name, &one) {
		if v.same(v.Ref(id), v.Ref(root)) {
			return root
		}
	}
	return id
}

// same reports whether two types differ in nothing but that the names in one of them are references.
func (v *View) same(a, b uint32) bool {
	for a != b {
		kind, name := v.Head(a)
		if k, n := v.Head(b); k != kind || n != name {
			return false
		}
		if kind == btf.Array {
			var s, t btf.Type
			v.Type(a, &s)
			v.Type(b, &t)
			if s.Size != t.Size || s.Index != t.Index {
				return false
			}
		} else if !kind.IsModifier() {
			return false
		}
		a, b = v.Ref(a), v.Ref(b)
	}
	return true
}

// NumTypes implements graph.Graph: what is not a node is numbered as it is come to.
func (v *View) NumTypes() uint32 { return v.nodes + uint32(len(v.made)) }

// BigEndian implements graph.Graph.
func (v *View) BigEndian() bool { return v.k.BigEndian }

// LongInt implements graph.Graph.
func (v *View) LongInt() uint32 { return v.k.Long }

// String implements graph.Graph.
func (v *View) String(name uint32) string { return v.s.Text(name) }

// Head implements graph.Graph.
func (v *View) Head(id uint32) (btf.Kind, uint32) { return v.s.Head(v.node(id)) }

// Ref implements graph.Graph.
func (v *View) Ref(id uint32) uint32 {
	if id >= v.nodes {
		return v.copy(id).Ref
	}
	return v.ref(v.s.heads[id].ref)
}

// SizeOf implements graph.Graph.
func (v *View) SizeOf(id uint32) uint32 { return v.s.Size(v.node(id)) }

// Plain implements graph.Graph: it is a node.
func (v *View) Plain(id uint32) uint32 { return v.node(id) }

// node returns the node of a type.
func (v *View) node(id uint32) uint32 {
	if id < v.nodes {
		return id
	}
	if c := id - v.nodes; c < uint32(len(v.k.Copies)) {
		return v.k.Copies[c].Root
	}
	return v.parts[id-v.nodes-uint32(len(v.k.Copies))]
}

// Type implements graph.Graph.
func (v *View) Type(id uint32, t *btf.Type) {
	if id >= v.nodes {
		c := v.copy(id)
		members := append(t.Members[:0], c.Members...)
		*t = *c
		t.Members = members
		return
	}
	v.s.Type(id, t)
	switch t.Kind {
	case btf.Struct, btf.Union, btf.Enum, btf.Enum64:
		return // what they hold, they hold by value
	case btf.FuncProto:
		for i := range t.Members {
			t.Members[i].Type = v.ref(t.Members[i].Type)
		}
	}
	t.Ref = v.ref(t.Ref)
}

// Candidates implements graph.Graph.
func (v *View) Candidates(s *graph.Stems, yield func(id uint32, stem int)) {
	if v.stems != s {
		v.stems = s
		if v.stem == nil {
			v.stem = make([]int32, v.s.Strings())
		}
		clear(v.stem)
	}
	for _, id := range v.order {
		_, name := v.Head(id)
		stem := v.stem[name]
		if stem == stemUnknown {
			stem = stemNone
			if n, ok := s.Find(v.s.Text(name)); ok {
				stem = int32(n + 2)
			}
			v.stem[name] = stem
		}
		if stem >= 2 {
			yield(id, int(stem-2))
		}
	}
}

// Named implements graph.Graph.
func (v *View) Named(yield func(id uint32)) {
	for _, id := range v.order {
		yield(id)
	}
}

// copy returns a type beyond the nodes.
func (v *View) copy(id uint32) *btf.Type {
	i := id - v.nodes
	if i < uint32(len(v.k.Copies)) && v.made[i].Kind == 0 {
		v.index()
		c := &v.k.Copies[i]
		v.choices = c.Choices
		t := v.make(c.Root)
		if len(v.choices) > 0 {
			v.fail("%d choices too many for %s %s", len(v.choices), t.Kind, v.s.Text(t.Name))
		}
		v.made[i] = t
	}
	return &v.made[i]
}

func (v *View) choose() uint32 {
	if len(v.choices) == 0 {
		v.fail("too few choices")
		return 0
	}
	c := v.choices[0]
	v.choices = v.choices[1:]
	return c
}

// make returns a node with what it leads to.
func (v *View) make(n uint32) btf.Type {
	var t btf.Type
	count := int(v.s.heads[n].count)
	if cap(v.arena)-len(v.arena) < count {
		v.arena = make([]btf.Member, 0, max(count, 1<<14))
	}
	at := len(v.arena)
	v.arena = v.arena[:at+count]
	t.Members = v.arena[at : at : at+count]
	v.s.Type(n, &t)
	t.Ref = v.follow(t.Ref)
	if t.Kind == btf.Array {
		t.Index = v.follow(t.Index)
	}
	if !t.Kind.IsEnum() {
		for i := range t.Members {
			t.Members[i].Type = v.follow(t.Members[i].Type)
		}
	}
	return t
}

// follow returns the id of what a copy leads to.
func (v *View) follow(n uint32) uint32 {
	h := &v.s.heads[n]
	if h.kind == Named {
		return v.resolve(h, v.choose)
	}
	if r := &v.roots[n]; r.times > 0 {
		if r.many == 0 {
			return n
		}
		i := uint32(0)
		if r.many > 1 {
			i = v.choose()
		}
		if i >= r.many {
			v.fail("no copy %d of %s %s", i, h.kind, v.s.Text(h.name))
			return 0
		}
		return v.nodes + r.first + i
	}
	if v.err != nil || !v.leadsOn(n) {
		return n
	}
	t := v.make(n)
	if len(v.made) == cap(v.made) { // append would copy tens of thousands more often
		v.made = slices.Grow(v.made, len(v.made)+64)
	}
	v.made = append(v.made, t)
	v.parts = append(v.parts, n)
	return v.nodes + uint32(len(v.made)) - 1
}

// leadsOn reports whether what a node leads to depends on the kernel.
func (v *View) leadsOn(n uint32) bool {
	if n == 0 {
		return false
	}
	h := &v.s.heads[n]
	if h.kind == Named {
		var one [1]uint32
		list := v.types(btf.Kind(h.size), h.name, &one)
		return len(list) > 1 && h.word == 0
	}
	if r := &v.roots[n]; r.times > 0 {
		return r.many > 0
	}
	leads, ok := v.leads[n]
	if !ok {
		leads = v.leadsOn(h.ref) || h.kind == btf.Array && v.leadsOn(h.word)
		if !h.kind.IsEnum() {
			for _, m := range v.s.Members(n) {
				leads = leads || v.leadsOn(m.Type)
			}
		}
		v.leads[n] = leads
	}
	return leads
}
