package pack

import (
	"slices"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// A copier finds types of a kernel that are one node, but not one type, as what they point
// to differs: store.Copies.
//
// Whether two types of a name are the same is a question of what they lead to,
// round in circles. They are taken for the same as long as nothing tells them
// apart (the coarsest bisimulation); each round compares what they refer to.
type copier struct {
	im     *Importer
	group  []uint32 // by type: number of its kind and name, from 1; 0 if it has no name
	groups []group
	doubt  bool     // whether pointers can be in doubt
	byText []uint32 // the last group of a name
	refs   []ref    // of roots, one after the other
	spans  []span   // of refs, by type
	class  []uint32 // by type
	place  []uint32 // by type: which of the doubtful ones, from 1
	isOne  []answer // by type: isCopy
	// by class
	times   []uint8
	ordinal []uint32 // from 1, of those that pointers may lead to
	copy    []uint32 // which one of the node's copies it is
	entry   []uint32 // index of store.Copy, from 1
	// by node
	copies []uint32
}

type span struct{ first, end uint32 }

// A group is a kernel's types of a kind and name.
type group struct {
	kind    btf.Kind
	before  uint32 // the group before of the same name
	count   uint32 // types
	classes uint32 // found at last
}

// A ref is what a type leads to: one of several types of a name.
type ref struct {
	id      uint32
	pointer bool
}

type answer uint8

const (
	unknown answer = iota
	no
	yes
)

// maxRefs bounds what a hostile kernel has.
const maxRefs = 1 << 25

// number groups the named types by kind and name, and returns them in the kernel's order.
func (c *copier) number(im *Importer) (ids []uint32) {
	c.im, c.doubt = im, false
	c.group = cleared(c.group, int(im.g.NumTypes()))
	c.groups = append(c.groups[:0], group{})
	clear(c.byText)
	ids = make([]uint32, 0, 1<<14)
	im.g.Named(func(id uint32) {
		ids = append(ids, id)
		kind, name := im.g.Head(id)
		text := im.text(name)
		if int(text) >= len(c.byText) {
			c.byText = append(c.byText, make([]uint32, im.s.Strings()+1<<12-len(c.byText))...)
		}
		n := c.byText[text]
		for n != 0 && c.groups[n].kind != kind {
			n = c.groups[n].before
		}
		if n == 0 {
			n = uint32(len(c.groups))
			c.groups = append(c.groups, group{kind: kind, before: c.byText[text]})
			c.byText[text] = n
		}
		c.group[id] = n
		c.groups[n].count++
		c.doubt = c.doubt || c.several(id) && isNamed(kind)
	})
	return ids
}

// several reports whether there are other types of the same kind and name.
func (c *copier) several(id uint32) bool { return c.groups[c.group[id]].count > 1 }

// find fills in k.Copies and k.Order.
func (c *copier) find(im *Importer, k *store.Kernel, ids []uint32) {
	if !c.doubt {
		return
	}
	c.refs, c.spans = c.refs[:0], cleared(c.spans, int(im.g.NumTypes()))
	for _, id := range ids {
		if c.leadsOn(id, false) {
			first := uint32(len(c.refs))
			c.collect(id)
			c.spans[id] = span{first, uint32(len(c.refs))}
		}
		if im.err != nil {
			return
		}
	}
	c.refine(ids)
	c.choose(k, ids)
}

// leadsOn reports whether a type leads, by value or through pointers without
// names, to a pointer to one of several types of a name.
func (c *copier) leadsOn(id uint32, pointer bool) bool {
	if pointer {
		return c.im.pointees[id].leads()
	}
	return c.im.values[id].leads()
}

// each calls yield for what a type refers to, in the order of its references.
// That is behind a pointer if the type is (and is no type of a name), or is one.
func (c *copier) each(id uint32, pointer bool, yield func(id uint32, pointer bool)) {
	g := c.im.g
	switch kind, _ := g.Head(id); {
	case kind.IsComposite():
		for i := range g.Len(id) {
			yield(g.Entry(id, i).Type, false)
		}
	case kind == btf.Array:
		var t btf.Type
		g.Type(id, &t)
		yield(t.Ref, pointer)
		yield(t.Index, false)
	case kind == btf.Ptr:
		yield(g.Ref(id), true)
	case kind == btf.FuncProto:
		yield(g.Ref(id), true)
		for i := range g.Len(id) {
			yield(g.Entry(id, i).Type, true)
		}
	case kind.IsModifier():
		yield(g.Ref(id), pointer)
	}
}

// collect notes what a root leads to, as store.View comes to it.
func (c *copier) collect(id uint32) {
	var visit func(id uint32, pointer bool)
	visit = func(id uint32, pointer bool) {
		if !c.leadsOn(id, pointer) || c.im.err != nil {
			return
		}
		if len(c.refs) > maxRefs {
			c.im.fail(id, "is one of too many that lead to each other")
			return
		}
		group := c.group[id]
		switch {
		case pointer && isNamed(c.groups[group].kind):
			c.refs = append(c.refs, ref{id, true})
			return
		case group != 0 && (!pointer || c.im.pointees[id].node() == c.im.values[id].node()):
			c.refs = append(c.refs, ref{id, false}) // a root again
			return
		case pointer:
			kind, _ := c.im.g.Head(id)
			pointer = kind.IsModifier() || kind == btf.Array
		}
		c.each(id, pointer, visit)
	}
	c.each(id, false, visit)
}

// refine divides the types of each name into classes of the same. The first classes are nodes.
func (c *copier) refine(ids []uint32) {
	types, nodes := int(c.im.g.NumTypes()), uint32(c.im.s.Len())
	c.class = cleared(c.class, types)
	for id, n := range c.im.values {
		c.class[id] = n.node()
	}
	c.place = cleared(c.place, types)
	var doubtful []uint32
	for _, id := range ids {
		if s := c.spans[id]; s.end > s.first && c.several(id) {
			doubtful = append(doubtful, id)
			c.place[id] = uint32(len(doubtful))
		}
	}
	refs := &lists{end: make([]uint32, len(doubtful))}
	class := make([]uint32, len(doubtful))
	for i, id := range doubtful {
		for _, r := range c.of(id) {
			to := c.place[r.id] - 1
			if c.place[r.id] == 0 {
				to = constant | c.class[r.id]
			}
			refs.all = append(refs.all, to)
		}
		refs.end[i] = uint32(len(refs.all))
		class[i] = c.class[id]
	}
	refine(class, refs, nodes)
	for i, id := range doubtful {
		c.class[id] = class[i]
	}
}

func (c *copier) of(id uint32) []ref {
	s := c.spans[id]
	return c.refs[s.first:s.end]
}

// choose notes the copies, and what they lead to.
func (c *copier) choose(k *store.Kernel, ids []uint32) {
	im := c.im
	classes := im.s.Len() + len(ids)
	c.times, c.ordinal = cleared(c.times, classes), cleared(c.ordinal, classes)
	c.copy, c.entry = cleared(c.copy, classes), cleared(c.entry, classes)
	c.copies = cleared(c.copies, im.s.Len())
	c.isOne = cleared(c.isOne, int(im.g.NumTypes()))
	for _, id := range ids {
		class := c.class[id]
		if c.times[class] > 0 {
			continue
		}
		c.times[class] = 1
		g, n := &c.groups[c.group[id]], im.values[id].node()
		g.classes++
		c.ordinal[class] = g.classes
		c.copy[class] = c.copies[n]
		c.copies[n]++
	}
	clear(c.times)
	choices := make([]uint32, 0, len(c.refs))
	var entries []store.Copy
	order := make([]uint32, 0, len(k.Roots))
	for _, id := range ids {
		class := c.class[id]
		if c.times[class] == 2 {
			continue
		}
		if c.times[class]++; c.times[class] == 1 && c.isCopy(id) {
			first := len(choices)
			for _, r := range c.of(id) {
				class := c.class[r.id]
				if r.pointer {
					if c.groups[c.group[r.id]].classes > 1 {
						choices = append(choices, c.ordinal[class])
					}
				} else if c.copies[im.values[r.id].node()] > 1 {
					choices = append(choices, c.copy[class])
				}
			}
			entries = append(entries, store.Copy{Root: im.values[id].node(), Choices: choices[first:len(choices):len(choices)]})
			c.entry[class] = uint32(len(entries))
		}
		if i := c.entry[class]; i > 0 {
			order = append(order, store.IsCopy|(i-1))
		} else {
			order = append(order, im.values[id].node())
		}
	}
	if len(entries) == 0 {
		return
	}
	// Those of one root are together, in the kernel's order.
	sorted := make([]uint64, len(entries))
	for i, e := range entries {
		sorted[i] = uint64(e.Root)<<32 | uint64(i)
	}
	slices.Sort(sorted)
	place := make([]uint32, len(entries))
	k.Copies = make([]store.Copy, len(entries))
	for i, e := range sorted {
		place[uint32(e)] = uint32(i)
		k.Copies[i] = entries[uint32(e)]
	}
	for i, id := range order {
		if id&store.IsCopy != 0 {
			order[i] = store.IsCopy | place[id&^store.IsCopy]
		}
	}
	k.Order = order
}

// isCopy reports whether what a type leads to is in doubt.
func (c *copier) isCopy(id uint32) bool {
	if c.isOne[id] == unknown {
		c.isOne[id] = no
		for _, r := range c.of(id) {
			if r.pointer && c.groups[c.group[r.id]].classes > 1 || !r.pointer && c.isCopy(r.id) {
				c.isOne[id] = yes
				break
			}
		}
	}
	return c.isOne[id] == yes
}
