package core

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/khulnasoft/rules_btf/internal/graph"
)

// An Outcome is how a kernel fails to give a relocation what it asks for.
type Outcome uint8

const (
	// NoCandidate: no type of the kernel has the name and kind.
	NoCandidate Outcome = iota + 1
	// NoMatch: there is such a type, but without the field or enumerator, or
	// not of the local type's shape.
	NoMatch
	// Ambiguous: several types match, with different results.
	Ambiguous
	// Refused: a type goes beyond what libbpf can work with: too deep, or
	// without a size.
	Refused
)

var outcomeNames = []string{NoCandidate: "no_candidate", NoMatch: "no_match", Ambiguous: "ambiguous", Refused: "refused"}

func (o Outcome) String() string { return outcomeNames[o] }

// MarshalText implements encoding.TextMarshaler.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Outcome) UnmarshalText(b []byte) error {
	i := slices.Index(outcomeNames, string(b))
	if i <= 0 {
		return fmt.Errorf("unknown outcome %q", b)
	}
	*o = Outcome(i)
	return nil
}

// An Effect is what a finding does to the programs that have the relocation.
type Effect string

const (
	// Zero: the program gets a 0, which says that there is none. This is what
	// existence checks are for, and expected.
	Zero Effect = "zero"
	// Poison: the instruction is replaced by one that the verifier refuses unless it is never reached.
	Poison Effect = "poison"
	// Refusal: the loader refuses the program, unless other relocations of it
	// narrow the candidates.
	Refusal Effect = "refusal"
)

// A Finding is a relocation that a kernel does not serve.
type Finding struct {
	Relocation Relocation
	Outcome    Outcome
	// Candidates is how many types of the kernel have the name and kind: 0, 1, or 2
	// for several. (How often a kernel has the same type, a pack does not tell.)
	Candidates int
	// Results of Ambiguous: what the candidates that match give, each once, in
	// their order. Where they differ in the offset of a field alone, libbpf
	// refuses and cilium/ebpf does not. There are none of type_id_target: ids
	// always differ, and mean nothing elsewhere.
	Results []Result
}

// A Result is what a relocation becomes.
type Result struct {
	Value  uint64 `json:"value"`
	Offset uint32 `json:"offset,omitempty"` // of a field in its root type, in bits
}

// Effect says what comes of it.
func (f *Finding) Effect() Effect {
	switch {
	case f.Outcome >= Ambiguous:
		return Refusal
	case f.Relocation.Kind.IsCheck():
		return Zero
	}
	return Poison
}

// IsCheck reports whether a relocation becomes 0 where there is nothing, so
// that a program can ask whether there is.
func (k RelocationKind) IsCheck() bool {
	switch k {
	case FieldExists, EnumvalExists, TypeExists, TypeMatches, TypeSize, TypeIDTarget:
		return true
	}
	return false
}

func (f *Finding) compare(o *Finding) int {
	return cmp.Or(
		f.Relocation.compare(&o.Relocation),
		cmp.Compare(f.Outcome, o.Outcome),
		cmp.Compare(f.Candidates, o.Candidates),
		slices.CompareFunc(f.Results, o.Results, func(a, b Result) int {
			return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(a.Offset, b.Offset))
		}))
}

// Findings returns the relocations that a kernel does not serve, as libbpf
// judges them (relo_core.c), each on its own: that another relocation of the
// same program may have ruled out a candidate before is left out of account.
func Findings(g graph.Graph, rs *Relocations) ([]*Finding, error) {
	return NewSeparateFinder(rs).Findings(g)
}

// NewSeparateFinder returns a Finder of kernels that each number their types and names in
// a way of their own. What it finds on one is not remembered for the next.
func NewSeparateFinder(rs *Relocations) *Finder {
	f := NewFinder(rs)
	f.known = nil
	return f
}

// finding judges one relocation (bpf_core_calc_relo_insn). Its Outcome is 0 if there is none.
func (m *matcher) finding(r *Relocation, candidates []uint32) Finding {
	f := Finding{Relocation: *r}
	name := graph.EssentialName(r.Type)
	var found []Result
	for _, id := range candidates {
		kind, ref := m.g.Head(id)
		if kindBit(kind) != kindBit(r.TypeKind) || graph.EssentialName(m.name(ref)) != name {
			continue
		}
		f.Candidates = min(f.Candidates+1, 2)
		res, v := m.of(r, id)
		switch {
		case v == refuses && len(found) > 1:
			// libbpf compares candidates as it goes.
			f.ambiguous(found)
			return f
		case v == refuses, m.spend(len(found) / 4):
			f.Outcome = Refused
			return f
		case v == matches && (r.Kind == TypeIDTarget || !slices.Contains(found, res)):
			// Two candidates have two ids, even where a graph has one for equal types.
			found = append(found, res)
			m.spend(128) // for its memory
		}
	}
	switch {
	case len(found) > 1:
		f.ambiguous(found)
	case r.isAboutElement():
		f.Outcome = Refused
	case len(found) == 1:
	case f.Candidates > 0:
		f.Outcome = NoMatch
	default:
		f.Outcome = NoCandidate
	}
	return f
}

func (f *Finding) ambiguous(found []Result) {
	f.Outcome = Ambiguous
	if f.Relocation.Kind != TypeIDTarget {
		f.Results = found
	}
}

// isAboutElement reports whether r asks for the sign or the bits of an array's
// element, of which libbpf knows offset and size alone.
func (r *Relocation) isAboutElement() bool {
	switch r.Kind {
	case FieldSigned, FieldLShiftU64, FieldRShiftU64:
		return r.Path[len(r.Path)-1].Name == ""
	}
	return false
}
