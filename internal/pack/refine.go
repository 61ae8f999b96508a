package pack

import (
	"math/bits"
	"slices"
)

// A lists is a list of numbers for each of some things, one after the other.
type lists struct {
	all []uint32
	end []uint32 // of each list in all
}

func (l *lists) of(i uint32) []uint32 {
	if i == 0 {
		return l.all[:l.end[0]]
	}
	return l.all[l.end[i-1]:l.end[i]]
}

// constant marks a number in a list that stands for itself, and not for a thing.
const constant = 1 << 31

// refine divides things into as few classes as there can be: those of a class
// have the same class at first, and refer to the same classes in the same
// order, round in circles. Classes are below next at first; new ones are numbered from there.
//
// A class that falls apart leaves its number to one of its parts, so that only what
// refers to the others has to be looked at again.
func refine(class []uint32, refs *lists, next uint32) {
	things := len(class)
	size := make([]uint32, int(next)+things) // of classes
	for _, c := range class {
		size[c]++
	}
	type part struct{ thing, size, class uint32 }
	var (
		from  = refs.reverse()
		parts []part
		of    = make([]uint32, things)    // by index in look: the part
		kept  = make([]uint32, len(size)) // by class: the part that keeps the number, + 1
		seen  = make([]uint32, len(size)) // by class: how many of it are looked at
		todo  = make([]bool, things)
		table []uint32 // part + 1
		look  = make([]uint32, things)
		again []uint32
	)
	label := func(r uint32) uint32 {
		if r&constant != 0 {
			return r
		}
		return class[r]
	}
	hash := func(i uint32) uint32 {
		h := uint64(class[i])
		for _, r := range refs.of(i) {
			h = (h ^ uint64(label(r))) * 0x9e3779b97f4a7c15
			h ^= h >> 32
		}
		return uint32(h)
	}
	equal := func(i, j uint32) bool {
		return class[i] == class[j] && slices.EqualFunc(refs.of(i), refs.of(j), func(a, b uint32) bool { return label(a) == label(b) })
	}
	for i := range look {
		look[i] = uint32(i)
	}
	for len(look) > 0 {
		mask := uint32(1)<<bits.Len(uint(2*len(look))) - 1
		table = cleared(table, int(mask)+1)
		parts = parts[:0]
		for k, i := range look {
			at := hash(i) & mask
			for ; table[at] != 0 && !equal(i, parts[table[at]-1].thing); at = (at + 1) & mask {
			}
			if table[at] == 0 {
				parts = append(parts, part{thing: i})
				table[at] = uint32(len(parts))
			}
			of[k] = table[at] - 1
			parts[of[k]].size++
			seen[class[i]]++
		}
		for p := range parts {
			if c := class[parts[p].thing]; seen[c] == size[c] && (kept[c] == 0 || parts[p].size > parts[kept[c]-1].size) {
				kept[c] = uint32(p + 1)
			}
		}
		for p := range parts {
			part := &parts[p]
			if part.class = class[part.thing]; kept[part.class] != uint32(p+1) {
				size[part.class] -= part.size
				part.class = next
				size[next] = part.size
				next++
			}
		}
		for _, i := range look {
			seen[class[i]], kept[class[i]] = 0, 0
		}
		again = again[:0]
		for k, i := range look {
			c := parts[of[k]].class
			if c == class[i] {
				continue
			}
			class[i] = c
			for _, r := range from.of(i) {
				if !todo[r] {
					todo[r] = true
					again = append(again, r)
				}
			}
		}
		for _, i := range again {
			todo[i] = false
		}
		look, again = again, look
	}
}

// reverse returns for each thing those that refer to it.
func (l *lists) reverse() *lists {
	r := &lists{end: make([]uint32, len(l.end)+1)}
	for _, to := range l.all {
		if to&constant == 0 {
			r.end[to+1]++
		}
	}
	for i := range l.end {
		r.end[i+1] += r.end[i]
	}
	r.all = make([]uint32, r.end[len(l.end)])
	for i := range l.end {
		for _, to := range l.of(uint32(i)) {
			if to&constant == 0 {
				r.all[r.end[to]] = uint32(i)
				r.end[to]++
			}
		}
	}
	r.end = r.end[:len(l.end)]
	return r
}
