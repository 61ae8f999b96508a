package core

import (
	"fmt"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// longChain is how many typedefs, modifiers and arrays may stand between a
// member and its type before they are all kept as they are: loaders give up
// after 32, and that must stay so.
const longChain = 16

// A mark says what to keep of one type of the kernel.
type mark struct {
	id       uint32
	valued   bool     // its by-value chain is marked
	named    bool     // its name is asked for
	verbatim bool     // part of a chain that is kept as it is
	pointee  bool     // PTR, FUNC_PROTO: keep what it leads to
	all      bool     // all members or enumerators
	members  []uint64 // else those of this bitmap
}

func (m *mark) keep(member, of int) {
	if m.members == nil {
		m.members = make([]uint64, (of+63)/64)
	}
	m.members[member/64] |= 1 << (member % 64)
}

func (m *mark) kept(member int) bool {
	return m.all || m.members != nil && m.members[member/64]>>(member%64)&1 == 1
}

// A candidate is a root type that at least one relocation looks into.
type candidate struct {
	id  uint32
	ids bool // see want.ids
}

// A marker walks a kernel's types as the loaders do and notes what they look at.
// It may note more: see the package comment.
type marker struct {
	g     graph.Graph
	w     *wants
	at    []int32 // by type: index in marks + 1, or 0
	marks []mark  // in the order of marking
	// candidates by stem, each list in the kernel's order
	candidates [][]candidate
	names      nameCache
	buffers    []*btf.Type       // one for each depth of fields
	walked     map[walk]bool     // results of fields
	queue      []uint32          // of pointees
	pairs      []pair            // of match
	matched    map[pair]struct{} // pairs seen
	stems      map[*ShapeType]map[string][]int
	t          btf.Type // for one access to a type
	target     btf.Type // of matchPair
	err        error
}

type walk struct {
	id uint32
	s  *step
}

// A pair is a node of a local shape and a type of the kernel that it may match.
type pair struct {
	shape, node int
	id          uint32
}

func newMarker(g graph.Graph, w *wants) *marker {
	return &marker{
		g: g, w: w,
		at:         make([]int32, g.NumTypes()),
		candidates: make([][]candidate, len(w.roots)),
		walked:     map[walk]bool{},
		matched:    map[pair]struct{}{},
		stems:      map[*ShapeType]map[string][]int{},
		names:      newNameCache(g, w.names),
	}
}

// run marks what the wants look at in all candidates.
func (m *marker) run() error {
	m.g.Candidates(m.w.stems, func(id uint32, stem int) {
		if m.err == nil && m.candidate(id, &m.w.roots[stem]) {
			m.mark(id).named = true
			m.candidates[stem] = append(m.candidates[stem], candidate{id, m.w.roots[stem].ids})
		}
	})
	return m.err
}

// candidate marks one candidate and reports whether any relocation looks into it.
func (m *marker) candidate(id uint32, w *want) bool {
	under, kind := m.underlying(id)
	used := false
	if w.fields != nil {
		switch {
		case under != id, w.root:
			// The size of what a typedef stands for is asked first, even if it has none.
			used = true
			m.value(id)
			m.fields(id, w.fields, 0)
		case m.fields(id, w.fields, 0):
			used = true
			m.value(id)
		}
	}
	if w.kinds&kindBit(kind) != 0 {
		used = true
		m.value(id)
		m.pointees(under)
	}
	for _, shape := range w.matches {
		if kindBit(m.w.shapes[shape][0].Kind) == kindBit(kind) {
			used = true
			m.value(id)
			m.match(shape, under)
		}
	}
	if w.enumerators != nil && kind.IsEnum() && m.enumerators(under, w.enumerators) {
		used = true
		m.value(id)
	}
	return used
}

// mark returns the mark of a type, which it makes if there is none. It is
// valid until the next call.
func (m *marker) mark(id uint32) *mark {
	if m.at[id] == 0 {
		m.marks = append(m.marks, mark{id: id})
		m.at[id] = int32(len(m.marks))
	}
	return &m.marks[m.at[id]-1]
}

// underlying skips typedefs and modifiers.
func (m *marker) underlying(id uint32) (uint32, btf.Kind) {
	kind, _ := m.g.Head(id)
	for kind.IsModifier() {
		id = m.g.Ref(id)
		kind, _ = m.g.Head(id)
	}
	return id, kind
}

// value keeps a type as something held by value: through typedefs, modifiers
// and arrays down to what has a size.
func (m *marker) value(id uint32) {
	if id == 0 || m.mark(id).valued {
		return
	}
	m.mark(id).valued = true
	at, length, legacy := id, 0, false
	for at != 0 {
		m.mark(at)
		kind, _ := m.g.Head(at)
		switch kind {
		case btf.Func, btf.Var, btf.Datasec, btf.DeclTag:
			m.fail(at, "has no values, but is used as if it had")
			return
		}
		if kind > btf.Enum64 {
			m.fail(at, "is of a kind unknown to this minbtf")
			return
		}
		if kind != btf.Array && !kind.IsModifier() {
			legacy = length > 0 && kind == btf.Int && m.isLegacyBitfield(at)
			break
		}
		if kind == btf.Array {
			m.g.Type(at, &m.t)
			index := m.t.Index
			at = m.t.Ref
			m.value(index)
		} else {
			at = m.g.Ref(at)
		}
		length++
	}
	if length <= longChain && !legacy {
		return
	}
	for at = id; at != 0 && length > 0; length-- {
		m.mark(at).verbatim = true
		m.g.Type(at, &m.t)
		at = m.t.Ref
	}
}

// isLegacyBitfield reports whether an INT has an offset or a width of its own.
// To cilium/ebpf a member is a bitfield if it is of such a type itself, and not
// if a typedef or modifier stands between.
func (m *marker) isLegacyBitfield(id uint32) bool {
	m.g.Type(id, &m.t)
	return m.t.Word&0xff00ff != 8*m.t.Size
}

func (m *marker) fail(id uint32, format string, args ...any) {
	if m.err == nil {
		kind, name := m.g.Head(id)
		m.err = fmt.Errorf("%w: type %d (%s %q) %s", btf.ErrFormat, id, kind, m.g.String(name), fmt.Sprintf(format, args...))
	}
}

// fields keeps the members that the paths from s name in type id, and reports
// whether there are any. Every member of a name counts: which one a loader
// takes depends on the order in which it searches.
func (m *marker) fields(id uint32, s *step, depth int) bool {
	if len(s.named) == 0 && s.indexed == nil || m.err != nil {
		return false
	}
	id, kind := m.underlying(id)
	if kind != btf.Array && !kind.IsComposite() {
		return false
	}
	if depth > 0 { // the same type may be reached in exponentially many ways
		if found, ok := m.walked[walk{id, s}]; ok {
			return found
		}
	}
	if depth == len(m.buffers) {
		m.buffers = append(m.buffers, new(btf.Type))
	}
	t := m.buffers[depth]
	m.g.Type(id, t)
	found := false
	if kind == btf.Array {
		if s.indexed != nil {
			found = true
			m.value(t.Ref)
			m.fields(t.Ref, s.indexed, depth+1)
		}
	} else {
		last := len(t.Members) - 1
		for i := range t.Members {
			member := &t.Members[i]
			name := m.names.lookup(member.Name)
			if name == unnamed {
				if m.fields(member.Type, s, depth+1) {
					found = true
					m.member(id, i, t)
				}
				continue
			}
			if name == unwanted {
				continue
			}
			next := s.named[name]
			if next == nil {
				continue
			}
			found = true
			m.member(id, i, t)
			m.fields(member.Type, next, depth+1)
			if next.indexed != nil && i != last && m.isEmptyArray(member.Type) {
				m.member(id, last, t)
			}
		}
	}
	if depth > 0 {
		m.walked[walk{id, s}] = found
	}
	return found
}

// member keeps member i of a composite t, and its type.
func (m *marker) member(id uint32, i int, t *btf.Type) {
	m.value(t.Members[i].Type)
	m.mark(id).keep(i, len(t.Members))
}

// isEmptyArray reports whether a loader may take a member of type id for a
// flexible array: an array without elements.
func (m *marker) isEmptyArray(id uint32) bool {
	id, kind := m.underlying(id)
	if kind != btf.Array {
		return false
	}
	m.g.Type(id, &m.t)
	return m.t.Size == 0
}

// enumerators keeps those with the given stems and reports whether there are any.
func (m *marker) enumerators(id uint32, stems map[string]bool) bool {
	var t btf.Type
	m.g.Type(id, &t)
	found := false
	for i := range t.Members {
		if stems[graph.Stem(m.g.String(t.Members[i].Name))] {
			found = true
			m.mark(id).keep(i, len(t.Members))
		}
	}
	return found
}

// pointees keeps what compatibility of types looks at behind id: through
// pointers, arrays and functions to the first named things, as shells.
func (m *marker) pointees(id uint32) {
	var t btf.Type
	follow := func(ref uint32) {
		m.value(ref)
		m.queue = append(m.queue, ref)
	}
	m.queue = append(m.queue[:0], id)
	for len(m.queue) > 0 && m.err == nil {
		id, kind := m.underlying(m.queue[len(m.queue)-1])
		m.queue = m.queue[:len(m.queue)-1]
		switch kind {
		case btf.Array:
			m.g.Type(id, &t)
			m.queue = append(m.queue, t.Ref)
		case btf.Ptr, btf.FuncProto:
			if mk := m.mark(id); mk.pointee {
				continue
			} else {
				mk.pointee = true
			}
			m.g.Type(id, &t)
			follow(t.Ref)
			for i := range t.Members {
				follow(t.Members[i].Type)
			}
		}
	}
}

// match keeps what type_matches looks at: the kernel's types that the local
// type leads to, each whole.
func (m *marker) match(shape int, id uint32) {
	m.pairs = append(m.pairs[:0], pair{shape, 0, id})
	for len(m.pairs) > 0 && m.err == nil {
		p := m.pairs[len(m.pairs)-1]
		m.pairs = m.pairs[:len(m.pairs)-1]
		p.id, _ = m.underlying(p.id)
		if _, ok := m.matched[p]; ok {
			continue
		}
		m.matched[p] = struct{}{}
		m.matchPair(p)
	}
}

func (m *marker) matchPair(p pair) {
	local := &m.w.shapes[p.shape][p.node]
	t := &m.target
	m.g.Type(p.id, t)
	m.mark(p.id).named = true
	lead := func(node int, id uint32) {
		m.value(id)
		m.pairs = append(m.pairs, pair{p.shape, node, id})
	}
	if kindBit(local.Kind) != kindBit(t.Kind) {
		return // no match, and the kinds alone say so
	}
	switch t.Kind {
	case btf.Struct, btf.Union:
		m.mark(p.id).all = true
		byStem := m.membersByStem(local)
		for _, tm := range t.Members {
			m.value(tm.Type)
			for _, i := range byStem[graph.Stem(m.g.String(tm.Name))] {
				lead(local.Members[i].Type, tm.Type)
			}
		}
	case btf.Enum, btf.Enum64:
		m.mark(p.id).all = true
	case btf.Ptr:
		m.mark(p.id).pointee = true
		lead(local.Type, t.Ref)
	case btf.Array:
		lead(local.Type, t.Ref)
	case btf.FuncProto:
		m.mark(p.id).pointee = true
		lead(local.Type, t.Ref)
		for i, param := range t.Members {
			if i < len(local.Members) {
				lead(local.Members[i].Type, param.Type)
			} else {
				m.value(param.Type)
			}
		}
	}
}

// membersByStem returns a local type's members. Duplicate types ask for them
// hundreds of times.
func (m *marker) membersByStem(local *ShapeType) map[string][]int {
	byStem, ok := m.stems[local]
	if !ok {
		byStem = map[string][]int{}
		for i, lm := range local.Members {
			stem := graph.Stem(lm.Name)
			byStem[stem] = append(byStem[stem], i)
		}
		m.stems[local] = byStem
	}
	return byStem
}

// A nameCache tells which of the wanted names a name reference stands for. Most
// references are asked for again and again, and most names are not wanted.
type nameCache struct {
	g      graph.Graph
	wanted map[string]uint32
	slots  []nameSlot // open addressing; a power of two
	used   int
}

type nameSlot struct{ ref, name uint32 }

const (
	unnamed  = 0
	unwanted = 1<<32 - 1
)

func newNameCache(g graph.Graph, wanted map[string]uint32) nameCache {
	return nameCache{g: g, wanted: wanted, slots: make([]nameSlot, 1<<12)}
}

// lookup returns the number of the wanted name, unwanted, or unnamed.
func (c *nameCache) lookup(ref uint32) uint32 {
	if ref == 0 {
		return unnamed
	}
	mask := uint32(len(c.slots) - 1)
	for i := ref * 0x9e3779b1 >> 7; ; i++ {
		switch s := &c.slots[i&mask]; s.ref {
		case ref:
			return s.name
		case 0:
			name := uint32(unwanted)
			if str := c.g.String(ref); str == "" {
				name = unnamed
			} else if n, ok := c.wanted[str]; ok {
				name = n
			}
			*s = nameSlot{ref, name}
			if c.used++; c.used > len(c.slots)/2 {
				c.grow()
			}
			return name
		}
	}
}

func (c *nameCache) grow() {
	old := c.slots
	c.slots = make([]nameSlot, 2*len(old))
	mask := uint32(len(c.slots) - 1)
	for _, s := range old {
		if s.ref == 0 {
			continue
		}
		i := s.ref * 0x9e3779b1 >> 7
		for c.slots[i&mask].ref != 0 {
			i++
		}
		c.slots[i&mask] = s
	}
}
