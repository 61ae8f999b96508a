// Package store holds types by what they are: equal types are one node,
// whichever kernel they come from.
//
// A node refers to what it holds by value directly, so a struct that embeds
// another one of another layout is another node. Through pointers a node
// refers to named types by name: a Named node stands for "the struct task_struct
// of this kernel". So nodes have no cycles, and a change of one type changes
// those that embed it, not all that point to it. A Kernel says which nodes the
// names stand for.
package store

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// Named is the kind of nodes that stand for a kernel's type of a name.
// Word is its kind, Name its name. Index tells apart several types of that
// kind and name: 0 if there is one, otherwise 1 for the kernel's first one, and so on.
const Named btf.Kind = 0x7f

// A Store holds nodes, numbered from 1 in the order in which they were added;
// node 0 is void. A node's references lead to nodes before it. The zero
// Store is not ready for use.
type Store struct {
	heads   []head // of nodes
	members []Member
	text    []byte   // strings, each with a NUL
	starts  []uint32 // of strings in text; and the end
	names   index    // of strings
	nodes   index
	// Kernels have their strings and nodes in much the same order: what was asked for
	// after another one the last time.
	nextName, nextNode []uint32
	lastName, lastNode uint32
	seed               maphash.Seed
	random             uint64
}

// A head is a node without its members.
type head struct {
	kind     btf.Kind
	kflag    bool
	pointers bool // see HasPointer
	name     uint32
	size     uint32
	word     uint32 // Word or Index
	ref      uint32
	first    uint32 // member
	count    uint32 // of members
}

// A Member is a btf.Member.
type Member struct{ Name, Type, Offset uint32 }

// New returns a Store of nothing but void and the empty string.
func New() *Store {
	s := &Store{
		heads:  []head{{}}, // void
		text:   []byte{0},
		starts: []uint32{0, 1},
		names:  make(index, 1<<10),
		nodes:  make(index, 1<<10),
		seed:   maphash.MakeSeed(),
	}
	s.random = maphash.String(s.seed, "nodes")
	return s
}

// An index is a table of numbers by their hash (the upper half of an entry), with
// open addressing. Its size is a power of two; 0 is free.
type index []uint64

func (x index) mask() uint32 { return uint32(len(x) - 1) }

// add puts a number where there is room, and makes more when half of it is taken.
func (x *index) add(at, hash, n uint32, count int) {
	(*x)[at] = uint64(hash)<<32 | uint64(n)
	if 2*count <= len(*x) {
		return
	}
	larger := make(index, 2*len(*x))
	for _, e := range *x {
		if e == 0 {
			continue
		}
		at := uint32(e>>32) & larger.mask()
		for larger[at] != 0 {
			at = (at + 1) & larger.mask()
		}
		larger[at] = e
	}
	*x = larger
}

// Len is how many nodes there are, void included.
func (s *Store) Len() int { return len(s.heads) }

// String returns the number of a text, which it adds if it is new. 0 is the empty one.
func (s *Store) String(text string) uint32 {
	if text == "" {
		return 0
	}
	next := expected(&s.nextName, s.lastName, s.Strings())
	if *next == 0 || s.Text(*next) != text {
		*next = s.find(text)
	}
	s.lastName = *next
	return *next
}

// expected returns where the number is that came after the last one of count.
func expected(next *[]uint32, last uint32, count int) *uint32 {
	if int(last) >= len(*next) {
		*next = append(*next, make([]uint32, count+1<<10-len(*next))...)
	}
	return &(*next)[last]
}

func (s *Store) find(text string) uint32 {
	hash := uint32(maphash.String(s.seed, text))
	at := hash & s.names.mask()
	for ; s.names[at] != 0; at = (at + 1) & s.names.mask() {
		if e := s.names[at]; uint32(e>>32) == hash && s.Text(uint32(e)) == text {
			return uint32(e)
		}
	}
	n := s.Append(text)
	s.names.add(at, hash, n, s.Strings())
	return n
}

// Append adds a string, which must not be there. String does not find it.
func (s *Store) Append(text string) uint32 {
	s.text = append(append(s.text, text...), 0)
	s.starts = append(s.starts, uint32(len(s.text)))
	return uint32(s.Strings() - 1)
}

// Load adds strings that each end with a NUL. String does not find them.
func (s *Store) Load(text []byte) {
	s.starts = slices.Grow(s.starts, bytes.Count(text, []byte{0}))
	start := len(s.text)
	s.text = append(s.text, text...)
	for {
		end := bytes.IndexByte(s.text[start:], 0)
		if end < 0 {
			return
		}
		start += end + 1
		s.starts = append(s.starts, uint32(start))
	}
}

// Strings is how many strings there are, the empty one included.
func (s *Store) Strings() int { return len(s.starts) - 1 }

// TextLen is how long all strings are together.
func (s *Store) TextLen() int { return len(s.text) }

// Text returns the string of a number. What strings are in never changes.
func (s *Store) Text(n uint32) string {
	b := s.text[s.starts[n] : s.starts[n+1]-1]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// NumMembers is how many members all nodes have.
func (s *Store) NumMembers() int { return len(s.members) }

// Members returns a node's members, which must not be changed.
func (s *Store) Members(n uint32) []Member {
	h := &s.heads[n]
	return s.members[h.first : h.first+h.count]
}

// Head returns a node's kind and the number of its name.
func (s *Store) Head(n uint32) (btf.Kind, uint32) {
	h := &s.heads[n]
	return h.kind, h.name
}

// Size returns a node's size.
func (s *Store) Size(n uint32) uint32 { return s.heads[n].size }

// KFlag returns a node's kind_flag.
func (s *Store) KFlag(n uint32) bool { return s.heads[n].kflag }

// HasPointer reports whether a node is or holds a pointer.
func (s *Store) HasPointer(n uint32) bool { return s.heads[n].pointers }

// Ref returns what a node refers to, as in btf.Type.Ref.
func (s *Store) Ref(n uint32) uint32 { return s.heads[n].ref }

// Header is Type without members.
func (s *Store) Header(n uint32) btf.Type {
	h := &s.heads[n]
	t := btf.Type{Kind: h.kind, KFlag: h.kflag, Name: h.name, Size: h.size, Ref: h.ref}
	if h.kind == btf.Array || h.kind == Named {
		t.Index = h.word
	} else {
		t.Word = h.word
	}
	if h.kind == Named {
		t.Word, t.Size = h.size, 0
	}
	return t
}

// Type decodes a node into t, and reuses the memory of t.Members. Names are
// numbers of strings, references are nodes.
func (s *Store) Type(n uint32, t *btf.Type) {
	members := t.Members[:0]
	*t = s.Header(n)
	t.Members = members
	for _, m := range s.Members(n) {
		t.Members = append(t.Members, btf.Member{Name: m.Name, Type: m.Type, Offset: m.Offset})
	}
}

// Reserve makes sure that there are n nodes, some of which are nothing yet, and
// room for as many members.
func (s *Store) Reserve(n, members int) {
	if add := n - len(s.heads); add > 0 {
		s.heads = append(s.heads, make([]head, add)...)
	}
	s.members = slices.Grow(s.members, members)
}

// Set says what a reserved node is, and that these are its members. Intern does not find it.
func (s *Store) Set(n uint32, t *btf.Type, members []Member) {
	h := newHead(t)
	h.first, h.count = uint32(len(s.members)), uint32(len(members))
	s.heads[n] = h
	s.members = append(s.members, members...)
}

func newHead(t *btf.Type) head {
	h := head{kind: t.Kind, kflag: t.KFlag, name: t.Name, size: t.Size, word: t.Word, ref: t.Ref, count: uint32(len(t.Members))}
	switch t.Kind {
	case btf.Array:
		h.word = t.Index
	case Named:
		h.size, h.word = t.Word, t.Index
	}
	return h
}

// Intern returns the node of a type, which it adds if it is new.
func (s *Store) Intern(t *btf.Type) uint32 {
	h := newHead(t)
	next := expected(&s.nextNode, s.lastNode, s.Len())
	if *next == 0 || !s.equal(*next, &h, t.Members) {
		*next = s.intern(t, h)
	}
	s.lastNode = *next
	return *next
}

func (s *Store) intern(t *btf.Type, h head) uint32 {
	hash := s.hash(&h, t.Members)
	at := hash & s.nodes.mask()
	for ; s.nodes[at] != 0; at = (at + 1) & s.nodes.mask() {
		if e := s.nodes[at]; uint32(e>>32) == hash && s.equal(uint32(e), &h, t.Members) {
			return uint32(e)
		}
	}
	n := uint32(s.Len())
	h.first = uint32(len(s.members))
	h.pointers = s.holdsPointer(t)
	s.heads = append(s.heads, h)
	for _, m := range t.Members {
		s.members = append(s.members, Member{m.Name, m.Type, m.Offset})
	}
	s.nodes.add(at, hash, n, s.Len())
	return n
}

func (s *Store) holdsPointer(t *btf.Type) bool {
	return t.Kind == btf.Ptr || s.heads[t.Ref].pointers ||
		t.Kind.IsComposite() && slices.ContainsFunc(t.Members, func(m btf.Member) bool { return s.heads[m.Type].pointers })
}

func (s *Store) hash(h *head, members []btf.Member) uint32 {
	kind := uint64(h.kind)
	if h.kflag {
		kind |= 1 << 8
	}
	x := s.mix(kind<<32|uint64(h.name), uint64(h.size)<<32|uint64(h.word))
	x = s.mix(x, uint64(h.ref))
	for i := range members {
		m := &members[i]
		x = s.mix(x^(uint64(m.Name)<<32|uint64(m.Type)), uint64(m.Offset))
	}
	return uint32(x)
}

// mix makes one number of two, which no one can foresee.
func (s *Store) mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a^s.random, b^0x9e3779b97f4a7c15)
	return high ^ low
}

func (s *Store) equal(n uint32, h *head, members []btf.Member) bool {
	o := &s.heads[n]
	return o.kind == h.kind && o.kflag == h.kflag && o.name == h.name && o.size == h.size && o.word == h.word && o.ref == h.ref && slices.EqualFunc(s.Members(n), members, func(a Member, b btf.Member) bool {
		return a == Member{b.Name, b.Type, b.Offset}
	})
}
