package property

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/pack"
	"github.com/khulnasoft/rules_btf/internal/store"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// The promise of packs, for small kernels that have most types in common: what
// is left of each is the same as by itself, whichever others were before
// it, and the same as of the kernel that the store gives back.
func TestPacks(t *testing.T) {
	sets, exact, copies := 0, 0, 0
	for seed := *first; seed < *first+*worlds && !t.Failed(); seed++ {
		k, objects := makeWorld(t, seed)
		var all []*core.Relocations
		for _, o := range objects {
			all = append(all, o.relos)
		}
		rs, err := core.Union(all...)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		c := newChance(seed, 4)
		kernels := []*btf.File{k.file}
		for range 3 {
			if r := relative(t, c, k); r != nil {
				kernels = append(kernels, r)
			}
		}
		n, ok := together(t, fmt.Sprintf("seed %d", seed), kernels, rs)
		if !ok {
			continue
		}
		copies += n
		if sets++; core.LooksThroughPointers(rs) {
			exact++
		}
	}
	t.Logf("%d sets of relocations, %d of which look through pointers; %d copies", sets, exact, copies)
	if n := int(*worlds); sets < n*9/10 || exact < sets/5 || exact > sets/2 || copies < n/3 {
		t.Error("the worlds are not to the point")
	}
}

// What is left of a kernel depends neither on what was compared in the one before it, nor
// on why that was refused.
func TestOneAfterAnother(t *testing.T) {
	const object = `
		int int 4 signed
		enum e 4 { A = 1; B = 2 }
		struct s 8 { e enum e @0; i int @32 }
		struct bits 4 { a int @0 }
		struct points 8 { p *struct s @0 }
		reloc kprobe/a type_matches struct s 0
		reloc kprobe/a type_matches struct points 0
		reloc kprobe/a field_exists struct bits 0:0`
	const enum = "int int 4 signed\nenum e 4 { A = 1; B = 2 }\n"
	const same = enum + "struct s 8 { e enum e @0; x enum e @32 }\n"
	const two = same + "struct s 8 { i int @0; e enum e @32 }\n"
	for what, texts := range map[string][]string{
		"a pointer to another one":     {two + "struct points 8 { p *struct s @0 }", two + "struct points 8 { p *struct s#2 @0 }"},
		"an enum that is not compared": {same, enum + "struct s 8 { f enum e @0; i int @32 }\n"},
		"in types of one name":         {same, enum + "struct s 8 { f enum e @0; i int @32 }\nstruct s 8 { i int @0; f enum e @32 }\n"},
		"an error":                     {enum + "struct bits 4 { a *int @0:3 }\nstruct s 8 { e enum e @0; i int @32 }\n", same},
	} {
		var kernels []*btf.File
		for _, text := range texts {
			kernels = append(kernels, btftest.Parse(t, binary.LittleEndian, text))
		}
		if _, ok := together(t, what, kernels, readObject(t, object).relos); !ok {
			t.Errorf("%s: is not for a pack", what)
		}
	}
}

// together cuts kernels whose types are in one store, and returns how many copies they have: types
// that differ in nothing but what they lead to. It is not ok if the kernels are not for a pack.
func together(t *testing.T, what string, kernels []*btf.File, rs *core.Relocations) (copies int, ok bool) {
	t.Helper()
	s := store.New()
	im := pack.NewImporter(s)
	var imported []*store.Kernel
	for _, f := range kernels {
		k, err := im.Import(f)
		if err != nil {
			return 0, false // structs that lost their names lead back to themselves
		}
		copies += len(k.Copies)
		imported = append(imported, k)
	}
	imported = append(imported, imported...) // what was found out before is used now
	view := store.NewView(s, core.LooksThroughPointers(rs))
	left := store.New()
	pruner := core.NewPruner(rs, left)
	for i, k := range imported {
		i %= len(kernels)
		want, direct := core.Prune(graph.Raw{File: kernels[i]}, rs)
		same := func(way string, got []byte, err error) {
			if (err == nil) != (direct == nil) || !bytes.Equal(got, want) {
				t.Errorf("%s, kernel %d: %s: %v, directly %v: %s\nThe kernel:\n%s", what, i, way, err, direct,
					testfiles.Diff(format(t, got), format(t, want)), btftest.Format(kernels[i]))
			}
		}
		if err := view.Show(k); err != nil {
			t.Fatalf("%s, kernel %d: %v", what, i, err)
		}
		min, err := pruner.Prune(view)
		if err == nil {
			err = view.Err()
		}
		var raw []byte
		if err == nil {
			raw, err = left.Raw(min)
		}
		same("together", raw, err)
		unpacked, err := s.Raw(k)
		if err != nil {
			t.Fatalf("%s, kernel %d: %v", what, i, err)
		}
		raw, err = core.Prune(graph.Raw{File: parseKernel(t, unpacked).file}, rs)
		same("unpacked", raw, err)
	}
	return copies, true
}

func format(t *testing.T, raw []byte) string {
	t.Helper()
	if raw == nil {
		return "nothing\n"
	}
	return btftest.Format(parseKernel(t, raw).file)
}

// relative returns a kernel that differs from another one here and there; nil if it became none.
func relative(t *testing.T, c chance, k *kernel) *btf.File {
	t.Helper()
	s := btftest.From(k.file)
	if c.oneIn(2) {
		drop := make([]bool, len(s.Types))
		for i := range drop {
			drop[i] = c.oneIn(12)
		}
		s = withoutTypes(s, drop)
	}
	if c.oneIn(2) {
		double(c, s, 6)
	}
	if c.oneIn(2) {
		echo(c, s)
	}
	if c.oneIn(2) {
		redirect(c, s)
	}
	if c.oneIn(2) {
		s = shuffled(c, s)
	}
	raw, err := s.Kernel(k.order())
	if err != nil {
		t.Fatal(err)
	}
	f, err := btf.Parse(raw)
	if err != nil {
		return nil // what was left out was needed
	}
	return f
}

// echo adds structs that differ from others in nothing but which type of a name they point to.
func echo(c chance, s *btftest.Source) {
	type key struct {
		kind btf.Kind
		name string
	}
	named := map[key][]uint32{}
	keyOf := func(id uint32) key { return key{s.Types[id-1].Kind, s.Names[s.Types[id-1].Name]} }
	for i := range s.Types {
		named[keyOf(uint32(i+1))] = append(named[keyOf(uint32(i+1))], uint32(i+1))
	}
	for i, t := range slices.Clone(s.Types) {
		if !t.Kind.IsComposite() || t.Name == 0 {
			continue
		}
		t.Members, i = slices.Clone(t.Members), i+1
		differs := false
		for j := range t.Members {
			m := &t.Members[j]
			if m.Type == 0 || s.Types[m.Type-1].Kind != btf.Ptr || s.Types[m.Type-1].Ref == 0 {
				continue
			}
			to := s.Types[m.Type-1].Ref
			k := keyOf(to)
			if k.name == "" || !k.kind.IsComposite() {
				continue
			}
			if len(named[k]) == 1 {
				another := s.Types[to-1]
				another.Size += 8
				s.Types = append(s.Types, another)
				named[k] = append(named[k], uint32(len(s.Types)))
			}
			s.Types = append(s.Types, btf.Type{Kind: btf.Ptr, Ref: named[k][c.IntN(len(named[k]))]})
			m.Type = uint32(len(s.Types))
			differs = true
		}
		if !differs {
			continue
		}
		s.Types = append(s.Types, t)
		// Some of what holds the one holds the other.
		for j := range s.Types {
			holder := &s.Types[j]
			if !holder.Kind.IsComposite() || !c.oneIn(2) {
				continue
			}
			holder.Members = slices.Clone(holder.Members)
			for k := range holder.Members {
				if m := &holder.Members[k]; m.Type == uint32(i) {
					m.Type = uint32(len(s.Types))
				}
			}
		}
	}
}

// redirect has some pointers lead to another type.
func redirect(c chance, s *btftest.Source) {
	var named []uint32
	for i, t := range s.Types {
		if t.Name != 0 && (t.Kind.IsComposite() || t.Kind.IsEnum()) {
			named = append(named, uint32(i+1))
		}
	}
	for i := range s.Types {
		if s.Types[i].Kind == btf.Ptr && len(named) > 0 && c.oneIn(4) {
			s.Types[i].Ref = named[c.IntN(len(named))]
		}
	}
}

// shuffled gives types other ids, as another build of a kernel does.
func shuffled(c chance, s *btftest.Source) *btftest.Source {
	out := &btftest.Source{Names: s.Names, Types: make([]btf.Type, len(s.Types))}
	places := c.Perm(len(s.Types))
	for i, t := range s.Types {
		t.Members = slices.Clone(t.Members)
		references(&t, func(ref *uint32) {
			if *ref != 0 {
				*ref = uint32(places[*ref-1] + 1)
			}
		})
		out.Types[places[i]] = t
	}
	return out
}
