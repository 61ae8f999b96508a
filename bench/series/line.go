package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// A line is the kernels of one version of a distribution for one architecture:
// some flavours, built every month. They come of one upstream kernel with the
// distributor's changes, and the months' changes add up.
type line struct {
	distro, version, arch string
	origin                *btf.File
	seed                  [2]uint64
	kernels, flavours     int
	share                 float64 // of the origin's types
	with                  string  // and this one
	pace                  float64 // changes a month, 1 as measured
}

// What a distributor changes once: README.md has the measurements.
const (
	vendorMonths  = 20.0 // as many changes as in so many months
	vendorRemoves = 0.12 // share of structs and unions
	vendorAdds    = 0.05
)

// What makes a flavour of another configuration.
const (
	flavourRemoves = 0.08 // share of structs and unions, on the average
	flavourStructs = 43   // structs and unions with fewer members
	flavourMembers = 2    // so many of them at the most
)

var flavourNames = []string{"generic", "cloud", "rt", "aws", "azure", "gcp", "lowlatency", "virtual"}

type flavour struct {
	types   []uint32
	members map[uint32][]uint32 // names, by struct
}

// build calls yield for each kernel of the line with its path below an archive,
// without extension, and its BTF.
func (l *line) build(yield func(name string, raw []byte) error) error {
	k := newKernel(l.origin)
	if l.share < 1 {
		k.keep(l.share, l.with)
	}
	e := newEditor(k, rand.New(rand.NewPCG(l.seed[0], l.seed[1])))
	structs := float64(len(e.structs))
	e.drop(e.removable(int(vendorRemoves * structs)))
	for range int(vendorAdds * structs) {
		e.addStruct()
	}
	e.settle()
	e.change(vendorMonths * structs / measuredStructs)
	flavours := make([]flavour, l.flavours)
	for i := range flavours {
		flavours[i] = e.flavour(structs)
	}
	for i := range l.kernels {
		month, f := i/l.flavours, i%l.flavours
		if f == 0 && month > 0 {
			e.change(e.rand.ExpFloat64() * l.pace * structs / measuredStructs)
		}
		raw, err := e.without(&flavours[f]).bytes()
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s/%s/%s/%s.%d-%s", l.distro, l.version, l.arch, l.version, month, flavourNames[f])
		if err := yield(name, raw); err != nil {
			return err
		}
	}
	return nil
}

// flavour chooses what a configuration leaves out.
func (e *editor) flavour(structs float64) flavour {
	f := flavour{members: map[uint32][]uint32{}}
	f.types = e.removable(int(flavourRemoves * structs * (0.5 + e.rand.Float64())))
	for range int(flavourStructs * structs / measuredStructs) {
		id := e.target()
		for range 1 + e.rand.IntN(flavourMembers) {
			f.members[id] = append(f.members[id], pick(e, e.types[id].Members).Name)
		}
	}
	return f
}

// without returns the kernel of a flavour.
func (k *kernel) without(f *flavour) *kernel {
	v := k.clone()
	h := newHolders(v, false)
	var ids []uint32
	for _, id := range f.types {
		if set, ok := h.closure(id, manyHolders); ok && v.types[id].Kind != btf.Void {
			ids = append(ids, set...)
		}
	}
	v.drop(ids)
	for id, names := range f.members {
		if !v.types[id].Kind.IsComposite() {
			continue
		}
		was := v.members(id)
		var p pending
		for i, m := range was.members {
			if !slices.Contains(names, m.Name) {
				p.members, p.from = append(p.members, m), append(p.from, was.from[i])
			}
		}
		v.put(id, p)
	}
	v.settle()
	return v
}
