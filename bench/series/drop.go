package main

import (
	"hash/fnv"
	"slices"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// Holders are, of each type, the types that refer to it: any but functions and
// variables, or those alone that contain it by value.
type holders struct {
	k     *kernel
	last  []int32 // by id: its last edge
	edges []edge
}

type edge struct {
	holder uint32
	before int32
}

func newHolders(k *kernel, byValue bool) *holders {
	h := &holders{k: k, last: make([]int32, len(k.types)), edges: make([]edge, 1, 2*len(k.types))}
	for id := range k.types {
		t := &k.types[id]
		switch t.Kind {
		case btf.Func, btf.Var, btf.Datasec, btf.DeclTag:
			continue
		case btf.Ptr, btf.FuncProto:
			if byValue {
				continue
			}
		}
		references(t, func(of uint32) {
			h.edges = append(h.edges, edge{uint32(id), h.last[of]})
			h.last[of] = int32(len(h.edges) - 1)
		})
	}
	return h
}

// closure returns a named type with all named types that cannot be without it,
// and whether no more than limit of them are structs and unions.
func (h *holders) closure(id uint32, limit int) ([]uint32, bool) {
	set, seen := []uint32{id}, map[uint32]bool{id: true}
	queue := []uint32{id}
	for composites := 1; len(queue) > 0; queue = queue[1:] {
		for i := h.last[queue[0]]; i != 0; i = h.edges[i].before {
			holder := h.edges[i].holder
			if seen[holder] {
				continue
			}
			seen[holder] = true
			queue = append(queue, holder)
			t := &h.k.types[holder]
			if t.Name == 0 {
				continue
			}
			set = append(set, holder)
			if t.Kind.IsComposite() {
				composites++
			}
			if composites > limit || len(seen) > 16*limit {
				return set, false
			}
		}
	}
	return set, true
}

// drop removes named types, and the functions and variables of these types.
// What others still point to becomes a forward declaration.
func (k *kernel) drop(ids []uint32) {
	if len(ids) == 0 {
		return
	}
	gone := make([]bool, len(k.types))
	for _, id := range ids {
		gone[id] = true
	}
	about := func(id uint32) bool {
		for !gone[id] && (k.types[id].Kind.IsModifier() || k.types[id].Kind == btf.Ptr || k.types[id].Kind == btf.Array) {
			id = k.types[id].Ref
		}
		return gone[id]
	}
	for id := range k.types {
		if t := &k.types[id]; t.Kind == btf.FuncProto {
			gone[id] = about(t.Ref) || slices.ContainsFunc(t.Members, func(m btf.Member) bool { return about(m.Type) })
		}
	}
	for id := range k.types {
		switch t := &k.types[id]; {
		case t.Kind == btf.Func && gone[t.Ref], t.Kind == btf.Var && about(t.Ref), t.Kind == btf.Typedef && gone[id]:
			*t = btf.Type{}
		case t.Kind.IsComposite() && gone[id]:
			*t = btf.Type{Kind: btf.Fwd, Name: t.Name, KFlag: t.Kind == btf.Union}
		}
	}
	k.sweep()
}

// sweep removes what nothing refers to any more.
func (k *kernel) sweep() {
	used := make([]bool, len(k.types))
	var queue []uint32
	use := func(id uint32) {
		if !used[id] {
			used[id] = true
			queue = append(queue, id)
		}
	}
	for id := range k.types {
		t := &k.types[id]
		switch t.Kind {
		case btf.Datasec:
			t.Members = slices.DeleteFunc(slices.Clone(t.Members), func(m btf.Member) bool { return k.types[m.Type].Kind == btf.Void })
			use(uint32(id))
		case btf.DeclTag:
			if k.types[t.Ref].Kind != btf.Void {
				use(uint32(id))
			}
		case btf.Void, btf.Fwd, btf.TypeTag:
		default:
			if t.Name != 0 || t.Kind.IsEnum() { // enums are there for their constants, too
				use(uint32(id))
			}
		}
	}
	for len(queue) > 0 {
		t := &k.types[queue[len(queue)-1]]
		queue = queue[:len(queue)-1]
		references(t, use)
	}
	for id := range k.types {
		if !used[id] {
			k.types[id] = btf.Type{}
		}
	}
}

// keep drops all named types, functions and variables but for a share of them,
// one struct more, and what these embed or refer to.
func (k *kernel) keep(share float64, with string) {
	kept := make([]bool, len(k.types))
	var visit func(id uint32)
	visit = func(id uint32) {
		t := &k.types[id]
		if kept[id] || t.Kind == btf.Ptr || t.Kind == btf.FuncProto {
			return
		}
		kept[id] = true
		references(t, visit)
	}
	for id := range k.types {
		t := &k.types[id]
		if t.Kind == btf.Typedef || t.Kind.IsComposite() && t.Name != 0 && (chosen(k.text(t.Name), share) || k.text(t.Name) == with) {
			visit(uint32(id))
		}
	}
	var ids []uint32
	for id := range k.types {
		t := &k.types[id]
		switch {
		case t.Name == 0 || kept[id]:
		case t.Kind.IsComposite():
			ids = append(ids, uint32(id))
		case (t.Kind == btf.Func || t.Kind == btf.Var) && !chosen(k.text(t.Name), share):
			*t = btf.Type{}
		}
	}
	k.drop(ids)
	used := make([]bool, len(k.types))
	for id := range k.types {
		references(&k.types[id], func(to uint32) { used[to] = true })
	}
	for id := range k.types {
		if t := &k.types[id]; (t.Kind == btf.Typedef || t.Kind.IsEnum()) && !used[id] && !chosen(k.text(t.Name), share) {
			*t = btf.Type{}
		}
	}
	k.sweep()
}

// chosen is the same for a name in every kernel.
func chosen(name string, share float64) bool {
	h := fnv.New32a()
	h.Write([]byte(name))
	return float64(h.Sum32()) < share*(1<<32)
}
