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
	members  [][]store.Member // by depth
}

// sortRoots returns the roots of the kernels: by stem, name and kind, and those that
// are alike in that in the order in which the kernels have them.
func sortRoots(s *store.Store, kernels []*Kernel) []uint32 {
	seen := make([]bool, s.Len())
	named := make([]bool, s.Strings())
	var roots, names []uint32
	for _, k := range kernels {
		for i := range len(k.Roots) + 1 {
			n := k.Long
			if i < len(k.Roots) {
				n = k.Roots[i]
			}
			if n == 0 || seen[n] {
				continue
			}
			seen[n] = true
			roots = append(roots, n)
			if _, name := s.Head(n); !named[name] {
				named[name] = true
				names = append(names, name)
			}
		}
	}
	slices.SortFunc(names, func(a, b uint32) int {
		x, y := s.Text(a), s.Text(b)
		return cmp.Or(strings.Compare(graph.Stem(x), graph.Stem(y)), strings.Compare(x, y))
	})
	rank := make([]uint32, s.Strings())
	for i, name := range names {
		rank[name] = uint32(i)
	}
	roots = countingSort(roots, MaxKind+1, func(n uint32) uint32 {
		kind, _ := s.Head(n)
		return uint32(kind)
	})
	return countingSort(roots, uint32(len(names)), func(n uint32) uint32 {
		_, name := s.Head(n)
		return rank[name]
	})
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
	nb.to.Reserve(int(nb.next)+1, s.NumMembers())
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
	to.Roots = make([]uint32, len(k.Roots))
	for i, n := range k.Roots {
		to.Roots[i] = nb.number[n]
	}
	to.Roots = countingSort(to.Roots, nb.stems(), func(n uint32) uint32 { return nb.stem[n] })
	if k.Order == nil {
		return to
	}
	to.Copies = make([]store.Copy, len(k.Copies))
	for i, c := range k.Copies {
		to.Copies[i] = store.Copy{Root: nb.number[c.Root], Choices: c.Choices}
	}
	to.Order = make([]uint32, len(k.Order))
	for i, id := range k.Order {
		if to.Order[i] = id; id&store.IsCopy == 0 {
			to.Order[i] = nb.number[id]
		}
	}
	to.Order = countingSort(to.Order, nb.stems(), func(id uint32) uint32 {
		if id&store.IsCopy != 0 {
			id = to.Copies[id&^store.IsCopy].Root
		}
		return nb.stem[id]
	})
	return to
}

// stems is one more than the last number of a stem.
func (nb *numbering) stems() uint32 { return nb.stem[len(nb.stem)-1] + 1 }

// countingSort returns a list sorted by keys below most, and otherwise in the same order.
func countingSort(list []uint32, most uint32, key func(uint32) uint32) []uint32 {
	at := make([]uint32, most+1)
	for _, v := range list {
		at[key(v)+1]++
	}
	for k := range most {
		at[k+1] += at[k]
	}
	sorted := make([]uint32, len(list))
	for _, v := range list {
		k := key(v)
		sorted[at[k]] = v
		at[k]++
	}
	return sorted
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
	if nb.depth == len(nb.members) {
		nb.members = append(nb.members, nil)
	}
	depth := nb.depth
	nb.depth++
	t, members := nb.from.Header(node), append(nb.members[depth][:0], nb.from.Members(node)...)
	t.Name = nb.text(t.Name)
	t.Ref = nb.ref(t.Ref)
	if t.Kind == btf.Array {
		t.Index = nb.ref(t.Index)
	}
	for i := range members {
		m := &members[i]
		m.Name = nb.text(m.Name)
		if !t.Kind.IsEnum() {
			m.Type = nb.ref(m.Type)
		}
	}
	nb.to.Set(n, &t, members)
	nb.members[depth] = members
	nb.depth--
}
