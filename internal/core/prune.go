package core

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// ErrByteOrder says that objects and kernel differ in byte order.
var ErrByteOrder = errors.New("byte order of the objects differs from the kernel's")

// Prune returns the minimal BTF of kernel g for the relocations: raw BTF in
// the kernel's byte order.
func Prune(g graph.Graph, rs *Relocations) ([]byte, error) {
	s := store.New()
	k, err := NewPruner(rs, s).Prune(g)
	if err != nil {
		return nil, err
	}
	return s.Raw(k)
}

// A Pruner cuts kernels down to what the same relocations look at.
type Pruner struct {
	order ByteOrder
	c     *cutter
	roots map[uint32]uint32 // what is left of candidates, in every kernel
	enums []groupKey        // that type_matches compares as a whole
}

// NewPruner returns a Pruner that puts what is left into s.
func NewPruner(rs *Relocations, s *store.Store) *Pruner {
	w := newWants(rs)
	return &Pruner{
		order: rs.ByteOrder,
		c: &cutter{
			w: w, s: s,
			stemOf:   map[uint32]string{},
			cuts:     map[cut]result{},
			nests:    map[uint32]deepest{},
			looks:    map[look]int{},
			matching: newMatching(w.shapes),
		},
		roots: map[uint32]uint32{},
	}
}

// Prune returns what is left of a kernel. All kernels that a Pruner gets must
// number their types and names alike, as those of one pack do: a type of one id is the
// same, but for what pointers lead to.
func (p *Pruner) Prune(g graph.Graph) (*store.Kernel, error) {
	if kernel := byteOrder(g.BigEndian()); p.order != "" && p.order != kernel {
		return nil, fmt.Errorf("%w: %s-endian objects, a %s-endian kernel; compile with -target %s",
			ErrByteOrder, p.order, kernel, map[ByteOrder]string{LittleEndian: "bpfel", BigEndian: "bpfeb"}[kernel])
	}
	p.begin(g)
	list := p.candidates()
	k := &store.Kernel{BigEndian: g.BigEndian(), Roots: list}
	pointers := slices.ContainsFunc(list, p.c.s.HasPointer)
	if id := g.LongInt(); pointers && id != 0 {
		k.Long = p.c.typ(id, asked{}, 0).node
	}
	if err := p.c.err; err != nil {
		p.forget()
		p.c.before = nil
		return nil, err
	}
	return k, nil
}

func (p *Pruner) begin(g graph.Graph) {
	c := p.c
	c.g = g
	c.work, c.err = 0, nil
}

// forget forgets all results.
func (p *Pruner) forget() {
	clear(p.c.shells)
	clear(p.c.cuts)
	clear(p.c.nests)
	clear(p.c.looks)
	clear(p.roots)
}

// forgetEnums forgets all results if other enums are compared as a whole than in
// the kernel before: what is left of them is the same wherever they are.
func (p *Pruner) forgetEnums() {
	c := p.c
	var enums []groupKey
	for key, g := range c.groups {
		if key.kind.IsEnum() && c.compares(g.shapes, key.kind) {
			enums = append(enums, key)
		}
	}
	slices.SortFunc(enums, func(a, b groupKey) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name)) })
	if !slices.Equal(enums, p.enums) {
		p.forget()
		p.enums = enums
	}
}

// candidates returns what is left of the kernel's candidates: by stem, then in
// the kernel's order. Of equal ones there is the first, and the second if ids
// are asked for, which tell them apart.
func (p *Pruner) candidates() []uint32 {
	lists := make([][]uint32, len(p.c.w.roots))
	times := map[uint32]int{}
	p.each(func(_, node uint32, stem int, w *want) {
		if n := times[node]; n == 0 || n == 1 && w != nil && w.ids {
			times[node]++
			for stem >= len(lists) {
				lists = append(lists, nil)
			}
			lists[stem] = append(lists[stem], node)
		}
	})
	return slices.Concat(lists...)
}

// each calls yield for all that is left: candidates, and types whose names type_matches compares.
// Of the latter the want is nil.
func (p *Pruner) each(yield func(id, node uint32, stem int, w *want)) {
	c := p.c
	if len(c.locals) == 0 {
		c.g.Candidates(c.w.stems, func(id uint32, stem int) {
			w := &c.w.roots[stem]
			if node := p.root(id, w); node != 0 {
				yield(id, node, stem, w)
			}
		})
		return
	}
	c.match(p.forgetEnums)
	for _, n := range c.found {
		if w := c.wants[n.stem]; w != nil {
			if node := p.root(n.id, w); node != 0 {
				yield(n.id, node, n.stem, w)
				continue
			}
		}
		if g := c.groupOf(n.id); g != nil {
			if kind, _ := c.g.Head(n.id); kind.IsComposite() {
				yield(n.id, c.named(n.id, g, asked{fields: g.fields, shapes: g.shapes}, 0).node, n.stem, nil)
			}
		}
	}
}

// root is cutter.root, once for types that are alike by value, in all kernels. The name says what is wanted.
func (p *Pruner) root(id uint32, w *want) uint32 {
	if p.c.matches(id, w) {
		return p.c.root(id, w)
	}
	id = p.c.g.Plain(id)
	node, ok := p.roots[id]
	if !ok {
		node = p.c.root(id, w)
		p.roots[id] = node
	}
	return node
}

// LooksThroughPointers reports whether what relocations look at depends on which type
// of a name a pointer leads to, so that Prune needs a graph that tells these apart.
func LooksThroughPointers(rs *Relocations) bool {
	return slices.ContainsFunc(rs.Relocations, func(r Relocation) bool { return r.Kind == TypeMatches })
}
