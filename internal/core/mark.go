package core

import (
	"errors"
	"fmt"
	"math"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// longChain is how many typedefs, modifiers and arrays may stand between a
// member and its type before they are all kept as they are: loaders give up
// after 32, and that must stay so.
const longChain = 16

// maxWork bounds a marker's time and memory, in members looked at. Hostile
// files can multiply the types of a kernel by the paths and types of an object;
// real ones stay below a hundredth of it, and below a quarter if they match the
// whole vmlinux.h with a kernel from which nothing was deduplicated.
var maxWork = 1 << 29

// ErrWork says that marking would take hours.
var ErrWork = errors.New("relocations look at too much of the kernel's types")

// A mark says what to keep of one type of the kernel.
type mark struct {
	id       uint32
	valued   bool     // its by-value chain is marked
	named    bool     // its name is asked for
	verbatim bool     // part of a chain that is kept as it is
	pointee  bool     // PTR, FUNC_PROTO: keep what it leads to
	followed bool     // and pointees went on from there
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
	buffers    []*btf.Type   // one for each depth of fields
	walked     map[walk]bool // results of fields
	nests      map[uint32]deepest
	queue      []uint32          // of pointees
	pairs      []pair            // of match
	matched    map[pair]struct{} // pairs seen
	stems      map[*ShapeType]map[string][]int
	t          btf.Type // for one access to a type
	target     btf.Type // of matchPair
	work       int      // done, see maxWork
	err        error
}

type walk struct {
	id uint32
	s  *step
}

// deepest is how many anonymous members are within each other, and the one that leads there.
type deepest struct{ levels, member int }

// A pair is a node of a local shape and a type of the kernel that it may match.
type pair struct{ shape, node, id uint32 }

func newMarker(g graph.Graph, w *wants) *marker {
	return &marker{
		g: g, w: w,
		at:         make([]int32, g.NumTypes()),
		candidates: make([][]candidate, len(w.roots)),
		walked:     map[walk]bool{},
		nests:      map[uint32]deepest{},
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
		case under != id, w.root, m.isHuge(id):
			// The size is asked first, even that of a typedef of something that has none.
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
	// To cilium/ebpf it is an error if the object's typedef leads to no enum, or not soon
	// enough, once there is a candidate.
	if w.enumerators != nil && (!kind.IsEnum() && under != id || kind.IsEnum() && m.enumerators(under, w.enumerators)) {
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
		m.spend(2)
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
	return uint64(m.t.Word&0xff00ff) != 8*uint64(m.t.Size)
}

// spend counts members looked at.
func (m *marker) spend(n int) {
	if m.work += n; m.work > maxWork && m.err == nil {
		m.err = fmt.Errorf("%w: damaged?", ErrWork)
	}
}

func (m *marker) fail(id uint32, what string) {
	if m.err == nil {
		kind, name := m.g.Head(id)
		m.err = fmt.Errorf("%w: type %d (%s %q) %s", btf.ErrFormat, id, kind, m.g.String(name), what)
	}
}

// fields keeps the members that the paths from s name in type id, and reports
// whether there are any, or something that has the search refused. Every member of a name counts: which one a loader
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
	m.spend(8 + len(t.Members)) // and an entry of walked
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
				} else if depth+m.nestedness(member.Type) > deepNest {
					found = true
					m.member(id, i, t)
					m.nest(member.Type)
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
	if depth > 8 && len(t.Members) > muchMemory {
		t.Members = nil // there may be one of these for each depth
	}
	return found
}

// deepNest is how deep anonymous structs may be within others before they are
// kept even if none of them has the member sought: in the 64th step libbpf stops to
// search and refuses the relocation.
const deepNest = 40

// nestedness returns how many anonymous structs and unions are within each other.
func (m *marker) nestedness(id uint32) int {
	n, _ := m.deepest(id)
	return n
}

// deepest returns also the member that leads furthest: an anonymous one, or any;
// -1 if there is none.
func (m *marker) deepest(id uint32) (levels, member int) {
	id, kind := m.underlying(id)
	if !kind.IsComposite() {
		return 0, -1
	}
	if d, ok := m.nests[id]; ok {
		return d.levels, d.member
	}
	var t btf.Type
	m.g.Type(id, &t)
	m.spend(8 + len(t.Members))
	d := deepest{1, min(len(t.Members), 1) - 1}
	for i := range t.Members {
		if m.names.lookup(t.Members[i].Name) == unnamed {
			if n, _ := m.deepest(t.Members[i].Type); n >= d.levels {
				d = deepest{n + 1, i}
			}
		}
	}
	m.nests[id] = d
	return d.levels, d.member
}

// nest keeps the members that lead furthest into anonymous ones.
func (m *marker) nest(id uint32) {
	var t btf.Type
	for m.err == nil {
		id, _ = m.underlying(id)
		_, i := m.deepest(id)
		if i < 0 {
			return
		}
		m.g.Type(id, &t)
		m.member(id, i, &t)
		if m.names.lookup(t.Members[i].Name) != unnamed {
			return
		}
		id = t.Members[i].Type
	}
}

// muchMemory is how many members are too many to keep their memory for the next type.
const muchMemory = 1 << 12

// member keeps member i of a composite t, and its type.
func (m *marker) member(id uint32, i int, t *btf.Type) {
	member := &t.Members[i]
	if t.KFlag && member.Offset>>24 != 0 {
		if _, kind := m.underlying(member.Type); kind == btf.Ptr || kind == btf.FuncProto {
			// libbpf divides by what is in the place of their size: an id, other than in the minimal BTF.
			m.fail(id, "has bits of a pointer or function")
		}
	}
	m.value(member.Type)
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

// isHuge reports whether a type, no typedef, is so large that libbpf takes its size
// for an error, whether there is the field or not.
func (m *marker) isHuge(id uint32) bool {
	m.g.Type(id, &m.t)
	return m.t.Kind.IsComposite() && m.t.Size > math.MaxInt32
}

// enumerators keeps those with the given stems and reports whether there are any.
func (m *marker) enumerators(id uint32, stems map[string]bool) bool {
	t := &m.t
	m.g.Type(id, t)
	found := false
	for i := range t.Members {
		if m.err == nil && stems[m.stem(t.Members[i].Name)] {
			found = true
			m.mark(id).keep(i, len(t.Members))
		}
	}
	return found
}

// stem returns the stem of a name, which it has to read.
func (m *marker) stem(name uint32) string {
	s := m.g.String(name)
	m.spend(4 + len(s)/16)
	return graph.Stem(s)
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
			mk := m.mark(id)
			if mk.followed {
				continue
			}
			mk.pointee, mk.followed = true, true
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
	m.pairs = append(m.pairs[:0], pair{uint32(shape), 0, id})
	for len(m.pairs) > 0 && m.err == nil {
		p := m.pairs[len(m.pairs)-1]
		m.pairs = m.pairs[:len(m.pairs)-1]
		p.id, _ = m.underlying(p.id)
		if _, ok := m.matched[p]; ok {
			continue
		}
		m.matched[p] = struct{}{}
		m.spend(32) // for its memory
		m.matchPair(p)
	}
}

func (m *marker) matchPair(p pair) {
	local := &m.w.shapes[p.shape][p.node]
	t := &m.target
	m.g.Type(p.id, t)
	m.mark(p.id).named = true
	lead := func(node int, id uint32) {
		m.spend(1)
		m.value(id)
		m.pairs = append(m.pairs, pair{p.shape, uint32(node), id})
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
			for _, i := range byStem[m.stem(tm.Name)] {
				lead(local.Members[i].Type, tm.Type)
			}
			if m.err != nil {
				return
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
				m.spend(1)
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
