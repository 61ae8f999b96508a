package btftest

import (
	"slices"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// Module returns raw split BTF whose text goes on from that of its base: ids
// and numbers of names count on, and types and strings of the base are not
// repeated. Like pahole's it begins with a name of its own.
func Module(t testing.TB, base *btf.File, text string) []byte {
	t.Helper()
	c := newCompiler()
	for id := uint32(1); id < base.NumTypes(); id++ {
		kind, name := base.Head(id)
		if kind == btf.Int && c.index == 0 {
			c.index = id
		}
		if s := base.String(name); s != "" {
			c.declare(class(kind.String()), s, id)
		}
	}
	c.Types = make([]btf.Type, base.NumTypes()-1)
	if err := c.all(text); err != nil {
		t.Fatalf("btftest: %v", err)
	}
	if len(c.Funcs) > 0 {
		t.Fatal("btftest: functions in a module")
	}

	refs := map[string]uint32{}
	strs := base.Text(0)
	for at := 0; at < len(strs); {
		s := base.String(uint32(at))
		refs[s] = uint32(at)
		at += len(s) + 1
	}
	end := len(strs)
	var own []byte
	name := func(n uint32) uint32 {
		s := c.Names[n]
		if _, ok := refs[s]; !ok {
			refs[s] = uint32(end + len(own))
			own = append(append(own, s...), 0)
		}
		return refs[s]
	}
	w := btf.NewWriter()
	for _, ty := range c.Types[base.NumTypes()-1:] {
		ty.Name = name(ty.Name)
		ty.Members = slices.Clone(ty.Members)
		for i := range ty.Members {
			ty.Members[i].Name = name(ty.Members[i].Name)
		}
		if _, err := w.Add(&ty); err != nil {
			t.Fatalf("btftest: %v", err)
		}
	}
	raw := w.Bytes(base.Order())
	base.Order().PutUint32(raw[20:], uint32(len(own))) // str_len
	return append(raw[:len(raw)-1], own...)            // without the empty string
}
