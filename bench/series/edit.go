package main

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// Rates are how many changes a month brings, on the average: those of Android's
// builds of 5.10 (README.md).
const (
	measuredStructs    = 9000.0 // in a kernel
	editedPerMonth     = 7.0    // structs and unions with other members
	addedPerMonth      = 9.0    // structs, unions
	removedPerMonth    = 5.0
	enumeratorsAMonth  = 1.2
	typedefsPerMonth   = 1.5
	freshMemberNames   = 0.6 // of added members those with a name that no other has
	freshMemberNamesIn = 0.4 // the same, in added structs
)

// An editor changes a kernel as its developers do.
type editor struct {
	*kernel
	rand     *rand.Rand
	structs  []uint32 // named structs and unions
	enums    []uint32
	words    []string        // that names are made of
	taken    map[string]bool // names of types
	popular  map[uint32]bool // structs and unions that many embed
	pointers map[uint32]uint32
}

func newEditor(k *kernel, r *rand.Rand) *editor {
	e := &editor{kernel: k, rand: r, taken: map[string]bool{}, popular: map[uint32]bool{}, pointers: map[uint32]uint32{}}
	words := map[string]bool{}
	h := newHolders(k, true)
	for id := range k.types {
		t := &k.types[id]
		if t.Kind == btf.Ptr {
			e.pointers[t.Ref] = uint32(id)
		}
		if t.Name == 0 {
			continue
		}
		switch {
		case t.Kind.IsComposite():
			if len(t.Members) > 0 {
				e.structs = append(e.structs, uint32(id))
			}
			if _, ok := h.closure(uint32(id), popularity); !ok {
				e.popular[uint32(id)] = true
			}
			for _, m := range t.Members {
				for word := range strings.SplitSeq(k.text(m.Name), "_") {
					if word != "" && (word[0] < '0' || word[0] > '9') && !words[word] {
						words[word] = true
						e.words = append(e.words, word)
					}
				}
			}
		case t.Kind.IsEnum() && len(t.Members) > 0:
			e.enums = append(e.enums, uint32(id))
		}
		if t.Kind != btf.Func && t.Kind != btf.Var {
			e.taken[k.text(t.Name)] = true
		}
	}
	return e
}

const (
	fewHolders  = 4 // with what embeds it, a struct that may be removed
	manyHolders = 100
	popularity  = 8 // of what a new member may embed: locks, lists, timers
)

// times is a whole number whose mean is given.
func (e *editor) times(mean float64) int {
	n := int(mean)
	if e.rand.Float64() < mean-float64(n) {
		n++
	}
	return n
}

func pick[T any](e *editor, from []T) T { return from[e.rand.IntN(len(from))] }

// change makes the changes of some months.
func (e *editor) change(months float64) {
	e.drop(e.removable(e.times(removedPerMonth * months)))
	for range e.times(addedPerMonth * months) {
		e.addStruct()
	}
	for range e.times(editedPerMonth * months) {
		e.editStruct()
	}
	for range e.times(enumeratorsAMonth * months) {
		e.addEnumerator()
	}
	for range e.times(typedefsPerMonth * months) {
		e.addTypedef()
	}
	e.settle()
}

// composite returns a named struct or union that is still there.
func (e *editor) composite() uint32 {
	for {
		if id := pick(e, e.structs); len(e.types[id].Members) > 0 {
			return id
		}
	}
}

// target returns a struct or union to be changed: rarely what many embed.
func (e *editor) target() uint32 {
	id := e.composite()
	if e.popular[id] {
		id = e.composite()
	}
	return id
}

// removable returns so many structs and unions, or a few more, that the rest can do without.
func (e *editor) removable(n int) []uint32 {
	if n == 0 {
		return nil
	}
	h := newHolders(e.kernel, false)
	seen := map[uint32]bool{}
	var ids []uint32
	for len(ids) < n {
		set, ok := h.closure(e.composite(), fewHolders)
		if !ok {
			continue
		}
		for _, id := range set {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// editStruct adds, removes and replaces members.
func (e *editor) editStruct() {
	id := e.target()
	// Most structs change a little, a few are reworked.
	adds, removes, retypes := 0, 0, 0
	switch n := e.rand.IntN(100); {
	case n < 30:
		adds = 1
	case n < 38:
		adds = 2 + e.rand.IntN(2)
	case n < 50:
		removes = 1 + e.rand.IntN(3)
	case n < 70:
		retypes = 1 + e.rand.IntN(3)
	case n < 82:
		adds, removes = 1, 1
	default:
		adds, removes, retypes = 1+e.rand.IntN(10), 1+e.rand.IntN(16), e.rand.IntN(16)
	}
	p := e.members(id)
	for range retypes {
		i := e.rand.IntN(len(p.members))
		if was := p.members[i]; was.Name != 0 && !e.types[id].KFlag {
			p.members[i] = btf.Member{Name: was.Name, Type: e.retype(was.Type)}
			p.from[i] = fresh
		}
	}
	for range min(removes, len(p.members)-1) {
		i := e.rand.IntN(len(p.members))
		p.members, p.from = slices.Delete(p.members, i, i+1), slices.Delete(p.from, i, i+1)
	}
	for range adds {
		at := e.rand.IntN(len(p.members) + 1)
		if at == len(p.members) && e.flexible(p.members[at-1].Type) {
			at--
		}
		p.members, p.from = slices.Insert(p.members, at, e.newMember(p.members, freshMemberNames)), slices.Insert(p.from, at, fresh)
	}
	e.put(id, p)
}

// flexible reports whether a type is an array of no elements, which has to be the last member.
func (e *editor) flexible(id uint32) bool {
	t := &e.types[e.skip(id)]
	return t.Kind == btf.Array && t.Size == 0
}

func (e *editor) newMember(beside []btf.Member, freshName float64) btf.Member {
	m := btf.Member{Type: e.memberType()}
	if e.rand.Float64() < freshName {
		m.Name = e.names.name(e.invent())
		return m
	}
	for m.Name == 0 || slices.ContainsFunc(beside, func(other btf.Member) bool { return other.Name == m.Name }) {
		m.Name = pick(e, e.types[e.composite()].Members).Name
	}
	return m
}

// memberType returns the type of some other member, so that all are as frequent
// as elsewhere. What is embedded is what many embed.
func (e *editor) memberType() uint32 {
	for {
		id := pick(e, e.types[e.composite()].Members).Type
		base := e.skip(id)
		for e.types[base].Kind == btf.Array {
			base = e.skip(e.types[base].Ref)
		}
		t := &e.types[base]
		switch {
		case e.flexible(id), t.Kind == btf.Void, t.Kind == btf.Fwd:
		case t.Kind.IsComposite() && !e.popular[base]:
			if t.Name != 0 {
				return e.pointer(base)
			}
		default:
			return id
		}
	}
}

// retype returns another type that a member may get: a function with one more
// parameter, or any.
func (e *editor) retype(id uint32) uint32 {
	if t := &e.types[id]; t.Kind == btf.Ptr && e.types[t.Ref].Kind == btf.FuncProto {
		proto := e.types[t.Ref]
		at := e.rand.IntN(len(proto.Members) + 1)
		proto.Members = slices.Insert(slices.Clone(proto.Members), at, btf.Member{Type: e.pointer(e.composite())})
		return e.pointer(e.add(proto))
	}
	return e.memberType()
}

func (e *editor) pointer(to uint32) uint32 {
	id, ok := e.pointers[to]
	if !ok || e.types[id].Kind != btf.Ptr {
		id = e.add(btf.Type{Kind: btf.Ptr, Ref: to})
		e.pointers[to] = id
	}
	return id
}

// invent returns a name of two or three words that others use.
func (e *editor) invent() string {
	name := pick(e, e.words) + "_" + pick(e, e.words)
	if e.rand.IntN(3) == 0 {
		name += "_" + pick(e, e.words)
	}
	return name
}

func (e *editor) inventType() uint32 {
	name := e.invent()
	for e.taken[name] {
		name = e.invent()
	}
	e.taken[name] = true
	return e.names.name(name)
}

// addStruct adds a struct with as many members as another one, and mostly a pointer to it.
func (e *editor) addStruct() {
	like := e.types[e.composite()]
	id := e.add(btf.Type{Kind: btf.Struct, Name: e.inventType()})
	var p pending
	for range min(len(like.Members), 12) {
		p.members, p.from = append(p.members, e.newMember(p.members, freshMemberNamesIn)), append(p.from, fresh)
	}
	e.put(id, p)
	if e.rand.IntN(4) > 0 {
		user := e.target()
		q := e.members(user)
		q.members = slices.Insert(q.members, 0, btf.Member{Name: e.types[id].Name, Type: e.pointer(id)})
		q.from = slices.Insert(q.from, 0, fresh)
		e.put(user, q)
	}
	e.structs = append(e.structs, id)
}

// addEnumerator adds an enumerator: in front of others that move up, as in
// "enum bpf_func_id", or with the next value at the end.
func (e *editor) addEnumerator() {
	t := &e.types[pick(e, e.enums)]
	at := e.rand.IntN(len(t.Members))
	for i := at + 1; i < len(t.Members); i++ {
		if t.Members[i].Offset != t.Members[i-1].Offset+1 {
			at = len(t.Members) - 1
		}
	}
	m := t.Members[at]
	m.Name = e.names.name(strings.ToUpper(e.invent()))
	if at == len(t.Members)-1 {
		m.Offset++
		at++
	}
	t.Members = slices.Insert(slices.Clone(t.Members), at, m)
	for i := at + 1; i < len(t.Members); i++ {
		t.Members[i].Offset++
	}
}

func (e *editor) addTypedef() {
	e.add(btf.Type{Kind: btf.Typedef, Name: e.inventType(), Ref: e.memberType()})
}
