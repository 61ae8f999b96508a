package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// leaves are nodes around two structs of one name.
type leaves struct {
	nodes
	integer, long  uint32
	leaf, other    uint32 // both struct leaf
	pointer        uint32 // to one
	node           uint32 // holds that
	deep           uint32 // so does this, twice, in an anonymous struct and behind an array
	holder, around uint32 // hold node, and holder, by value
	call           uint32 // a typedef that leads to functions of leaves
	plain          uint32
}

func newLeaves() *leaves {
	l := &leaves{nodes: newNodes()}
	l.integer, l.long = l.scalar(btf.Int, "int", 4), l.scalar(btf.Int, "long", 8)
	l.leaf = l.composite("leaf", member{"a", l.integer})
	l.other = l.composite("leaf", member{"b", l.integer})
	l.pointer = l.ptr(l.named(btf.Struct, "leaf", 0))
	l.node = l.composite("node", member{"p", l.pointer})
	array := l.Intern(&btf.Type{Kind: btf.Array, Ref: l.pointer, Index: l.integer, Size: 1})
	l.deep = l.composite("deep", member{"", l.composite("", member{"a", l.integer}, member{"p", l.ptr(l.refers(btf.Const, "", l.named(btf.Struct, "leaf", 0)))})}, member{"q", array})
	l.holder = l.composite("holder", member{"n", l.node}, member{"i", l.integer})
	l.around = l.composite("around", member{"h", l.holder}, member{"n", l.node})
	l.call = l.refers(btf.Typedef, "call", l.ptr(l.Intern(&btf.Type{Kind: btf.FuncProto, Ref: l.named(btf.Struct, "leaf", 0),
		Members: []btf.Member{{Type: l.integer}, {Type: l.pointer}}})))
	l.plain = l.composite("plain", member{"l", l.leaf}, member{"p", l.ptr(0)})
	return l
}

// Types that are one node are told apart by what they lead to, in the order of their references.
func TestCopies(t *testing.T) {
	l := newLeaves()
	const is = store.IsCopy
	const leafs = "struct leaf 8 { a int @0 }\nstruct leaf 8 { b int @0 }\n"
	const integer = "int int 4\n"
	for _, c := range []struct {
		what   string
		roots  []uint32
		copies []store.Copy
		order  []uint32
		want   string
	}{
		{"a choice", []uint32{l.leaf, l.other, l.node}, []store.Copy{{l.node, []uint32{2}}}, []uint32{l.leaf, l.other, is},
			leafs + "struct node 8 { p *struct leaf#2 @0 }\n" + integer},
		{"two of a node", []uint32{l.node, l.leaf, l.other}, []store.Copy{{l.node, []uint32{2}}, {l.node, []uint32{1}}},
			[]uint32{is | 1, l.leaf, l.other, is},
			"struct node 8 { p *struct leaf @0 }\n" + leafs + "struct node 8 { p *struct leaf#2 @0 }\n" + integer},
		{"and each of them twice", []uint32{l.leaf, l.other, l.node}, []store.Copy{{l.node, []uint32{2}}, {l.node, []uint32{1}}},
			[]uint32{l.leaf, l.other, is, is | 1, is, is | 1},
			leafs + "struct node 8 { p *struct leaf#2 @0 }\nstruct node 8 { p *struct leaf @0 }\n" +
				"struct node 8 { p *struct leaf#2 @0 }\nstruct node 8 { p *struct leaf @0 }\n" + integer},
		{"through anonymous structs, arrays and modifiers", []uint32{l.leaf, l.other, l.deep}, []store.Copy{{l.deep, []uint32{2, 1}}}, []uint32{l.leaf, l.other, is},
			leafs + "struct deep 16 { struct 16 { a int @0; p *const struct leaf#2 @64 } @0; q [1]*struct leaf @64 }\n" + integer},
		{"functions", []uint32{l.leaf, l.other, l.call}, []store.Copy{{l.call, []uint32{2, 1}}}, []uint32{l.leaf, l.other, is},
			leafs + "typedef call *func(int, *struct leaf) struct leaf#2\n" + integer},
		{"what is held by value is a copy", []uint32{l.leaf, l.other, l.node, l.holder},
			[]store.Copy{{l.node, []uint32{1}}, {l.node, []uint32{2}}, {l.holder, []uint32{1}}, {l.holder, []uint32{0}}},
			[]uint32{l.leaf, l.other, is, is | 1, is | 2, is | 3},
			leafs + "struct node 8 { p *struct leaf @0 }\nstruct node 8 { p *struct leaf#2 @0 }\n" +
				"struct holder 16 { n struct node#2 @0; i int @64 }\nstruct holder 16 { n struct node @0; i int @64 }\n" + integer},
		{"the only copy needs no choice", []uint32{l.leaf, l.other, l.node, l.holder, l.around},
			[]store.Copy{{l.node, []uint32{2}}, {l.holder, nil}, {l.around, nil}},
			[]uint32{l.leaf, l.other, is, is | 1, is | 2},
			leafs + "struct node 8 { p *struct leaf#2 @0 }\nstruct holder 16 { n struct node @0; i int @64 }\n" +
				"struct around 16 { h struct holder @0; n struct node @64 }\n" + integer},
		{"copies in copies", []uint32{l.leaf, l.other, l.node, l.holder, l.around},
			[]store.Copy{{l.node, []uint32{1}}, {l.node, []uint32{2}}, {l.holder, []uint32{0}}, {l.holder, []uint32{1}}, {l.around, []uint32{1, 0}}},
			[]uint32{l.leaf, l.other, is, is | 1, is | 2, is | 3, is | 4},
			leafs + "struct node 8 { p *struct leaf @0 }\nstruct node 8 { p *struct leaf#2 @0 }\n" +
				"struct holder 16 { n struct node @0; i int @64 }\nstruct holder 16 { n struct node#2 @0; i int @64 }\n" +
				"struct around 16 { h struct holder#2 @0; n struct node @64 }\n" + integer},
	} {
		k := &store.Kernel{Roots: c.roots, Copies: c.copies, Order: c.order}
		if got := raw(t, l.nodes, k); got != c.want {
			t.Errorf("%s:\n%sexpected:\n%s", c.what, got, c.want)
		}
	}
}

// What is wrong with a kernel is an error.
func TestWrongCopies(t *testing.T) {
	l := newLeaves()
	const is = store.IsCopy
	roots := []uint32{l.leaf, l.other, l.node, l.holder}
	for _, c := range []struct {
		copies []store.Copy
		order  []uint32
		want   string
	}{
		{[]store.Copy{{l.node, nil}}, []uint32{l.leaf, l.other, is}, "too few choices"},
		{[]store.Copy{{l.node, []uint32{1, 1}}}, []uint32{l.leaf, l.other, is}, "1 choices too many for struct node"},
		{[]store.Copy{{l.node, []uint32{3}}}, []uint32{l.leaf, l.other, is}, "no struct leaf of number 3"},
		{[]store.Copy{{l.node, []uint32{1<<32 - 1}}}, []uint32{l.leaf, l.other, is}, "no struct leaf of number 4294967295"},
		{[]store.Copy{{l.node, []uint32{2}}}, []uint32{l.leaf, is}, "1 choices too many for struct node"},
		{[]store.Copy{{l.node, nil}}, []uint32{is}, "no struct leaf of number 1"},
		{[]store.Copy{{l.node, []uint32{1}}}, []uint32{l.leaf, l.other, is | 1}, "copy 1 of 1"},
		{[]store.Copy{{l.node, []uint32{1}}}, []uint32{l.leaf, l.other, 1<<32 - 1}, "copy 2147483647 of 1"},
		{[]store.Copy{{l.node, []uint32{1}}, {l.holder, nil}, {l.node, []uint32{2}}}, []uint32{l.leaf, l.other, is, is | 1, is | 2}, "copies out of order"},
		{[]store.Copy{{l.node, []uint32{1}}, {l.node, []uint32{2}}, {l.holder, []uint32{2}}}, []uint32{l.leaf, l.other, is, is | 1, is | 2}, "no copy 2 of struct node"},
		{[]store.Copy{{l.node, []uint32{1}}, {l.node, []uint32{2}}, {l.holder, nil}}, []uint32{l.leaf, l.other, is, is | 1, is | 2}, "too few choices"},
		// What is not looked at is not missed.
		{[]store.Copy{{l.node, []uint32{1}}, {l.node, nil}}, []uint32{l.leaf, l.other, is}, ""},
	} {
		k := &store.Kernel{Roots: roots, Copies: c.copies, Order: c.order}
		b, err := l.Raw(k)
		if c.want == "" && err != nil || c.want != "" && (b != nil || !errors.Is(err, btf.ErrFormat) || !strings.HasSuffix(err.Error(), ": "+c.want)) {
			t.Errorf("%v %v: %v, expected %q", c.copies, c.order, err, c.want)
		}
	}
}

// A view is one kernel after the other. An exact one tells copies apart.
func TestView(t *testing.T) {
	l := newLeaves()
	kernels := []*store.Kernel{
		{Long: l.long, Roots: []uint32{l.leaf, l.node, l.plain}},
		{BigEndian: true, Roots: []uint32{l.leaf, l.other, l.node, l.plain},
			Copies: []store.Copy{{l.node, []uint32{1}}, {l.node, []uint32{2}}},
			Order:  []uint32{l.leaf, l.other, store.IsCopy, l.plain, store.IsCopy | 1, store.IsCopy}},
		{Roots: []uint32{l.other, l.node, l.node}},
	}
	stems := graph.NewStems([]string{"nothing", "node", "nod"})
	for _, c := range []struct {
		exact bool
		want  [3]string // the member of what each struct node points to
	}{
		{false, [3]string{"a", "a", "b b"}},
		{true, [3]string{"a", "a b a", "b b"}},
	} {
		v := store.NewView(l.Store, c.exact)
		for round := range 2 {
			for i, k := range kernels {
				if err := v.Show(k); err != nil {
					t.Fatal(err)
				}
				what := fmt.Sprintf("exact %v, round %d, kernel %d", c.exact, round, i)
				if v.BigEndian() != k.BigEndian || v.LongInt() != k.Long {
					t.Errorf("%s: %v, %d", what, v.BigEndian(), v.LongInt())
				}
				var members []string
				v.Candidates(stems, func(id uint32, stem int) {
					pointer := decode(t, v, id, l.node, "struct node").Members[0].Type
					leaf := decode(t, v, pointer, l.pointer, "ptr ").Ref
					node := map[string]uint32{"a": l.leaf, "b": l.other}
					member := v.String(decode(t, v, leaf, leaf, "struct leaf").Members[0].Name)
					if members = append(members, member); stem != 1 || leaf != node[member] {
						t.Errorf("%s: stem %d, %d", what, stem, leaf)
					}
				})
				if got := strings.Join(members, " "); got != c.want[i] {
					t.Errorf("%s: struct node points to %s, expected %s", what, got, c.want[i])
				}
				var named []uint32
				v.Named(func(id uint32) { named = append(named, v.Plain(id)) })
				want := slices.Clone(k.Roots)
				if c.exact && k.Order != nil {
					want = []uint32{l.leaf, l.other, l.node, l.plain, l.node, l.node}
				}
				if !slices.Equal(named, want) {
					t.Errorf("%s: named types are %d, expected %d", what, named, want)
				}
				if err := v.Err(); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
		}
	}
}

// decode checks that a view says the same of a type whichever way it is asked.
func decode(t *testing.T, v *store.View, id, plain uint32, want string) *btf.Type {
	t.Helper()
	var ty btf.Type
	v.Type(id, &ty)
	kind, name := v.Head(id)
	if got := fmt.Sprint(kind, " ", v.String(name)); got != want || kind != ty.Kind || name != ty.Name {
		t.Errorf("type %d is %s, expected %s", id, got, want)
	}
	if ref := v.Ref(id); ref != ty.Ref {
		t.Errorf("type %d refers to %d and %d", id, ref, ty.Ref)
	}
	if kind.IsComposite() && v.SizeOf(id) != ty.Size {
		t.Errorf("type %d is of %d bytes and %d", id, v.SizeOf(id), ty.Size)
	}
	if v.Plain(id) != plain || v.Plain(plain) != plain || id >= v.NumTypes() {
		t.Errorf("type %d of %d is as %d, expected %d", id, v.NumTypes(), v.Plain(id), plain)
	}
	return &ty
}
