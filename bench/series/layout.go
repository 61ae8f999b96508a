package main

import "github.com/khulnasoft/rules_btf/internal/btf"

// A pending struct or union has other members than its type says: those that
// were there before, whose offsets are still the old ones, and new ones.
type pending struct {
	members []btf.Member
	from    []int // by member: its index in the type, or fresh
}

const fresh = -1

// members returns the members of a struct or union, to be changed and given to put.
func (k *kernel) members(id uint32) pending {
	if p, ok := k.pending[id]; ok {
		return p
	}
	t := &k.types[id]
	p := pending{members: append([]btf.Member(nil), t.Members...), from: make([]int, len(t.Members))}
	for i := range p.from {
		p.from[i] = i
	}
	return p
}

func (k *kernel) put(id uint32, p pending) { k.pending[id] = p }

// settle lays out what is pending, and whatever embeds what comes out of
// another size or alignment.
func (k *kernel) settle() {
	if len(k.pending) == 0 {
		return
	}
	l := layouter{k: k, old: make([]extent, len(k.types)), new: make([]extent, len(k.types)), laid: map[uint32]btf.Type{}}
	for id := range k.types {
		if k.types[id].Kind.IsComposite() {
			l.after(uint32(id))
		}
	}
	for id, t := range l.laid {
		k.types[id] = t
	}
	clear(k.pending)
}

// An extent is a type's size and alignment in bits.
type extent struct {
	known       bool
	size, align int
}

type layouter struct {
	k        *kernel
	old, new []extent            // by id: as the kernel has it, as it will be
	laid     map[uint32]btf.Type // what changes
}

// before returns what a type's extent is in the kernel as it stands.
func (l *layouter) before(id uint32) extent {
	e := &l.old[id]
	if !e.known {
		t := &l.k.types[id]
		if t.Kind.IsComposite() {
			*e = extent{size: 8 * int(t.Size), align: l.plan(t).align}
		} else {
			*e = l.simple(t, l.before)
		}
		e.known = true
	}
	return *e
}

// after returns what a type's extent will be.
func (l *layouter) after(id uint32) extent {
	e := &l.new[id]
	if !e.known {
		t := &l.k.types[id]
		if t.Kind.IsComposite() {
			*e = l.composite(id, t)
		} else {
			*e = l.simple(t, l.after)
		}
		e.known = true
	}
	return *e
}

func (l *layouter) simple(t *btf.Type, of func(uint32) extent) extent {
	switch {
	case t.Kind.IsModifier():
		return of(t.Ref)
	case t.Kind == btf.Array:
		e := of(t.Ref)
		e.size *= int(t.Size)
		return e
	case t.Kind == btf.Ptr:
		return extent{size: 8 * l.k.pointer, align: 8 * l.k.pointer}
	case t.Kind == btf.Int || t.Kind == btf.Float || t.Kind.IsEnum():
		size := 8 * int(t.Size)
		return extent{size: size, align: max(size&-size, 8)}
	}
	return extent{align: 8}
}

// A rule is why a member is where it is.
type rule struct {
	align int // of its offset, in bits
	gap   int // bits in front of it that no alignment explains
	unit  int // of a bitfield: the bits of its type, whose boundaries it does not cross; 0 if it does
	width int // in bits
}

// A plan is what the compiler was told of a struct or union, as far as the
// offsets show it.
type plan struct {
	rules  []rule
	align  int
	told   bool // align is not that of the members
	packed bool
	pad    int // bits at the end that no alignment explains
}

func (l *layouter) plan(t *btf.Type) plan {
	p := plan{rules: make([]rule, len(t.Members)), align: 8}
	at, end := 0, 0
	for i, m := range t.Members {
		r := l.natural(t, m, l.before)
		start := int(m.Offset & offsetMask(t))
		if start%r.align != 0 {
			r.align = 8
			p.packed = true
		}
		if r.unit > 0 && start%r.unit+r.width > r.unit {
			r.unit = 0
		}
		p.align = max(p.align, r.align, r.unit)
		if t.Kind == btf.Union {
			at = 0
		}
		r.align, r.gap = infer(at, start, r.align)
		p.rules[i] = r
		at = start + r.width
		end = max(end, at)
	}
	size := 8 * int(t.Size)
	for p.align > 8 && size%p.align != 0 {
		p.align /= 2
		p.packed = true
	}
	members := p.align
	p.align, p.pad = infer(end, size, members)
	p.told = p.align > members
	return p
}

// infer returns the smallest alignment, of natural or more, that leads from
// where a member could begin to where it does, and what is left if none does.
func infer(at, start, natural int) (align, gap int) {
	for align = natural; align <= maxAlign; align *= 2 {
		if up(at, align) == start {
			return align, 0
		}
	}
	return natural, start - up(at, natural)
}

const maxAlign = 8 * 4096

func up(at, align int) int { return (at + align - 1) / align * align }

// natural returns the rule of a member as far as its type tells.
func (l *layouter) natural(t *btf.Type, m btf.Member, of func(uint32) extent) rule {
	e := of(m.Type)
	bits := int(m.Offset &^ offsetMask(t) >> 24)
	if base := &l.k.types[l.k.skip(m.Type)]; bits == 0 && base.Kind == btf.Int && base.Word&0xff != 8*base.Size {
		bits = int(base.Word & 0xff) // a bitfield in the old form
	}
	if bits != 0 {
		return rule{align: 1, unit: e.size, width: bits}
	}
	return rule{align: e.align, width: e.size}
}

func offsetMask(t *btf.Type) uint32 {
	if t.KFlag {
		return 0xffffff
	}
	return 0xffffffff
}

// composite lays out a struct or union if it has to be.
func (l *layouter) composite(id uint32, t *btf.Type) extent {
	_, changed := l.k.pending[id]
	for _, m := range t.Members {
		changed = l.after(m.Type) != l.before(m.Type) || changed
	}
	if !changed {
		return l.before(id)
	}
	return l.lay(id, t)
}

func (l *layouter) lay(id uint32, t *btf.Type) extent {
	was, now := l.plan(t), l.k.members(id)
	laid := *t
	laid.Members = make([]btf.Member, len(now.members))
	at, end, align := 0, 0, 8
	for i, m := range now.members {
		r := l.natural(t, m, l.after)
		if j := now.from[i]; j == fresh {
			if was.packed {
				r.align, r.unit = min(r.align, 8), 0
			}
		} else {
			rule := was.rules[j]
			if rule.align >= l.before(m.Type).align && rule.align > 1 {
				rule.align = max(rule.align, r.align)
			}
			rule.width = r.width
			r = rule
		}
		if t.Kind == btf.Union {
			at = 0
		}
		start := max(up(at, r.align)+r.gap, 0)
		if r.unit > 0 && start%r.unit+r.width > r.unit {
			start = up(start, r.unit)
		}
		m.Offset = m.Offset&^offsetMask(t) | uint32(start)
		laid.Members[i] = m
		at = start + r.width
		end = max(end, at)
		align = max(align, r.align, r.unit)
	}
	switch {
	case was.packed:
		align = was.align
	case was.told:
		align = max(align, was.align)
	}
	laid.Size = uint32((up(end, align) + was.pad) / 8)
	l.laid[id] = laid
	return extent{known: true, size: 8 * int(laid.Size), align: align}
}
