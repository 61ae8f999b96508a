package core

import (
	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
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
	m := newMarker(g, newWants(rs))
	if err := m.run(); err != nil {
		return nil, err
	}
	e := newEmitter(m)
	e.classify()
	var homonyms []Homonym
	for _, candidates := range m.candidates { // of one stem, so of one or a few names
		type name struct {
			kind uint32
			name string
		}
		var order []name
		types := map[name][]uint32{}
		for _, c := range candidates {
			kind, ref := g.Head(c.id)
			n := name{kindBit(kind), g.String(ref)}
			if types[n] == nil {
				order = append(order, n)
			}
			types[n] = append(types[n], c.id)
		}
		for _, n := range order {
			h := Homonym{Name: n.name}
			h.Kind, _ = g.Head(types[n][0])
			number := map[uint32]int{} // of layouts, by class
			for _, id := range types[n] {
				class := e.class[m.at[id]-1]
				i, ok := number[class]
				if !ok {
					i = len(number)
					number[class] = i
					h.Layouts = append(h.Layouts, nil)
				}
				h.Layouts[i] = append(h.Layouts[i], id)
			}
			if len(h.Layouts) > 1 {
				homonyms = append(homonyms, h)
			}
		}
	}
	return homonyms, nil
}
