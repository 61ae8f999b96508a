package core

import (
	"math"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// libbpf's limits, at which it refuses a relocation.
const (
	maxSteps  = 64 // BPF_CORE_SPEC_MAX_LEN: members, anonymous ones included, and indices of a path
	maxDepth  = 32 // of types behind each other, and of types within each other
	maxSizing = 32 // MAX_RESOLVE_DEPTH: types on the way to a size
)

// A verdict is what a loader makes of one relocation and one candidate.
type verdict uint8

const (
	noMatch verdict = iota
	matches
	refuses
)

func verdictOf(ok bool) verdict {
	if ok {
		return matches
	}
	return noMatch
}

// A matcher matches relocations against a kernel's types as libbpf does
// (relo_core.c: bpf_core_spec_match, bpf_core_calc_relo). Unlike the marker,
// it is strict.
type matcher struct {
	g       graph.Graph
	types   map[uint32]*btf.Type
	pointer uint64          // its size in bytes, once it is known
	steps   int             // of the path so far
	bits    uint32          // offset so far
	seen    map[nested]bool // anonymous members without the field sought
	// of type relocations
	shape Shape
	deep  bool // type_matches
	pairs map[typePair]verdict
	work  int // done, see maxWork
}

// nested is a type that was searched at a distance from the root.
type nested struct {
	id    uint32
	steps int
}

// A typePair is a node of the shape and a type of the kernel, and what else decides whether they match.
type typePair struct {
	node      int
	id        uint32
	behindPtr bool
	level     int // how much deeper matching may go
}

func newMatcher(g graph.Graph) *matcher {
	return &matcher{g: g, types: map[uint32]*btf.Type{}, seen: map[nested]bool{}, pairs: map[typePair]verdict{}}
}

// spend counts work, and reports whether it is too much: then what the matcher
// says does not count.
func (m *matcher) spend(n int) (tooMuch bool) {
	m.work += n
	return m.work > maxWork
}

// name returns the name at a reference, which it has to read.
func (m *matcher) name(ref uint32) string {
	s := m.g.String(ref)
	m.spend(2 + len(s)/16)
	return s
}

// of returns what r becomes with a candidate, if that matches.
func (m *matcher) of(r *Relocation, id uint32) (res Result, v verdict) {
	switch {
	case r.Kind.IsField():
		return m.field(r, id)
	case r.Kind.IsEnumval():
		return m.enumerator(r, id)
	}
	m.shape = r.Shape
	if len(m.shape) == 0 {
		m.shape = Shape{{Kind: r.TypeKind}}
	}
	m.deep = r.Kind == TypeMatches
	clear(m.pairs)
	if v = m.pair(typePair{id: id, level: maxDepth}); v != matches {
		return res, v
	}
	switch r.Kind {
	case TypeSize:
		size, ok := m.size(id)
		if !ok {
			return res, refuses
		}
		res.Value = uint64(size)
	case TypeIDTarget:
		res.Value = uint64(id)
	default:
		res.Value = 1
	}
	return res, matches
}

// typ returns a type, which stays valid.
func (m *matcher) typ(id uint32) *btf.Type {
	t, ok := m.types[id]
	m.spend(1)
	if !ok {
		t = new(btf.Type)
		m.g.Type(id, t)
		m.types[id] = t
	}
	return t
}

// underlying skips typedefs and modifiers.
func (m *matcher) underlying(id uint32) (uint32, *btf.Type) {
	t := m.typ(id)
	for t.Kind.IsModifier() {
		id = t.Ref
		t = m.typ(id)
	}
	return id, t
}

// size is btf__resolve_size, in bytes; ok is false if there is none.
func (m *matcher) size(id uint32) (size uint32, ok bool) {
	n := uint64(1) // elements
	for range maxSizing {
		t := m.typ(id)
		one := uint64(t.Size)
		switch t.Kind {
		case btf.Array:
			if n *= one; n > math.MaxUint32 {
				return 0, false
			}
			id = t.Ref
			continue
		case btf.Typedef, btf.Const, btf.Volatile, btf.Restrict, btf.TypeTag, btf.Var, btf.DeclTag:
			id = t.Ref
			continue
		case btf.Ptr:
			one = m.pointerSize()
		case btf.Int, btf.Struct, btf.Union, btf.Enum, btf.Enum64, btf.Float, btf.Datasec:
		default:
			return 0, false
		}
		if n *= one; n > math.MaxUint32 {
			return 0, false
		}
		return uint32(n), true
	}
	return 0, false
}

// pointerSize is libbpf's guess (determine_ptr_size), in bytes.
func (m *matcher) pointerSize() uint64 {
	if m.pointer == 0 {
		m.pointer = 8
		if id := m.g.LongInt(); id != 0 {
			m.pointer = uint64(m.typ(id).Size)
		}
	}
	return m.pointer
}

// A place is where a path leads: a member of a composite, or an element of an array.
type place struct {
	in     *btf.Type // composite; nil for an element
	member int
	id     uint32 // type
}

// field is bpf_core_spec_match for fields.
func (m *matcher) field(r *Relocation, id uint32) (res Result, v verdict) {
	m.steps, m.bits = 0, 0
	var at place
	for i, a := range r.Path {
		if a.Name != "" {
			clear(m.seen)
			if at, v = m.member(&a, id); v != matches {
				return res, v
			}
			id = at.id
			continue
		}
		var t *btf.Type
		id, t = m.underlying(id)
		if i > 0 {
			if t.Kind != btf.Array {
				return res, noMatch
			}
			flexible := at.in != nil && t.Size == 0 && at.member == len(at.in.Members)-1
			if !flexible && int64(a.Index) >= int64(t.Size) {
				return res, noMatch
			}
			id, _ = m.underlying(t.Ref)
		}
		if m.steps == maxSteps {
			return res, refuses
		}
		m.steps++
		size, ok := m.size(id)
		if !ok || size > math.MaxInt32 { // libbpf takes it for an error code
			return res, refuses
		}
		m.bits += uint32(a.Index) * size * 8
		at = place{id: id}
	}
	value, ok := m.fieldValue(r.Kind, at)
	if !ok {
		return res, refuses
	}
	return Result{value, m.bits}, matches
}

// member is bpf_core_match_member: it looks for a member in type id and its anonymous members.
func (m *matcher) member(a *Accessor, id uint32) (place, verdict) {
	id, t := m.underlying(id)
	if !t.Kind.IsComposite() || m.seen[nested{id, m.steps}] {
		return place{}, noMatch
	}
	before := nested{id, m.steps}
	for i := range t.Members {
		member := &t.Members[i]
		if m.steps == maxSteps || m.spend(1) {
			return place{}, refuses
		}
		offset := memberBits(t, member)
		m.steps++
		m.bits += offset
		switch name := m.name(member.Name); name {
		case "":
			if found, v := m.member(a, member.Type); v != noMatch {
				return found, v
			}
		case a.Name:
			// Where it is incompatible, libbpf searches on with steps and offset as they now are.
			return place{t, i, member.Type}, verdictOf(m.compatibleField(a.Type, member.Type))
		}
		m.steps--
		m.bits -= offset
	}
	if m.steps == before.steps { // the same type may be reached in exponentially many ways
		m.seen[before] = true
	}
	return place{}, noMatch
}

func memberBits(t *btf.Type, m *btf.Member) uint32 {
	if t.KFlag {
		return m.Offset & 0xffffff
	}
	return m.Offset
}

// compatibleField is bpf_core_fields_are_compat.
func (m *matcher) compatibleField(local FieldType, id uint32) bool {
	for {
		_, t := m.underlying(id)
		switch {
		case t.Kind == btf.Array && local.Dims > 0:
			local.Dims--
			id = t.Ref
			continue
		case local.Dims > 0:
			return false
		case isOffsetInt(t):
			return false
		}
		target := FieldType{Kind: t.Kind, Name: m.g.String(t.Name)}.normal()
		if target.Kind == btf.Void || target.Kind != local.Kind {
			return false
		}
		return target.Name == local.Name || target.Name == "" || local.Name == ""
	}
}

// fieldValue is bpf_core_calc_field_relo for a field that matched.
func (m *matcher) fieldValue(kind RelocationKind, at place) (value uint64, ok bool) {
	if kind == FieldExists {
		return 1, true
	}
	if at.in == nil {
		switch kind {
		case FieldByteOffset:
			_, ok := m.elementSize(at.id)
			return uint64(m.bits / 8), ok
		case FieldByteSize:
			size, ok := m.size(at.id)
			return uint64(size), ok
		}
		return 0, false
	}
	id, t := m.underlying(at.id)
	width := uint32(0)
	if at.in.KFlag {
		width = at.in.Members[at.member].Offset >> 24
	}
	bitfield := width > 0
	bytes, first := t.Size, m.bits/8
	if bitfield {
		// The smallest load that has all of the bits.
		if bytes == 0 {
			return 0, false
		}
		first = first / bytes * bytes
		for m.bits+width-first*8 > bytes*8 {
			if bytes >= 8 {
				return 0, false
			}
			bytes *= 2
			first = m.bits / 8 / bytes * bytes
		}
	} else {
		if bytes, ok = m.size(id); !ok {
			return 0, false
		}
		width = bytes * 8
	}
	switch kind {
	case FieldByteOffset:
		if !bitfield {
			_, ok = m.elementSize(id)
		} else {
			ok = true
		}
		return uint64(first), ok
	case FieldByteSize:
		return uint64(bytes), true
	case FieldSigned:
		if isSigned(t) {
			value = 1
		}
		return value, true
	case FieldLShiftU64:
		if m.g.BigEndian() {
			return uint64((8-bytes)*8 + (m.bits - first*8)), true
		}
		return uint64(64 - (m.bits + width - first*8)), true
	}
	return uint64(64 - width), true // FieldRShiftU64
}

// elementSize returns the size of what an array, of however many dimensions, consists of.
func (m *matcher) elementSize(id uint32) (uint32, bool) {
	id, t := m.underlying(id)
	for t.Kind == btf.Array {
		id, t = m.underlying(t.Ref)
	}
	return m.size(id)
}

// enumerator is bpf_core_spec_match for enumerators.
func (m *matcher) enumerator(r *Relocation, id uint32) (res Result, v verdict) {
	_, t := m.underlying(id)
	if !t.Kind.IsEnum() {
		return res, noMatch
	}
	name := graph.EssentialName(r.Enumerator)
	for _, e := range t.Members {
		if graph.EssentialName(m.name(e.Name)) != name {
			continue
		}
		switch {
		case r.Kind == EnumvalExists:
			res.Value = 1
		case t.Kind == btf.Enum64:
			res.Value = uint64(e.Type)<<32 | uint64(e.Offset)
		default:
			res.Value = uint64(int64(int32(e.Offset)))
		}
		return res, matches
	}
	return res, noMatch
}

// pair matches a node of the shape. The same pair may be reached in exponentially many ways.
func (m *matcher) pair(p typePair) verdict {
	if m.deep && p.level <= 0 || m.spend(32) {
		return refuses
	}
	v, ok := m.pairs[p]
	if !ok {
		if m.deep {
			v = m.matchTypes(p)
		} else {
			v = m.compatible(p)
		}
		m.pairs[p] = v
	}
	return v
}

// compatible is __bpf_core_types_are_compat below the root.
func (m *matcher) compatible(p typePair) verdict {
	for range maxDepth {
		local := &m.shape[p.node]
		_, t := m.underlying(p.id)
		if kindBit(local.Kind) != kindBit(t.Kind) {
			return noMatch
		}
		switch local.Kind {
		case btf.Void, btf.Struct, btf.Union, btf.Enum, btf.Enum64, btf.Fwd:
			return matches
		case btf.Int:
			return verdictOf(!isOffsetInt(t))
		case btf.Ptr, btf.Array:
		case btf.FuncProto:
			if p.level <= 0 && len(local.Members) > 0 && len(local.Members) == len(t.Members) {
				return refuses
			}
			if v := m.parameters(local, t, p); v != matches {
				return v
			}
		default:
			return noMatch
		}
		p.node, p.id = local.Type, t.Ref
	}
	return refuses
}

func (m *matcher) parameters(local *ShapeType, t *btf.Type, p typePair) verdict {
	if len(local.Members) != len(t.Members) {
		return noMatch
	}
	for i, param := range local.Members {
		if v := m.pair(typePair{param.Type, t.Members[i].Type, p.behindPtr, p.level - 1}); v != matches {
			return v
		}
	}
	return matches
}

// matchTypes is __bpf_core_types_match.
func (m *matcher) matchTypes(p typePair) verdict {
	for range maxDepth {
		local := &m.shape[p.node]
		_, t := m.underlying(p.id)
		if !m.sameName(local.Name, t.Name) {
			return noMatch
		}
		same := local.Kind == t.Kind
		switch local.Kind {
		case btf.Void:
			return verdictOf(same)
		case btf.Fwd:
			union := local.Union
			return verdictOf(same && union == t.KFlag ||
				p.behindPtr && (t.Kind == btf.Struct && !union || t.Kind == btf.Union && union))
		case btf.Enum, btf.Enum64:
			return verdictOf(t.Kind.IsEnum() && m.matchEnums(local, t))
		case btf.Struct, btf.Union:
			switch {
			case p.behindPtr:
				return verdictOf(same || t.Kind == btf.Fwd && (local.Kind == btf.Union) == t.KFlag)
			case same:
				return m.matchMembers(local, t, p.level)
			}
			return noMatch
		case btf.Int:
			return verdictOf(same && local.Size == t.Size && local.Signed == isSigned(t))
		case btf.Ptr:
			p.behindPtr = true
		case btf.Array:
			same = same && local.Size == t.Size
		case btf.FuncProto:
			if same {
				if v := m.parameters(local, t, p); v != matches {
					return v
				}
			}
		default:
			return noMatch
		}
		if !same {
			return noMatch
		}
		p.node, p.id = local.Type, t.Ref
	}
	return refuses
}

// isSigned reports whether values of an INT or an enum have a sign.
func isSigned(t *btf.Type) bool {
	return t.Kind.IsEnum() && t.KFlag || t.Kind == btf.Int && t.Word>>24&1 == 1 // BTF_INT_SIGNED
}

// sameName is bpf_core_names_match.
func (m *matcher) sameName(local string, ref uint32) bool {
	return graph.EssentialName(local) == graph.EssentialName(m.name(ref))
}

// matchEnums is bpf_core_enums_match.
func (m *matcher) matchEnums(local *ShapeType, t *btf.Type) bool {
	if local.Size != t.Size || len(local.Members) > len(t.Members) {
		return false
	}
	names := make(map[string]bool, len(t.Members))
	for _, e := range t.Members {
		names[graph.EssentialName(m.name(e.Name))] = true
	}
	for _, e := range local.Members {
		if !names[graph.EssentialName(e.Name)] {
			return false
		}
	}
	return true
}

// matchMembers is bpf_core_composites_match.
func (m *matcher) matchMembers(local *ShapeType, t *btf.Type, level int) verdict {
	if len(local.Members) > len(t.Members) {
		return noMatch
	}
	byName := make(map[string][]uint32, len(t.Members)) // types of members, in order
	for _, member := range t.Members {
		name := graph.EssentialName(m.name(member.Name))
		byName[name] = append(byName[name], member.Type)
	}
	for _, member := range local.Members {
		found := noMatch
		for _, id := range byName[graph.EssentialName(member.Name)] {
			if found = m.pair(typePair{node: member.Type, id: id, level: level - 1}); found != noMatch {
				break
			}
		}
		if found != matches {
			return found
		}
	}
	return matches
}
