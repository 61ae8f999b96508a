package property

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// A suspect is a kernel and objects that break a law.
type suspect struct {
	order   binary.ByteOrder
	kernel  *btftest.Source
	objects []*btftest.Source
}

// A shrinker leaves out of a suspect what does not matter.
type shrinker struct {
	prune pruner
	by    loader
	law   string
	best  suspect
	found *failure // of best
	texts bool     // what is tried takes the way through its text
}

// shrink returns a small case that breaks the same law: the files of a folder
// in internal/conformance/testdata.
func shrink(prune pruner, by loader, f *failure, k *kernel, objects ...*object) string {
	s := &shrinker{prune: prune, by: by, law: f.law, found: f, best: suspect{order: k.order(), kernel: btftest.From(k.file)}}
	for _, o := range objects {
		s.best.objects = append(s.best.objects, o.source)
	}
	for i := len(objects) - 1; i >= 0; i-- {
		s.try(func(c *suspect) bool {
			c.objects = slices.Delete(slices.Clone(c.objects), i, i+1)
			return len(c.objects) > 0
		})
	}
	s.try(func(c *suspect) bool {
		c.objects = []*btftest.Source{joined(c.objects)}
		return len(s.best.objects) > 1
	})
	s.candidates() // a kernel has a hundred thousand types
	s.code()
	s.candidates()
	for size := 0; size != s.size(); {
		size = s.size()
		if !s.texts && len(s.best.kernel.Types) < 5000 {
			s.texts = true
			s.texts = s.try(func(*suspect) bool { return true })
		}
		s.kernelTypes()
		s.code()
		s.members(func(c *suspect) **btftest.Source { return &c.kernel })
		s.modifiers(func(c *suspect) **btftest.Source { return &c.kernel })
		for i := range s.best.objects {
			object := func(c *suspect) **btftest.Source { return &c.objects[i] }
			s.members(object)
			s.modifiers(object)
		}
	}
	return s.text()
}

// try changes a copy of the best suspect, and takes it if the law is still broken.
func (s *shrinker) try(change func(*suspect) bool) bool {
	c := suspect{s.best.order, s.best.kernel, slices.Clone(s.best.objects)}
	if !change(&c) {
		return false
	}
	if s.texts {
		for _, source := range append([]**btftest.Source{&c.kernel}, pointers(c.objects)...) {
			text, err := (*source).Text()
			if err != nil {
				return false
			}
			if *source, err = btftest.Read(text); err != nil {
				return false
			}
		}
	}
	raw, err := c.kernel.Kernel(c.order)
	if err != nil {
		return false
	}
	k, err := newKernel(raw)
	if err != nil {
		return false
	}
	var objects []*object
	for _, source := range c.objects {
		o, err := build(source, c.order)
		if err != nil {
			return false
		}
		objects = append(objects, o)
	}
	f, err := check(s.prune, s.by, k, objects...)
	if err != nil || f == nil || f.law != s.law {
		return false
	}
	s.best, s.found = c, f
	return true
}

func pointers[T any](list []T) []*T {
	var p []*T
	for i := range list {
		p = append(p, &list[i])
	}
	return p
}

// size is what shrinking makes smaller.
func (s *shrinker) size() int {
	n := 0
	for _, source := range append(slices.Clone(s.best.objects), s.best.kernel) {
		n += len(source.Types)
		for _, t := range source.Types {
			n += len(t.Members)
		}
		for _, f := range source.Funcs {
			n += 1 + len(f.Steps)
		}
	}
	return n
}

// without tries to leave out parts of n things, large parts first.
func (s *shrinker) without(n int, try func(drop []bool) bool) {
	drop := make([]bool, n)
	for part := (n + 1) / 2; part > 0; part /= 2 {
		for from := 0; from < n; from += part {
			wider := slices.Clone(drop)
			for i := from; i < min(from+part, n); i++ {
				wider[i] = true
			}
			if !slices.Equal(wider, drop) && try(wider) {
				drop = wider
			}
		}
	}
}

// code leaves out programs, then relocations and calls, and the types that no other needs.
func (s *shrinker) code() {
	for i, whole := range slices.Clone(s.best.objects) {
		s.without(len(whole.Funcs), func(drop []bool) bool {
			return s.try(func(c *suspect) bool {
				c.objects[i] = reachable(withoutFuncs(whole, drop))
				return true
			})
		})
	}
	for i, whole := range slices.Clone(s.best.objects) {
		n := 0
		for _, f := range whole.Funcs {
			n += len(f.Steps)
		}
		s.without(n, func(drop []bool) bool {
			return s.try(func(c *suspect) bool {
				c.objects[i] = reachable(withoutSteps(whole, drop))
				return true
			})
		})
	}
}

func withoutFuncs(s *btftest.Source, drop []bool) *btftest.Source {
	out := *s
	out.Funcs = nil
	number := make([]int, len(s.Funcs))
	n := 0
	for i := range s.Funcs {
		if !drop[i] {
			n++
			number[i] = n
		}
	}
	for i, f := range s.Funcs {
		if drop[i] {
			continue
		}
		steps := slices.Clone(f.Steps)
		steps = slices.DeleteFunc(steps, func(step btftest.Step) bool { return step.Call != 0 && drop[step.Call-1] })
		for j := range steps {
			if steps[j].Call != 0 {
				steps[j].Call = number[steps[j].Call-1]
			}
		}
		out.Funcs = append(out.Funcs, btftest.Func{Section: f.Section, Steps: steps})
	}
	return &out
}

func withoutSteps(s *btftest.Source, drop []bool) *btftest.Source {
	out := *s
	out.Funcs = slices.Clone(s.Funcs)
	at := 0
	for i := range out.Funcs {
		var steps []btftest.Step
		for _, step := range s.Funcs[i].Steps {
			if !drop[at] {
				steps = append(steps, step)
			}
			at++
		}
		out.Funcs[i].Steps = steps
	}
	return &out
}

// references calls visit with each reference of a type to another.
func references(t *btf.Type, visit func(*uint32)) {
	visit(&t.Ref)
	visit(&t.Index)
	if !t.Kind.IsEnum() {
		for i := range t.Members {
			visit(&t.Members[i].Type)
		}
	}
}

// reachable leaves out the types that no relocation leads to.
func reachable(s *btftest.Source) *btftest.Source {
	keep := make([]bool, len(s.Types))
	var queue []uint32
	for _, f := range s.Funcs {
		for _, step := range f.Steps {
			queue = append(queue, step.Type)
		}
	}
	for len(queue) > 0 {
		id := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if id != 0 && !keep[id-1] {
			keep[id-1] = true
			references(&s.Types[id-1], func(ref *uint32) { queue = append(queue, *ref) })
		}
	}
	for i := range keep {
		keep[i] = !keep[i]
	}
	return withoutTypes(s, keep)
}

// withoutTypes leaves out types, and the members that are of them; other
// references lead to void instead. It is nil if a relocation needs one.
func withoutTypes(s *btftest.Source, drop []bool) *btftest.Source {
	out := &btftest.Source{Names: s.Names}
	ids := make([]uint32, len(s.Types)+1)
	n := uint32(0)
	for i := range s.Types {
		if !drop[i] {
			n++
			ids[i+1] = n
		}
	}
	for i, t := range s.Types {
		if drop[i] {
			continue
		}
		t.Members = slices.Clone(t.Members)
		if t.Kind.IsComposite() || t.Kind == btf.Datasec {
			t.Members = slices.DeleteFunc(t.Members, func(m btf.Member) bool { return m.Type != 0 && drop[m.Type-1] })
		}
		references(&t, func(ref *uint32) { *ref = ids[*ref] })
		out.Types = append(out.Types, t)
	}
	for _, f := range s.Funcs {
		steps := slices.Clone(f.Steps)
		for i := range steps {
			steps[i].Type = ids[steps[i].Type]
		}
		out.Funcs = append(out.Funcs, btftest.Func{Section: f.Section, Steps: steps})
	}
	return out
}

// candidates leaves most of a real kernel out: all but candidates, what they
// hold by value, and the integers; or, if those do not do, what they lead to as well.
func (s *shrinker) candidates() {
	stems := map[string]bool{}
	for _, o := range s.best.objects {
		for _, f := range o.Funcs {
			for _, step := range f.Steps {
				if step.Call == 0 && step.Type != 0 {
					stems[graph.Stem(o.Names[o.Types[step.Type-1].Name])] = true
				}
			}
		}
	}
	for _, pointees := range []bool{false, true} {
		ok := s.try(func(c *suspect) bool {
			c.kernel = about(c.kernel, stems, pointees)
			return true
		})
		if ok {
			return
		}
	}
}

func about(k *btftest.Source, stems map[string]bool, pointees bool) *btftest.Source {
	keep := make([]bool, len(k.Types))
	var queue []uint32
	for i, t := range k.Types {
		if t.Kind == btf.Int || t.Name != 0 && stems[graph.Stem(k.Names[t.Name])] {
			queue = append(queue, uint32(i+1))
		}
	}
	for len(queue) > 0 {
		id := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if id == 0 || keep[id-1] {
			continue
		}
		keep[id-1] = true
		t := &k.Types[id-1]
		if pointees || t.Kind != btf.Ptr && t.Kind != btf.FuncProto {
			references(t, func(ref *uint32) { queue = append(queue, *ref) })
		}
	}
	for i := range keep {
		keep[i] = !keep[i]
	}
	return withoutTypes(k, keep)
}

func (s *shrinker) kernelTypes() {
	whole := s.best.kernel
	s.without(len(whole.Types), func(drop []bool) bool {
		return s.try(func(c *suspect) bool {
			c.kernel = withoutTypes(whole, drop)
			return true
		})
	})
}

// members leaves out members, enumerators and parameters.
func (s *shrinker) members(of func(*suspect) **btftest.Source) {
	whole := *of(&s.best)
	n := 0
	for _, t := range whole.Types {
		n += len(t.Members)
	}
	s.without(n, func(drop []bool) bool {
		return s.try(func(c *suspect) bool {
			smaller := withoutMembers(whole, drop)
			if smaller == nil {
				return false
			}
			if len(smaller.Funcs) > 0 {
				smaller = reachable(smaller)
			}
			*of(c) = smaller
			return true
		})
	})
}

// withoutMembers is nil if a relocation needs one of the members.
func withoutMembers(s *btftest.Source, drop []bool) *btftest.Source {
	out := &btftest.Source{Names: s.Names, Types: slices.Clone(s.Types)}
	index := make([][]int, len(s.Types)) // of members that stay, by type and former index
	at := 0
	for i := range out.Types {
		t := &out.Types[i]
		var members []btf.Member
		for _, m := range t.Members {
			if drop[at] {
				index[i] = append(index[i], -1)
			} else {
				index[i] = append(index[i], len(members))
				members = append(members, m)
			}
			at++
		}
		t.Members = members
	}
	for _, f := range s.Funcs {
		steps := slices.Clone(f.Steps)
		for i := range steps {
			if steps[i].Call == 0 && !reindex(s, index, &steps[i]) {
				return nil
			}
		}
		out.Funcs = append(out.Funcs, btftest.Func{Section: f.Section, Steps: steps})
	}
	return out
}

// reindex makes a relocation's access string lead where it led before.
func reindex(s *btftest.Source, index [][]int, step *btftest.Step) bool {
	if !step.Kind.IsField() && !step.Kind.IsEnumval() {
		return true
	}
	path := strings.Split(step.Access, ":")
	id := step.Type
	for n := range path {
		if n == 0 && step.Kind.IsField() {
			continue
		}
		i, err := strconv.Atoi(path[n])
		if err != nil {
			return false
		}
		end, t, _ := underlying(decoderOf(s), id)
		at := end - 1
		if t.Kind == btf.Array {
			id = t.Ref
			continue
		}
		if i >= len(t.Members) || index[at][i] < 0 {
			return false
		}
		id = t.Members[i].Type
		path[n] = strconv.Itoa(index[at][i])
	}
	step.Access = strings.Join(path, ":")
	return true
}

// modifiers puts what typedefs and modifiers stand for in their place.
func (s *shrinker) modifiers(of func(*suspect) **btftest.Source) {
	whole := *of(&s.best)
	var ids []uint32
	for i, t := range whole.Types {
		if t.Kind.IsModifier() {
			ids = append(ids, uint32(i+1))
		}
	}
	s.without(len(ids), func(drop []bool) bool {
		skipped := map[uint32]bool{}
		for i, id := range ids {
			skipped[id] = drop[i]
		}
		return s.try(func(c *suspect) bool {
			smaller := &btftest.Source{Names: whole.Names, Types: slices.Clone(whole.Types), Funcs: whole.Funcs}
			for i := range smaller.Types {
				t := &smaller.Types[i]
				t.Members = slices.Clone(t.Members)
				references(t, func(ref *uint32) {
					for skipped[*ref] {
						*ref = whole.Types[*ref-1].Ref
					}
				})
			}
			if len(smaller.Funcs) > 0 {
				smaller = reachable(smaller)
			}
			*of(c) = smaller
			return true
		})
	})
}

// joined is one object of several.
func joined(objects []*btftest.Source) *btftest.Source {
	all := &btftest.Source{}
	for _, o := range objects {
		ids, names, funcs := uint32(len(all.Types)), uint32(len(all.Names)), len(all.Funcs)
		all.Names = append(all.Names, o.Names...)
		for _, t := range o.Types {
			t.Name += names
			t.Members = slices.Clone(t.Members)
			for i := range t.Members {
				t.Members[i].Name += names
			}
			references(&t, func(ref *uint32) {
				if *ref != 0 {
					*ref += ids
				}
			})
			all.Types = append(all.Types, t)
		}
		for _, f := range o.Funcs {
			steps := slices.Clone(f.Steps)
			for i := range steps {
				if steps[i].Type != 0 {
					steps[i].Type += ids
				}
				if steps[i].Call != 0 {
					steps[i].Call += funcs
				}
			}
			all.Funcs = append(all.Funcs, btftest.Func{Section: f.Section, Steps: steps})
		}
	}
	return all
}

// text is the best suspect as a case.
func (s *shrinker) text() string {
	kernel, err := s.best.kernel.Text()
	if err != nil {
		kernel = err.Error() + "\n"
	}
	text := "-- kernel.txt --\n" + kernel
	for i, o := range s.best.objects {
		object, err := o.Text()
		if err != nil {
			object = err.Error() + "\n"
		}
		if !s.texts {
			object = "# As a text it does not fail: what matters is not in it.\n" + object
		}
		text += fmt.Sprintf("-- object%s.txt --\n# %s: %s\n%s", strings.Repeat("_and_another", i), s.law, s.found.what, object)
	}
	return text
}
