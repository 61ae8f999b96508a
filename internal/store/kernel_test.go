package store_test

import (
	"errors"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// raw returns a kernel's types as text.
func raw(t *testing.T, n nodes, k *store.Kernel) string {
	t.Helper()
	b, err := n.Raw(k)
	if err != nil {
		t.Fatal(err)
	}
	f := btftest.File(t, b)
	if f.BigEndian() != k.BigEndian {
		t.Error("the byte order is not the kernel's")
	}
	return btftest.Format(f)
}

// A kernel is long, its roots in their order, and what they lead to.
func TestRaw(t *testing.T) {
	n := newNodes()
	integer, long := n.scalar(btf.Int, "int", 4), n.scalar(btf.Int, "long", 8)
	flavor, short := n.scalar(btf.Int, "long___x", 8), n.scalar(btf.Int, "long", 2)
	leaf := n.composite("leaf", member{"a", integer})
	other := n.composite("leaf", member{"a", integer}, member{"b", long})
	inner := n.composite("", member{"l", leaf})
	first, second := n.ptr(n.named(btf.Struct, "leaf", 1)), n.ptr(n.named(btf.Struct, "leaf", 2))
	only := n.ptr(n.named(btf.Struct, "leaf", 0))
	holder := n.composite("holder", member{"in", inner}, member{"p", first}, member{"q", second})
	pointing := n.composite("pointing", member{"p", only})
	self := n.composite("self", member{"p", n.ptr(n.named(btf.Struct, "self", 0))})
	tree := n.refers(btf.Typedef, "tree", self)
	toTree := n.composite("to_tree", member{"p", n.ptr(n.refers(btf.Typedef, "tree", n.named(btf.Struct, "self", 0)))})
	array := func(of, size uint32) uint32 {
		return n.Intern(&btf.Type{Kind: btf.Array, Ref: n.refers(btf.Const, "", of), Index: integer, Size: size})
	}
	two, three := n.refers(btf.Typedef, "list", array(self, 2)), n.refers(btf.Typedef, "list", array(self, 3))
	four := n.refers(btf.Typedef, "list", array(n.named(btf.Struct, "self", 0), 4))
	toLists := n.composite("to_lists", member{"p", n.ptr(n.refers(btf.Typedef, "list", array(n.named(btf.Struct, "self", 0), 3)))}, member{"q", n.ptr(four)})
	for _, c := range []struct {
		what string
		k    store.Kernel
		want string
	}{
		{"nothing", store.Kernel{}, ""},
		{"long first, then roots, then the rest", store.Kernel{Long: long, Roots: []uint32{leaf}},
			"int long 8\nstruct leaf 8 { a int @0 }\nint int 4\n"},
		{"long's namesakes are in their order", store.Kernel{Long: long, Roots: []uint32{leaf, flavor, short, long}},
			"int long___x 8\nint long 2\nint long 8\nstruct leaf 8 { a int @0 }\nint int 4\n"},
		{"long's namesakes come before it", store.Kernel{Long: long, Roots: []uint32{leaf, short}},
			"int long 2\nint long 8\nstruct leaf 8 { a int @0 }\nint int 4\n"},
		{"long is there once", store.Kernel{Long: long, Roots: []uint32{leaf, long}},
			"int long 8\nstruct leaf 8 { a int @0 }\nint int 4\n"},
		{"big-endian", store.Kernel{BigEndian: true, Roots: []uint32{leaf}}, "struct leaf 8 { a int @0 }\nint int 4\n"},
		{"a root twice", store.Kernel{Roots: []uint32{leaf, integer, leaf}},
			"struct leaf 8 { a int @0 }\nint int 4\nstruct leaf 8 { a int @0 }\n"},
		{"types of a name that differ", store.Kernel{Roots: []uint32{leaf, holder, other}},
			"struct leaf 8 { a int @0 }\nstruct holder 24 { in struct 8 { l struct leaf @0 } @0; p *struct leaf @64; q *struct leaf#2 @128 }\n" +
				"struct leaf 16 { a int @0; b long @64 }\nint int 4\nint long 8\n"},
		{"in another order", store.Kernel{Roots: []uint32{other, leaf, holder}},
			"struct leaf 16 { a int @0; b long @64 }\nstruct leaf 8 { a int @0 }\n" +
				"struct holder 24 { in struct 8 { l struct leaf#2 @0 } @0; p *struct leaf @64; q *struct leaf#2 @128 }\nint int 4\nint long 8\n"},
		{"a name alone", store.Kernel{Roots: []uint32{other, pointing}},
			"struct leaf 16 { a int @0; b long @64 }\nstruct pointing 8 { p *struct leaf @0 }\nint int 4\nint long 8\n"},
		{"circles", store.Kernel{Roots: []uint32{self}}, "struct self 8 { p *struct self @0 }\n"},
		{"a typedef by value and behind a pointer is one", store.Kernel{Roots: []uint32{toTree, tree, self}},
			"struct to_tree 8 { p *tree @0 }\ntypedef tree struct self\nstruct self 8 { p *struct self @0 }\n"},
		{"typedefs of a name that differ", store.Kernel{Roots: []uint32{toLists, two, three, self}},
			"struct to_lists 16 { p *list#2 @0; q *list#3 @64 }\ntypedef list [2]const struct self\ntypedef list [3]const struct self\n" +
				"struct self 8 { p *struct self @0 }\ntypedef list [4]const struct self\nint int 4\n"},
	} {
		if got := raw(t, n, &c.k); got != c.want {
			t.Errorf("%s:\n%sexpected:\n%s", c.what, got, c.want)
		}
	}
	for what, k := range map[string]*store.Kernel{
		"no type of the name":       {Roots: []uint32{pointing}},
		"none of the kind":          {Roots: []uint32{n.scalar(btf.Int, "leaf", 4), pointing}},
		"none of the number":        {Roots: []uint32{leaf, holder}},
		"none of the kind, of many": {Roots: []uint32{n.scalar(btf.Int, "leaf", 4), n.scalar(btf.Int, "leaf", 8), pointing}},
	} {
		if b, err := n.Raw(k); b != nil || !errors.Is(err, btf.ErrFormat) {
			t.Errorf("%s: %d bytes, %v", what, len(b), err)
		}
	}
}
