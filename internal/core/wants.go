package core

import (
	"slices"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// wants is a set of relocations by what they look at: one want for each stem
// of a root type's name.
type wants struct {
	list  []string // the stems, sorted
	stems *graph.Stems
	roots []want // by stem
	// shapes of type_matches
	shapes []Shape
	names  map[string]uint32 // of members, numbered from 1
}

// A want is all that is asked of the candidates of one stem.
type want struct {
	fields      *step           // what the paths' first indices lead to; nil without field relocations
	root        bool            // a path ends with its first index, or goes on with another one
	kinds       uint32          // of the underlying types that type relocations ask for, a bit each
	matches     []int           // of type_matches: shapes
	enumerators map[string]bool // stems
	ids         bool            // type_id_target: two equal candidates are not one
}

// A step is a point of several paths: what they name or index next.
type step struct {
	named   map[uint32]*step
	indexed *step
}

// ifAny is s if anything is named or indexed next, else nil.
func (s *step) ifAny() *step {
	if s == nil || len(s.named) == 0 && s.indexed == nil {
		return nil
	}
	return s
}

// next returns what a member of that name leads to, and whether that is sought:
// an anonymous one leads on to the same.
func (s *step) next(name uint32) (next *step, sought bool) {
	switch {
	case s == nil || name == unwanted:
		return nil, false
	case name == unnamed:
		return s, true
	}
	next, sought = s.named[name]
	return next, sought
}

// of returns the want for the stem of a type's name; nil if there is none.
func (w *wants) of(name string) *want {
	n, ok := slices.BinarySearch(w.list, graph.Stem(name))
	if !ok {
		return nil
	}
	return &w.roots[n]
}

func newWants(rs *Relocations) *wants {
	w := &wants{names: map[string]uint32{}}
	stems := stemsOf(rs)
	w.list, w.stems = stems, graph.NewStems(stems)
	w.roots = make([]want, len(stems))
	for i := range rs.Relocations {
		r := &rs.Relocations[i]
		n, _ := slices.BinarySearch(stems, graph.Stem(r.Type))
		w.add(&w.roots[n], r)
	}
	return w
}

// stemsOf returns the stems of the root types, sorted.
func stemsOf(rs *Relocations) []string {
	stems := make([]string, len(rs.Relocations))
	for i := range rs.Relocations {
		stems[i] = graph.Stem(rs.Relocations[i].Type)
	}
	slices.Sort(stems)
	return slices.Compact(stems)
}

func (w *wants) add(to *want, r *Relocation) {
	switch {
	case r.Kind.IsField():
		if to.fields == nil {
			to.fields = &step{}
		}
		to.root = to.root || len(r.Path) == 1 || r.Path[1].Name == ""
		at := to.fields
		for _, a := range r.Path[1:] {
			at = w.next(at, a)
		}
	case r.Kind.IsEnumval():
		if to.enumerators == nil {
			to.enumerators = map[string]bool{}
		}
		to.enumerators[graph.Stem(r.Enumerator)] = true
	case r.Kind == TypeMatches:
		to.matches = append(to.matches, len(w.shapes))
		w.shapes = append(w.shapes, r.Shape)
	default:
		kind := r.TypeKind
		if len(r.Shape) > 0 {
			kind = r.Shape[0].Kind
		}
		to.kinds |= kindBit(kind)
		to.ids = to.ids || r.Kind == TypeIDTarget
	}
}

func (w *wants) next(at *step, a Accessor) *step {
	if a.Name == "" {
		if at.indexed == nil {
			at.indexed = &step{}
		}
		return at.indexed
	}
	n, ok := w.names[a.Name]
	if !ok {
		n = uint32(len(w.names) + 1)
		w.names[a.Name] = n
	}
	if at.named == nil {
		at.named = map[uint32]*step{}
	}
	to, ok := at.named[n]
	if !ok {
		to = &step{}
		at.named[n] = to
	}
	return to
}

// kindBit stands for a kind and those compatible with it (libbpf's btf_kind_core_compat).
func kindBit(k btf.Kind) uint32 {
	if k == btf.Enum64 {
		k = btf.Enum
	}
	return 1 << k
}
