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
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strings"

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
	loaded  string            // strings that were loaded, each with a NUL
	starts  []uint32          // of these, but the first, which is the empty one; and the end
	strings []string          // added since
	numbers map[string]uint32 // of strings
	table   []uint32          // nodes by hash, open addressing; its size is a power of two
	hashes  []uint32          // of nodes
	seed    maphash.Seed
	key     []byte
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
	return &Store{
		heads:   []head{{}}, // void
		starts:  []uint32{0, 0},
		numbers: map[string]uint32{"": 0},
		table:   make([]uint32, 1<<10),
		hashes:  make([]uint32, 1),
		seed:    maphash.MakeSeed(),
	}
}

// Len is how many nodes there are, void included.
func (s *Store) Len() int { return len(s.heads) }

// String returns the number of a text, which it adds if it is new. 0 is the empty one.
func (s *Store) String(text string) uint32 {
	n, ok := s.numbers[text]
	if !ok {
		n = uint32(s.Strings())
		text = strings.Clone(text)
		s.numbers[text] = n
		s.strings = append(s.strings, text)
	}
	return n
}

// Append adds a string, which must not be there. String does not find it.
func (s *Store) Append(text string) uint32 {
	s.strings = append(s.strings, text)
	return uint32(s.Strings() - 1)
}

// Load adds strings that each end with a NUL, before any other is added, and but
// once or twice. String does not find them.
func (s *Store) Load(text []byte) {
	s.starts = slices.Grow(s.starts, bytes.Count(text, []byte{0}))
	start := len(s.loaded)
	s.loaded += string(text)
	for {
		end := strings.IndexByte(s.loaded[start:], 0)
		if end < 0 {
			return
		}
		start += end + 1
		s.starts = append(s.starts, uint32(start))
	}
}

// Strings is how many strings there are, the empty one included.
func (s *Store) Strings() int { return len(s.starts) - 1 + len(s.strings) }

// Text returns the string of a number.
func (s *Store) Text(n uint32) string {
	if n == 0 {
		return ""
	}
	if i := int(n) - (len(s.starts) - 1); i >= 0 {
		return s.strings[i]
	}
	return s.loaded[s.starts[n] : s.starts[n+1]-1]
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
	hash := s.hash(&h, t.Members)
	mask := uint32(len(s.table) - 1)
	i := hash & mask
	for ; s.table[i] != 0; i = (i + 1) & mask {
		if n := s.table[i]; s.hashes[n] == hash && s.equal(n, &h, t.Members) {
			return n
		}
	}
	n := uint32(s.Len())
	h.first = uint32(len(s.members))
	h.pointers = s.holdsPointer(t)
	s.heads = append(s.heads, h)
	for _, m := range t.Members {
		s.members = append(s.members, Member{m.Name, m.Type, m.Offset})
	}
	s.hashes = append(s.hashes, hash)
	s.table[i] = n
	if 2*s.Len() > len(s.table) {
		s.grow()
	}
	return n
}

func (s *Store) holdsPointer(t *btf.Type) bool {
	return t.Kind == btf.Ptr || s.heads[t.Ref].pointers ||
		t.Kind.IsComposite() && slices.ContainsFunc(t.Members, func(m btf.Member) bool { return s.heads[m.Type].pointers })
}

func (s *Store) hash(h *head, members []btf.Member) uint32 {
	le := binary.LittleEndian
	k := append(s.key[:0], byte(h.kind), 0)
	if h.kflag {
		k[1] = 1
	}
	for _, w := range [...]uint32{h.name, h.size, h.word, h.ref} {
		k = le.AppendUint32(k, w)
	}
	for i := range members {
		m := &members[i]
		k = le.AppendUint32(k, m.Name)
		k = le.AppendUint32(k, m.Type)
		k = le.AppendUint32(k, m.Offset)
	}
	s.key = k
	return uint32(maphash.Bytes(s.seed, k))
}

func (s *Store) equal(n uint32, h *head, members []btf.Member) bool {
	o := s.heads[n]
	o.first, o.pointers = 0, false
	return o == *h && slices.EqualFunc(s.Members(n), members, func(a Member, b btf.Member) bool {
		return a == Member{b.Name, b.Type, b.Offset}
	})
}

func (s *Store) grow() {
	s.table = make([]uint32, 2*len(s.table))
	mask := uint32(len(s.table) - 1)
	for n := 1; n < s.Len(); n++ {
		i := s.hashes[n] & mask
		for s.table[i] != 0 {
			i = (i + 1) & mask
		}
		s.table[i] = uint32(n)
	}
}
