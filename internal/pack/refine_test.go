package pack

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// naive is refine by comparing all with all, over and over.
func naive(class []uint32, refs *lists) []uint32 {
	for {
		signs := map[string]uint32{}
		next := make([]uint32, len(class))
		for i := range class {
			of := []uint32{class[i]}
			for _, r := range refs.of(uint32(i)) {
				if r&constant == 0 {
					r = class[r]
				}
				of = append(of, r)
			}
			key := fmt.Sprint(of)
			if signs[key] == 0 {
				signs[key] = uint32(len(signs) + 1)
			}
			next[i] = signs[key]
		}
		if before := slices.Compact(slices.Sorted(slices.Values(class))); len(before) == len(signs) {
			return next
		}
		class = next
	}
}

// normal numbers classes in the order in which they come.
func normal(class []uint32) []uint32 {
	numbers := map[uint32]uint32{}
	out := make([]uint32, len(class))
	for i, c := range class {
		if _, ok := numbers[c]; !ok {
			numbers[c] = uint32(len(numbers))
		}
		out[i] = numbers[c]
	}
	return out
}

func TestRefine(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	told := 0 // apart, of what was alike
	for range 5000 {
		n := r.IntN(24)
		class := make([]uint32, n)
		refs := &lists{end: make([]uint32, n)}
		first, degree := 1+r.Uint32N(3), 1+r.IntN(3)
		for i := range n {
			class[i] = r.Uint32N(first)
			for range r.IntN(degree) {
				to := r.Uint32N(uint32(n))
				if r.IntN(12) == 0 {
					to = constant | r.Uint32N(2)
				}
				refs.all = append(refs.all, to)
			}
			refs.end[i] = uint32(len(refs.all))
		}
		before := slices.Max(append(normal(class), 0))
		want := normal(naive(slices.Clone(class), refs))
		text := fmt.Sprint(class, *refs)
		refine(class, refs, first)
		if got := normal(class); !slices.Equal(got, want) {
			t.Fatalf("%s: %v, expected %v", text, got, want)
		}
		if slices.Max(append(want, 0)) > before+2 {
			told++
		}
	}
	if told < 500 {
		t.Errorf("only in %d cases there is something to tell apart", told)
	}
}
