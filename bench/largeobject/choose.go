package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
)

// A use is a kernel's type as the object declares it; with a flavor it is
// declared once more, as "name___flavor".
type use struct {
	id     uint32
	flavor string
}

// A want is a relocation to ask for, in the kernel's numbering.
type want struct {
	kind core.RelocationKind
	root use
	path []int // 0, then members and elements; of an enumerator its index
	load bool  // the field may be loaded through a register
}

// A chooser draws wants.
type chooser struct {
	kernel *btf.File
	rng    *rand.Rand
	seen   map[string]bool
	wants  []want
}

// choose returns different wants in an order that depends on the seed alone.
func choose(kernel *btf.File, s size, rng *rand.Rand) ([]want, error) {
	c := &chooser{kernel: kernel, rng: rng, seen: map[string]bool{}}
	byName := c.definitions()
	c.enumerators(byName)
	var structs []uint32
	for _, name := range roots {
		if id, ok := byName[name]; ok && len(structs) < s.roots {
			structs = append(structs, id)
		}
	}
	if len(structs) < s.roots {
		return nil, fmt.Errorf("the kernel has %d of the structs that tracers read, fewer than %d", len(structs), s.roots)
	}
	for i, id := range structs {
		root := use{id: id}
		c.field(root)
		switch i % 12 {
		case 3:
			c.add(want{kind: core.TypeExists, root: root})
		case 5:
			c.add(want{kind: core.TypeSize, root: root})
		case 7:
			if s.matches {
				c.add(want{kind: core.TypeMatches, root: root})
			}
		case 9:
			c.field(use{id, "old"})
		}
	}
	// Few structs are read much.
	for tries := 0; len(c.wants) < s.different; tries++ {
		if tries == 100*s.different {
			return nil, fmt.Errorf("no more than %d different relocations of %d structs", len(c.wants), len(structs))
		}
		c.field(use{id: structs[c.skewed(len(structs))]})
	}
	return c.wants, nil
}

// skewed returns a number below n, small ones more often.
func (c *chooser) skewed(n int) int { return c.rng.IntN(c.rng.IntN(n) + 1) }

func (c *chooser) add(w want) {
	if key := fmt.Sprint(w.kind, w.root, w.path); !c.seen[key] {
		c.seen[key] = true
		c.wants = append(c.wants, w)
	}
}

// definitions finds the structs and enums of a name, the first of each.
func (c *chooser) definitions() map[string]uint32 {
	byName := map[string]uint32{}
	var t btf.Type
	for id := uint32(1); id < c.kernel.NumTypes(); id++ {
		kind, ref := c.kernel.Head(id)
		if kind != btf.Struct && !kind.IsEnum() || ref == 0 {
			continue
		}
		name := c.kernel.String(ref)
		if _, ok := byName[name]; ok {
			continue
		}
		if c.kernel.Type(id, &t); len(t.Members) > 0 {
			byName[name] = id
		}
	}
	return byName
}

func (c *chooser) enumerators(byName map[string]uint32) {
	var t btf.Type
	for i, name := range enums {
		id, ok := byName[name]
		if !ok {
			continue
		}
		c.kernel.Type(id, &t)
		path := []int{c.rng.IntN(len(t.Members))}
		c.add(want{kind: core.EnumvalValue, root: use{id: id}, path: path})
		if i%3 == 0 {
			c.add(want{kind: core.EnumvalExists, root: use{id: id}, path: path})
		}
	}
}

// field adds what a program asks to read one field.
func (c *chooser) field(root use) {
	path := []int{0}
	id := root.id
	var t btf.Type
	for {
		c.kernel.Type(skip(c.kernel, id), &t)
		if t.Kind == btf.Array && t.Size > 0 && c.rng.IntN(2) == 0 {
			path = append(path, c.rng.IntN(min(int(t.Size), 4)))
			id = t.Ref
			continue
		}
		if !t.Kind.IsComposite() || len(path) > 1 && c.rng.IntN(3) > 0 {
			break
		}
		i, ok := c.member(&t)
		if !ok {
			break
		}
		for {
			m := t.Members[i]
			path = append(path, i)
			id = m.Type
			if t.KFlag && m.Offset>>24 > 0 {
				c.bitfield(root, path)
				return
			}
			if m.Name != 0 {
				break
			}
			c.kernel.Type(skip(c.kernel, id), &t) // anonymous: a path does not end there
			if i, ok = c.member(&t); !ok {
				return
			}
		}
	}
	if len(path) == 1 {
		return
	}
	c.kernel.Type(skip(c.kernel, id), &t)
	w := want{kind: core.FieldByteOffset, root: root, path: path}
	number := t.Kind == btf.Int || t.Kind.IsEnum()
	w.load = number && t.Size <= 8 || t.Kind == btf.Ptr
	c.add(w)
	switch c.rng.IntN(10) {
	case 0:
		c.add(want{kind: core.FieldExists, root: root, path: path})
	case 1:
		c.add(want{kind: core.FieldByteSize, root: root, path: path})
	case 2:
		if number { // cilium/ebpf knows no sign of others
			c.add(want{kind: core.FieldSigned, root: root, path: path})
		}
	}
}

// bitfield adds what BPF_CORE_READ_BITFIELD_PROBED asks.
func (c *chooser) bitfield(root use, path []int) {
	for _, kind := range []core.RelocationKind{
		core.FieldByteOffset, core.FieldByteSize, core.FieldLShiftU64, core.FieldRShiftU64, core.FieldSigned,
	} {
		c.add(want{kind: kind, root: root, path: path})
	}
}

// member draws a member that a C program can name.
func (c *chooser) member(t *btf.Type) (int, bool) {
	var can []int
	for i := range t.Members {
		if canDeclare(c.kernel, &t.Members[i]) {
			can = append(can, i)
		}
	}
	if len(can) == 0 {
		return 0, false
	}
	return can[c.rng.IntN(len(can))], true
}

// canDeclare reports whether largeobject declares such a member: one that has a
// name or is an anonymous composite, and no bitfield of the legacy form.
func canDeclare(k *btf.File, m *btf.Member) bool {
	var t btf.Type
	k.Type(skip(k, m.Type), &t)
	if t.Kind == btf.Int && t.Word&0xffffff != 8*t.Size { // offset and bits
		return false
	}
	return m.Name != 0 || t.Kind.IsComposite() && len(t.Members) > 0
}

// skip returns what typedefs and modifiers stand for.
func skip(k *btf.File, id uint32) uint32 {
	var t btf.Type
	for k.Type(id, &t); t.Kind.IsModifier(); k.Type(id, &t) {
		id = t.Ref
	}
	return id
}
