package property

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cilium/ebpf/btf"

	ours "github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/judge"
)

// An outcome is what a loader makes of one relocation, alone, with the full BTF.
type outcome struct {
	kind core.RelocationKind
	// One of these, by the loader's own word.
	matching  bool // there is a value; of an existence check: 1
	missing   bool // the instruction is poisoned; of an existence check: 0
	ambiguous bool // refused, as candidates disagree
	refused   bool // refused for another reason
	// duplicated: neither missing nor refused, and there are several types to
	// choose from. cilium/ebpf does not tell how many have matched, so all count
	// that have the local type's name and kind; of libbpf those that matched do.
	duplicated bool
}

// outcomes asks cilium/ebpf.
func (cilium) outcomes(full *kernel, o *object) ([]outcome, error) {
	if full.spec == nil {
		spec, err := btf.LoadSpecFromReader(bytes.NewReader(full.raw))
		if err != nil {
			return nil, err
		}
		full.spec = spec
	}
	_, infos, err := btf.LoadSpecAndExtInfosFromReader(bytes.NewReader(o.file))
	if err != nil {
		return nil, err
	}
	mine, err := core.ReadObject(o.file)
	if err != nil {
		return nil, err
	}
	local := func(btf.Type) (btf.TypeID, error) { return 1, nil }
	next := map[string]int{}
	var all []outcome
	for _, rec := range mine.Records() {
		relo := infos.CORERelos[rec.Section][next[rec.Section]].Relo
		next[rec.Section]++
		out := outcome{kind: rec.Kind}
		fixups, err := btf.CORERelocate([]*btf.CORERelocation{relo}, []*btf.Spec{full.spec}, full.order(), local)
		switch {
		case err != nil && strings.HasSuffix(err.Error(), "ambiguous relocation"):
			out.ambiguous = true
		case err != nil:
			out.refused = true
		default:
			text := fixups[0].String()
			out.missing = strings.HasSuffix(text, "=poison") || isExistence(rec.Kind) && strings.HasSuffix(text, "->0")
			out.matching = !out.missing
		}
		kind, name := mine.BTF.Head(rec.TypeID)
		out.duplicated = rec.Kind != core.TypeIDLocal && (out.matching || out.ambiguous) && full.candidates(kind, mine.BTF.String(name)) > 1
		all = append(all, out)
	}
	return all, nil
}

func isExistence(k core.RelocationKind) bool {
	switch k {
	case core.FieldExists, core.TypeExists, core.TypeMatches, core.EnumvalExists:
		return true
	}
	return false
}

// candidates returns how many types of a kind have the name, flavors apart.
func (k *kernel) candidates(kind ours.Kind, name string) int {
	if k.count == nil {
		k.count = map[candidateKey]int{}
		for id := uint32(1); id < k.file.NumTypes(); id++ {
			kind, name := k.file.Head(id)
			k.count[candidateKey{family(kind), graph.EssentialName(k.file.String(name))}]++
		}
	}
	return k.count[candidateKey{family(kind), graph.EssentialName(name)}]
}

// outcomes asks libbpf.
func (l libbpf) outcomes(full *kernel, o *object) ([]outcome, error) {
	results, err := l.j.Outcomes(full.raw, o.file)
	if err != nil {
		return nil, err
	}
	var all []outcome
	for _, r := range results {
		out := outcome{kind: core.RelocationKind(r.Kind)}
		switch r.Class {
		case judge.Value:
			// Of a type that is missing, libbpf says that its size and id are 0.
			isType := out.kind == core.TypeSize || out.kind == core.TypeIDTarget
			out.missing = r.Poison || (isType || isExistence(out.kind)) && r.Value == 0
			out.matching = !out.missing
		case judge.OffsetAmbiguity, judge.ValueAmbiguity:
			out.ambiguous = true
		default:
			out.refused = true
		}
		out.duplicated = (out.matching || out.ambiguous) && r.Matching > 1
		all = append(all, out)
	}
	return all, nil
}

func (cilium) autoloaded() *sets { return nil }

func (l libbpf) autoloaded() *sets { return l.sets }

// A coverage counts what the made objects were about.
type coverage struct {
	kinds [core.TypeMatches + 1]struct{ all, matching, missing, several, ambiguous, refused int }
	// of all relocations of fields: paths of four steps and more, and what they lead through
	deep, anonymous, bitfields, elements, flavors int
	objects, programs                             int
	sets                                          *sets // nil: each program is loaded by itself
}

func (c *coverage) add(o *object, all []outcome) {
	for _, out := range all {
		k := &c.kinds[out.kind]
		k.all++
		count(&k.matching, out.matching)
		count(&k.missing, out.missing)
		count(&k.several, out.ambiguous || out.duplicated)
		count(&k.ambiguous, out.ambiguous)
		count(&k.refused, out.refused)
	}
	c.objects++
	c.programs += len(o.source.Funcs)
	for _, f := range o.source.Funcs {
		for _, step := range f.Steps {
			if step.Call == 0 && step.Kind.IsField() {
				c.path(o.source, step.Type, step.Access)
			}
		}
	}
}

// path counts what a path leads through.
func (c *coverage) path(s *btftest.Source, id uint32, access string) {
	count(&c.deep, strings.Count(access, ":") >= 4)
	name := s.Names[s.Types[id-1].Name]
	count(&c.flavors, graph.EssentialName(name) != name)
	anonymous, bitfield, element := false, false, false
	follow(decoderOf(s), id, access, func(t *ours.Type, i int) {
		if t.Kind == ours.Array {
			element = true
			return
		}
		anonymous = anonymous || t.Members[i].Name == 0
		bitfield = t.KFlag && t.Members[i].Offset>>24 > 0
	})
	count(&c.anonymous, anonymous)
	count(&c.bitfields, bitfield)
	count(&c.elements, element)
}

func count(n *int, is bool) {
	if is {
		*n++
	}
}

// String is a table.
func (c *coverage) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "relocations\tall\tmatching\tmissing\tambiguous or duplicated\tambiguous\trefused\t")
	for kind, k := range c.kinds {
		share := func(n int) string { return fmt.Sprintf("%d %%", 100*n/max(k.all, 1)) }
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t\n", core.RelocationKind(kind), k.all,
			share(k.matching), share(k.missing), share(k.several), share(k.ambiguous), share(k.refused))
	}
	w.Flush()
	fmt.Fprintf(&b, "%d objects, %d programs; of fields: %d of four steps or more, %d through anonymous members, %d through arrays, %d bitfields, %d of flavors\n",
		c.objects, c.programs, c.deep, c.anonymous, c.elements, c.bitfields, c.flavors)
	if c.sets != nil {
		fmt.Fprintln(&b, c.sets)
	}
	return b.String()
}

// enough returns an error if the objects were not about what they should be.
func (c *coverage) enough() error {
	var errs []error
	for kind, k := range c.kinds {
		least := func(n, want int, what string) {
			if n < want {
				errs = append(errs, fmt.Errorf("%s: %d %s, want %d", core.RelocationKind(kind), n, what, want))
			}
		}
		least(k.all, 200, "relocations")
		if core.RelocationKind(kind) == core.TypeIDLocal {
			continue // no kernel has a part in it
		}
		least(k.matching, k.all*30/100, "matching")
		least(k.missing, k.all*10/100, "missing")
		least(k.several, k.all*5/100, "ambiguous or duplicated")
	}
	if shapes := []int{c.deep, c.anonymous, c.bitfields, c.elements, c.flavors}; slices.Min(shapes) < 200 {
		errs = append(errs, fmt.Errorf("paths: of deep ones, through anonymous members, bitfields, elements and flavors %d, want 200 of each", shapes))
	}
	if c.sets != nil && (c.sets.different < 5*c.objects || c.sets.mixed < 2*c.objects) {
		errs = append(errs, fmt.Errorf("sets of autoloaded programs: %s, want 5 different ones for each of %d objects, and 2 of several programs", c.sets, c.objects))
	}
	return errors.Join(errs...)
}
