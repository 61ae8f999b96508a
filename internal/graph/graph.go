// Package graph is the view of a kernel's types that matching needs: a type
// by id, the candidates for a name, their order. Matching and pruning see
// nothing else of a kernel, so one pruner serves whatever holds the types.
package graph

import (
	"bytes"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// A Graph holds the types of one kernel. Ids and name references are its own;
// id 0 is void and name reference 0 the empty name.
type Graph interface {
	// NumTypes is one more than the highest id.
	NumTypes() uint32
	BigEndian() bool
	// Type decodes type id into t and reuses the memory of t.Members.
	Type(id uint32, t *btf.Type)
	// Head is a cheaper Type for kind and name alone.
	Head(id uint32) (kind btf.Kind, name uint32)
	// Ref is a cheaper Type for what a PTR or modifier refers to.
	Ref(id uint32) uint32
	// SizeOf is a cheaper Type for the size of a struct or union.
	SizeOf(id uint32) uint32
	// Plain is the same for all types that are alike by value, and differ at most in which
	// types of a name they point to; it is one of them.
	Plain(id uint32) uint32
	// String resolves a name reference.
	String(name uint32) string
	// Candidates calls yield for each named type whose stem is in s, in the
	// kernel's order, with the stem's number.
	Candidates(s *Stems, yield func(id uint32, stem int))
	// Named calls yield for each named type that may be a candidate, in the kernel's order.
	Named(yield func(id uint32))
	// LongInt is the first INT of 4 or 8 bytes with a name of C's long, from
	// which libbpf infers the size of a pointer (btf__pointer_size); 0 if none.
	LongInt() uint32
}

// EssentialName returns a type's name without its flavor, the last "___" and
// what follows (libbpf's bpf_core_essential_name_len): the part by which
// candidates are found.
func EssentialName(name string) string {
	for i := len(name) - 5; i >= 0; i-- {
		if name[i] != '_' && name[i+1:i+4] == "___" && name[i+4] != '_' {
			return name[:i+1]
		}
	}
	return name
}

// Stem returns a key that is equal for any two names whose essential names
// are equal for either loader. libbpf and cilium/ebpf disagree where
// underscores stand beside the separator (x____y, x___), so the stem ends at
// the first separator and has no underscore at its end. For ordinary names it
// is the essential name.
func Stem(name string) string {
	if len(name) > 1 {
		if i := strings.Index(name[1:], "___"); i >= 0 {
			name = name[:i+1]
		}
	}
	return strings.TrimRight(name, "_")
}

// Stems is a set of stems, numbered from 0, made for fast look-up of names
// most of which are not in it.
type Stems struct {
	number  map[string]int
	longest int
	start   [1 << 16 / 64]uint64 // bitmap of the names' first two bytes, the second 0 if there is none
}

// NewStems returns the set of the given stems, each with its index as number.
func NewStems(stems []string) *Stems {
	s := &Stems{number: make(map[string]int, len(stems))}
	add := func(first, second byte) {
		i := uint(first)<<8 | uint(second)
		s.start[i/64] |= 1 << (i % 64)
	}
	for i, stem := range stems {
		s.number[stem] = i
		s.longest = max(s.longest, len(stem))
		switch len(stem) {
		case 0: // of names that are underscores
			for second := range 256 {
				add('_', byte(second))
			}
		case 1:
			add(stem[0], 0)
			add(stem[0], '_')
		default:
			add(stem[0], stem[1])
		}
	}
	return s
}

// Lookup returns the number of the stem of the name at the start of text, up to
// a NUL.
func (s *Stems) Lookup(text []byte) (int, bool) {
	if len(text) < 2 || text[0] == 0 {
		return 0, false
	}
	if i := uint(text[0])<<8 | uint(text[1]); s.start[i/64]>>(i%64)&1 == 0 {
		return 0, false
	}
	return s.find(text)
}

// Find is Lookup for a name alone.
func (s *Stems) Find(name string) (int, bool) {
	if name == "" {
		return 0, false
	}
	second := byte(0)
	if len(name) > 1 {
		second = name[1]
	}
	if i := uint(name[0])<<8 | uint(second); s.start[i/64]>>(i%64)&1 == 0 {
		return 0, false
	}
	n, ok := s.number[Stem(name)]
	return n, ok
}

func (s *Stems) find(text []byte) (int, bool) {
	// Of a longer name the stem is longer, too, wherever it is cut off: it
	// has no separator up to there, and so at most two underscores at its end.
	name := text[:min(len(text), s.longest+4)]
	if end := bytes.IndexByte(name, 0); end >= 0 {
		name = name[:end]
	}
	if i := bytes.Index(name[1:], separator); i >= 0 {
		name = name[:i+1]
	}
	for len(name) > 0 && name[len(name)-1] == '_' {
		name = name[:len(name)-1]
	}
	n, ok := s.number[string(name)]
	return n, ok
}

var separator = []byte("___")

// Raw is the Graph of raw BTF.
type Raw struct{ *btf.File }

// Plain implements Graph: types of raw BTF stand for themselves.
func (r Raw) Plain(id uint32) uint32 { return id }

// Candidates implements Graph. Functions, variables, data sections and
// declaration tags never match a relocation, so they are no candidates.
func (r Raw) Candidates(s *Stems, yield func(id uint32, stem int)) {
	for id := uint32(1); id < r.NumTypes(); id++ {
		kind, name := r.Head(id)
		if name == 0 || !mayMatch(kind) {
			continue
		}
		if stem, ok := s.Lookup(r.Text(name)); ok {
			yield(id, stem)
		}
	}
}

// Named implements Graph.
func (r Raw) Named(yield func(id uint32)) {
	for id := uint32(1); id < r.NumTypes(); id++ {
		if kind, name := r.Head(id); name != 0 && mayMatch(kind) {
			yield(id)
		}
	}
}

func mayMatch(kind btf.Kind) bool {
	switch kind {
	case btf.Func, btf.Var, btf.Datasec, btf.DeclTag:
		return false
	}
	return true
}

// LongInt implements Graph.
func (r Raw) LongInt() uint32 {
	var t btf.Type
	for id := uint32(1); id < r.NumTypes(); id++ {
		if kind, _ := r.Head(id); kind != btf.Int {
			continue
		}
		if r.Type(id, &t); (t.Size == 4 || t.Size == 8) && isLong(r.String(t.Name)) {
			return id
		}
	}
	return 0
}

// isLong reports whether name is one of C's spellings of long or unsigned
// long: the words in any order that libbpf knows.
func isLong(name string) bool {
	switch name {
	case "long", "long int", "int long",
		"unsigned long", "long unsigned",
		"unsigned long int", "unsigned int long", "long unsigned int",
		"long int unsigned", "int unsigned long", "int long unsigned":
		return true
	}
	return false
}
