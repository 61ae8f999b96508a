package property

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/objgen"
)

// chance is where all that is random comes from.
type chance struct{ *rand.Rand }

func newChance(seed, stream uint64) chance { return chance{rand.New(rand.NewPCG(seed, stream))} }

func (c chance) pick(s ...string) string { return s[c.IntN(len(s))] }

func (c chance) oneIn(n int) bool { return c.IntN(n) == 0 }

// A coder writes random functions for an object that has types.
type coder struct {
	chance
	s *btftest.Source
	// types that field, enumval and all other relocations may begin with
	fields, enums, named []uint32
}

// addCode gives an object functions with about n relocations. Most of them
// begin with the types of roots; it is fine if there are none.
func addCode(c chance, s *btftest.Source, roots []uint32, n int) {
	w := &coder{chance: c, s: s}
	w.collect(roots, 8)
	for id := range s.Types {
		w.collect([]uint32{uint32(id + 1)}, 1)
	}
	if len(w.named) == 0 {
		return
	}
	subs := w.functions(w.IntN(3), objgen.Text)
	// Sections like SEC("?…") hold programs that are not loaded unless asked for.
	all := w.functions(1+w.IntN(6), "kprobe/a", "kprobe/a", "kprobe/b", "?kprobe/c", "?kprobe/c", "socket", "raw_tp/d")
	for n > 0 {
		n -= w.relocations(w.IntN(all))
	}
	for f := range s.Funcs {
		for to := range subs {
			// Those that stand before it, so that none calls itself.
			if w.oneIn(3) && (f >= subs || to < f) {
				steps := &s.Funcs[f].Steps
				*steps = slices.Insert(*steps, w.IntN(len(*steps)+1), btftest.Step{Call: to + 1})
			}
		}
	}
}

// functions appends n functions of some sections and returns how many there are in all.
func (w *coder) functions(n int, sections ...string) int {
	for range n {
		w.s.Funcs = append(w.s.Funcs, btftest.Func{Section: w.pick(sections...)})
	}
	return len(w.s.Funcs)
}

// collect adds types with a weight.
func (w *coder) collect(ids []uint32, weight int) {
	for _, id := range ids {
		t := w.s.Types[id-1]
		if t.Name == 0 || t.Kind == btf.TypeTag {
			continue
		}
		under := w.underlying(id)
		for range weight {
			w.named = append(w.named, id)
			switch {
			case under.Kind.IsEnum() && len(under.Members) > 0:
				w.enums = append(w.enums, id)
			case under.Kind.IsComposite() || under.Kind == btf.Array:
				w.fields = append(w.fields, id)
			}
		}
	}
}

func (w *coder) underlying(id uint32) *btf.Type {
	_, t, _ := underlying(decoderOf(w.s), id)
	return &t
}

// relocations appends some that begin with one type, as a C function's often
// do, and returns how many.
func (w *coder) relocations(f int) int {
	kind := core.RelocationKind(w.IntN(int(core.TypeMatches) + 1))
	from := w.named
	switch {
	case kind.IsField():
		from = w.fields
	case kind.IsEnumval():
		from = w.enums
	}
	if len(from) == 0 {
		return 1
	}
	id := from[w.IntN(len(from))]
	n := 1 + w.IntN(4)
	for range n {
		step := btftest.Step{Kind: kind, Type: id, Access: "0"}
		switch {
		case kind.IsField():
			var end *btf.Type
			step.Access, end = w.path(id)
			if kind >= core.FieldSigned && end.Kind != btf.Int && !end.Kind.IsEnum() {
				step.Access, _ = w.path(id) // loaders refuse most of these
			}
			step.Load = kind == core.FieldByteOffset && w.oneIn(2)
		case kind.IsEnumval():
			step.Access = strconv.Itoa(w.IntN(len(w.underlying(id).Members)))
		default:
			n = 1 // another of the kind would be the same
		}
		w.s.Funcs[f].Steps = append(w.s.Funcs[f].Steps, step)
		if n == 1 {
			break
		}
		// The next one is of the same family.
		switch {
		case kind.IsField():
			kind = core.RelocationKind(w.IntN(int(core.FieldRShiftU64) + 1))
		case w.oneIn(2):
			kind = core.EnumvalExists
		default:
			kind = core.EnumvalValue
		}
	}
	return n
}

// path is a random access string of a field in a type, and the field's type.
func (w *coder) path(id uint32) (string, *btf.Type) {
	access := strconv.Itoa(w.IntN(20) / 19)
	at := w.underlying(id)
	for {
		var i int
		var next uint32
		switch {
		case at.Kind.IsComposite() && len(at.Members) > 0:
			i = w.IntN(len(at.Members))
			for range 2 { // rather one that leads on
				if kind := w.underlying(at.Members[i].Type).Kind; !kind.IsComposite() && kind != btf.Array {
					i = w.IntN(len(at.Members))
				}
			}
			m := at.Members[i]
			next = m.Type
			if m.Name == 0 && !w.underlying(next).Kind.IsComposite() {
				return access, at // no compiler accesses such a member
			}
		case at.Kind == btf.Array:
			// The last index and the first that is out of range, more often than any other.
			i = w.IntN(3)
			if n := int(at.Size); n > 0 && w.oneIn(3) {
				i = n - 1 + w.IntN(2)
			}
			next = at.Ref
		default:
			return access, at
		}
		access += ":" + strconv.Itoa(i)
		at = w.underlying(next)
		if w.oneIn(6) {
			return access, at
		}
	}
}
