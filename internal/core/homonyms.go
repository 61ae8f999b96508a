package core

import (
	"slices"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// A Homonym is a name that several types of a kernel have, and of which
// relocations ask for what these do not have in common.
type Homonym struct {
	Kind btf.Kind
	Name string
	// Layouts are the types' ids, divided by what is kept of them.
	Layouts [][]uint32
}

// Homonyms returns those of a kernel, sorted by name, as far as Prune keeps
// their types.
func Homonyms(g graph.Graph, rs *Relocations) ([]Homonym, error) {
	p := NewPruner(rs, store.New())
	p.begin(g)
	type name struct {
		kind uint32
		name string
	}
	type layouts struct {
		Homonym
		number map[uint32]int // by node
	}
	var order []*layouts
	byName := map[name]*layouts{}
	p.each(func(id, node uint32, _ int, w *want) {
		if w == nil {
			return
		}
		kind, ref := g.Head(id)
		n := name{kindBit(kind), g.String(ref)}
		l := byName[n]
		if l == nil {
			l = &layouts{Homonym: Homonym{Kind: kind, Name: n.name}, number: map[uint32]int{}}
			byName[n] = l
			order = append(order, l)
		}
		i, ok := l.number[node]
		if !ok {
			i = len(l.number)
			l.number[node] = i
			l.Layouts = append(l.Layouts, nil)
		}
		l.Layouts[i] = append(l.Layouts[i], id)
	})
	var homonyms []Homonym
	for _, l := range order {
		if len(l.Layouts) > 1 {
			homonyms = append(homonyms, l.Homonym)
		}
	}
	slices.SortStableFunc(homonyms, func(a, b Homonym) int { return strings.Compare(graph.Stem(a.Name), graph.Stem(b.Name)) })
	return homonyms, p.c.err
}
