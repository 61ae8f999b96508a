package core

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// A set is the number of a set of nodes of shapes; 0 is the empty set.
type set uint32

// A local is a node of a shape: a local type that type_matches compares with one of the kernel.
type local struct{ shape, node uint32 }

// matching is what type_matches looks at in one kernel. It compares the names of
// what it leads to, so these types are candidates in the minimal BTF, if it
// has relocations for that name. There must be as many candidates as before:
// so a type is kept once, with all that is asked of it anywhere. And as
// it must not matter whether types that are the same are one or many, it is kept with all that is
// asked of any type of its kind and name: a group.
type matching struct {
	locals  []Shape
	sets    [][]local      // by number
	number  map[string]set // of sets
	groups  map[groupKey]*group
	byID    map[uint32]*group
	stems   []string // asked for, and compared in any kernel so far, sorted
	stemSet *graph.Stems
	wants   []*want // by stem
	found   []named // types with these stems
	// by stem: whether types of it are compared, or are to be if there are any
	isCompared []bool
	before     []named // those of the kernel before; nil if types of its own are among them
	flowed     map[cut]bool
	queue      []cut
	merged     map[[2]*step]*step
	stemNumber map[string]uint32             // of local members' names, from 1
	memberStem refMap                        // by name reference: that, or 0
	members    map[local]map[uint32][]uint32 // types of local members by their stems
	leads      map[uint64]set
}

type groupKey struct {
	kind btf.Kind
	name uint32 // number in the store
}

// A named is a type of the kernel and the number of its name's stem.
type named struct {
	id   uint32
	stem int
}

// A group is a kernel's types of a kind and name.
type group struct {
	ids     []uint32 // in the kernel's order
	shapes  set
	fields  *step
	deep    bool
	ordinal map[uint32]uint32 // of types that differ: see store.Named
}

func newMatching(shapes []Shape) *matching {
	m := &matching{
		locals:     shapes,
		sets:       [][]local{nil},
		number:     map[string]set{"": 0},
		merged:     map[[2]*step]*step{},
		stemNumber: map[string]uint32{},
		members:    map[local]map[uint32][]uint32{},
		leads:      map[uint64]set{},
	}
	for shape, types := range shapes {
		for node := range types {
			members := map[uint32][]uint32{}
			for _, member := range types[node].Members {
				stem := graph.Stem(member.Name)
				n, ok := m.stemNumber[stem]
				if !ok {
					n = uint32(len(m.stemNumber) + 1)
					m.stemNumber[stem] = n
				}
				members[n] = append(members[n], uint32(member.Type))
			}
			m.members[local{uint32(shape), uint32(node)}] = members
		}
	}
	return m
}

func (m *matching) set(locals []local) set {
	slices.SortFunc(locals, func(a, b local) int {
		if a.shape != b.shape {
			return int(a.shape) - int(b.shape)
		}
		return int(a.node) - int(b.node)
	})
	locals = slices.Compact(locals)
	var key []byte
	for _, l := range locals {
		key = binary.LittleEndian.AppendUint32(key, l.shape)
		key = binary.LittleEndian.AppendUint32(key, l.node)
	}
	n, ok := m.number[string(key)]
	if !ok {
		n = set(len(m.sets))
		m.number[string(key)] = n
		m.sets = append(m.sets, locals)
	}
	return n
}

func (m *matching) union(a, b set) set {
	if a == b || b == 0 {
		return a
	}
	return m.set(slices.Concat(m.sets[a], m.sets[b]))
}

func (m *matching) typ(l local) *ShapeType { return &m.locals[l.shape][l.node] }

// compares reports whether a type of that kind is compared with anything but by name and kind.
func (m *matching) compares(s set, kind btf.Kind) bool {
	return s != 0 && slices.ContainsFunc(m.sets[s], func(l local) bool { return kindBit(m.typ(l).Kind) == kindBit(kind) })
}

// lead returns what the n-th thing that a pointer, array or function refers to is compared with:
// 0 is what it points to, is of or returns, the others are parameters.
func (m *matching) lead(s set, kind btf.Kind, n int) set {
	if s == 0 {
		return 0
	}
	var to []local
	for _, l := range m.sets[s] {
		switch t := m.typ(l); {
		case t.Kind != kind:
		case n == 0:
			to = append(to, local{l.shape, uint32(t.Type)})
		case n <= len(t.Members):
			to = append(to, local{l.shape, uint32(t.Members[n-1].Type)})
		}
	}
	return m.set(to)
}

// leadMember returns what a member of that name is compared with, of types of that kind which
// are compared with s. Most names are none of a local member.
func (c *cutter) leadMember(s set, kind btf.Kind, name uint32) set {
	m := c.matching
	stem, ok := m.memberStem.get(name)
	switch {
	case name == 0:
		stem = m.stemNumber[""]
	case !ok:
		text := c.g.String(name)
		c.spend(4 + len(text)/16)
		stem = m.stemNumber[graph.Stem(text)]
		m.memberStem.put(name, stem)
	}
	if stem == 0 {
		return 0
	}
	key := uint64(s)<<32 | uint64(kind&1)<<31 | uint64(stem) // of a struct or a union
	to, ok := m.leads[key]
	if !ok {
		var list []local
		for _, l := range m.sets[s] {
			if m.typ(l).Kind == kind {
				for _, t := range m.members[l][stem] {
					list = append(list, local{l.shape, t})
				}
			}
		}
		to = m.set(list)
		m.leads[key] = to
	}
	c.spend(len(m.sets[to]))
	return to
}

// shapesOf returns what a candidate is compared with whose underlying type is of that kind.
func (m *matching) shapesOf(w *want, kind btf.Kind) set {
	if len(w.matches) == 0 {
		return 0
	}
	var roots []local
	for _, shape := range w.matches {
		if l := (local{uint32(shape), 0}); kindBit(m.typ(l).Kind) == kindBit(kind) {
			roots = append(roots, l)
		}
	}
	return m.set(roots)
}

// groupOf returns the group of a type if anything is compared with that; else nil.
func (m *matching) groupOf(id uint32) *group {
	return m.byID[id]
}

// matches reports whether a candidate is compared with anything.
func (c *cutter) matches(id uint32, w *want) bool {
	if len(w.matches) > 0 {
		_, kind := c.underlying(id)
		return c.shapesOf(w, kind) != 0 || c.groupOf(id) != nil
	}
	return c.groupOf(id) != nil
}

// match finds out what type_matches looks at in the kernel, and notes the
// types that bear a name which is asked for or compared. It calls known when it is
// known what is compared, and before anything is cut.
func (c *cutter) match(known func()) {
	m := c.matching
	if m.stemSet == nil {
		// Most of what turns up bears the name of the local type it is compared with.
		m.stems = slices.Clone(c.w.list)
		for _, s := range m.locals {
			for i := range s {
				if s[i].Kind.IsComposite() || s[i].Kind.IsEnum() {
					m.stems = append(m.stems, graph.Stem(s[i].Name))
				}
			}
		}
		c.addStems()
	}
	c.find()
	if list := m.compared(c.g); m.before != nil && list != nil && slices.Equal(list, m.before) {
		return // the types that are compared are those of the kernel before
	}
	m.before = nil
	m.groups, m.byID, m.flowed = map[groupKey]*group{}, map[uint32]*group{}, map[cut]bool{}
	c.matched = map[cut]result{}
	for first := true; ; first = false {
		groups := len(m.groups)
		for _, n := range m.found {
			if g := c.group(n.id); g != nil && m.byID[n.id] == nil {
				m.byID[n.id] = g
				c.queue = append(c.queue, cut{n.id, asked{fields: g.fields, shapes: g.shapes, deep: g.deep}})
			}
			if w := m.wants[n.stem]; first && w != nil {
				under, kind := c.underlying(n.id)
				c.flow(under, asked{fields: w.fields, shapes: m.shapesOf(w, kind), deep: c.isDeep(under, w.fields)})
			}
		}
		for len(m.queue) > 0 && c.err == nil {
			next := m.queue[len(m.queue)-1]
			m.queue = m.queue[:len(m.queue)-1]
			c.expand(next.id, next.asked)
		}
		if c.err != nil {
			return
		}
		// Names that turn up are looked for, until there are no new ones.
		if c.addStems() {
			c.find()
		} else if len(m.groups) == groups {
			break
		}
	}
	for i, w := range m.wants {
		m.isCompared[i] = w != nil && len(w.matches) > 0
	}
	var groups []*group
	for _, g := range m.groups {
		g.ids = g.ids[:0]
	}
	for _, n := range m.found {
		if g := m.byID[n.id]; g != nil {
			m.isCompared[n.stem] = true
			if len(g.ids) == 0 {
				groups = append(groups, g)
			}
			g.ids = append(g.ids, n.id)
		}
	}
	known()
	c.number(groups)
	m.before = m.compared(c.g)
}

// find notes the types whose names are asked for or compared.
func (c *cutter) find() {
	m := c.matching
	m.found = m.found[:0]
	c.g.Candidates(m.stemSet, func(id uint32, stem int) {
		m.found = append(m.found, named{id, stem})
	})
}

// compared returns the types with names of which any is compared, or has to be; nil if any
// of them is one of this kernel alone.
func (m *matching) compared(g graph.Graph) []named {
	list := []named{}
	for _, n := range m.found {
		if m.isCompared[n.stem] {
			if g.Plain(n.id) != n.id {
				return nil
			}
			list = append(list, n)
		}
	}
	return list
}

// addStems takes up stems that turned up, and reports whether there are new ones.
func (c *cutter) addStems() bool {
	m := c.matching
	slices.Sort(m.stems)
	m.stems = slices.Compact(m.stems)
	if len(m.stems) == len(m.wants) && m.stemSet != nil {
		return false
	}
	m.stemSet = graph.NewStems(m.stems)
	m.wants = m.wants[:0]
	for _, s := range m.stems {
		m.wants = append(m.wants, c.w.of(s))
	}
	m.isCompared = make([]bool, len(m.stems))
	return true
}

// group returns the group of a type's kind and name; nil if nothing was compared with it yet.
func (c *cutter) group(id uint32) *group {
	kind, name := c.g.Head(id)
	return c.groups[groupKey{kind, c.text(name)}]
}

// flow notes what a type is compared with, and what is asked of it besides.
func (c *cutter) flow(id uint32, a asked) {
	id, kind := c.underlying(id)
	if id == 0 || a.shapes == 0 || c.flowed[cut{id, a}] {
		return
	}
	c.flowed[cut{id, a}] = true
	c.spend(16) // for its memory
	_, name := c.g.Head(id)
	if name == 0 || !kind.IsComposite() && !kind.IsEnum() {
		c.queue = append(c.queue, cut{id, a})
		return
	}
	key := groupKey{kind, c.text(name)}
	g := c.groups[key]
	if g == nil {
		text := c.g.String(name)
		g = &group{}
		if w := c.w.of(text); w != nil {
			g.fields = w.fields
		}
		c.groups[key] = g
		c.matching.stems = append(c.matching.stems, graph.Stem(text))
	}
	isNew := c.byID[id] == nil
	if isNew {
		c.byID[id] = g
		g.ids = append(g.ids, id)
	}
	shapes, fields, deep := c.union(g.shapes, a.shapes), c.merge(g.fields, a.fields), g.deep || a.deep
	if shapes == g.shapes && fields == g.fields && deep == g.deep {
		if isNew { // it may lead to others than those of the group before it
			c.queue = append(c.queue, cut{id, asked{fields: fields, shapes: shapes, deep: deep}})
		}
		return
	}
	g.shapes, g.fields, g.deep = shapes, fields, deep
	for _, id := range g.ids {
		c.spend(1)
		c.queue = append(c.queue, cut{id, asked{fields: fields, shapes: shapes, deep: deep}})
	}
}

// expand goes on from a type to those that it leads to.
func (c *cutter) expand(id uint32, a asked) {
	kind, _ := c.g.Head(id)
	if !c.compares(a.shapes, kind) {
		return
	}
	var t btf.Type
	c.g.Type(id, &t)
	c.spend(1 + len(t.Members))
	switch kind {
	case btf.Struct, btf.Union:
		for i := range t.Members {
			m := &t.Members[i]
			if shapes := c.leadMember(a.shapes, kind, m.Name); shapes != 0 {
				step, _ := a.fields.next(c.wanted(m.Name))
				c.flow(m.Type, asked{fields: step.ifAny(), shapes: shapes, deep: a.deep})
			}
		}
	case btf.Array:
		next := asked{shapes: c.lead(a.shapes, kind, 0), deep: a.deep}
		if a.fields != nil {
			next.fields = a.fields.indexed.ifAny()
		}
		c.flow(t.Ref, next)
	case btf.Ptr, btf.FuncProto:
		c.flow(t.Ref, asked{shapes: c.lead(a.shapes, kind, 0)})
		for i := range t.Members {
			c.flow(t.Members[i].Type, asked{shapes: c.lead(a.shapes, kind, 1+i)})
		}
	}
}

// number tells the types of each group apart. What tells two of them apart may
// be that they point to types which differ, so that takes as many rounds as
// there are pointers on the way.
func (c *cutter) number(groups []*group) {
	groups = slices.DeleteFunc(groups, func(g *group) bool { return len(g.ids) < 2 })
	for changed := true; changed && c.err == nil; {
		changed = false
		ordinals := make([]map[uint32]uint32, len(groups))
		for i, g := range groups {
			kind, _ := c.g.Head(g.ids[0])
			if kind.IsEnum() {
				continue // pointers hold it by value
			}
			number := map[uint32]uint32{}
			ordinal := map[uint32]uint32{}
			for _, id := range g.ids {
				node := c.named(id, g, asked{shapes: g.shapes, fields: g.fields}, 0).node
				n, ok := number[node]
				if !ok {
					n = uint32(len(number) + 1)
					number[node] = n
				}
				ordinal[id] = n
			}
			if len(number) > 1 {
				ordinals[i] = ordinal
			}
		}
		for i, g := range groups {
			for _, id := range g.ids {
				changed = changed || g.ordinal[id] != ordinals[i][id]
			}
			g.ordinal = ordinals[i]
		}
		if changed {
			clear(c.matched)
		}
	}
}

// merge returns the union of paths.
func (m *matching) merge(a, b *step) *step {
	if a == b || b == nil {
		return a
	}
	if a == nil {
		return b
	}
	key := [2]*step{a, b}
	if s, ok := m.merged[key]; ok {
		return s
	}
	s := &step{indexed: m.merge(a.indexed, b.indexed), named: maps.Clone(a.named)}
	if s.named == nil {
		s.named = map[uint32]*step{}
	}
	for name, next := range b.named {
		s.named[name] = m.merge(s.named[name], next)
	}
	// Merged with either of its parts it is itself.
	m.merged[key], m.merged[[2]*step{b, a}] = s, s
	m.merged[[2]*step{s, a}], m.merged[[2]*step{s, b}] = s, s
	m.merged[[2]*step{a, s}], m.merged[[2]*step{b, s}] = s, s
	return s
}
