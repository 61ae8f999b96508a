package core

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/khulnasoft/rules_btf/internal/graph"
)

// A Finder finds what kernels do not serve of the same relocations.
//
// Kernels of one pack have most types in common. What a relocation makes of its
// candidates depends on these, on what they hold by value, on the kernel's byte
// order and on the size of its pointers. (Behind pointers only kinds are
// looked at, which packs keep.) So the same candidates are judged once. Only
// type_matches looks at more, and is judged for each kernel.
type Finder struct {
	rs    *Relocations
	stems *graph.Stems
	about []questions // by stem
	// what candidates have come to; nil if that is not remembered
	known map[string]answer
	size  int // of known, in bytes
	// equal findings are one, whichever kernel has them
	one map[oneFinding]*Finding
	// memory that is used again
	candidates [][]uint32 // by stem
	key        []byte
}

// Questions are the relocations of a stem.
type questions struct{ matches, others []int }

// An answer is what relocations find.
type answer struct {
	findings []*Finding // one for each relocation, nil for what is served; nil if that is all
	work     int
}

type oneFinding struct {
	relocation int
	outcome    Outcome
	candidates int
	results    string
}

// maxKnown bounds what is remembered, in bytes. It is forgotten then; kernels that
// follow each other mostly have types in common again.
var maxKnown = 16 << 20

// NewFinder returns a Finder of what kernels do not serve of rs.
func NewFinder(rs *Relocations) *Finder {
	stems := stemsOf(rs)
	f := &Finder{
		rs:         rs,
		stems:      graph.NewStems(stems),
		about:      make([]questions, len(stems)),
		known:      map[string]answer{},
		one:        map[oneFinding]*Finding{},
		candidates: make([][]uint32, len(stems)),
	}
	for i := range rs.Relocations {
		r := &rs.Relocations[i]
		n, _ := slices.BinarySearch(stems, graph.Stem(r.Type))
		if q := &f.about[n]; r.Kind == TypeMatches {
			q.matches = append(q.matches, i)
		} else {
			q.others = append(q.others, i)
		}
	}
	return f
}

// Findings returns what the function Findings does, in the order of the
// relocations. Equal findings are the same pointer, for whichever kernel;
// they must not be changed. All kernels that a Finder gets must number their types and
// names alike, as those of a Pruner.
func (f *Finder) Findings(g graph.Graph) ([]*Finding, error) {
	for i := range f.candidates {
		f.candidates[i] = f.candidates[i][:0]
	}
	g.Candidates(f.stems, func(id uint32, stem int) {
		f.candidates[stem] = append(f.candidates[stem], id)
	})
	m := newMatcher(g)
	all := make([]*Finding, len(f.rs.Relocations))
	for stem, q := range f.about {
		found := f.answer(m, stem)
		matches := f.judge(m, stem, q.matches)
		if m.spend(0) {
			return nil, fmt.Errorf("%w: damaged?", ErrWork)
		}
		for i, finding := range found {
			all[q.others[i]] = finding
		}
		for i, finding := range matches {
			all[q.matches[i]] = finding
		}
	}
	return slices.DeleteFunc(all, func(f *Finding) bool { return f == nil }), nil
}

// answer returns what the relocations of a stem find, but for type_matches.
func (f *Finder) answer(m *matcher, stem int) []*Finding {
	others := f.about[stem].others
	if f.known == nil {
		return f.judge(m, stem, others)
	}
	f.setKey(m, stem)
	if a, ok := f.known[string(f.key)]; ok {
		// As if it were done again: whether a kernel is too much must not depend on those before it.
		m.spend(a.work)
		return a.findings
	}
	before := m.work
	found := f.judge(m, stem, others)
	if m.spend(0) {
		return nil
	}
	if f.size += 64 + len(f.key) + 8*len(found); f.size > maxKnown {
		clear(f.known)
		f.size = 0
	}
	f.known[string(f.key)] = answer{found, m.work - before}
	return found
}

// setKey notes all that the answer depends on.
func (f *Finder) setKey(m *matcher, stem int) {
	le := binary.LittleEndian
	k := le.AppendUint32(f.key[:0], uint32(stem))
	k = append(k, byte(m.pointerSize()), 0)
	if m.g.BigEndian() {
		k[5] = 1
	}
	for _, id := range f.candidates[stem] {
		k = le.AppendUint32(k, m.g.Plain(id))
	}
	f.key = k
}

// judge judges relocations of a stem; the result is that of answer.findings.
func (f *Finder) judge(m *matcher, stem int, relocations []int) []*Finding {
	var found []*Finding
	for i, n := range relocations {
		finding := m.finding(&f.rs.Relocations[n], f.candidates[stem])
		if m.spend(0) {
			return nil
		}
		if finding.Outcome != 0 {
			if found == nil {
				found = make([]*Finding, len(relocations))
			}
			found[i] = f.theOne(n, &finding)
		}
	}
	return found
}

// theOne returns the one that stands for all that are equal.
func (f *Finder) theOne(relocation int, finding *Finding) *Finding {
	var results []byte
	for _, r := range finding.Results {
		results = binary.LittleEndian.AppendUint64(results, r.Value)
		results = binary.LittleEndian.AppendUint32(results, r.Offset)
	}
	key := oneFinding{relocation, finding.Outcome, finding.Candidates, string(results)}
	one, ok := f.one[key]
	if !ok {
		one = new(Finding)
		*one = *finding
		f.one[key] = one
	}
	return one
}
