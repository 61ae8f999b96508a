// Package pack imports kernels into packs, merges packs, and tailors them.
package pack

import (
	"fmt"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/packfile"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// An Importer turns raw BTF into nodes of a store. It keeps memory from one kernel to the next.
type Importer struct {
	s     *store.Store
	g     graph.Raw
	texts []uint32 // store's number + 1, by name reference
	// by type, held by value and behind a pointer
	values, pointees []found
	types            []*btf.Type // by depth
	depth            int
	times            []uint8 // by node
	copies           copier
	err              error
}

// A found is a node, and whether its type leads to one of several of a name, see
// copier: node<<1, and 1 if it does. 0 is not found yet.
type found uint32

func (f found) node() uint32 { return uint32(f >> 1) }

func (f found) leads() bool { return f&1 != 0 }

// NewImporter returns an Importer into s.
func NewImporter(s *store.Store) *Importer { return &Importer{s: s} }

// maxBehind bounds types within and behind each other.
const maxBehind = 1 << 12

// busy marks a type behind a pointer that is being looked at.
const busy found = 1<<32 - 1

// Import returns the types of a kernel, all that relocations can ask for. The
// roots are in the kernel's order.
func (im *Importer) Import(f *btf.File) (*store.Kernel, error) {
	im.g = graph.Raw{File: f}
	im.texts = cleared(im.texts, int(f.TextLen()))
	im.values = cleared(im.values, int(f.NumTypes()))
	im.pointees = cleared(im.pointees, int(f.NumTypes()))
	im.err = nil
	ids := im.copies.number(im)
	for _, id := range ids {
		if im.value(id); im.err != nil {
			return nil, im.err
		}
	}
	k := &store.Kernel{BigEndian: f.BigEndian(), Roots: make([]uint32, 0, len(ids))}
	if id := im.g.LongInt(); id != 0 {
		k.Long = im.value(id).node()
	}
	im.times = cleared(im.times, im.s.Len())
	for _, id := range ids {
		if n := im.values[id].node(); im.times[n] < 2 {
			im.times[n]++
			k.Roots = append(k.Roots, n)
		}
	}
	if im.err == nil {
		im.copies.find(im, k, ids)
	}
	return k, im.err
}

// cleared returns n zeros, in the memory of s if there is enough.
func cleared[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4) // the next kernel may be a little larger
	}
	s = s[:n]
	clear(s)
	return s
}

// isNamed reports whether pointers refer to a type of that kind by its name.
func isNamed(kind btf.Kind) bool { return kind.IsComposite() || kind.IsEnum() }

func (im *Importer) text(name uint32) uint32 {
	if n := im.texts[name]; n != 0 {
		return n - 1
	}
	return im.newText(name)
}

func (im *Importer) newText(name uint32) uint32 {
	n := im.s.String(im.g.String(name))
	im.texts[name] = n + 1
	return n
}

func (im *Importer) fail(id uint32, what string) {
	if im.err == nil {
		kind, name := im.g.Head(id)
		im.err = fmt.Errorf("%w: type %d (%s %q) %s", btf.ErrFormat, id, kind, im.g.String(name), what)
	}
}

// value returns the node of a type held by value.
func (im *Importer) value(id uint32) found {
	if n := im.values[id]; n != 0 || id == 0 {
		return n
	}
	return im.newValue(id)
}

func (im *Importer) newValue(id uint32) found {
	n := im.node(id, (*Importer).value)
	im.values[id] = n
	return n
}

// pointee returns the node of a type behind a pointer.
func (im *Importer) pointee(id uint32) found {
	if id == 0 || im.err != nil {
		return 0
	}
	switch n := im.pointees[id]; n {
	case 0:
	case busy:
		im.fail(id, "leads back to itself, but to no struct")
		return 0
	default:
		return n
	}
	im.pointees[id] = busy
	var n found
	switch kind, name := im.g.Head(id); {
	case name != 0 && isNamed(kind):
		n = found(im.s.Intern(&btf.Type{Kind: store.Named, Word: uint32(kind), Name: im.text(name)})) << 1
		if im.copies.several(id) {
			n |= 1
		}
	case kind.IsModifier(), kind == btf.Array:
		n = im.node(id, (*Importer).pointee)
	default:
		n = im.value(id)
	}
	im.pointees[id] = n
	return n
}

// node makes a node of a type. of is for what a modifier or an array is of.
func (im *Importer) node(id uint32, of func(*Importer, uint32) found) found {
	if im.depth > maxBehind {
		im.fail(id, "leads back to itself, but to no struct")
		return 0
	}
	if im.depth == len(im.types) {
		im.types = append(im.types, &btf.Type{})
	}
	t := im.types[im.depth]
	im.depth++
	im.g.Type(id, t)
	t.Name = im.text(t.Name)
	var all found // of all that the type refers to
	ref := func(n found) uint32 {
		all |= n
		return n.node()
	}
	switch t.Kind {
	case btf.Struct, btf.Union:
		for i := range t.Members {
			m := &t.Members[i]
			m.Name, m.Type = im.text(m.Name), ref(im.value(m.Type))
		}
	case btf.Enum, btf.Enum64:
		for i := range t.Members {
			m := &t.Members[i]
			m.Name = im.text(m.Name)
		}
	case btf.Array:
		t.Ref, t.Index = ref(of(im, t.Ref)), ref(im.value(t.Index))
	case btf.Ptr:
		t.Ref = ref(im.pointee(t.Ref))
	case btf.FuncProto:
		t.Ref = ref(im.pointee(t.Ref))
		for i := range t.Members {
			t.Members[i] = btf.Member{Type: ref(im.pointee(t.Members[i].Type))}
		}
	case btf.Int, btf.Float, btf.Fwd:
	default:
		if t.Kind.IsModifier() {
			t.Ref = ref(of(im, t.Ref))
			break
		}
		if t.Kind > packfile.MaxKind {
			im.fail(id, "is of a kind that packs do not hold")
		}
		// What cannot be used is an error where it is.
		*t = btf.Type{Kind: t.Kind, Name: t.Name, Members: t.Members[:0]}
	}
	im.depth--
	return found(im.s.Intern(t))<<1 | all&1
}
