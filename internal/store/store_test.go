package store_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// nodes makes nodes of types in a few words.
type nodes struct{ *store.Store }

func newNodes() nodes { return nodes{store.New()} }

func (n nodes) scalar(kind btf.Kind, name string, size uint32) uint32 {
	return n.Intern(&btf.Type{Kind: kind, Name: n.String(name), Size: size, Word: 8 * size})
}

// refers makes a pointer, typedef or modifier.
func (n nodes) refers(kind btf.Kind, name string, to uint32) uint32 {
	return n.Intern(&btf.Type{Kind: kind, Name: n.String(name), Ref: to})
}

func (n nodes) ptr(to uint32) uint32 { return n.refers(btf.Ptr, "", to) }

// composite makes a struct of members of 8 bytes.
func (n nodes) composite(name string, members ...member) uint32 {
	t := btf.Type{Kind: btf.Struct, Name: n.String(name), Size: 8 * uint32(len(members))}
	for i, m := range members {
		t.Members = append(t.Members, btf.Member{Name: n.String(m.name), Type: m.of, Offset: 64 * uint32(i)})
	}
	return n.Intern(&t)
}

type member struct {
	name string
	of   uint32
}

// named stands for a kernel's type of a name.
func (n nodes) named(kind btf.Kind, name string, index uint32) uint32 {
	return n.Intern(&btf.Type{Kind: store.Named, Word: uint32(kind), Name: n.String(name), Index: index})
}

// A type is one node however often it comes, and whatever differs makes another one.
func TestIntern(t *testing.T) {
	n := newNodes()
	integer := n.scalar(btf.Int, "int", 4)
	x, y := n.String("x"), n.String("y")
	base := btf.Type{Kind: btf.Struct, Name: x, Size: 8, Members: []btf.Member{{Name: x, Type: integer}, {Name: y, Type: integer, Offset: 32}}}
	with := func(change func(*btf.Type)) btf.Type {
		other := base
		other.Members = append([]btf.Member(nil), base.Members...)
		change(&other)
		return other
	}
	types := []btf.Type{
		base,
		with(func(o *btf.Type) { o.Kind = btf.Union }),
		with(func(o *btf.Type) { o.KFlag = true }),
		with(func(o *btf.Type) { o.Name = y }),
		with(func(o *btf.Type) { o.Size = 16 }),
		with(func(o *btf.Type) { o.Members = nil }),
		with(func(o *btf.Type) { o.Members = o.Members[:1] }),
		with(func(o *btf.Type) { o.Members[0], o.Members[1] = o.Members[1], o.Members[0] }),
		with(func(o *btf.Type) { o.Members[1].Name = x }),
		with(func(o *btf.Type) { o.Members[1].Type = 0 }),
		with(func(o *btf.Type) { o.Members[1].Offset = 64 }),
		{Kind: btf.Int, Name: x, Size: 4, Word: 32},
		{Kind: btf.Int, Name: x, Size: 4, Word: 1<<24 | 32},
		{Kind: btf.Array, Ref: integer, Size: 4},
		{Kind: btf.Array, Ref: integer, Index: integer, Size: 4},
		{Kind: btf.Array, Index: integer, Size: 4},
		{Kind: btf.Ptr, Ref: integer},
		{Kind: btf.Ptr},
		{Kind: btf.Enum64, Name: x, Size: 8, Members: []btf.Member{{Name: x, Type: 7, Offset: 1}}},
		{Kind: btf.Enum64, Name: x, Size: 8, Members: []btf.Member{{Name: x, Type: 1, Offset: 7}}},
		{Kind: store.Named, Word: uint32(btf.Struct), Name: x},
		{Kind: store.Named, Word: uint32(btf.Struct), Name: x, Index: 1},
		{Kind: store.Named, Word: uint32(btf.Union), Name: x},
	}
	before := n.Len()
	for round := range 2 {
		for i := range types {
			if got, want := n.Intern(&types[i]), uint32(before+i); got != want {
				t.Errorf("round %d: %+v is node %d, expected %d", round, types[i], got, want)
			}
		}
	}
	for i, want := range types {
		got := btf.Type{Members: make([]btf.Member, 3)}
		n.Type(uint32(before+i), &got)
		if len(got.Members) == 0 {
			got.Members = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("node %d: %+v, expected %+v", before+i, got, want)
		}
		if kind, name := n.Head(uint32(before + i)); kind != want.Kind || name != want.Name {
			t.Errorf("node %d: %s %d", before+i, kind, name)
		}
	}
}

// Nodes and texts are found again when there are many.
func TestManyNodes(t *testing.T) {
	n := newNodes()
	const many = 10_000
	for round := range 2 {
		for i := range uint32(many) {
			text := fmt.Sprint("s", i)
			if got := n.String(text); got != i+1 || n.Text(got) != text {
				t.Fatalf("round %d: %s is text %d, %q", round, text, got, n.Text(got))
			}
			if got := n.scalar(btf.Int, text, 4); got != i+1 {
				t.Fatalf("round %d: %s is node %d", round, text, got)
			}
		}
	}
	if n.Len() != many+1 || n.Strings() != many+1 || n.Text(0) != "" || n.String("") != 0 {
		t.Errorf("%d nodes, %d texts", n.Len(), n.Strings())
	}
	if kind, name := n.Head(0); kind != btf.Void || name != 0 {
		t.Errorf("void is %s %d", kind, name)
	}
}

// What is read from a file is numbered as there, and what is added goes on from it.
func TestLoad(t *testing.T) {
	s := store.New()
	s.Load([]byte("a\x00\x00"))
	s.Load([]byte("bc\x00"))
	s.Reserve(3, 1)
	typ := btf.Type{Kind: btf.Struct, Name: 1, Size: 4}
	s.Set(2, &typ, []store.Member{{Name: 3, Type: 1}})
	s.Set(1, &btf.Type{Kind: btf.Int, KFlag: true, Name: 2, Size: 4, Word: 32}, nil)
	if got := []string{s.Text(0), s.Text(1), s.Text(2), s.Text(3)}; !slices.Equal(got, []string{"", "a", "", "bc"}) || s.Strings() != 4 {
		t.Errorf("%q of %d", got, s.Strings())
	}
	if n := s.String("new"); n != 4 || s.Text(n) != "new" || s.String("new") != n {
		t.Errorf("a new text is %d, %q", n, s.Text(n))
	}
	var got btf.Type
	s.Type(2, &got)
	if typ.Members = []btf.Member{{Name: 3, Type: 1}}; !reflect.DeepEqual(got, typ) || s.Len() != 3 || s.NumMembers() != 1 {
		t.Errorf("%+v of %d", got, s.Len())
	}
	if !s.KFlag(1) || s.KFlag(2) || s.Size(1) != 4 {
		t.Error("the int is another one")
	}
}

func TestHasPointer(t *testing.T) {
	n := newNodes()
	integer := n.scalar(btf.Int, "int", 4)
	pointer := n.ptr(0)
	array := n.Intern(&btf.Type{Kind: btf.Array, Ref: pointer, Index: integer, Size: 2})
	inner := n.composite("", member{"a", integer}, member{"p", array})
	for what, c := range map[string]struct {
		node uint32
		want bool
	}{
		"an int":                        {integer, false},
		"a pointer":                     {pointer, true},
		"an array of pointers":          {array, true},
		"a struct with such an array":   {inner, true},
		"one deeper":                    {n.composite("s", member{"in", inner}), true},
		"a typedef of it":               {n.refers(btf.Typedef, "t", inner), true},
		"a struct without":              {n.composite("s", member{"a", integer}), false},
		"an array indexed by a pointer": {n.Intern(&btf.Type{Kind: btf.Array, Ref: integer, Index: pointer}), false},
		"a value that looks like one":   {n.Intern(&btf.Type{Kind: btf.Enum64, Size: 8, Members: []btf.Member{{Type: pointer}}}), false},
	} {
		if got := n.HasPointer(c.node); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}
