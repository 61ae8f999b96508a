package main

import (
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// A difference is how much of a kernel's types is new in another one. Types
// are the named structs, unions and enums, those of one name and value once.
type difference struct {
	types                  int // of the second kernel
	added, removed         int // types by name
	changed                int // types of another value: layout and all that is embedded
	edited                 int // of them those whose own members or enumerators differ
	resized                int // of the edited ones those of another size
	fields, gone, retyped  int // members of edited ones: added, removed, of another type
	enumerators            int // added
	typedefs, typedefsGone int // by name
	values                 int // types of all kinds but functions and variables, named or not, that the first has not
}

const differenceHeader = `| | types | added | removed | changed | of them edited | of them resized | members added | removed | retyped | enumerators added | new values |
|---|---|---|---|---|---|---|---|---|---|---|---|`

func (d difference) row(label string) string {
	return fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d |", label,
		d.types, d.added, d.removed, d.changed, d.edited, d.resized, d.fields, d.gone, d.retyped, d.enumerators, d.values)
}

// A view is what the comparison needs of a kernel.
type view struct {
	*kernel
	value []uint64 // by id: hash of all that the type contains, pointers by name
	own   []uint64 // by id: the same without offsets, what is embedded by name, too
	named map[key][]uint32
}

type key struct {
	kind btf.Kind
	name string
}

func newView(k *kernel) *view {
	v := &view{kernel: k, value: make([]uint64, len(k.types)), own: make([]uint64, len(k.types)), named: map[key][]uint32{}}
	for id := range k.types {
		t := &k.types[id]
		if t.Name == 0 || !t.Kind.IsComposite() && !t.Kind.IsEnum() && t.Kind != btf.Typedef {
			continue
		}
		at := key{t.Kind, k.text(t.Name)}
		if t.Kind == btf.Enum64 {
			at.kind = btf.Enum
		}
		v.visit(uint32(id))
		if !v.has(v.named[at], v.value[id]) {
			v.named[at] = append(v.named[at], uint32(id))
		}
	}
	return v
}

// has reports whether one of some types has a value.
func (v *view) has(ids []uint32, value uint64) bool {
	return slices.ContainsFunc(ids, func(id uint32) bool { return v.value[id] == value })
}

type hash uint64

var textSeed = maphash.MakeSeed()

func (h *hash) add(values ...uint64) {
	for _, v := range values {
		*h = (*h ^ hash(v)) * 0x9e3779b97f4a7c15
		*h ^= *h >> 29
	}
}

func (v *view) addHead(h *hash, t *btf.Type) {
	h.add(uint64(t.Kind), maphash.String(textSeed, v.text(t.Name)))
}

// visit computes a type's hashes and returns that of its value.
func (v *view) visit(id uint32) uint64 {
	if id == 0 || v.value[id] != 0 {
		return v.value[id]
	}
	t := &v.types[id]
	var all, own hash
	v.addHead(&all, t)
	v.addHead(&own, t)
	all.add(uint64(t.Word), uint64(t.Size))
	switch t.Kind {
	case btf.Ptr, btf.FuncProto:
		all.add(v.pointee(id, 0))
	case btf.Struct, btf.Union:
		for _, m := range t.Members {
			name := maphash.String(textSeed, v.text(m.Name))
			all.add(name, v.visit(m.Type), uint64(m.Offset))
			own.add(name, v.member(m.Type), uint64(m.Offset&^offsetMask(t)))
		}
	case btf.Enum, btf.Enum64:
		for _, m := range t.Members {
			all.add(maphash.String(textSeed, v.text(m.Name)), uint64(m.Offset), uint64(m.Type))
		}
		own = all
	default:
		all.add(v.visit(t.Ref))
	}
	v.value[id], v.own[id] = uint64(all|1), uint64(own|1)
	return v.value[id]
}

// member is the hash of a member's type, by name if it has one.
func (v *view) member(id uint32) uint64 {
	t := &v.types[id]
	var h hash
	v.addHead(&h, t)
	switch {
	case t.Kind == btf.Typedef:
	case t.Kind.IsComposite() || t.Kind.IsEnum():
		if t.Name == 0 {
			v.visit(id)
			return v.own[id]
		}
	case t.Kind == btf.Array || t.Kind.IsModifier():
		h.add(v.member(t.Ref), uint64(t.Size))
	default:
		return v.visit(id)
	}
	return uint64(h)
}

// pointee is the hash of what pointers and functions lead to, by name if it has one.
func (v *view) pointee(id uint32, depth int) uint64 {
	t := &v.types[id]
	var h hash
	v.addHead(&h, t)
	switch {
	case t.Kind == btf.Void || t.Name != 0 && t.Kind != btf.TypeTag || depth > 16:
	case t.Kind.IsComposite() || t.Kind.IsEnum():
		h.add(v.visit(id))
	default:
		h.add(v.pointee(t.Ref, depth+1), uint64(t.Size))
		for _, m := range t.Members {
			h.add(v.pointee(m.Type, depth+1))
		}
	}
	return uint64(h)
}

func compare(a, b *view) difference {
	var d difference
	known := map[uint64]bool{0: true}
	for _, value := range a.value {
		known[value] = true
	}
	for _, value := range b.value {
		if !known[value] {
			known[value] = true
			d.values++
		}
	}
	for at, ids := range b.named {
		was := slices.DeleteFunc(slices.Clone(a.named[at]), func(id uint32) bool { return b.has(ids, a.value[id]) })
		now := slices.DeleteFunc(slices.Clone(ids), func(id uint32) bool { return a.has(a.named[at], b.value[id]) })
		n := min(len(was), len(now))
		if at.kind == btf.Typedef {
			d.typedefs += len(now) - n
			continue
		}
		d.types += len(ids)
		d.added += len(now) - n
		for i := range n {
			d.change(a, was[i], b, now[i])
		}
	}
	for at, ids := range a.named {
		n := max(len(ids)-len(b.named[at]), 0)
		if at.kind == btf.Typedef {
			d.typedefsGone += n
		} else {
			d.removed += n
		}
	}
	return d
}

// change counts a type that has another value now.
func (d *difference) change(a *view, before uint32, b *view, now uint32) {
	d.changed++
	if a.own[before] == b.own[now] {
		return
	}
	d.edited++
	was, is := &a.types[before], &b.types[now]
	if was.Size != is.Size {
		d.resized++
	}
	types := map[string]uint64{} // of members; an enumerator has none
	typeOf := func(v *view, t *btf.Type, m btf.Member) uint64 {
		if t.Kind.IsEnum() {
			return 0
		}
		return v.member(m.Type)
	}
	for _, m := range was.Members {
		types[a.text(m.Name)] = typeOf(a, was, m)
	}
	added := 0
	for _, m := range is.Members {
		switch t, ok := types[b.text(m.Name)]; {
		case !ok:
			added++
		case t != typeOf(b, is, m):
			d.retyped++
		}
	}
	if is.Kind.IsEnum() {
		d.enumerators += added
		return
	}
	d.fields += added
	d.gone += len(was.Members) - len(is.Members) + added
}
