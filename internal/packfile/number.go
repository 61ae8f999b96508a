package packfile

import (
	"cmp"
	"slices"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// A numbering copies nodes into a store in which they are numbered as in a file.
type numbering struct {
	from, to *store.Store
	number   []uint32 // of from's nodes
	texts    []uint32 // of from's strings
	roots    []uint32 // nodes of from, by number - 1
	group    []uint32 // of roots, by number
	first    []uint32
	stem     []uint32 // of roots, by number
	state    []uint8
	next     uint32
	depth    int
	types    []btf.Type // by depth
	members  [][]store.Member
}

// sortRoots returns the roots of the kernels: by stem, name and kind, and those that
// are alike in that in the order in which the kernels have them.
func sortRoots(s *store.Store, kernels []*Kernel) []uint32 {
	seen := make([]bool, s.Len())
	type root struct {
		node uint32
		kind btf.Kind
		name string
		stem string
	}
	var list []root
	for _, k := range kernels {
		for _, n := range append(k.Roots[:len(k.Roots):len(k.Roots)], k.Long) {
			if n != 0 && !seen[n] {
				seen[n] = true
				kind, name := s.Head(n)
				text := s.Text(name)
				list = append(list, root{n, kind, text, graph.Stem(text)})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b root) int {
		if c := strings.Compare(a.stem, b.stem); c != 0 {
			return c
		}
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return cmp.Compare(a.kind, b.kind)
	})
	roots := make([]uint32, len(list))
	for i, r := range list {
		roots[i] = r.node
	}
	return roots
}

func renumber(s *store.Store, kernels []*Kernel) *numbering {
	nb := &numbering{from: s, to: store.New(), number: make([]uint32, s.Len()), texts: make([]uint32, s.Strings()), roots: sortRoots(s, kernels)}
	nb.group, nb.first = groups(s, nb.roots)
	for i, n := range nb.roots {
		nb.number[n] = uint32(i + 1)
		_, name := s.Head(n)
		nb.text(name)
	}
	nb.next = uint32(len(nb.roots))
	nb.to.Reserve(int(nb.next)+1, 0)
	nb.state = make([]uint8, nb.next+1)
	for n := uint32(1); n <= uint32(len(nb.roots)); n++ {
		nb.root(n)
	}
	nb.stem = stemNumbers(nb.to, len(nb.roots))
	return nb
}

// kernel returns a kernel with the nodes of the new store, by stem.
func (nb *numbering) kernel(k *Kernel) *Kernel {
	to := &Kernel{Name: k.Name, Sum: k.Sum, Kernel: store.Kernel{BigEndian: k.BigEndian, Long: nb.number[k.Long]}}
	roots := make([]uint32, len(k.Roots))
	for i, n := range k.Roots {
		roots[i] = nb.number[n]
	}
	to.Roots = slices.Concat(byStem(roots, nb.stem)...)
	for _, c := range k.Copies {
		to.Copies = append(to.Copies, store.Copy{Root: nb.number[c.Root], Choices: c.Choices})
	}
	for _, id := range k.Order {
		if id&store.IsCopy == 0 {
			id = nb.number[id]
		}
		to.Order = append(to.Order, id)
	}
	return to
}

// groups returns for each root (from 1) the number of its kind and name, from 1, and for
// each of these its first root, and one beyond.
func groups(s *store.Store, roots []uint32) (group, first []uint32) {
	group = make([]uint32, len(roots)+1)
	for i, n := range roots {
		kind, name := s.Head(n)
		if i > 0 {
			if k, m := s.Head(roots[i-1]); k == kind && m == name {
				group[i+1] = group[i]
				continue
			}
		}
		first = append(first, uint32(i+1))
		group[i+1] = uint32(len(first))
	}
	return group, append(first, uint32(len(roots)+1))
}

// root is as model.root.
func (nb *numbering) root(n uint32) {
	first := n
	for first > nb.first[nb.group[n]-1] && nb.state[first-1] == todo {
		first--
	}
	for ; first <= n; first++ {
		if nb.state[first] == todo {
			nb.state[first] = doing
			nb.copy(nb.roots[first-1], first)
			nb.state[first] = done
		}
	}
}

func (nb *numbering) ref(node uint32) uint32 {
	if node == 0 {
		return 0
	}
	n := nb.number[node]
	if n == 0 {
		nb.next++
		n = nb.next
		nb.number[node] = n
		nb.to.Reserve(int(n)+1, 0)
		nb.copy(node, n)
	} else if n <= uint32(len(nb.roots)) {
		nb.root(n)
	}
	return n
}

func (nb *numbering) text(n uint32) uint32 {
	if n != 0 && nb.texts[n] == 0 {
		nb.texts[n] = nb.to.Append(nb.from.Text(n))
	}
	return nb.texts[n]
}

func (nb *numbering) copy(node, n uint32) {
	if nb.depth == len(nb.types) {
		nb.types, nb.members = append(nb.types, btf.Type{}), append(nb.members, nil)
	}
	depth := nb.depth
	nb.depth++
	t, members := nb.types[depth], nb.members[depth][:0]
	nb.from.Type(node, &t)
	t.Name = nb.text(t.Name)
	t.Ref = nb.ref(t.Ref)
	if t.Kind == btf.Array {
		t.Index = nb.ref(t.Index)
	}
	for i := range t.Members {
		m := &t.Members[i]
		m.Name = nb.text(m.Name)
		if !t.Kind.IsEnum() {
			m.Type = nb.ref(m.Type)
		}
		members = append(members, store.Member{Name: m.Name, Type: m.Type, Offset: m.Offset})
	}
	nb.to.Set(n, &t, members)
	nb.types[depth], nb.members[depth] = t, members
	nb.depth--
}
