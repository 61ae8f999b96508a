package core

import (
	"errors"
	"fmt"
	"slices"

	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/jsonfile"
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
	// Candidates is how many types of the kernel have the name and kind.
	Candidates int
	// Results of Ambiguous: what the candidates that match give, each once, in
	// their order. Where they differ in the offset of a field alone, libbpf
	// refuses and cilium/ebpf does not.
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

// Findings returns the relocations that a kernel does not serve, as libbpf
// judges them (relo_core.c), each on its own: that another relocation of the
// same program may have ruled out a candidate before is left out of account.
func Findings(g graph.Graph, rs *Relocations) ([]Finding, error) {
	stems := stemsOf(rs)
	candidates := make([][]uint32, len(stems))
	g.Candidates(graph.NewStems(stems), func(id uint32, stem int) {
		candidates[stem] = append(candidates[stem], id)
	})
	m := newMatcher(g)
	var findings []Finding
	for i := range rs.Relocations {
		r := &rs.Relocations[i]
		n, _ := slices.BinarySearch(stems, graph.Stem(r.Type))
		if f := m.finding(r, candidates[n]); f.Outcome != 0 {
			findings = append(findings, f)
		}
		if m.spend(0) {
			return nil, fmt.Errorf("%w: damaged?", ErrWork)
		}
	}
	return findings, nil
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
		f.Candidates++
		res, v := m.of(r, id)
		switch {
		case v == refuses && len(found) > 1:
			// libbpf compares candidates as it goes.
			f.Outcome, f.Results = Ambiguous, found
			return f
		case v == refuses, m.spend(len(found) / 4):
			f.Outcome = Refused
			return f
		case v == matches && !slices.Contains(found, res):
			found = append(found, res)
			m.spend(128) // for its memory
		}
	}
	switch {
	case len(found) > 1:
		f.Outcome, f.Results = Ambiguous, found
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

// isAboutElement reports whether r asks for the sign or the bits of an array's
// element, of which libbpf knows offset and size alone.
func (r *Relocation) isAboutElement() bool {
	switch r.Kind {
	case FieldSigned, FieldLShiftU64, FieldRShiftU64:
		return r.Path[len(r.Path)-1].Name == ""
	}
	return false
}

// findingsFile is the file of one kernel's findings.
type findingsFile struct {
	Version  int           `json:"version"`
	Kernel   string        `json:"kernel"`
	Findings []findingJSON `json:"findings"`
}

// findingJSON is a finding as it is written: one line each.
type findingJSON struct {
	Relocation relocationJSON `json:"relocation"`
	Outcome    Outcome        `json:"outcome"`
	Effect     Effect         `json:"effect"`
	Candidates int            `json:"candidates,omitempty"`
	Results    []Result       `json:"results,omitempty"`
}

// ErrFindings is wrapped by every error about a findings file.
var ErrFindings = errors.New("not a usable findings file")

// MarshalFindings returns the file of a kernel's findings.
func MarshalFindings(kernel string, findings []Finding) ([]byte, error) {
	return jsonfile.Marshal(FormatVersion,
		jsonfile.Field{Name: "kernel", Value: kernel},
		jsonfile.Field{Name: "findings", Value: jsonfile.List[Finding](findings)})
}

// MarshalJSON writes the finding with its effect.
func (f Finding) MarshalJSON() ([]byte, error) {
	r, err := f.Relocation.json()
	if err != nil {
		return nil, err
	}
	return jsonfile.Line(findingJSON{r, f.Outcome, f.Effect(), f.Candidates, f.Results})
}

// UnmarshalFindings reads what MarshalFindings writes.
func UnmarshalFindings(file []byte) (kernel string, findings []Finding, err error) {
	var body findingsFile
	if err := jsonfile.Unmarshal(file, FormatVersion, &body); err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrFindings, err)
	}
	for i, j := range body.Findings {
		r, err := j.Relocation.relocation()
		f := Finding{r, j.Outcome, j.Candidates, j.Results}
		if err == nil && (f.Outcome == 0 || f.Effect() != j.Effect) {
			err = errors.New("outcome and effect do not go together")
		}
		if err != nil {
			return "", nil, fmt.Errorf("%w: finding %d: %w", ErrFindings, i, err)
		}
		findings = append(findings, f)
	}
	return body.Kernel, findings, nil
}
