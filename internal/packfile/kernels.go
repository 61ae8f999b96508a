package packfile

import (
	"cmp"
	"math"
	"slices"

	"github.com/khulnasoft/rules_btf/internal/store"
)

// A Kernel is one of a pack.
type Kernel struct {
	Name string   // distro/version/arch/release
	Sum  [32]byte // SHA-256 of the BTF that it comes from; zero in a tailored pack
	store.Kernel
}

// window is how many kernels back another one may be that a kernel resembles.
const window = 64

// kernels codes kernels, sorted by name, each by how it differs from an earlier one.
type kernels struct {
	*coder
	roots     uint32
	before    Kernel
	n         int             // kernels so far
	sets      [window]rootSet // of the last kernels
	sequences [][]uint32
	number    map[string]uint32 // of sequences
	stem      []uint32          // by root, for writing: a number for each stem
	// of copies
	last [][]uint32 // choices of the last copy, by root
	// memory that is used again
	room, order, distinct []uint32
	of                    [][]uint32
	used                  []bool
}

// A rootSet is the roots of a kernel, as they are coded: those in the order of
// their numbers, which is by stem, and the stems in which the kernel has them in
// another order, or one of them twice.
type rootSet struct{ plain, sequences []uint32 }

// head codes a kernel's name and what can be said of it without its types.
func (ks *kernels) head(k *Kernel) {
	share := 0
	if !ks.decoding {
		for share < min(len(k.Name), len(ks.before.Name)) && k.Name[share] == ks.before.Name[share] {
			share++
		}
	}
	share = ks.count(colKernelShare, share, len(ks.before.Name))
	k.Name = ks.before.Name[:share] + ks.text(colKernelText, k.Name[min(share, len(k.Name)):])
	if ks.decoding && !IsName(k.Name) {
		ks.fail("kernel %q: that is no path", k.Name)
	}
	const bigEndian, sum = 1, 2
	flags := uint64(0)
	if k.BigEndian {
		flags |= bigEndian
	}
	if k.Sum != ([32]byte{}) {
		flags |= sum
	}
	flags = ks.uint(colKernelFlags, flags)
	if k.BigEndian = flags&bigEndian != 0; flags&sum != 0 {
		ks.bytes(colKernelSum, k.Sum[:])
	} else {
		k.Sum = [32]byte{}
	}
	if ks.decoding && ks.err == nil && (flags > bigEndian|sum || ks.n > 0 && k.Name <= ks.before.Name) {
		ks.fail("kernel %q after %q, with flags %d", k.Name, ks.before.Name, flags)
	}
	ks.before.Name = k.Name
}

// types codes what types the kernel has.
func (ks *kernels) types(k *Kernel) {
	k.Long = ks.before.Long + uint32(ks.int(colKernelLong, int64(k.Long)-int64(ks.before.Long)))
	ks.before.Long = k.Long
	to := &ks.sets[ks.n%window]
	var like uint64
	var set rootSet
	var fresh [][]uint32
	if !ks.decoding {
		set, fresh = ks.divide(k.Roots)
		like = uint64(ks.nearest(set))
	}
	if like = ks.uint(colKernelLike, like); like > uint64(min(ks.n, window)) {
		ks.fail("a kernel resembles the one %d before, of %d", like, ks.n)
		return
	}
	var from rootSet
	if like > 0 {
		from = ks.sets[(ks.n-int(like))%window]
	}
	plain := ks.toggle(colToggle, colToggleLen, from.plain, set.plain, ks.roots)
	for i := ks.count(colSequenceNew, len(fresh), math.MaxInt32); i > 0 && ks.err == nil; i-- {
		var s []uint32
		if !ks.decoding {
			s = fresh[len(fresh)-i]
		}
		ks.sequences = append(ks.sequences, ks.sequence(s))
	}
	sequences := ks.toggle(colSequenceToggle, colSequenceToggle, from.sequences, set.sequences, uint32(len(ks.sequences)))
	*to = rootSet{plain, sequences}
	ks.n++
	if ks.decoding && ks.err == nil {
		k.Roots = ks.join(k.Roots[:0], *to)
		if k.Long != 0 && k.Long > ks.roots {
			ks.fail("type %d is no root", k.Long)
		}
	}
}

// toggle codes a set of numbers from 1 to most by where it differs from another one.
func (ks *kernels) toggle(col, length column, from, set []uint32, most uint32) []uint32 {
	var gaps []uint32
	if !ks.decoding {
		gaps = difference(from, set)
	}
	n := ks.count(length, len(gaps), int(most))
	if ks.decoding {
		gaps = make([]uint32, 0, min(n, 1<<16))
	}
	last := uint32(0)
	for i := 0; i < n && ks.err == nil; i++ {
		v := uint64(0)
		if !ks.decoding {
			v = uint64(gaps[i] - last - 1)
		}
		if v = ks.uint(col, v); v >= uint64(most-last) {
			ks.fail("number %d of %d", uint64(last)+v+1, most)
			return nil
		}
		last += uint32(v) + 1
		if ks.decoding {
			gaps = append(gaps, last)
		}
	}
	if ks.decoding {
		return difference(from, gaps)
	}
	return set
}

// difference returns the numbers that are in one of two ascending lists alone.
func difference(a, b []uint32) []uint32 {
	out := make([]uint32, 0, len(a)+min(len(b), 64))
	for len(a) > 0 && len(b) > 0 {
		switch x, y := a[0], b[0]; {
		case x < y:
			out = append(out, x)
			a = a[1:]
		case y < x:
			out = append(out, y)
			b = b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// distance is the length of difference, or something more than most.
func distance(a, b []uint32, most int) (n int) {
	for len(a) > 0 && len(b) > 0 && n <= most {
		switch x, y := a[0], b[0]; {
		case x < y:
			n++
			a = a[1:]
		case y < x:
			n++
			b = b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return n + len(a) + len(b)
}

// nearest returns how many kernels back the one is that has the least other roots; 0 for none.
func (ks *kernels) nearest(set rootSet) (like int) {
	best := len(set.plain) + len(set.sequences)
	for back := 1; back <= min(ks.n, window); back++ {
		of := &ks.sets[(ks.n-back)%window]
		d := distance(of.plain, set.plain, best) + distance(of.sequences, set.sequences, best)
		if d < best {
			like, best = back, d
		}
	}
	return like
}

// divide divides a kernel's roots, which are by stem, into those in the order of their numbers, and others.
func (ks *kernels) divide(roots []uint32) (set rootSet, fresh [][]uint32) {
	for len(roots) > 0 {
		end := 1
		for end < len(roots) && ks.stem[roots[end]] == ks.stem[roots[0]] {
			end++
		}
		s := roots[:end:end]
		roots = roots[end:]
		if slices.IsSortedFunc(s, func(a, b uint32) int { return cmp.Or(cmp.Compare(a, b), -1) }) {
			set.plain = append(set.plain, s...)
			continue
		}
		key := key(s)
		n, ok := ks.number[key]
		if !ok {
			n = uint32(len(ks.number) + 1)
			ks.number[key] = n
			fresh = append(fresh, s)
		}
		set.sequences = append(set.sequences, n)
	}
	slices.Sort(set.sequences)
	return set, fresh
}

func key(s []uint32) string {
	b := make([]byte, 0, 4*len(s))
	for _, n := range s {
		b = append(b, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	return string(b)
}

// sequence codes roots in an order of their own.
func (ks *kernels) sequence(s []uint32) []uint32 {
	n := ks.count(colSequenceLen, len(s), 2*int(ks.roots))
	if ks.decoding {
		s = make([]uint32, 0, min(n, 1<<10))
	}
	last := uint32(0)
	if len(ks.sequences) > 0 {
		last = ks.sequences[len(ks.sequences)-1][0]
	}
	for i := 0; i < n && ks.err == nil; i++ {
		v := int64(0)
		if !ks.decoding {
			v = int64(s[i]) - int64(last)
		}
		v = ks.int(colSequence, v) + int64(last)
		if v < 1 || v > int64(ks.roots) {
			ks.fail("root %d of %d", v, ks.roots)
			break
		}
		if last = uint32(v); ks.decoding {
			s = append(s, last)
		}
	}
	if len(s) == 0 {
		ks.fail("a sequence of no roots")
		return []uint32{1}
	}
	return s
}

// join is the inverse of divide: roots by stem.
func (ks *kernels) join(roots []uint32, set rootSet) []uint32 {
	list := make([][]uint32, len(set.sequences))
	for i, n := range set.sequences {
		list[i] = ks.sequences[n-1]
	}
	slices.SortFunc(list, func(a, b []uint32) int { return cmp.Compare(a[0], b[0]) })
	for _, n := range set.plain {
		for len(list) > 0 && list[0][0] < n {
			roots = append(roots, list[0]...)
			list = list[1:]
		}
		roots = append(roots, n)
	}
	return append(roots, slices.Concat(list...)...)
}

// copies codes a kernel's copies: for each stem that has some, all its roots.
func (ks *kernels) copies(k *Kernel) {
	var segments []segment
	if !ks.decoding {
		segments = divideCopies(k, ks.stem)
	} else {
		k.Copies, k.Order = k.Copies[:0], nil
	}
	n := ks.count(colCopyLen, len(segments), len(k.Roots))
	if n == 0 {
		return
	}
	order := ks.order[:0]
	at := 0 // in k.Roots
	for i := 0; i < n && ks.err == nil; i++ {
		var s segment
		if !ks.decoding {
			s = segments[i]
		}
		skip := ks.count(colCopyGap, s.first-at, len(k.Roots)-at)
		order = append(order, k.Roots[at:at+skip]...)
		at += skip
		roots := ks.count(colCopyLen, s.roots, len(k.Roots)-at)
		order = ks.items(k, s.items, k.Roots[at:at+roots], order)
		at += roots
	}
	ks.order = order
	if ks.decoding && ks.err == nil {
		k.Order = append(order, k.Roots[at:]...)
		ks.order = k.Order
	}
}

// items codes a stem's types, as they are in Kernel.Order.
func (ks *kernels) items(k *Kernel, items, roots, order []uint32) []uint32 {
	const plain, isNew, again = 0, 1, 2
	distinct := ks.distinct[:0]
	for _, n := range roots {
		if !slices.Contains(distinct, n) {
			distinct = append(distinct, n)
		}
	}
	ks.distinct = distinct
	for len(ks.of) < len(distinct) {
		ks.of = append(ks.of, nil)
	}
	of := ks.of[:len(distinct)] // copies of each, so far
	for i := range of {
		of[i] = of[i][:0]
	}
	ks.used = append(ks.used[:0], make([]bool, len(distinct))...)
	n := ks.count(colCopyLen, len(items), math.MaxInt32)
	if len(distinct) == 0 && n > 0 {
		ks.fail("copies of no root")
		return order
	}
	first, begin := len(k.Copies), len(order)
	for j := 0; j < n && ks.err == nil; j++ {
		var r, code int
		var id uint32
		var choices []uint32
		if !ks.decoding {
			root := items[j]
			if id = root; id&store.IsCopy != 0 {
				c := &k.Copies[id&^store.IsCopy]
				root, choices = c.Root, c.Choices
			}
			if r = slices.Index(distinct, root); id&store.IsCopy != 0 {
				if code = isNew; slices.Contains(of[r], id) {
					code = again + slices.Index(of[r], id)
				}
			}
		}
		r = ks.count(colCopyRoot, r, len(distinct)-1)
		ks.used[r] = true
		switch code = ks.count(colCopyAgain, code, again+len(of[r])-1); code {
		case plain:
			id = distinct[r]
		case isNew:
			root := distinct[r]
			if choices = ks.choose(root, choices); ks.decoding {
				id = store.IsCopy | uint32(len(k.Copies))
				if len(k.Copies) == cap(k.Copies) { // append would copy tens of thousands more often
					k.Copies = slices.Grow(k.Copies, len(k.Copies)+64)
				}
				k.Copies = append(k.Copies, store.Copy{Root: root, Choices: choices})
			}
			of[r] = append(of[r], id)
		default:
			id = of[r][code-again]
		}
		order = append(order, id)
	}
	if slices.Contains(ks.used, false) {
		ks.fail("a root of which there is nothing in its segment")
	}
	if ks.decoding && len(distinct) > 1 && ks.err == nil {
		// Those of one root are together.
		moved := make([]store.Copy, 0, len(k.Copies)-first)
		place := make([]uint32, len(k.Copies)-first)
		for _, ids := range of {
			for _, id := range ids {
				place[id&^store.IsCopy-uint32(first)] = store.IsCopy | uint32(first+len(moved))
				moved = append(moved, k.Copies[id&^store.IsCopy])
			}
		}
		copy(k.Copies[first:], moved)
		for i, id := range order[begin:] {
			if id&store.IsCopy != 0 {
				order[begin+i] = place[id&^store.IsCopy-uint32(first)]
			}
		}
	}
	return order
}

// choose codes the choices of a copy, against those of the last one of its root.
func (ks *kernels) choose(root uint32, choices []uint32) []uint32 {
	if ks.last == nil {
		ks.last = make([][]uint32, ks.roots+1)
	}
	last := ks.last[root]
	many := ks.int(colChoices, int64(len(choices)-len(last))) + int64(len(last))
	if many < 0 || many > maxMembers || ks.decoding && many > int64(len(ks.cols[colChoice])) {
		ks.fail("%d choices", many)
		return nil
	}
	if ks.decoding {
		n := int(many)
		if cap(ks.room)-len(ks.room) < n {
			ks.room = make([]uint32, 0, max(n, 1<<14))
		}
		end := len(ks.room) + n
		choices, ks.room = ks.room[len(ks.room):end:end], ks.room[:end]
	}
	for i := range choices {
		var before, v int64
		if i < len(last) {
			before = int64(last[i])
		}
		if !ks.decoding {
			v = int64(choices[i]) - before
		}
		choices[i] = uint32(before + ks.int(colChoice, v))
	}
	ks.last[root] = choices
	return choices
}

// A segment is the roots of a stem that has copies.
type segment struct {
	first, roots int      // in Kernel.Roots
	items        []uint32 // of Kernel.Order
}

// divideCopies returns the segments of a kernel, whose roots and order are by stem.
func divideCopies(k *Kernel, stem []uint32) []segment {
	if k.Order == nil {
		return nil
	}
	of := func(id uint32) uint32 {
		if id&store.IsCopy != 0 {
			id = k.Copies[id&^store.IsCopy].Root
		}
		return stem[id]
	}
	order := k.Order
	var segments []segment
	at := 0
	for i := 0; i < len(order); {
		s := segment{first: at}
		end, has := i, false
		for ; end < len(order) && of(order[end]) == of(order[i]); end++ {
			has = has || order[end]&store.IsCopy != 0
		}
		for ; at < len(k.Roots) && stem[k.Roots[at]] == of(order[i]); at++ {
			s.roots++
		}
		if s.items = order[i:end]; has {
			segments = append(segments, s)
		}
		i = end
	}
	return segments
}
