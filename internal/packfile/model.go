package packfile

import (
	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// A model codes the types of a store whose nodes are numbered as in a file: first
// the roots, sorted, then the others in the order in which the types before lead to them.
// Writing and reading are the same steps, which predict alike what comes next.
type model struct {
	*coder
	s       *store.Store
	roots   uint32
	next    uint32   // the last node that was given a number
	strings uint32   // the last string so far
	texts   uint32   // how many there are
	group   []uint32 // of roots: those of a kind and name, numbered from 1
	first   []uint32 // root of each group, and one beyond
	state   []uint8  // of nodes
	byName  []bool   // of nodes: whether it is a Named node, or modifiers or arrays of one, which stand behind pointers alone
	size    []uint32 // of nodes, in bytes, and
	align   []uint8  // the log2 of what its offset is a multiple of
	chosen  []uint32 // by group: the last one referred to
	last    []uint32 // by name: the type of the last member of it, and
	follows []uint32 // the name of the member that came after it
	changed []uint32 // by node: what a member of that type became in a variant
	index   uint32   // the last array's
	open    bool     // whether a type was referred to while it was coded: by an earlier one of a name, or by itself
	depth   int
	stack   [][]store.Member // of the type that is coded, by depth
	total   int              // members so far,
	most    int              // and at most
}

// states of nodes
const (
	todo uint8 = iota
	doing
	done
)

const (
	flagKind  = 0x1f
	flagOther = 0x20 // a root has another name than the one before; another node has one
	flagNamed = 0x40 // a Named node, whose kind is that of what it stands for
	flagKFlag = 0x80

	// MaxKind is the last kind of types that there may be.
	MaxKind = flagKind

	maxDepth   = 4096
	maxMembers = 1<<24 - 1 // of a type: more than a btf vlen
)

// newModel returns a model for a store of nodes, some of them roots, that has at most most members.
func newModel(c *coder, s *store.Store, roots uint32, most int) *model {
	return &model{coder: c, s: s, roots: roots, most: most}
}

// bodies codes all but the roots' kinds and names.
func (m *model) bodies() {
	nodes := m.s.Len()
	m.state, m.size, m.align, m.byName = make([]uint8, nodes), make([]uint32, nodes), make([]uint8, nodes), make([]bool, nodes)
	m.chosen = make([]uint32, len(m.first)+1)
	m.last, m.follows, m.changed = make([]uint32, m.texts), make([]uint32, m.texts), make([]uint32, nodes)
	m.next = m.roots
	for n := uint32(1); n <= m.roots && m.err == nil; n++ {
		m.root(n)
	}
}

// root codes a root if that was not done before, and before it those of its name.
func (m *model) root(n uint32) {
	first := n
	for first > m.first[m.group[n]-1] && m.state[first-1] == todo {
		first--
	}
	for ; first <= n && m.err == nil; first++ {
		if m.state[first] == todo {
			m.one(first)
		}
	}
}

func (m *model) one(n uint32) {
	m.state[n] = doing
	base := uint32(0)
	if m.first[m.group[n]-1] < n && m.state[n-1] == done {
		base = n - 1
	}
	var t btf.Type
	if m.decoding {
		t.Kind, t.Name = m.s.Head(n)
		t.KFlag = m.s.KFlag(n)
	} else {
		t = m.s.Header(n)
	}
	m.body(n, &t, base)
	m.value(n)
}

// value checks a type that is held by value.
func (m *model) value(n uint32) uint32 {
	if m.byName[n] {
		m.fail("type %d is a name, but no pointer leads there", n)
	}
	return n
}

// name codes a name that comes after another one.
func (m *model) name(col column, n, after uint32) uint32 {
	const isNew, none, same, known = 0, 1, 2, 3
	follows := &m.follows[after]
	var code uint64
	if !m.decoding {
		switch {
		case n == 0:
			code = none
		case n == m.strings+1:
			code = isNew
		case n == *follows:
			code = same
		default:
			code = known + uint64(n)
		}
	}
	switch code = m.uint(col, code); code {
	case isNew:
		if m.strings++; m.strings >= m.texts {
			m.fail("more than %d names", m.texts-1)
			return 0
		}
		n = m.strings
	case none:
		return 0
	case same:
		n = *follows
	default:
		n = uint32(min(code-known, 1<<32-1))
	}
	if n > m.strings {
		m.fail("string %d, of %d so far", n, m.strings)
		return 0
	}
	*follows = n
	return n
}

// ref codes a reference to a node, perhaps the expected one. What was not coded
// before is coded then.
func (m *model) ref(col column, n, expected uint32) uint32 {
	const same, isNew, void, known = 0, 1, 2, 3
	var code uint64
	if !m.decoding {
		switch {
		case n == 0:
			code = void
		case n == expected:
			code = same
		case n == m.next+1:
			code = isNew
		case n <= m.roots:
			code = known + 2*uint64(m.group[n])
		default:
			code = known + 1 + 2*uint64(m.next-n)
		}
	}
	switch code = m.uint(col, code); {
	case code == same:
		n = expected
	case code == isNew:
		return m.other()
	case code == void:
		return 0
	case (code-known)%2 == 1:
		back := (code - known - 1) / 2
		if back >= uint64(m.next-m.roots) {
			m.fail("a reference %d back, of %d nodes", back, m.next-m.roots)
			return 0
		}
		n = m.next - uint32(back)
	default:
		g := (code - known) / 2
		if g == 0 || g >= uint64(len(m.first)) {
			m.fail("a reference to root type %d, of %d", g, len(m.first)-1)
			return 0
		}
		v := uint32(0)
		if several := m.first[g] - m.first[g-1]; several > 1 {
			last := &m.chosen[g]
			v = uint32(int64(*last) + m.int(colVariant, int64(n)-int64(m.first[g-1])-int64(*last)))
			if v >= several {
				m.fail("a reference to variant %d, of %d", v, several)
				return 0
			}
			*last = v
		}
		n = m.first[g-1] + v
	}
	if n != 0 && n <= m.roots {
		m.root(n)
	}
	m.open = m.open || n != 0 && m.state[n] != done
	return n
}

// other codes the next node that is no root.
func (m *model) other() uint32 {
	if m.next++; m.decoding && m.next >= uint32(m.s.Len()) {
		m.fail("more than %d types", m.s.Len()-1)
		return 0
	}
	n := m.next
	m.state[n] = doing
	var t btf.Type
	if !m.decoding {
		t = m.s.Header(n)
	}
	f := uint64(t.Kind) & flagKind
	switch {
	case t.Kind == store.Named:
		f = uint64(t.Word) | flagNamed
	case t.Name != 0:
		f |= flagOther
	}
	if t.KFlag {
		f |= flagKFlag
	}
	f = m.uint(colKind, f)
	t.Kind, t.KFlag = btf.Kind(f&flagKind), f&flagKFlag != 0
	if f&flagNamed != 0 {
		t.Word, t.Kind = uint32(t.Kind), store.Named
		t.Name = m.name(colNamed, t.Name, 0)
		t.Index = uint32(m.uint(colOrdinal, uint64(t.Index)))
		m.byName[n] = true
		m.set(n, &t, nil, 0, 0)
		return n
	}
	if f&flagOther != 0 {
		t.Name = m.name(colName, t.Name, 0)
	}
	m.body(n, &t, 0)
	return n
}

func (m *model) set(n uint32, t *btf.Type, members []store.Member, size uint32, align uint8) {
	if m.decoding {
		if m.total += len(members); m.total > m.most {
			m.fail("more than %d members", m.most)
			return
		}
		m.s.Set(n, t, members)
	}
	m.size[n], m.align[n] = size, align
	m.state[n] = done
}

// body codes what a node is besides its kind and name. base is a root of the
// same kind and name that it may resemble.
func (m *model) body(n uint32, t *btf.Type, base uint32) {
	if m.depth++; m.depth > maxDepth {
		m.fail("types are nested too deep")
	}
	defer func() { m.depth-- }()
	if m.err != nil {
		return
	}
	var size uint32
	var align uint8
	var source, members []store.Member
	if !m.decoding {
		source = m.s.Members(n)
	}
	switch t.Kind {
	case btf.Int, btf.Float:
		t.Size = uint32(m.uint(colScalar, uint64(t.Size)))
		if t.Kind == btf.Int {
			t.Word = uint32(int64(8*t.Size) + m.int(colWord, int64(t.Word)-int64(8*t.Size)))
		}
		size, align = t.Size, log2(t.Size)
	case btf.Ptr:
		t.Ref = m.ref(colPtr, t.Ref, 0)
		size, align = 8, 3
	case btf.Array:
		t.Size = uint32(m.uint(colLength, uint64(t.Size)))
		t.Ref = m.ref(colElem, t.Ref, 0)
		t.Index = m.value(m.ref(colIndex, t.Index, m.index))
		m.byName[n] = m.byName[t.Ref]
		m.index = t.Index
		s, a := m.layout(t.Ref)
		size, align = s*t.Size, a
	case btf.FuncProto:
		members = m.function(t, source)
	case btf.Struct, btf.Union:
		members, align = m.members(t, source, base)
		size = t.Size
	case btf.Enum, btf.Enum64:
		t.Size = uint32(4 + m.int(colScalar, int64(t.Size)-4))
		members = m.enumerators(t, source)
		size, align = t.Size, log2(t.Size)
	default:
		if t.Kind.IsModifier() {
			t.Ref = m.ref(colModifier, t.Ref, 0)
			m.byName[n] = m.byName[t.Ref]
			size, align = m.layout(t.Ref)
		}
	}
	m.set(n, t, members, size, align)
}

func log2(size uint32) uint8 {
	switch {
	case size >= 16:
		return 4
	case size >= 8:
		return 3
	case size >= 4:
		return 2
	case size >= 2:
		return 1
	}
	return 0
}

// layout returns the size of a node and the log2 of its alignment.
func (m *model) layout(n uint32) (size uint32, align uint8) {
	if n == 0 {
		return 0, 0
	}
	return m.size[n], m.align[n]
}

func (m *model) function(t *btf.Type, source []store.Member) []store.Member {
	n := m.count(colFuncLen, len(source), maxMembers)
	t.Ref = m.ref(colFuncRet, t.Ref, 0)
	members := m.scratch()
	for i := 0; i < n && m.err == nil; i++ {
		var p store.Member
		if !m.decoding {
			p = source[i]
		}
		p.Type = m.ref(colFuncParam, p.Type, 0)
		members = append(members, p)
	}
	return m.keep(members)
}

// scratch returns memory for members; there is some for each depth.
func (m *model) scratch() []store.Member {
	for m.depth >= len(m.stack) {
		m.stack = append(m.stack, nil)
	}
	return m.stack[m.depth][:0]
}

func (m *model) keep(members []store.Member) []store.Member {
	m.stack[m.depth] = members
	return members
}

// A layouter predicts where members are.
type layouter struct {
	m     *model
	union bool
	kflag bool
	end   uint32 // of the member before, in bits
}

func split(kflag bool, offset uint32) (bits, width uint32) {
	if kflag {
		return offset & 0xffffff, offset >> 24
	}
	return offset, 0
}

func (l *layouter) join(bits, width uint32) uint32 {
	if l.kflag {
		return bits&0xffffff | width<<24
	}
	return bits
}

// expected returns where a member of that type and width is.
func (l *layouter) expected(typ, width uint32) uint32 {
	if l.union {
		return 0
	}
	if width != 0 {
		return l.end
	}
	_, a := l.m.layout(typ)
	unit := uint32(8) << a
	return (l.end + unit - 1) &^ (unit - 1)
}

// take goes on behind a member.
func (l *layouter) take(typ, offset uint32) {
	bits, width := split(l.kflag, offset)
	if l.end = bits + width; width == 0 {
		size, _ := l.m.layout(typ)
		l.end = bits + 8*size
	}
}

// members codes a struct or union: what is as in base, and what is not.
func (m *model) members(t *btf.Type, source []store.Member, base uint32) (members []store.Member, align uint8) {
	v := variant{model: m, to: layouter{m: m, union: t.Kind == btf.Union, kflag: t.KFlag}, source: source, list: m.scratch()}
	var expected uint32
	if base == 0 {
		for left := m.count(colLen, len(v.source), maxMembers); left > 0 && m.err == nil; left-- {
			v.insert()
		}
		unit := uint32(1) << v.align
		expected = (v.most + unit - 1) &^ (unit - 1)
	} else {
		v.base, v.align = m.s.Members(base), m.align[base]
		v.from = layouter{m: m, union: v.to.union, kflag: m.s.KFlag(base)}
		v.code()
		if expected = m.s.Size(base); !v.to.union {
			expected += uint32(int32(v.to.end-v.from.end) / 8)
		}
	}
	t.Size = expected + uint32(m.int(colSize, int64(int32(t.Size-expected))))
	return m.keep(v.list), v.align
}

// A variant is a struct or union that is coded, and one of its name that it resembles.
type variant struct {
	*model
	base     []store.Member
	at       int      // the next member of base
	from, to layouter // of base, and of this one
	most     uint32   // end of all, in bytes
	align    uint8    // log2
	source   []store.Member
	list     []store.Member
}

// next is the next member to write.
func (v *variant) next() (m store.Member) {
	if !v.decoding {
		m = v.source[len(v.list)]
	}
	return m
}

func (v *variant) add(m store.Member) {
	v.to.take(m.Type, m.Offset)
	size, a := v.layout(m.Type)
	bits, _ := split(v.to.kflag, m.Offset)
	v.most = max(v.most, bits/8+size)
	v.align = max(v.align, a)
	v.list = append(v.list, m)
	if m.Name != 0 {
		v.last[m.Name] = m.Type
	}
}

// code codes the members: runs of those that are as in base, and what comes between.
func (v *variant) code() {
	const isNew, end, changed = 0, 1, 2
	for v.err == nil {
		run := 0
		if !v.decoding {
			run = v.same()
		}
		run = v.count(colRun, run, len(v.base)-v.at)
		v.run(run)
		var op uint64
		if !v.decoding {
			switch n := v.find(); {
			case len(v.list) == len(v.source):
				op = end
			case n < 0:
				op = isNew
			default:
				op = changed + uint64(n)
			}
		}
		switch op = v.uint(colOp, op); op {
		case end:
			return
		case isNew:
			v.insert()
			continue
		}
		if op-changed >= uint64(len(v.base)-v.at) {
			v.fail("member %d of a type that has %d", op-changed, len(v.base))
			return
		}
		for ; op > changed; op-- {
			v.skip()
		}
		v.change()
	}
}

// maxUnit is what offsets are a multiple of at most, in bits: where two types differ by as
// much, all that comes then differs by it.
const maxUnit = 8 << 4

// run takes members from base as they are.
func (v *variant) run(n int) {
	from := v.base[v.at : v.at+n]
	shift := v.to.end - v.from.end
	if v.open || !v.to.union && shift%maxUnit != 0 || v.to.kflag != v.from.kflag {
		for range from {
			m := v.like(v.expected())
			v.skip()
			v.add(m)
		}
		return
	}
	if v.to.union {
		shift = 0
	}
	for i, m := range from {
		if t := v.changed[m.Type]; t != 0 {
			// Its size may be another one, and so all that comes then.
			v.at += i
			v.behind(from[:i])
			m := v.like(v.expected())
			v.skip()
			v.add(m)
			v.run(n - i - 1)
			return
		}
		bits, width := split(v.to.kflag, m.Offset)
		m.Offset = v.to.join(bits+shift, width)
		v.list = append(v.list, m)
		if m.Name != 0 {
			v.last[m.Name] = m.Type
		}
	}
	v.at += n
	v.behind(from)
}

// behind goes on behind members that were taken from base.
func (v *variant) behind(taken []store.Member) {
	if len(taken) > 0 {
		m, to := taken[len(taken)-1], v.list[len(v.list)-1]
		v.from.take(m.Type, m.Offset)
		v.to.take(to.Type, to.Offset)
	}
}

// same counts the next members that are as in base.
func (v *variant) same() (n int) {
	before := *v
	for v.at < len(v.base) && len(before.list)+n < len(v.source) {
		m := v.like(v.expected())
		if m != v.source[len(before.list)+n] {
			break
		}
		v.skip()
		v.to.take(m.Type, m.Offset)
		n++
	}
	*v = before
	return n
}

// find returns how many members of base to skip up to the one of the next name; -1 if there is none.
func (v *variant) find() int {
	if len(v.list) == len(v.source) {
		return -1
	}
	name := v.next().Name
	for i, m := range v.base[v.at:] {
		if m.Name == name {
			return i
		}
		if name == 0 {
			break // one unnamed member is as good as another
		}
	}
	return -1
}

func (v *variant) skip() {
	m := &v.base[v.at]
	v.from.take(m.Type, m.Offset)
	v.at++
}

// expected returns the type that base's next member is expected to have here.
func (v *variant) expected() uint32 {
	typ := v.base[v.at].Type
	if to := v.changed[typ]; to != 0 {
		return to
	}
	return typ
}

// like returns base's next member as it is expected here if it has that type.
func (v *variant) like(typ uint32) store.Member {
	m := v.base[v.at]
	bits, width := split(v.from.kflag, m.Offset)
	delta := bits - v.from.expected(m.Type, width)
	m.Type = typ
	m.Offset = v.to.join(v.to.expected(typ, width)+delta, width)
	return m
}

// change codes a member of base that is different here.
func (v *variant) change() {
	want := v.next()
	expected := v.expected()
	typ := v.value(v.ref(colNewType, want.Type, expected))
	if typ != expected {
		v.changed[v.base[v.at].Type] = typ
	}
	m := v.like(typ)
	bits, width := split(v.to.kflag, m.Offset)
	wantBits, wantWidth := split(v.to.kflag, want.Offset)
	if v.to.kflag {
		width += uint32(v.int(colNewWidth, int64(wantWidth)-int64(width)))
	}
	bits += uint32(v.int(colNewOffset, int64(int32(wantBits-bits))))
	m.Offset = v.to.join(bits, width)
	v.skip()
	v.add(m)
}

// insert codes a member that base does not have.
func (v *variant) insert() {
	m := v.next()
	after := uint32(0)
	if n := len(v.list); n > 0 {
		after = v.list[n-1].Name
	}
	m.Name = v.name(colMemberName, m.Name, after)
	m.Type = v.value(v.ref(colMemberType, m.Type, v.last[m.Name]))
	m.Offset = v.offset(colMemberOffset, colMemberWidth, m.Type, m.Offset)
	v.add(m)
}

func (v *variant) offset(col, widths column, typ, offset uint32) uint32 {
	bits, width := split(v.to.kflag, offset)
	if v.to.kflag {
		width = uint32(v.uint(widths, uint64(width))) & 0xff
	}
	expected := v.to.expected(typ, width)
	return v.to.join(expected+uint32(v.int(col, int64(int32(bits-expected)))), width)
}

func (m *model) enumerators(t *btf.Type, source []store.Member) []store.Member {
	members := m.scratch()
	n := m.count(colLen, len(source), maxMembers)
	value := func(e store.Member) int64 {
		if t.Kind == btf.Enum64 {
			return int64(e.Type)<<32 | int64(e.Offset)
		}
		return int64(int32(e.Offset))
	}
	after, next := uint32(0), int64(0)
	for i := 0; i < n && m.err == nil; i++ {
		var e store.Member
		if !m.decoding {
			e = source[i]
		}
		e.Name = m.name(colEnumName, e.Name, after)
		v := next + m.int(colEnumValue, value(e)-next)
		e.Offset = uint32(v)
		if t.Kind == btf.Enum64 {
			e.Type = uint32(v >> 32)
		}
		after, next = e.Name, v+1
		members = append(members, e)
	}
	return m.keep(members)
}
