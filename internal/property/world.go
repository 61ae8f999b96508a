package property

import (
	"fmt"
	"strings"
)

// A world writes the types of small kernels and objects at random. Few names
// make sure that they meet.
type world struct {
	chance
	b strings.Builder
	// names that a value may be of: of types that stand above, so that none contains itself
	values []string
	all    []string // names that a pointer may lead to
	count  map[string]int
}

// plan is what kernel and object have in common: the kinds and names of their types, in order.
func plan(c chance) []string {
	defs := []string{"int int", "int u64", "int char"}
	for range 3 + c.IntN(9) {
		defs = append(defs, c.pick("struct", "struct", "struct", "union", "enum", "enum64", "fwd struct", "fwd union", "typedef", "typedef", "int", "float")+
			" "+c.pick("s", "t", "u", "v", "w"))
	}
	return defs
}

// types are those of a plan, of the object (local) or the kernel.
func types(c chance, defs []string, local bool) string {
	w := &world{chance: c, count: map[string]int{}}
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
		if class != "typedef" { // no type leads back to itself without a struct
			w.all = append(w.all, ref)
		}
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
				fmt.Fprintf(&w.b, " bits %d offset %d", 1+w.IntN(7), w.IntN(8))
			}
		case "float":
			fmt.Fprintf(&w.b, " %d", 4<<w.IntN(2))
		case "typedef":
			w.b.WriteString(" " + w.value(3))
			w.all = append(w.all, d.ref)
		case "struct", "union":
			w.b.WriteString(w.members(3))
		case "enum", "enum64":
			w.b.WriteString(w.enumerators(d.kind))
		}
		w.b.WriteString("\n")
		if d.kind != "fwd" || !local && w.oneIn(4) { // damaged
			w.values = append(w.values, d.ref)
		}
	}
	return w.b.String()
}

func (w *world) size(name string) int {
	switch {
	case strings.HasPrefix(name, "u64"):
		return 8
	case strings.HasPrefix(name, "long"): // what tells the size of a pointer
		return 4 << w.IntN(2)
	}
	return 1 << w.IntN(4)
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
		s += fmt.Sprintf("%s%s = %d", name, w.pick("", "", "", "___f"), i+w.IntN(2))
	}
	return s + " }"
}

// members is the body of a struct or union.
func (w *world) members(depth int) string {
	size := 4 * (1 + w.IntN(12))
	if w.oneIn(40) { // none, or more than libbpf's sizes hold
		size = []int{0, 1<<31 - 1, 1 << 31, 1<<31 + 8, 1<<32 - 1}[w.IntN(5)]
	}
	s := fmt.Sprintf(" %d { ", size)
	offset := 0
	for i := range w.IntN(6) {
		if i > 0 {
			s += "; "
		}
		name := w.pick("a", "b", "c", "d")
		switch {
		case depth > 0 && w.oneIn(4):
			s += w.pick("struct", "union") + w.members(depth-1)
		case w.oneIn(40):
			s += "_ " + w.value(depth)
		case w.oneIn(60): // cilium/ebpf gives up after 32, libbpf after 64
			s += nest(w.IntN(70), nest(w.IntN(10), w.pick("a", "b", "c", "d")+" int")+" @0; "+name+" int")
		case w.oneIn(8):
			s += name + " int"
			if w.oneIn(2) {
				s += fmt.Sprintf(" @%d:%d", offset, 1+w.IntN(15))
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

// nest is anonymous structs within each other, with a member in the innermost.
func nest(n int, member string) string {
	return strings.Repeat("struct 4 { ", n) + member + strings.Repeat(" @0 }", n)
}

// value is an expression for a type that has a size.
func (w *world) value(depth int) string {
	if depth == 0 {
		return w.pick(w.values...)
	}
	switch w.IntN(12) {
	case 0, 1:
		return "*" + w.pointee(depth)
	case 2, 3:
		return fmt.Sprintf("[%d]%s", w.IntN(4), w.value(depth-1))
	case 4:
		n := 1
		if w.oneIn(8) { // loaders give up after 32
			n = w.IntN(40)
		}
		return strings.Repeat(w.pick("const ", "volatile ", "tag user ", "restrict "), n) + w.value(depth-1)
	case 5:
		if w.oneIn(2) {
			return "enum" + w.enumerators("enum")
		}
		return "struct" + w.members(depth-1)
	}
	return w.pick(w.values...)
}

func (w *world) pointee(depth int) string {
	switch w.IntN(6) {
	case 0:
		return "void"
	case 1:
		var params []string
		for range w.IntN(3) {
			params = append(params, w.value(depth-1))
		}
		return fmt.Sprintf("func(%s) %s", strings.Join(params, ", "), w.pick("void", "int", "*"+w.pick(w.all...)))
	case 2:
		return w.value(depth - 1)
	}
	return w.pick(w.all...)
}
