package main

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// local holds the types that the object declares.
type local struct {
	kernel *btf.File
	w      *btf.Writer
	used   map[use][]int // members and enumerators to declare, sorted
	ids    map[use]uint32
	fwds   map[uint32]uint32 // forward declarations by the kernel's id
	types  []btf.Type        // by id - 1
	laid   []bool            // structs whose size is known
}

// declare adds to w the types that the wants are about, with the members that
// they use and some that they do not.
func declare(kernel *btf.File, wants []want, rng *rand.Rand, w *btf.Writer) (*local, error) {
	l := &local{kernel: kernel, w: w, used: map[use][]int{}, ids: map[use]uint32{}, fwds: map[uint32]uint32{}}
	for i := range wants {
		l.use(&wants[i])
	}
	var t btf.Type
	for _, u := range slices.SortedFunc(maps.Keys(l.used), compareUses) {
		kernel.Type(u.id, &t)
		members := l.used[u]
		for range 2 {
			if i := rng.IntN(len(t.Members)); t.Kind.IsEnum() || canDeclare(kernel, &t.Members[i]) {
				members = append(members, i)
			}
		}
		slices.Sort(members)
		l.used[u] = slices.Compact(members)
	}
	for i := range wants {
		l.id(wants[i].root)
	}
	l.laid = make([]bool, len(l.types))
	for i := range l.types {
		l.lay(uint32(i + 1))
		if _, err := w.Add(&l.types[i]); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func compareUses(a, b use) int {
	if a.id != b.id {
		return int(a.id) - int(b.id)
	}
	return strings.Compare(a.flavor, b.flavor)
}

// use notes the members on a path.
func (l *local) use(w *want) {
	if w.kind.IsEnumval() {
		l.used[w.root] = append(l.used[w.root], w.path[0])
		return
	}
	l.walk(w, func(u use, i int) {
		if u.id != 0 {
			l.used[u] = append(l.used[u], i)
		}
	})
}

// walk calls member for each member on a path, and with no use for each element.
func (l *local) walk(w *want, member func(u use, i int)) {
	u := w.root
	var t btf.Type
	for n, i := range w.path {
		if n == 0 {
			continue
		}
		u.id = skip(l.kernel, u.id)
		l.kernel.Type(u.id, &t)
		if t.Kind == btf.Array {
			u.id = t.Ref
			member(use{}, i)
			continue
		}
		member(u, i)
		u = use{id: t.Members[i].Type}
	}
}

// access returns a want's access string, in the numbering of the declared types.
func (l *local) access(w *want) string {
	if w.kind.IsEnumval() {
		return strconv.Itoa(slices.Index(l.used[w.root], w.path[0]))
	}
	s := "0"
	l.walk(w, func(u use, i int) {
		if u.id != 0 {
			i = slices.Index(l.used[u], i)
		}
		s += ":" + strconv.Itoa(i)
	})
	return s
}

// id returns the id of a declared type, and declares it if it is new.
func (l *local) id(u use) uint32 {
	if id, ok := l.ids[u]; ok || u.id == 0 {
		return id
	}
	var t btf.Type
	l.kernel.Type(u.id, &t)
	name := l.kernel.String(t.Name)
	if u.flavor != "" {
		name += "___" + u.flavor
	}
	d := btf.Type{Kind: t.Kind, KFlag: t.KFlag, Name: l.w.String(name), Size: t.Size, Word: t.Word}
	id := l.add(btf.Type{}) // it may refer to itself
	l.ids[u] = id
	switch t.Kind {
	case btf.Ptr:
		d.Ref = l.pointee(t.Ref)
	case btf.Array:
		d.Ref, d.Index = l.id(use{id: t.Ref}), l.id(use{id: t.Index})
	case btf.Enum, btf.Enum64:
		if _, ok := l.used[u]; !ok && len(t.Members) > 0 {
			l.used[u] = []int{0}
		}
		for _, i := range l.used[u] {
			m := t.Members[i]
			m.Name = l.w.String(l.kernel.String(m.Name))
			d.Members = append(d.Members, m)
		}
	case btf.Struct, btf.Union:
		d.KFlag = false
		if _, ok := l.used[u]; !ok {
			l.used[u] = l.first(&t)
		}
		for _, i := range l.used[u] {
			m := t.Members[i]
			m.Name = l.w.String(l.kernel.String(m.Name))
			m.Type = l.id(use{id: m.Type})
			if m.Offset >>= 24; t.KFlag && m.Offset > 0 {
				d.KFlag = true
			} else {
				m.Offset = 0
			}
			m.Offset <<= 24 // lay finds the place
			d.Members = append(d.Members, m)
		}
	default:
		d.Ref = l.id(use{id: t.Ref})
	}
	l.types[id-1] = d
	return id
}

func (l *local) add(t btf.Type) uint32 {
	l.types = append(l.types, t)
	return uint32(len(l.types))
}

// first returns the first member of a struct that is embedded, but not used.
func (l *local) first(t *btf.Type) []int {
	for i := range t.Members {
		if canDeclare(l.kernel, &t.Members[i]) {
			return []int{i}
		}
	}
	return nil
}

// pointee declares what a pointer leads to: structs that are not used are
// forward declarations, functions and what has no name are void.
func (l *local) pointee(id uint32) uint32 {
	end := skip(l.kernel, id)
	kind, name := l.kernel.Head(end)
	switch {
	case kind == btf.FuncProto, kind.IsComposite() && name == 0:
		return 0
	case kind.IsComposite() && l.used[use{id: end}] == nil:
		if l.fwds[end] == 0 {
			l.fwds[end] = l.add(btf.Type{Kind: btf.Fwd, KFlag: kind == btf.Union, Name: l.w.String(l.kernel.String(name))})
		}
		return l.fwds[end]
	case kind.IsComposite():
		return l.id(use{id: end})
	}
	return l.id(use{id: id})
}

// lay places a struct's members as C does on a 64-bit machine, and returns a
// type's size and alignment in bits.
func (l *local) lay(id uint32) (size, align uint32) {
	if id == 0 {
		return 0, 8
	}
	t := &l.types[id-1]
	switch t.Kind {
	case btf.Ptr:
		return 64, 64
	case btf.Array:
		size, align = l.lay(t.Ref)
		return t.Size * size, align
	case btf.Struct, btf.Union:
	default:
		if t.Kind.IsModifier() {
			return l.lay(t.Ref)
		}
		return 8 * t.Size, 8 * max(t.Size, 1)
	}
	align = 8
	at := uint32(0)
	for i := range t.Members {
		m := &t.Members[i]
		memberSize, memberAlign := l.lay(m.Type)
		align = max(align, memberAlign)
		width := m.Offset >> 24
		switch {
		case width == 0:
			at = roundUp(at, memberAlign)
			width = memberSize
		case at%memberSize+width > memberSize: // a bitfield does not cross its type's boundary
			at = roundUp(at, memberSize)
		}
		if t.Kind == btf.Union {
			size = max(size, width)
			continue
		}
		if !l.laid[id-1] {
			m.Offset |= at
		}
		at += width
		size = at
	}
	l.laid[id-1] = true
	size = roundUp(size, align)
	t.Size = size / 8
	return size, align
}

func roundUp(n, to uint32) uint32 { return (n + to - 1) / to * to }
