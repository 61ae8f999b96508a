package core_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
)

// A world makes kernels and objects at random, as text that can become a case.
// Few names make sure that they meet.
type world struct {
	r *rand.Rand
	b strings.Builder
	// names that a value may be of: of types that stand above, so that none contains itself
	values []string
	all    []string // names that a pointer may lead to
	count  map[string]int
}

func (w *world) pick(s ...string) string { return s[w.r.IntN(len(s))] }

func (w *world) oneIn(n int) bool { return w.r.IntN(n) == 0 }

// plan is what kernel and object have in common: the kinds and names of their types, in order.
func plan(r *rand.Rand) []string {
	w := &world{r: r}
	defs := []string{"int int", "int u64", "int char"}
	for range 3 + r.IntN(9) {
		defs = append(defs, w.pick("struct", "struct", "struct", "union", "enum", "enum64", "fwd struct", "fwd union", "typedef", "typedef", "int", "float")+
			" "+w.pick("s", "t", "u", "v", "w"))
	}
	return defs
}

func generate(r *rand.Rand, defs []string, local bool) string {
	w := &world{r: r, count: map[string]int{}}
	w.values = []string{"int"}
	if w.oneIn(3) {
		defs = append([]string{"int long"}, defs...)
	}
	type def struct{ head, kind, ref string }
	var list []def
	for _, d := range defs {
		if w.oneIn(12) { // the other side has it
			if d != "int int" {
				continue
			}
		}
		i := strings.LastIndex(d, " ")
		kind, name := d[:i], d[i+1:]
		if len(name) == 1 {
			name += w.pick("", "", "", "", "___x", "___y", "____", "_")
			if !local && w.oneIn(2) {
				name = name[:1]
			}
		}
		class := strings.Fields(kind)[0]
		ref := class + " " + name
		switch class {
		case "enum64":
			ref = "enum " + name
		case "int", "float", "typedef":
			ref = name
		}
		if w.count[ref]++; w.count[ref] > 1 {
			if local && ref == "int" {
				continue
			}
			ref = fmt.Sprintf("%s#%d", ref, w.count[ref])
		}
		w.all = append(w.all, ref)
		list = append(list, def{kind + " " + name, class, ref})
	}
	for _, d := range list {
		w.b.WriteString(d.head)
		switch d.kind {
		case "int":
			fmt.Fprintf(&w.b, " %d", w.size(d.ref))
			if w.oneIn(3) {
				w.b.WriteString(" signed")
			}
			if w.oneIn(12) {
				fmt.Fprintf(&w.b, " bits %d offset %d", 1+r.IntN(7), r.IntN(8))
			}
		case "float":
			fmt.Fprintf(&w.b, " %d", 4<<r.IntN(2))
		case "typedef":
			w.b.WriteString(" " + w.value(3))
		case "struct", "union":
			w.b.WriteString(w.members(3))
		case "enum", "enum64":
			w.b.WriteString(w.enumerators(d.kind))
		}
		w.b.WriteString("\n")
		if d.kind != "fwd" || w.oneIn(4) {
			w.values = append(w.values, d.ref)
		}
	}
	return w.b.String()
}

func (w *world) size(name string) int {
	if strings.HasPrefix(name, "u64") || strings.HasPrefix(name, "long") {
		return 8
	}
	return 1 << w.r.IntN(4)
}

func (w *world) enumerators(kind string) string {
	s := fmt.Sprintf(" %d", 4)
	if kind == "enum64" || w.oneIn(8) {
		s = " 8"
	}
	if w.oneIn(3) {
		s += " signed"
	}
	s += " { "
	for i, name := range []string{"A", "B", "C", "D"} {
		if w.oneIn(3) {
			continue
		}
		if !strings.HasSuffix(s, "{ ") {
			s += "; "
		}
		s += fmt.Sprintf("%s%s = %d", name, w.pick("", "", "", "___f"), i+w.r.IntN(2))
	}
	return s + " }"
}

// members is the body of a struct or union.
func (w *world) members(depth int) string {
	size := 4 * (1 + w.r.IntN(12))
	s := fmt.Sprintf(" %d { ", size)
	offset := 0
	for i := range w.r.IntN(6) {
		if i > 0 {
			s += "; "
		}
		name := w.pick("a", "b", "c", "d")
		switch {
		case depth > 0 && w.oneIn(4):
			s += w.pick("struct", "union") + w.members(depth-1)
		case w.oneIn(40):
			s += "_ " + w.value(depth)
		case w.oneIn(8):
			s += name + " int"
			if w.oneIn(2) {
				s += fmt.Sprintf(" @%d:%d", offset, 1+w.r.IntN(15))
				offset += 16
				continue
			}
		default:
			s += name + " " + w.value(depth)
		}
		s += fmt.Sprintf(" @%d", offset)
		offset += 32
	}
	return s + " }"
}

// value is an expression for a type that has a size.
func (w *world) value(depth int) string {
	if depth == 0 {
		return w.pick(w.values...)
	}
	switch w.r.IntN(12) {
	case 0, 1:
		return "*" + w.pointee(depth)
	case 2, 3:
		return fmt.Sprintf("[%d]%s", w.r.IntN(4), w.value(depth-1))
	case 4:
		return w.pick("const ", "volatile ", "tag user ", "restrict ") + w.value(depth-1)
	case 5:
		if w.oneIn(2) {
			return "enum" + w.enumerators("enum")
		}
		return "struct" + w.members(depth-1)
	}
	return w.pick(w.values...)
}

func (w *world) pointee(depth int) string {
	switch w.r.IntN(6) {
	case 0:
		return "void"
	case 1:
		var params []string
		for range w.r.IntN(3) {
			params = append(params, w.value(depth-1))
		}
		return fmt.Sprintf("func(%s) %s", strings.Join(params, ", "), w.pick("void", "int", "*"+w.pick(w.all...)))
	case 2:
		return w.value(depth - 1)
	}
	return w.pick(w.all...)
}

// relocs are lines for relocations of an object that has the types.
func relocs(r *rand.Rand, types *btf.File) string {
	var b strings.Builder
	w := &world{r: r}
	var t btf.Type
	for range 1 + r.IntN(12) {
		id := 1 + r.Uint32N(types.NumTypes()-1)
		kind, name := types.Head(id)
		if types.String(name) == "" || kind == btf.TypeTag {
			continue
		}
		under := id
		for types.Type(under, &t); t.Kind.IsModifier(); types.Type(under, &t) {
			under = t.Ref
		}
		section := w.pick("kprobe/a", "kprobe/b", "?kprobe/c")
		switch {
		case t.Kind.IsEnum() && len(t.Members) > 0 && !w.oneIn(4):
			fmt.Fprintf(&b, "reloc %s %s #%d %d\n", section, w.pick("enumval_exists", "enumval_value"), id, r.IntN(len(t.Members)))
		case (t.Kind.IsComposite() || t.Kind == btf.Array) && !w.oneIn(4):
			access := fmt.Sprint(r.IntN(20) / 19)
			for at := under; !w.oneIn(6); {
				for types.Type(at, &t); t.Kind.IsModifier(); types.Type(at, &t) {
					at = t.Ref
				}
				if t.Kind.IsComposite() && len(t.Members) > 0 {
					i := r.IntN(len(t.Members))
					m := t.Members[i]
					if types.String(m.Name) == "" && !isComposite(types, m.Type) {
						break // no compiler accesses such a member
					}
					access += fmt.Sprintf(":%d", i)
					at = m.Type
				} else if t.Kind == btf.Array {
					access += fmt.Sprintf(":%d", r.IntN(3))
					at = t.Ref
				} else {
					break
				}
			}
			fmt.Fprintf(&b, "reloc %s %s #%d %s\n", section, w.pick("field_exists", "field_exists", "field_byte_offset", "field_byte_offset",
				"field_byte_size", "field_signed", "field_lshift_u64", "field_rshift_u64"), id, access)
		default:
			fmt.Fprintf(&b, "reloc %s %s #%d 0\n", section, w.pick("type_exists", "type_size", "type_matches", "type_matches", "type_id_target", "type_id_local"), id)
		}
	}
	return b.String()
}

func isComposite(f *btf.File, id uint32) bool {
	var t btf.Type
	for f.Type(id, &t); t.Kind.IsModifier(); f.Type(id, &t) {
		id = t.Ref
	}
	return t.Kind.IsComposite()
}

// judge prunes a random kernel for a random object and lets cilium/ebpf judge.
func judge(t *testing.T, seed uint64, counts map[string]int) {
	r := rand.New(rand.NewPCG(seed, 0))
	order := orders[r.IntN(2)]
	defs := plan(r)
	kernel, object := generate(r, defs, false), generate(r, defs, true)
	object += relocs(r, btftest.Parse(t, order, object))
	defer func() {
		if t.Failed() {
			t.Fatalf("seed %d\n-- kernel --\n%s-- object --\n%s", seed, kernel, object)
		}
	}()
	k, o := btftest.Compile(t, order, kernel), btftest.Object(t, order, object)
	rs := relocations(t, o)
	min := prune(t, k, rs)
	res := compare(t, k, min, o)
	for _, d := range res.Differences {
		t.Error(d)
	}
	counts["relocations"] += res.Relocations
	counts["limits"] += len(res.Limits)
	for line := range strings.Lines(outcomes(t, k, o, order)) {
		_, outcome, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case strings.HasSuffix(outcome, "poison"), strings.HasSuffix(outcome, "->0") && strings.Contains(outcome, "exists"), strings.HasSuffix(outcome, "matches=1->0"):
			counts["not found"]++
		case strings.Contains(outcome, "->"):
			counts["found"]++
		default:
			counts["refused"]++
		}
	}
	if file, err := rs.Marshal(); err != nil {
		t.Error(err)
	} else if back, err := core.Unmarshal(file); err != nil {
		t.Error(err)
	} else if again, _ := back.Marshal(); string(again) != string(file) {
		t.Errorf("relocations change when they are read:\n%s\nwere:\n%s", again, file)
	}
}

// Whatever the kernel and the object, cilium/ebpf makes the same of the minimal BTF as of the full one.
func TestRandomWorlds(t *testing.T) {
	counts := map[string]int{}
	for seed := range uint64(3000) {
		judge(t, seed, counts)
		if t.Failed() {
			return
		}
	}
	t.Log(counts)
	if counts["found"] < 3000 || counts["not found"] < 1000 || counts["refused"] < 100 || counts["limits"] == 0 {
		t.Errorf("the worlds are not to the point: %v", counts)
	}
}

func FuzzWorlds(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(1 << 40 * (seed + 1))
	}
	f.Fuzz(func(t *testing.T, seed uint64) { judge(t, seed, map[string]int{}) })
}
