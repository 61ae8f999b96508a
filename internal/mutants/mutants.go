package main

// A mutant is a wrong replacement of a piece of a file.
type mutant struct {
	name   string
	breaks string
	file   string
	old    string // there exactly once
	new    string
}

const (
	mark  = "internal/core/mark.go"
	prune = "internal/core/prune.go"
	wants = "internal/core/wants.go"
	names = "internal/graph/graph.go"
	write = "internal/btf/write.go"
)

// mutants are in the order of the policy: candidates, fields, types, enums, the writer.
var mutants = []mutant{
	{
		"second candidate dropped", "a struct of two files has two layouts (trap 1)", mark,
		`if m.err == nil && m.candidate(id, &m.w.roots[stem]) {`,
		`if m.err == nil && len(m.candidates[stem]) == 0 && m.candidate(id, &m.w.roots[stem]) {`,
	},
	{
		"member in the first candidate only", "as bpftool does it (trap 1)", mark,
		`if m.err == nil && m.candidate(id, &m.w.roots[stem]) {`,
		`shell := func() bool { m.value(id); return true }
		if m.err == nil && (len(m.candidates[stem]) > 0 && shell() || m.candidate(id, &m.w.roots[stem])) {`,
	},
	{
		"order of duplicates", "candidates of one name stay in the kernel's order", prune,
		`		for _, c := range candidates {
			switch class`,
		`		for i := range candidates {
			c := candidates[len(candidates)-1-i]
			switch class`,
	},
	{
		"equal candidates merged", "type ids of two equal candidates are ambiguous", prune,
		`case c.ids && !twice[class]:`,
		`case false && c.ids && !twice[class]:`,
	},
	{
		"flavors of the kernel overlooked", "candidates are found by their essential names", names,
		`	if i := bytes.Index(name[1:], separator); i >= 0 {`,
		`	if i := bytes.Index(name[1:], separator); i >= 0 && false {`,
	},
	{
		"enum64 no candidate for enum", "ENUM and ENUM64 match each other", wants,
		`	if k == btf.Enum64 {`,
		`	if k == btf.Enum64 && false {`,
	},
	{
		"member behind an array dropped", "an array of no elements becomes the last, and so flexible (trap 2)", mark,
		`if next.indexed != nil && i != last && m.isEmptyArray(member.Type) {`,
		`if next.indexed != nil && i != last && m.isEmptyArray(member.Type) && false {`,
	},
	{
		"anonymous member lost", "a name may be deep in anonymous structs and unions", mark,
		`					found = true
					m.member(id, i, t)
				} else if`,
		`					found = true
				} else if`,
	},
	{
		"deep nest dropped", "libbpf gives up in the 64th anonymous struct (trap 8)", mark,
		`					m.nest(member.Type)`,
		``,
	},
	{
		"huge struct dropped", "libbpf takes a size of 2 GiB for an error (trap 8)", mark,
		`		case under != id, w.root, m.isHuge(id):`,
		`		case under != id, w.root:`,
	},
	{
		"second member of a name lost", "a loader may find another one first", mark,
		`			found = true
			m.member(id, i, t)
			m.fields(member.Type, next, depth+1)`,
		`			if found {
				continue
			}
			found = true
			m.member(id, i, t)
			m.fields(member.Type, next, depth+1)`,
	},
	{
		"typedef of a struct not followed", "paths lead through typedefs", mark,
		`	id, kind := m.underlying(id)
	if kind != btf.Array && !kind.IsComposite() {`,
		`	kind, _ := m.g.Head(id)
	if kind != btf.Array && !kind.IsComposite() {`,
	},
	{
		"typedef of no size dropped", "libbpf asks for the size of a root before it looks for the field", mark,
		`		case under != id, w.root, m.isHuge(id):`,
		`		case w.root, m.isHuge(id):`,
	},
	{
		"long chain of typedefs cut", "loaders give up after 32 (trap 8)", mark,
		`	if length <= longChain && !legacy {`,
		`	if !legacy {`,
	},
	{
		"legacy bitfield behind a typedef", "cilium/ebpf sees a bitfield only without a typedef (trap 14)", mark,
		`			legacy = length > 0 && kind == btf.Int && m.isLegacyBitfield(at)`,
		`			legacy = length > 0 && kind == btf.Int && m.isLegacyBitfield(at) && false`,
	},
	{
		"array length lost", "indices are checked, and sizes are of all elements", prune,
		`		r.Ref, r.Index = e.value(t.Ref, depth), e.value(t.Index, depth)`,
		`		r.Ref, r.Index, r.Size = e.value(t.Ref, depth), e.value(t.Index, depth), min(t.Size, 1)`,
	},
	{
		"bitfield width lost", "the offset word of a member has its width, too", prune,
		`Type: e.value(member.Type, depth), Offset: member.Offset})`,
		`Type: e.value(member.Type, depth), Offset: member.Offset & 0xffffff})`,
	},
	{
		"bitfield offset rounded", "bitfields begin at bits", prune,
		`Type: e.value(member.Type, depth), Offset: member.Offset})`,
		`Type: e.value(member.Type, depth), Offset: member.Offset &^ 7})`,
	},
	{
		"kind_flag of structs lost", "it says how to read offsets", prune,
		`KFlag: t.KFlag, Size: t.Size, Word: t.Word,`,
		`KFlag: t.KFlag && !t.Kind.IsComposite(), Size: t.Size, Word: t.Word,`,
	},
	{
		"shell without size", "type_size, and the size of a field", prune,
		`	case btf.Struct, btf.Union:
		for i, member := range t.Members {
			if mk.kept(i) {
				r.Members`,
		`	case btf.Struct, btf.Union:
		if mk.members == nil && !mk.all {
			r.Size = 0
		}
		for i, member := range t.Members {
			if mk.kept(i) {
				r.Members`,
	},
	{
		"integers unsigned", "field_signed, and bitfields", prune,
		`KFlag: t.KFlag, Size: t.Size, Word: t.Word,`,
		`KFlag: t.KFlag, Size: t.Size, Word: t.Word &^ (1 << 24),`,
	},
	{
		"type relocation stops at a pointer", "types behind typedefs, pointers and functions are compared", mark,
		`		m.pointees(under)`,
		`		m.value(under)`,
	},
	{
		"pointee FWD made struct", "a FWD stays a FWD (trap 3)", prune,
		`	switch t.Kind {
	case btf.Struct, btf.Union, btf.Ptr, btf.FuncProto, btf.Array:`,
		`	if t.Kind == btf.Fwd {
		r.Kind = btf.Struct
	}
	switch t.Kind {
	case btf.Struct, btf.Union, btf.Ptr, btf.FuncProto, btf.Array:`,
	},
	{
		"type_matches pointee not followed", "cilium/ebpf compares pointees member by member", mark,
		`		m.mark(p.id).pointee = true
		lead(local.Type, t.Ref)
	case btf.Array:`,
		`		m.mark(p.id).pointee = true
		m.value(t.Ref)
	case btf.Array:`,
	},
	{
		"type_matches names lost", "names of structs behind a member or pointer are compared (trap 7)", mark,
		`	m.mark(p.id).named = true
	lead := func`,
		`	lead := func`,
	},
	{
		"parameter lost", "functions match by the number of their parameters", prune,
		`			for _, p := range t.Members {
				r.Members = append(r.Members, btf.Member{Type: e.pointee(p.Type)})`,
		`			for _, p := range t.Members[min(1, len(t.Members)):] {
				r.Members = append(r.Members, btf.Member{Type: e.pointee(p.Type)})`,
	},
	{
		"types taken for equal too early", "what pointers lead to tells types apart", prune,
		`len(opened) > 0 && len(e.records) != before; round++ {`,
		`len(opened) > 0 && len(e.records) != before && round < 2; round++ {`,
	},
	{
		"enumerator dropped", "all that relocations name are kept", mark,
		`			found = true
			m.mark(id).keep(i, len(t.Members))`,
		`			if !found {
				m.mark(id).keep(i, len(t.Members))
			}
			found = true`,
	},
	{
		"type_matches enumerators dropped", "loaders compare all", mark,
		`	case btf.Enum, btf.Enum64:
		m.mark(p.id).all = true`,
		`	case btf.Enum, btf.Enum64:`,
	},
	{
		"signedness of enums lost", "kind_flag says how to extend a value", prune,
		`KFlag: t.KFlag, Size: t.Size, Word: t.Word,`,
		`KFlag: t.KFlag && !t.Kind.IsEnum(), Size: t.Size, Word: t.Word,`,
	},
	{
		"high half of enum64 lost", "values have 64 bits", prune,
		`Type: v.Type, Offset: v.Offset})`,
		`Offset: v.Offset})`,
	},
	{
		"long dropped", "libbpf infers the size of a pointer from it (trap 13)", prune,
		`	long := e.pointerSize()`,
		`	long := uint32(0)`,
	},
	{
		"nothing behind the last type", "libbpf before 1.7 reads a sign there", prune,
		`		w.String("\x00\x00")`,
		`		w.String("sign")`,
	},
	{
		"byte order", "the output has the kernel's (trap 6)", prune,
		`	if e.g.BigEndian() {`,
		`	if e.g.BigEndian() && false {`,
	},
	{
		"kind_flag not written", "the writer writes it for all kinds", write,
		`	if t.KFlag {`,
		`	if t.KFlag && !t.Kind.IsEnum() {`,
	},
	{
		"element and index type swapped", "an array's element has the type that is first", write,
		`		b = le.AppendUint32(b, t.Ref)
		b = le.AppendUint32(b, t.Index)`,
		`		b = le.AppendUint32(b, t.Index)
		b = le.AppendUint32(b, t.Ref)`,
	},
	{
		"number of elements not written", "indices are checked, and sizes are of all elements", write,
		`		b = le.AppendUint32(b, t.Size)`,
		`		b = le.AppendUint32(b, 0)`,
	},
	{
		"halves of enum64 swapped", "the low half of a value comes first", write,
		`			b = le.AppendUint32(b, m.Offset)
			b = le.AppendUint32(b, m.Type)
		}
	case FuncProto:`,
		`			b = le.AppendUint32(b, m.Type)
			b = le.AppendUint32(b, m.Offset)
		}
	case FuncProto:`,
	},
	{
		"types of parameters lost", "type_matches compares what functions take", write,
		`	case FuncProto:
		for _, m := range t.Members {
			b = le.AppendUint32(b, m.Name)
			b = le.AppendUint32(b, m.Type)`,
		`	case FuncProto:
		for _, m := range t.Members {
			b = le.AppendUint32(b, m.Name)
			b = le.AppendUint32(b, 0)`,
	},
	{
		"type returned lost", "type_matches compares what functions return", write,
		`	case Ptr, Typedef, Volatile, Const, Restrict, TypeTag, Var, DeclTag, FuncProto:`,
		`	case Ptr, Typedef, Volatile, Const, Restrict, TypeTag, Var, DeclTag:`,
	},
	{
		"pointers to void", "type_matches compares what pointers lead to", write,
		`	case Array, Fwd:
		third = 0`,
		`	case Array, Fwd:
		third = 0
	}
	if t.Kind == Ptr {
		third = 0`,
	},
	{
		"bits of integers lost", "legacy bitfields are integers of few bits (trap 14)", write,
		`		b = le.AppendUint32(b, t.Word)`,
		`		b = le.AppendUint32(b, t.Word&^0xffffff|8*t.Size)`,
	},
	{
		"values of enumerators not written", "an enumerator has a value of its own", write,
		`		for _, m := range t.Members {
			b = le.AppendUint32(b, m.Name)
			b = le.AppendUint32(b, m.Offset)
		}
	case Enum64:`,
		`		for _, m := range t.Members {
			b = le.AppendUint32(b, m.Name)
			b = le.AppendUint32(b, 0)
		}
	case Enum64:`,
	},
	{
		"last word not turned", "all words have the kernel's byte order (trap 6)", write,
		`len(p) >= 4; p = p[4:] {`,
		`len(p) > 4; p = p[4:] {`,
	},
	{
		"names confused", "each string is written once, and all of it", write,
		`	w.refs[string(w.strs[ref:len(w.strs)-1])] = ref`,
		`	w.refs[string(w.strs[ref:max(len(w.strs)-2, int(ref))])] = ref`,
	},
}
