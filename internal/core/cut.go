package core

import (
	"errors"
	"fmt"
	"math"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// longChain is how many typedefs, modifiers and arrays may stand between a
// member and its type before none is left out: loaders give up after 32, and
// that must stay so.
const longChain = 16

// maxBehind bounds types within and behind each other. By value there are no more
// than btf.Parse allows; more are behind each other if they lead back to themselves.
const maxBehind = 1 << 12

// maxWork bounds time and memory, in members looked at. Hostile files can
// multiply the types of a kernel by the paths and types of an object; real ones
// stay below a hundredth of it, and below a quarter if they match the whole
// vmlinux.h with a kernel from which nothing was deduplicated.
var maxWork = 1 << 29

// ErrWork says that cutting would take hours.
var ErrWork = errors.New("relocations look at too much of the kernel's types")

// asked is what relocations ask of a type in one place.
type asked struct {
	fields      *step // what paths name or index next; nil for nothing
	enumerators *want // of the enum that a typedef stands for
	shapes      set   // what type_matches compares it with
	compat      bool  // go on through pointers, for other type relocations
	behind      bool  // a pointer, so that no size is asked for
	nest        bool  // keep the anonymous members that lead furthest
	deep        bool  // keep these also where a field is not found: see deepNest
}

// A cut is a type and what is asked of it.
type cut struct {
	id uint32
	asked
}

// A result is the node that is left of a type, and whether there was any of the fields.
type result struct {
	node  uint32
	found bool
}

// A cutter cuts a kernel's types down to what the wants ask for. What is left
// of a type depends on the type and on what is asked of it in that place, and
// neither on its id nor on other types, so that it is done once for all kernels
// that have the type. Only type_matches looks through pointers to types
// that differ from kernel to kernel: see matching.
type cutter struct {
	w *wants
	s *store.Store
	g graph.Graph
	// by name reference: numbers of wanted names, numbers in s, and stems
	names, texts refMap
	stemOf       map[uint32]string
	// results: by type where nothing is asked, and the others
	shells []uint32
	cuts   map[cut]result
	// those that compare shapes, in this kernel
	matched map[cut]result
	levels  []*level
	nests   map[uint32]deepest
	looks   map[look]int
	*matching
	t    btf.Type // for one access to a type
	work int      // done, see maxWork
	err  error
}

// A level is memory that is used again: a type of the kernel and the members that are kept of it.
type level struct {
	t       btf.Type
	members []btf.Member
}

// muchMemory is how many members are too many to keep their memory for the next type.
const muchMemory = 1 << 12

func (c *cutter) level(depth int) *level {
	for depth >= len(c.levels) {
		c.levels = append(c.levels, new(level))
	}
	return c.levels[depth]
}

// root returns what is left of a candidate, 0 if no relocation looks into it.
func (c *cutter) root(id uint32, w *want) uint32 {
	head, name := c.g.Head(id)
	under, kind := c.underlying(id)
	a := asked{fields: w.fields, deep: c.isDeep(id, w.fields)}
	// The size is asked first, even that of a typedef of something that has none.
	used := w.fields != nil && (w.root || under != id || c.isHuge(id))
	if w.kinds&kindBit(kind) != 0 {
		used = true
		a.compat = true
	}
	if under != id && w.enumerators != nil {
		a.enumerators = w
		// To cilium/ebpf it is an error if the object's typedef leads to no enum, or not soon
		// enough, once there is a candidate.
		used = used || !kind.IsEnum()
	}
	if a.shapes = c.shapesOf(w, kind); a.shapes != 0 {
		used = true
	}
	t := &c.t
	if head.IsModifier() {
		r := c.value(c.g.Ref(id), a, 0)
		if used = used || r.found; used {
			c.g.Type(id, t)
			return c.s.Intern(&btf.Type{Kind: head, KFlag: t.KFlag, Name: c.text(name), Ref: r.node})
		}
		return 0
	}
	if !used && kind != btf.Array && !kind.IsComposite() && !kind.IsEnum() {
		return 0
	}
	if g := c.groupOf(id); g != nil && a.shapes == 0 {
		a.shapes = g.shapes
	}
	r := c.typ(id, a, 0)
	if !used && !r.found || c.err != nil {
		return 0
	}
	c.s.Type(r.node, t)
	t.Name = c.text(name)
	return c.s.Intern(t)
}

// heads is what there is of a graph.Graph and of a btf.File.
type heads interface {
	Head(id uint32) (kind btf.Kind, name uint32)
	Ref(id uint32) uint32
}

// underlying skips typedefs and modifiers.
func underlying(g heads, id uint32) uint32 {
	for {
		kind, _ := g.Head(id)
		if !kind.IsModifier() {
			return id
		}
		id = g.Ref(id)
	}
}

func (c *cutter) underlying(id uint32) (uint32, btf.Kind) {
	id = underlying(c.g, id)
	kind, _ := c.g.Head(id)
	return id, kind
}

// value cuts what a member, an element or a pointee is of. Typedefs and
// modifiers are left out, unless they count.
func (c *cutter) value(id uint32, a asked, depth int) result {
	if id == 0 || c.err != nil {
		return result{}
	}
	cuts := c.matched
	if a.shapes == 0 {
		// What pointers lead to does not matter, and may be another kernel's.
		id, cuts = c.g.Plain(id), c.cuts
	}
	if a == (asked{}) {
		if id >= uint32(len(c.shells)) {
			c.shells = append(c.shells, make([]uint32, max(int(c.g.NumTypes()), int(id)+1)-len(c.shells))...)
		}
		if n := c.shells[id]; n != 0 {
			return result{node: n}
		}
		n := c.chain(id, a, depth).node
		c.shells[id] = n
		return result{node: n}
	}
	r, ok := cuts[cut{id, a}]
	if !ok {
		r = c.chain(id, a, depth)
		cuts[cut{id, a}] = r
		c.spend(8)
	}
	return r
}

// chain cuts what typedefs, modifiers and arrays lead to.
func (c *cutter) chain(id uint32, a asked, depth int) result {
	c.spend(2)
	end, length := id, 0
	kind, _ := c.g.Head(end)
	for ; kind == btf.Array || kind.IsModifier(); length++ {
		if kind == btf.Array {
			c.g.Type(end, &c.t)
			end = c.t.Ref
		} else {
			end = c.g.Ref(end)
		}
		kind, _ = c.g.Head(end)
	}
	if length > longChain || length > 0 && kind == btf.Int && c.isLegacyBitfield(end) {
		return c.padded(id, a, depth)
	}
	id, _ = c.underlying(id)
	if id == 0 {
		return result{}
	}
	return c.typ(id, a, depth)
}

// padded keeps a chain as long as it is, but with no names in it.
func (c *cutter) padded(id uint32, a asked, depth int) result {
	switch kind, _ := c.g.Head(id); {
	case id == 0:
		return result{}
	case kind.IsModifier():
		r := c.padded(c.g.Ref(id), a, depth+1)
		if kind == btf.Typedef || kind == btf.TypeTag {
			kind = btf.Const
		}
		r.node = c.s.Intern(&btf.Type{Kind: kind, Ref: r.node})
		return r
	case kind == btf.Array:
		return c.array(id, a, depth, c.padded)
	}
	return c.typ(id, a, depth)
}

// isLegacyBitfield reports whether an INT has an offset or a width of its own.
// To cilium/ebpf a member is a bitfield if it is of such a type itself, and not
// if a typedef or modifier stands between.
func (c *cutter) isLegacyBitfield(id uint32) bool {
	c.g.Type(id, &c.t)
	return uint64(c.t.Word&0xff00ff) != 8*uint64(c.t.Size)
}

// typ cuts a type that is no modifier.
func (c *cutter) typ(id uint32, a asked, depth int) result {
	kind, name := c.g.Head(id)
	if depth > maxBehind {
		c.fail(id, "leads back to itself, but to no struct")
		return result{}
	}
	switch kind {
	case btf.Struct, btf.Union:
		return c.composite(id, a, depth)
	case btf.Array:
		return c.array(id, a, depth, c.value)
	case btf.Enum, btf.Enum64:
		return c.enum(id, a)
	case btf.Ptr:
		r := btf.Type{Kind: kind}
		if next, ok := a.through(c.lead(a.shapes, kind, 0)); ok {
			r.Ref = c.value(c.g.Ref(id), next, depth+1).node
		}
		return result{node: c.s.Intern(&r)}
	case btf.FuncProto:
		return c.function(id, a, depth)
	case btf.Int, btf.Float, btf.Fwd:
		c.g.Type(id, &c.t)
		r := btf.Type{Kind: kind, KFlag: c.t.KFlag, Name: c.text(name), Size: c.t.Size, Word: c.t.Word}
		return result{node: c.s.Intern(&r)}
	case btf.Func, btf.Var, btf.Datasec, btf.DeclTag:
		c.fail(id, "has no values, but is used as if it had")
	default:
		c.fail(id, "is of a kind unknown to this minbtf")
	}
	return result{}
}

// through returns what is asked of what a pointer or function leads to, and
// whether anything is. shapes are what it is compared with.
func (a asked) through(shapes set) (next asked, ok bool) {
	next = asked{shapes: shapes, compat: a.compat, behind: true}
	return next, next.shapes != 0 || next.compat
}

// array cuts an array, and what it is of with the given function.
func (c *cutter) array(id uint32, a asked, depth int, of func(uint32, asked, int) result) result {
	c.g.Type(id, &c.t)
	r := btf.Type{Kind: btf.Array, Size: c.t.Size}
	ref, index := c.t.Ref, c.t.Index
	next := a
	next.fields, next.enumerators, next.deep, next.shapes = nil, nil, false, c.lead(a.shapes, btf.Array, 0)
	indexed := a.fields != nil && a.fields.indexed != nil
	if indexed {
		next.fields = a.fields.indexed.ifAny()
		next.deep = a.deep && next.fields != nil
	}
	r.Ref = of(ref, next, depth+1).node
	r.Index = c.value(index, asked{}, depth+1).node
	return result{c.s.Intern(&r), indexed}
}

// function cuts a function's type: all of its parameters, or none.
func (c *cutter) function(id uint32, a asked, depth int) result {
	l := c.level(depth)
	c.g.Type(id, &l.t)
	r := btf.Type{Kind: btf.FuncProto, Members: l.members[:0]}
	if a.compat || c.compares(a.shapes, btf.FuncProto) {
		next, _ := a.through(c.lead(a.shapes, btf.FuncProto, 0))
		r.Ref = c.value(l.t.Ref, next, depth+1).node
		for i := range l.t.Members {
			next, _ := a.through(c.lead(a.shapes, btf.FuncProto, 1+i))
			r.Members = append(r.Members, btf.Member{Type: c.value(l.t.Members[i].Type, next, depth+1).node})
		}
	}
	l.members = r.Members
	return result{node: c.s.Intern(&r)}
}

// enum keeps the enumerators that relocations name. Of a name there is one
// enum, or it would be two candidates.
func (c *cutter) enum(id uint32, a asked) result {
	c.g.Type(id, &c.t)
	t := &c.t
	r := btf.Type{Kind: t.Kind, KFlag: t.KFlag, Size: t.Size}
	if a.behind && a.shapes == 0 {
		r.KFlag, r.Size = false, 4
		if t.Kind == btf.Enum64 {
			r.Size = 8
		}
		return result{node: c.s.Intern(&r)}
	}
	w, all := a.enumerators, c.compares(a.shapes, t.Kind)
	if w == nil || a.shapes != 0 {
		r.Name = c.text(t.Name)
		w = c.w.of(c.g.String(t.Name))
		if g := c.groupOf(id); g != nil {
			all = c.compares(g.shapes, t.Kind)
		}
	}
	var stems map[string]bool
	if w != nil {
		stems = w.enumerators
	}
	found := false
	if stems != nil || all {
		c.spend(len(t.Members))
		for _, m := range t.Members {
			named := stems != nil && stems[c.stem(m.Name)]
			found = found || named
			if named || all {
				m.Name = c.text(m.Name)
				r.Members = append(r.Members, m)
			}
		}
	}
	return result{c.s.Intern(&r), found}
}

// composite keeps the members that the paths name, or all if type_matches compares them.
func (c *cutter) composite(id uint32, a asked, depth int) result {
	if a.shapes != 0 {
		if g := c.groupOf(id); g != nil {
			return c.named(id, g, a, depth)
		}
	}
	return c.members(id, a, depth)
}

// named cuts a type whose name is compared, so that there is one of it: the
// same for all that ask for it, and a Named node behind pointers.
func (c *cutter) named(id uint32, g *group, a asked, depth int) result {
	if a.behind {
		kind, name := c.g.Head(id)
		return result{node: c.s.Intern(&btf.Type{Kind: store.Named, Word: uint32(kind), Name: c.text(name), Index: g.ordinal[id]})}
	}
	all := asked{fields: g.fields.ifAny(), shapes: g.shapes, deep: g.deep}
	r, ok := c.matched[cut{id, all}]
	if !ok {
		r = c.members(id, all, depth)
		c.matched[cut{id, all}] = r
		c.spend(8)
	}
	if a.fields != g.fields {
		r.found = a.fields != nil && c.value(id, asked{fields: a.fields}, depth+1).found
	}
	return r
}

// members cuts a struct or union.
func (c *cutter) members(id uint32, a asked, depth int) result {
	l := c.level(depth)
	t := &l.t
	c.g.Type(id, t)
	r := btf.Type{Kind: t.Kind, KFlag: t.KFlag, Size: t.Size, Members: l.members[:0]}
	if a.shapes != 0 {
		r.Name = c.text(t.Name)
	} else if a.behind {
		r.KFlag, r.Size = false, 0
	}
	all := c.compares(a.shapes, t.Kind)
	found := false
	if a.fields != nil || a.nest || all {
		c.spend(8 + len(t.Members))
		deep, added, flexible := -1, -1, false
		if a.nest {
			_, deep = c.deepest(id)
		}
		add := func(i int, node uint32) {
			m := &t.Members[i]
			if t.KFlag && m.Offset>>24 != 0 {
				if _, kind := c.underlying(m.Type); kind == btf.Ptr || kind == btf.FuncProto {
					// libbpf divides by what is in the place of their size: an id, other than in the minimal BTF.
					c.fail(id, "has bits of a pointer or function")
				}
			}
			r.Members = append(r.Members, btf.Member{Name: c.text(m.Name), Type: node, Offset: m.Offset})
			added = i
		}
		for i := range t.Members {
			m := &t.Members[i]
			name := c.wanted(m.Name)
			step, sought := a.fields.next(name)
			if !sought && !all && i != deep {
				continue
			}
			next := asked{fields: step.ifAny(), nest: i == deep && name == unnamed}
			next.deep = a.deep && next.fields != nil
			if all {
				next.shapes = c.leadMember(a.shapes, t.Kind, m.Name)
			}
			n := c.value(m.Type, next, depth+1)
			if sought && name == unnamed && !n.found {
				if !a.deep {
					sought = false
				} else if !next.nest {
					next.nest = true
					n = c.value(m.Type, next, depth+1)
				}
			}
			if sought || all || i == deep {
				add(i, n.node)
			}
			if sought {
				found = true
				flexible = flexible || name != unnamed && step.indexed != nil && c.isEmptyArray(m.Type)
			}
		}
		if last := len(t.Members) - 1; flexible && added != last {
			// A loader would take the array for the last member, and so for a flexible one.
			add(last, c.value(t.Members[last].Type, asked{}, depth+1).node)
		}
	}
	l.members = r.Members
	if depth > 8 && len(t.Members) > muchMemory {
		*l = level{} // there may be one of these for each depth
	}
	return result{c.s.Intern(&r), found}
}

// isEmptyArray reports whether a loader may take a member of type id for a
// flexible array: an array without elements.
func (c *cutter) isEmptyArray(id uint32) bool {
	id, kind := c.underlying(id)
	if kind != btf.Array {
		return false
	}
	c.g.Type(id, &c.t)
	return c.t.Size == 0
}

// isHuge reports whether a type, no typedef, is so large that libbpf takes its size
// for an error, whether there is the field or not.
func (c *cutter) isHuge(id uint32) bool {
	if kind, _ := c.g.Head(id); !kind.IsComposite() {
		return false
	}
	return c.g.SizeOf(id) > math.MaxInt32
}

// deepNest is how deep structs and arrays may be within others, where a field is looked for,
// before anonymous ones are kept even if they do not have it: in the 64th step libbpf
// stops to search and refuses the relocation.
const deepNest = 40

// A look is what a field is looked for in.
type look struct {
	id     uint32
	fields *step
}

// isDeep reports whether fields are looked for deeper than that. It is a question of the
// whole candidate, so that what is left of a type does not depend on how deep it is itself.
func (c *cutter) isDeep(id uint32, fields *step) bool {
	return fields != nil && c.within(id, fields) > deepNest
}

// within returns how many structs and arrays are within each other where fields are looked for.
func (c *cutter) within(id uint32, fields *step) int {
	id, kind := c.underlying(c.g.Plain(id))
	if fields == nil || kind != btf.Array && !kind.IsComposite() {
		return 0
	}
	key := look{id, fields}
	if n, ok := c.looks[key]; ok {
		return n
	}
	var t btf.Type
	c.g.Type(id, &t)
	c.spend(8 + len(t.Members))
	n := 0
	if kind == btf.Array && fields.indexed != nil {
		n = c.within(t.Ref, fields.indexed.ifAny())
	}
	for i := range t.Members {
		if next, sought := fields.next(c.wanted(t.Members[i].Name)); sought {
			n = max(n, c.within(t.Members[i].Type, next.ifAny()))
		}
	}
	c.looks[key] = n + 1
	return n + 1
}

// deepest is how many anonymous members are within each other, and the one that leads there.
type deepest struct{ levels, member int }

// deepest returns how many anonymous structs and unions are within each other, and the member
// that leads furthest: an anonymous one, or any; -1 if there is none.
func (c *cutter) deepest(id uint32) (levels, member int) {
	id, kind := c.underlying(c.g.Plain(id))
	if !kind.IsComposite() {
		return 0, -1
	}
	if d, ok := c.nests[id]; ok {
		return d.levels, d.member
	}
	var t btf.Type
	c.g.Type(id, &t)
	c.spend(8 + len(t.Members))
	d := deepest{1, min(len(t.Members), 1) - 1}
	for i := range t.Members {
		if c.wanted(t.Members[i].Name) == unnamed {
			if n, _ := c.deepest(t.Members[i].Type); n >= d.levels {
				d = deepest{n + 1, i}
			}
		}
	}
	c.nests[id] = d
	return d.levels, d.member
}

// stem returns the stem of a name, which it has to read.
func (c *cutter) stem(name uint32) string {
	stem, ok := c.stemOf[name]
	if !ok {
		s := c.g.String(name)
		c.spend(4 + len(s)/16)
		stem = graph.Stem(s)
		c.stemOf[name] = stem
	}
	return stem
}

// spend counts members looked at.
func (c *cutter) spend(n int) {
	if c.work += n; c.work > maxWork && c.err == nil {
		c.err = fmt.Errorf("%w: damaged?", ErrWork)
	}
}

func (c *cutter) fail(id uint32, what string) {
	if c.err == nil {
		kind, name := c.g.Head(id)
		c.err = fmt.Errorf("%w: type %d (%s %q) %s", btf.ErrFormat, id, kind, c.g.String(name), what)
	}
}
