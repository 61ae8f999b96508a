package core

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// ErrByteOrder says that objects and kernel differ in byte order.
var ErrByteOrder = errors.New("byte order of the objects differs from the kernel's")

// Prune returns the minimal BTF of kernel g for the relocations: raw BTF in
// the kernel's byte order.
func Prune(g graph.Graph, rs *Relocations) ([]byte, error) {
	if kernel := byteOrder(g.BigEndian()); rs.ByteOrder != "" && rs.ByteOrder != kernel {
		return nil, fmt.Errorf("%w: %s-endian objects, a %s-endian kernel; compile with -target %s",
			ErrByteOrder, rs.ByteOrder, kernel, map[ByteOrder]string{LittleEndian: "bpfel", BigEndian: "bpfeb"}[kernel])
	}
	m := newMarker(g, newWants(rs))
	if err := m.run(); err != nil {
		return nil, err
	}
	e := newEmitter(m)
	return e.bytes()
}

// An emitter writes marked types. Types that nothing can tell apart become
// one: it divides the marks into classes of equal records, in which references
// count by the class that they lead to.
type emitter struct {
	m       *marker
	g       graph.Graph
	class   []uint32          // by mark; 0 while unknown
	behind  []uint32          // class in the round before, for what pointers lead to
	apart   bool              // pointees are kept apart
	number  map[string]uint32 // classes by the bytes of their records
	records []btf.Type        // by class: references are classes, names are numbers of strings; class 0 is void
	strings map[uint32]uint32 // numbers of strings by name reference
	texts   map[string]uint32 // the same by content
	list    []string          // strings by number
	key     []byte
	scratch []*scratch // of classOf by depth
}

// scratch is memory that is used again: a type of the kernel, and the members
// of the record that is made of it.
type scratch struct {
	t       btf.Type
	members []btf.Member
}

func newEmitter(m *marker) *emitter {
	return &emitter{
		m: m, g: m.g,
		strings: map[uint32]uint32{0: 0},
		texts:   map[string]uint32{"": 0},
		list:    []string{""},
	}
}

// classify finds the classes. What is held by value has no cycles, so most
// records can be compared bottom-up, once and for all. The others are open:
// something in them leads through a pointer, and there may be cycles. All open
// types are taken for equal at first, and each round tells apart what follows
// from the one before, until a round brings nothing new (the coarsest
// bisimulation). Types that need more rounds than any compiler's are left
// apart, each pointee a class of its own.
func (e *emitter) classify() {
	e.class = make([]uint32, len(e.m.marks))
	e.number = map[string]uint32{}
	e.records = append(e.records[:0], btf.Type{})
	var opened []uint32
	for i := range e.m.marks {
		if e.classOf(uint32(i), 0) == open {
			opened = append(opened, uint32(i))
		}
	}
	closed := len(e.records)
	rounds := max(minRounds, min(maxRounds, maxDivisions/max(len(opened), 1)))
	for round, before := 0, 0; len(opened) > 0 && len(e.records) != before; round++ {
		before = len(e.records)
		if round == 0 {
			before = 0 // nothing was divided yet
		}
		e.apart = round == rounds
		e.behind, e.class = e.class, slices.Clone(e.class)
		for _, i := range opened {
			e.class[i] = 0
		}
		e.number = map[string]uint32{}
		e.records = e.records[:closed]
		for _, i := range opened {
			e.classOf(i, 0)
		}
		if e.apart {
			e.joinPointees(closed)
			return
		}
	}
}

// open is the class of what classify has not divided yet.
const open = 1<<32 - 1

// These bound classify's time: rounds, and rounds for one type each. Matching a
// whole vmlinux.h takes a dozen rounds.
const (
	minRounds    = 16
	maxRounds    = 100
	maxDivisions = 1 << 25
)

// joinPointees turns the pointees of the open records, those from first on,
// from marks, by which they were kept apart, into classes.
func (e *emitter) joinPointees(first int) {
	for i := first; i < len(e.records); i++ {
		r := &e.records[i]
		if r.Kind != btf.Ptr && r.Kind != btf.FuncProto {
			continue
		}
		if r.Ref != 0 {
			r.Ref = e.class[r.Ref-1]
		}
		for j := range r.Members {
			if t := &r.Members[j].Type; *t != 0 {
				*t = e.class[*t-1]
			}
		}
	}
}

// classOf returns the class of a mark. The depth is bounded as btf.Parse bounds it.
func (e *emitter) classOf(i uint32, depth int) uint32 {
	if c := e.class[i]; c != 0 {
		return c
	}
	mk := &e.m.marks[i]
	if depth == len(e.scratch) {
		e.scratch = append(e.scratch, new(scratch))
	}
	s := e.scratch[depth]
	t := &s.t
	e.g.Type(mk.id, t)
	r := btf.Type{Kind: t.Kind, KFlag: t.KFlag, Size: t.Size, Word: t.Word, Members: s.members[:0]}
	switch t.Kind {
	case btf.Struct, btf.Union, btf.Ptr, btf.FuncProto, btf.Array:
		if mk.named {
			r.Name = e.string(t.Name)
		}
	default:
		r.Name = e.string(t.Name)
	}
	switch t.Kind {
	case btf.Array:
		r.Ref, r.Index = e.value(t.Ref, depth), e.value(t.Index, depth)
	case btf.Ptr:
		if mk.pointee {
			r.Ref = e.pointee(t.Ref)
		}
	case btf.FuncProto:
		if mk.pointee {
			r.Ref = e.pointee(t.Ref)
			for _, p := range t.Members {
				r.Members = append(r.Members, btf.Member{Type: e.pointee(p.Type)})
			}
		}
	case btf.Struct, btf.Union:
		for i, member := range t.Members {
			if mk.kept(i) {
				r.Members = append(r.Members, btf.Member{Name: e.string(member.Name), Type: e.value(member.Type, depth), Offset: member.Offset})
			}
		}
	case btf.Enum, btf.Enum64:
		for i, v := range t.Members {
			if mk.kept(i) {
				r.Members = append(r.Members, btf.Member{Name: e.string(v.Name), Type: v.Type, Offset: v.Offset})
			}
		}
	default:
		if t.Kind.IsModifier() {
			r.Ref = e.value(t.Ref, depth)
		}
	}
	s.members = r.Members
	if depth > 8 && len(t.Members) > muchMemory {
		*s = scratch{}
	}
	if e.behind == nil && refersToOpen(&r) {
		e.class[i] = open
	} else {
		e.class[i] = e.intern(&r)
	}
	return e.class[i]
}

func refersToOpen(r *btf.Type) bool {
	return r.Ref == open || r.Index == open ||
		!r.Kind.IsEnum() && slices.ContainsFunc(r.Members, func(m btf.Member) bool { return m.Type == open })
}

// end skips the typedefs and modifiers that nothing asks for.
func (e *emitter) end(id uint32) uint32 {
	for {
		kind, _ := e.g.Head(id)
		if !kind.IsModifier() || e.m.mark(id).verbatim {
			return id
		}
		id = e.g.Ref(id)
	}
}

// value returns the class of a type held by value.
func (e *emitter) value(id uint32, depth int) uint32 {
	if id = e.end(id); id == 0 {
		return 0
	}
	return e.classOf(uint32(e.m.at[id]-1), depth+1)
}

// pointee returns the class, one round ago, of a type behind a pointer.
func (e *emitter) pointee(id uint32) uint32 {
	switch id = e.end(id); {
	case id == 0:
		return 0
	case e.apart:
		return uint32(e.m.at[id])
	case e.behind == nil:
		return open
	}
	return e.behind[e.m.at[id]-1]
}

func (e *emitter) intern(r *btf.Type) uint32 {
	le := binary.LittleEndian
	k := append(e.key[:0], byte(r.Kind))
	if r.KFlag {
		k[0] |= 0x80
	}
	for _, w := range [...]uint32{r.Name, r.Size, r.Ref, r.Index, r.Word} {
		k = le.AppendUint32(k, w)
	}
	for _, m := range r.Members {
		k = le.AppendUint32(k, m.Name)
		k = le.AppendUint32(k, m.Type)
		k = le.AppendUint32(k, m.Offset)
	}
	e.key = k
	c, ok := e.number[string(k)]
	if !ok {
		c = uint32(len(e.records))
		e.number[string(k)] = c
		r.Members = slices.Clone(r.Members)
		e.records = append(e.records, *r)
	}
	return c
}

func (e *emitter) string(ref uint32) uint32 {
	n, ok := e.strings[ref]
	if !ok {
		text := e.g.String(ref)
		if n, ok = e.texts[text]; !ok {
			n = uint32(len(e.list))
			e.texts[text] = n
			e.list = append(e.list, text)
		}
		e.strings[ref] = n
	}
	return n
}

// bytes returns the marked types as raw BTF: the candidates first, then what
// they lead to.
func (e *emitter) bytes() ([]byte, error) {
	long := e.pointerSize()
	e.classify()
	ids := make([]uint32, len(e.records)) // final ids by class
	var order []uint32
	add := func(class uint32) {
		order = append(order, class)
		if ids[class] == 0 {
			ids[class] = uint32(len(order))
		}
	}
	if long != 0 && !e.isCandidate(long) {
		add(e.class[e.m.at[long]-1])
	}
	for _, candidates := range e.m.candidates {
		twice := map[uint32]bool{}
		for _, c := range candidates {
			switch class := e.class[e.m.at[c.id]-1]; {
			case ids[class] == 0:
				add(class)
			case c.ids && !twice[class]:
				// Equal candidates whose ids are asked for are ambiguous: two of them say so.
				twice[class] = true
				add(class)
			}
		}
	}
	for i := 0; i < len(order); i++ {
		r := &e.records[order[i]]
		visit := func(class uint32) {
			if class != 0 && ids[class] == 0 {
				add(class)
			}
		}
		visit(r.Ref)
		visit(r.Index)
		if !r.Kind.IsEnum() {
			for _, m := range r.Members {
				visit(m.Type)
			}
		}
	}
	w := btf.NewWriter()
	if len(order) > 0 {
		// libbpf before 1.7 asks any type for an integer's sign, in the word behind it. In a
		// kernel that is a name reference, too small for a sign; behind our last type come
		// the strings, which so begin with a word of zeros.
		w.String("\x00\x00")
	}
	var members []btf.Member
	for _, class := range order {
		r := e.records[class]
		r.Name = w.String(e.list[r.Name])
		r.Ref, r.Index = ids[r.Ref], ids[r.Index]
		members = append(members[:0], r.Members...)
		for i := range members {
			m := &members[i]
			m.Name = w.String(e.list[m.Name])
			if !r.Kind.IsEnum() {
				m.Type = ids[m.Type]
			}
		}
		r.Members = members
		if _, err := w.Add(&r); err != nil {
			return nil, err
		}
	}
	if e.g.BigEndian() {
		return w.Bytes(binary.BigEndian), nil
	}
	return w.Bytes(binary.LittleEndian), nil
}

func (e *emitter) isCandidate(id uint32) bool {
	return slices.ContainsFunc(e.m.candidates, func(list []candidate) bool {
		return slices.ContainsFunc(list, func(c candidate) bool { return c.id == id })
	})
}

// pointerSize keeps the INT from which libbpf infers the size of a pointer
// (determine_ptr_size), if any pointer is kept. Without it libbpf takes its
// own, which is wrong for a 32-bit process on a 64-bit kernel and the other way about.
func (e *emitter) pointerSize() uint32 {
	isPtr := func(m mark) bool { kind, _ := e.g.Head(m.id); return kind == btf.Ptr }
	if !slices.ContainsFunc(e.m.marks, isPtr) {
		return 0
	}
	id := e.g.LongInt()
	if id != 0 {
		e.m.value(id)
	}
	return id
}
