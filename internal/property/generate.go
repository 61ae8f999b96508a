package property

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
)

// like returns an object with types after a kernel's and about n relocations.
func like(c chance, x *index, n int) (*object, error) {
	w := newCopier(c, x)
	var roots []uint32
	for range 3 + n/6 {
		roots = append(roots, w.root(x.subject(c)))
	}
	s, err := btftest.Read(w.text())
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, w.text())
	}
	addCode(c, s, roots, n)
	return build(s, x.f.Order())
}

// newWorld returns a small kernel and objects for it.
func newWorld(seed uint64) (*kernel, []*object, error) {
	c := newChance(seed, 0)
	order := []binary.ByteOrder{binary.LittleEndian, binary.BigEndian}[c.IntN(2)]
	defs := plan(c)
	s, err := btftest.Read(types(c, defs, false))
	if err != nil {
		return nil, nil, err
	}
	if c.oneIn(8) {
		loseNames(c, s)
	}
	raw, err := s.Kernel(order)
	if err != nil {
		return nil, nil, err
	}
	k, err := newKernel(raw)
	if err != nil {
		return nil, nil, err
	}
	var objects []*object
	for range 1 + c.IntN(8)/7 {
		o, err := newVisitor(c, k, defs)
		if err != nil {
			return nil, nil, err
		}
		objects = append(objects, o)
	}
	return k, objects, nil
}

// loseNames takes the names of some structs, unions, enums and members away.
func loseNames(c chance, s *btftest.Source) {
	for i := range s.Types {
		t := &s.Types[i]
		if !t.Kind.IsComposite() && !t.Kind.IsEnum() {
			continue
		}
		if c.oneIn(16) {
			t.Name = 0
		}
		for j := range t.Members {
			if t.Kind.IsComposite() && c.oneIn(16) {
				t.Members[j].Name = 0
			}
		}
	}
}

// newVisitor returns an object for a world: with types after the kernel's, or
// with others that have but their names in common.
func newVisitor(c chance, k *kernel, defs []string) (*object, error) {
	if c.oneIn(2) {
		return like(c, newIndex(k.file), 1+c.IntN(16))
	}
	s, err := btftest.Read(types(c, defs, true))
	if err != nil {
		return nil, err
	}
	addCode(c, s, nil, 1+c.IntN(16))
	return build(s, k.order())
}

// double adds a twin to about one of n named types: another candidate of the
// name, as in kernels of which several files define a struct, but with another
// layout, or other enumerators.
func double(c chance, k *btftest.Source, n int) {
	for _, t := range slices.Clone(k.Types) {
		if t.Name == 0 || !c.oneIn(n) {
			continue
		}
		switch t.Kind {
		case btf.Struct, btf.Union, btf.Enum, btf.Enum64, btf.Typedef, btf.Int:
		default:
			continue
		}
		for range 1 + c.IntN(3)/2 {
			twin := t
			if c.oneIn(4) {
				k.Names = append(k.Names, k.Names[t.Name]+c.pick("___x", "___old"))
				twin.Name = uint32(len(k.Names) - 1)
			}
			if t.Kind != btf.Typedef && c.oneIn(2) {
				twin.Size += uint32(c.IntN(2)) * 8
			}
			twin.Members = nil
			shift := uint32(0)
			for _, m := range t.Members {
				switch {
				case c.oneIn(12):
					continue
				case t.Kind.IsEnum():
					m.Offset += uint32(c.IntN(3) / 2)
				case c.oneIn(6):
					shift += 64
				case c.oneIn(16) && !(t.KFlag && m.Offset>>24 != 0): // no bits of pointers
					m.Type = t.Members[0].Type
				}
				if !t.Kind.IsEnum() {
					m.Offset += shift
				}
				twin.Members = append(twin.Members, m)
			}
			k.Types = append(k.Types, twin)
		}
	}
}

// A decoder decodes the type of an id, as btf.File.Type does.
type decoder func(id uint32, t *btf.Type)

func decoderOf(s *btftest.Source) decoder {
	return func(id uint32, t *btf.Type) {
		*t = btf.Type{}
		if id != 0 {
			*t = s.Types[id-1]
		}
	}
}

// underlying skips typedefs, modifiers and other kinds if any are named, and
// returns what they stand for, and how many there are.
func underlying(decode decoder, id uint32, others ...btf.Kind) (end uint32, t btf.Type, skipped int) {
	for decode(id, &t); t.Kind.IsModifier() || slices.Contains(others, t.Kind); decode(id, &t) {
		id = t.Ref
		skipped++
	}
	return id, t, skipped
}

// follow goes along a good access string and returns the type where it ends;
// visit sees each type on the way, with the index into it.
func follow(decode decoder, id uint32, access string, visit func(t *btf.Type, i int)) uint32 {
	for _, step := range strings.Split(access, ":")[1:] {
		i, _ := strconv.Atoi(step)
		_, t, _ := underlying(decode, id)
		visit(&t, i)
		if id = t.Ref; t.Kind.IsComposite() {
			id = t.Members[i].Type
		}
	}
	return id
}

// isSized reports whether a type that is not an array has a size.
func isSized(t *btf.Type) bool {
	return t.Kind != btf.Void && t.Kind != btf.Fwd && t.Kind != btf.FuncProto
}
