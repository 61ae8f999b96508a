package property

import (
	"fmt"
	"slices"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// An index finds what is worth asking of a kernel's types.
type index struct {
	f *btf.File
	// named types by what they are; a type may be in several lists
	plain, strange, unions, enums, wide, typedefs, others []uint32
	// groups of types that are candidates for one another's relocations
	twins [][]uint32
}

// family is the kinds that are candidates for each other.
func family(k btf.Kind) btf.Kind {
	if k == btf.Enum64 {
		return btf.Enum
	}
	return k
}

type candidateKey struct {
	kind btf.Kind
	stem string
}

func newIndex(f *btf.File) *index {
	x := &index{f: f}
	groups := map[candidateKey][]uint32{}
	var keys []candidateKey
	var t btf.Type
	for id := uint32(1); id < f.NumTypes(); id++ {
		f.Type(id, &t)
		name := f.String(t.Name)
		if !speakable(name) {
			continue
		}
		switch t.Kind {
		case btf.Struct:
			if x.isStrange(&t) {
				x.strange = append(x.strange, id)
			}
			x.plain = append(x.plain, id)
		case btf.Union:
			x.unions = append(x.unions, id)
		case btf.Enum:
			x.enums = append(x.enums, id)
		case btf.Enum64:
			x.wide = append(x.wide, id)
		case btf.Typedef:
			x.typedefs = append(x.typedefs, id)
		case btf.Int, btf.Float, btf.Fwd:
			x.others = append(x.others, id)
		default:
			continue
		}
		key := candidateKey{family(t.Kind), graph.Stem(name)}
		if groups[key] == nil {
			keys = append(keys, key)
		}
		groups[key] = append(groups[key], id)
	}
	for _, key := range keys {
		if len(groups[key]) > 1 {
			x.twins = append(x.twins, groups[key])
		}
	}
	return x
}

// speakable reports whether package btftest can write a name.
func speakable(name string) bool {
	if name == "" || name == "_" {
		return false
	}
	for _, r := range name {
		if r != '_' && r != ' ' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	switch strings.Fields(name)[0] {
	case "void", "struct", "union", "enum", "enum64", "fwd", "var", "func", "const", "volatile", "restrict", "tag":
		return false
	}
	return true
}

// isStrange reports whether a struct has what loaders find hard: anonymous
// members, bitfields, arrays that may be flexible.
func (x *index) isStrange(t *btf.Type) bool {
	var of btf.Type
	return t.KFlag || slices.ContainsFunc(t.Members, func(m btf.Member) bool {
		x.f.Type(m.Type, &of)
		return x.f.String(m.Name) == "" || of.Kind == btf.Array && of.Size == 0
	})
}

// subject is a random type, and those that are candidates beside it. There is
// at least an integer.
func (x *index) subject(c chance) []uint32 {
	if len(x.twins) > 0 && c.oneIn(3) {
		return x.twins[c.IntN(len(x.twins))]
	}
	lists := []struct {
		weight int
		ids    []uint32
	}{{15, x.strange}, {15, x.plain}, {4, x.unions}, {8, x.wide}, {13, x.enums}, {12, x.typedefs}, {3, x.others}}
	for {
		list := lists[c.IntN(len(lists))]
		if len(list.ids) > 0 && c.IntN(15) < list.weight {
			i := c.IntN(len(list.ids))
			return list.ids[i : i+1]
		}
	}
}

// A copier writes local types, as text, after those of a kernel: parts of
// them, as programs declare what they use, true or not.
type copier struct {
	chance
	*index
	wrong  int // one of so many things is changed; 0: none
	lines  []string
	count  map[string]int    // lines by what their types are called
	copies map[uint32]string // the last copy of a type of the kernel
}

const (
	maxLines = 400 // of an object's types; what follows has no members
	maxDepth = 7
)

func newCopier(c chance, x *index) *copier {
	w := &copier{chance: c, index: x, count: map[string]int{}, copies: map[uint32]string{}}
	w.declare("", "int", "int int 4 signed")
	return w
}

func (w *copier) text() string { return strings.Join(w.lines, "\n") + "\n" }

// changes reports whether something shall not be as in the kernel.
func (w *copier) changes() bool { return w.wrong > 0 && w.oneIn(w.wrong) }

// declare appends a line and returns what its type is called.
func (w *copier) declare(class, name, line string) string {
	ref := name
	if class != "" {
		ref = class + " " + name
	}
	if w.count[ref]++; w.count[ref] > 1 {
		ref = fmt.Sprintf("%s#%d", ref, w.count[ref])
	}
	w.lines = append(w.lines, line)
	return ref
}

// root copies a type of the kernel to begin relocations with, and returns its
// number. Of what its twins have, it may have parts too.
func (w *copier) root(twins []uint32) uint32 {
	w.wrong = []int{0, 0, 0, 12, 6, 3}[w.IntN(6)]
	id := twins[w.IntN(len(twins))]
	n := len(w.lines)
	if w.changes() && w.oneIn(2) {
		_, name := w.f.Head(id)
		w.otherKind(w.name(name))
	} else {
		w.named(id, 0, twins)
	}
	return uint32(n + 1)
}

// otherKind declares some type of a name.
func (w *copier) otherKind(name string) {
	switch kind := w.pick("struct", "union", "enum", "typedef", "fwd"); kind {
	case "typedef":
		w.declare("", name, "typedef "+name+" "+w.another())
	case "fwd":
		w.declare(kind, name, "fwd struct "+name)
	case "enum":
		w.declare(kind, name, "enum "+name+" 4 { ZZ = 0 }")
	default:
		w.declare(kind, name, kind+" "+name+" 4 { zz int @0 }")
	}
}

// name is what the copy of a type is called.
func (w *copier) name(ref uint32) string {
	name := strings.ReplaceAll(w.f.String(ref), " ", "~")
	switch {
	case w.changes() || w.oneIn(16):
		name += "_none"
	case w.oneIn(4):
		name += w.pick("___x", "___y", "___old__v2")
	}
	return name
}

// named declares a copy of a type that has a name and returns what it is called.
func (w *copier) named(id uint32, depth int, twins []uint32) string {
	var t btf.Type
	w.f.Type(id, &t)
	name := w.name(t.Name)
	kind := t.Kind.String()
	slot := len(w.lines)
	switch t.Kind {
	case btf.Int:
		size, word := t.Size, t.Word
		if w.changes() {
			size, word = 1<<w.IntN(4), word&^0xff00ff
		}
		line := fmt.Sprintf("int %s %d", name, size)
		if word>>24&1 == 1 != w.changes() {
			line += " signed"
		}
		if bits, offset := word&0xff, word>>16&0xff; size == t.Size && bits > 0 && (bits != 8*size || offset > 0) {
			line += fmt.Sprintf(" bits %d offset %d", bits, offset)
		}
		w.copies[id] = w.declare("", name, line)
	case btf.Float:
		w.copies[id] = w.declare("", name, fmt.Sprintf("float %s %d", name, t.Size))
	case btf.Fwd:
		of := "struct"
		if t.KFlag != w.changes() {
			of = "union"
		}
		w.copies[id] = w.declare("fwd", name, "fwd "+of+" "+name)
	case btf.Typedef:
		w.copies[id] = w.declare("", name, "")
		w.lines[slot] = "typedef " + name + " " + w.value(t.Ref, depth+1)
	case btf.Enum, btf.Enum64:
		if w.oneIn(8) {
			kind = w.pick("enum", "enum64")
		}
		w.copies[id] = w.declare("enum", name, kind+" "+name+w.enumerators(&t, kind))
	case btf.Struct, btf.Union:
		if w.changes() && w.oneIn(4) {
			kind = w.pick("struct", "union")
		}
		w.copies[id] = w.declare(kind, name, "")
		ref := w.copies[id]
		w.lines[slot] = kind + " " + name + w.composite(&t, depth, twins)
		return ref // not that of a copy of the same type made meanwhile
	}
	return w.copies[id]
}

// enumerators are the body of an enum.
func (w *copier) enumerators(t *btf.Type, kind string) string {
	size := t.Size
	if kind != t.Kind.String() {
		size = map[string]uint32{"enum": 4, "enum64": 8}[kind]
	}
	if w.changes() {
		size = 1 << w.IntN(4)
	}
	head := fmt.Sprintf(" %d", size)
	if t.KFlag != w.changes() {
		head += " signed"
	}
	var list []string
	for _, i := range w.some(len(t.Members), 6) {
		name := w.f.String(t.Members[i].Name)
		if !speakable(name) {
			continue
		}
		if w.oneIn(16) {
			name += "___f"
		}
		list = append(list, fmt.Sprintf("%s = %d", name, t.Members[i].Offset+uint32(w.IntN(2))))
	}
	if w.oneIn(4) {
		list = append(list, "NONE_OF_THESE = 7")
	}
	return head + " { " + strings.Join(list, "; ") + " }"
}

// some are about n of all numbers below a limit, in order; often all of few.
func (w *copier) some(below, n int) []int {
	if below <= n && w.oneIn(2) || w.oneIn(12) && below < 40 {
		n = below
	} else {
		n = min(w.IntN(n+1), below)
	}
	list := w.Perm(below)[:n]
	slices.Sort(list)
	return list
}

// composite is the body of a struct or union.
func (w *copier) composite(t *btf.Type, depth int, twins []uint32) string {
	if len(w.lines) > maxLines || depth > maxDepth || depth > 1 && w.oneIn(4) {
		return fmt.Sprintf(" %d { }", t.Size)
	}
	n := 6
	if depth > 1 {
		n = 3
	}
	var list []string
	shift := 64 * uint32(w.IntN(3))
	for _, i := range w.some(len(t.Members), n) {
		list = append(list, w.member(t, i, shift, depth)...)
	}
	if i := w.IntN(len(t.Members) + 1); w.oneIn(2) {
		// One that paths lead further through, if there is one.
		if n := slices.IndexFunc(t.Members[i:], func(m btf.Member) bool { return w.isDeep(m.Type) }); n >= 0 {
			list = append(list, w.member(t, i+n, shift, depth)...)
		}
	}
	for range len(twins) {
		if w.oneIn(4) {
			var twin btf.Type
			w.f.Type(twins[w.IntN(len(twins))], &twin)
			if !twin.Kind.IsComposite() || len(twin.Members) == 0 {
				continue
			}
			i := w.IntN(len(twin.Members))
			if !w.holds(twin.Members[i].Type, twins) {
				list = append(list, w.member(&twin, i, shift, depth)...)
			}
		}
		if len(list) > 12 {
			break
		}
	}
	if w.changes() {
		list = append(list, fmt.Sprintf("none_of_these %s @%d", w.another(), 8*t.Size+shift))
	}
	if w.oneIn(5) {
		w.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	return fmt.Sprintf(" %d { %s }", t.Size+shift/8, strings.Join(list, "; "))
}

// isDeep reports whether a type has members or elements.
func (w *copier) isDeep(id uint32) bool {
	_, t, _ := underlying(w.f.Type, id)
	return t.Kind.IsComposite() || t.Kind == btf.Array
}

// holds reports whether a type is one of some, or contains one by value.
func (w *copier) holds(id uint32, some []uint32) bool {
	id, t, _ := underlying(w.f.Type, id, btf.Array)
	return slices.Contains(some, id) ||
		t.Kind.IsComposite() && slices.ContainsFunc(t.Members, func(m btf.Member) bool { return w.holds(m.Type, some) })
}

// member is a copy of a member: none if it cannot be written, several for the
// members of an anonymous one.
func (w *copier) member(of *btf.Type, i int, shift uint32, depth int) []string {
	m := of.Members[i]
	offset, bits := m.Offset, uint32(0)
	if of.KFlag {
		offset, bits = m.Offset&0xffffff, m.Offset>>24
	}
	offset += shift
	name := w.f.String(m.Name)
	_, t, _ := underlying(w.f.Type, m.Type)
	_, element, _ := underlying(w.f.Type, m.Type, btf.Array)
	at := fmt.Sprintf(" @%d", offset)
	switch {
	case !isSized(&element): // a damaged kernel's
		return nil
	case name == "" && !t.Kind.IsComposite():
		if bits > 0 {
			at += fmt.Sprintf(":%d", bits)
		}
		return []string{"_ " + w.value(m.Type, depth+1) + at}
	case name == "" && w.oneIn(3): // its members are the struct's own
		var list []string
		for _, i := range w.some(len(t.Members), 3) {
			list = append(list, w.member(&t, i, offset, depth)...)
		}
		return list
	case name == "":
		typ := w.value(m.Type, depth+1)
		if !strings.HasPrefix(typ, "struct ") && !strings.HasPrefix(typ, "union ") {
			typ = "_ " + typ
		}
		return []string{typ + at}
	case !speakable(name):
		return nil
	}
	typ := ""
	switch {
	case !w.changes():
		typ = w.value(m.Type, depth+1)
	case w.oneIn(3):
		name += w.pick("_none", "_none", "___f")
		typ = w.value(m.Type, depth+1)
	default:
		typ = w.another()
		bits = 0
	}
	if w.oneIn(16) { // as one of an anonymous struct's own
		return []string{fmt.Sprintf("%s %d { %s %s @0 }", w.pick("struct", "union"), max(sizeOf(w.f, m.Type), 1), name, typ) + at}
	}
	if bits > 0 && !w.changes() {
		at += fmt.Sprintf(":%d", bits)
	}
	return []string{name + " " + typ + at}
}

// another is some type instead of the right one.
func (w *copier) another() string {
	return w.pick("int", "*void", "[2]int", "[0]int", "struct 4 { zz int @0 }", "union 4 { zz int @0 }", "enum 4 { ZZ = 0 }", "const int", "*func(int) int")
}

// value is an expression for a copy of a type, of which there may be one already.
func (w *copier) value(id uint32, depth int) string {
	if id == 0 {
		return "void"
	}
	var t btf.Type
	w.f.Type(id, &t)
	name := w.f.String(t.Name)
	if ref := w.copies[id]; ref != "" && !w.oneIn(8) {
		return ref
	}
	switch t.Kind {
	case btf.Ptr:
		return "*" + w.pointee(t.Ref, depth+1)
	case btf.Const, btf.Volatile, btf.Restrict:
		if w.oneIn(2) {
			return w.value(t.Ref, depth)
		}
		return t.Kind.String() + " " + w.value(t.Ref, depth)
	case btf.TypeTag:
		if w.oneIn(2) || !speakable(name) {
			return w.value(t.Ref, depth)
		}
		return "tag " + name + " " + w.value(t.Ref, depth)
	case btf.Array:
		n := int(t.Size)
		if w.oneIn(10) || w.changes() {
			n = []int{0, n + 1, max(n-1, 0), 2}[w.IntN(4)]
		}
		return fmt.Sprintf("[%d]%s", n, w.value(t.Ref, depth))
	case btf.FuncProto:
		var params []string
		for _, p := range t.Members {
			params = append(params, w.value(p.Type, depth+1))
		}
		if w.changes() {
			params = append(params, "int")
		}
		return fmt.Sprintf("func(%s) %s", strings.Join(params, ", "), w.value(t.Ref, depth+1))
	case btf.Typedef:
		if w.oneIn(4) || !speakable(name) { // long chains of them are rare in programs
			return w.value(t.Ref, depth)
		}
	case btf.Struct, btf.Union:
		if name == "" {
			return t.Kind.String() + w.composite(&t, depth, nil)
		}
	case btf.Enum, btf.Enum64:
		if name == "" {
			return t.Kind.String() + w.enumerators(&t, t.Kind.String())
		}
	}
	if !speakable(name) {
		return "int"
	}
	return w.named(id, depth, nil)
}

// pointee is an expression for what a pointer leads to.
func (w *copier) pointee(id uint32, depth int) string {
	var t btf.Type
	w.f.Type(id, &t)
	name := w.f.String(t.Name)
	switch {
	case w.oneIn(8):
		return "void"
	case !t.Kind.IsComposite() || !speakable(name):
		if depth > maxDepth && t.Kind != btf.Int {
			return "void"
		}
		return w.value(id, depth)
	case w.copies[id] != "" && !w.oneIn(4):
		return w.copies[id]
	case w.oneIn(3):
		return w.declare("fwd", name, "fwd "+t.Kind.String()+" "+name)
	}
	return w.named(id, depth+2, nil)
}

func sizeOf(f *btf.File, id uint32) uint64 {
	_, t, _ := underlying(f.Type, id)
	switch t.Kind {
	case btf.Ptr:
		return 8
	case btf.Array:
		return uint64(t.Size) * sizeOf(f, t.Ref)
	}
	return uint64(t.Size)
}
