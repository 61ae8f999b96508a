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
	object   = "internal/core/object.go"
	wants    = "internal/core/wants.go"
	prune    = "internal/core/prune.go"
	cut      = "internal/core/cut.go"
	matching = "internal/core/matching.go"
	names    = "internal/graph/graph.go"
	nodes    = "internal/store/store.go"
	kernel   = "internal/store/kernel.go"
	view     = "internal/store/view.go"
	importer = "internal/pack/import.go"
	write    = "internal/btf/write.go"
	squeezer = "internal/packfile/squeeze.go"
)

// mutants are in the order of the work: objects, candidates, fields, types, type_matches, enums,
// what makes raw BTF of it, the writer; and then packs, with many kernels.
var mutants = []mutant{
	{
		"section of relocations lost", "an object has one for each program section (trap 15)", object,
		`		o.sections = append(o.sections, s)`,
		`		o.sections = []extSection{s}`,
	},
	{
		"relocations told apart by type and kind", "the access string says which member", object,
		`		k := key{rec.TypeID, rec.Access, rec.Kind}`,
		`		k := key{rec.TypeID, 0, rec.Kind}`,
	},
	{
		"first enumerator for any", "the access string says which enumerator", object,
		`f.Entry(under, path[0]).Name`,
		`f.Entry(under, 0).Name`,
	},
	{
		"last object alone", "a minimal BTF serves all of the objects", object,
		`		u.Relocations = append(u.Relocations, s.Relocations...)`,
		`		u.Relocations = s.Relocations`,
	},
	{
		"second candidate dropped", "a struct of two files has two layouts (trap 1)", prune,
		`		if n := times[node]; n == 0 || n == 1 && w != nil && w.ids {`,
		`		if n := times[node]; (stem >= len(lists) || len(lists[stem]) == 0) && (n == 0 || n == 1 && w != nil && w.ids) {`,
	},
	{
		"member in the first candidate only", "as bpftool does it (trap 1)", prune,
		`		if n := times[node]; n == 0 ||`,
		`		if stem < len(lists) && len(lists[stem]) > 0 {
			t := p.c.t
			if p.c.s.Type(node, &t); t.Kind.IsComposite() {
				t.Members = nil
			}
			node = p.c.s.Intern(&t)
		}
		if n := times[node]; n == 0 ||`,
	},
	{
		"order of duplicates", "candidates of one name stay in the kernel's order", prune,
		`			lists[stem] = append(lists[stem], node)`,
		`			lists[stem] = slices.Insert(lists[stem], 0, node)`,
	},
	{
		"equal candidates merged", "type ids of two equal candidates are ambiguous", prune,
		`n == 1 && w != nil && w.ids {`,
		`n == 1 && w != nil && w.ids && false {`,
	},
	{
		"flavors of the kernel overlooked", "candidates are found by their essential names", names,
		`	if i := bytes.Index(name[1:], separator); i >= 0 {`,
		`	if i := bytes.Index(name[1:], separator); i >= 0 && false {`,
	},
	{
		"flavors kept in stems", "an object's flavor says nothing to the kernel", names,
		`		if i := strings.Index(name[1:], "___"); i >= 0 {`,
		`		if i := strings.Index(name[1:], "___"); i >= 0 && false {`,
	},
	{
		"enum64 no candidate for enum", "ENUM and ENUM64 match each other", wants,
		`	if k == btf.Enum64 {`,
		`	if k == btf.Enum64 && false {`,
	},
	{
		"candidate without its name", "loaders find it by that", cut,
		`	c.s.Type(r.node, t)
	t.Name = c.text(name)`,
		`	c.s.Type(r.node, t)`,
	},
	{
		"array made last", "an array of no elements becomes the last member, and so flexible (trap 2)", cut,
		`flexible && added != last {`,
		`flexible && added != last && false {`,
	},
	{
		"anonymous member lost", "a name may be deep in anonymous structs and unions", cut,
		`			if sought || all || i == deep {`,
		`			if sought && name != unnamed || all || i == deep {`,
	},
	{
		"anonymous member not searched", "a name may be deep in anonymous structs and unions", wants,
		`		return s, true
`,
		`		return s, false
`,
	},
	{
		"deep nest dropped", "libbpf gives up in the 64th anonymous struct (trap 8)", cut,
		`const deepNest = 40`,
		`const deepNest = 1 << 20`,
	},
	{
		"deep nest cut short", "libbpf gives up in the 64th anonymous struct (trap 8)", cut,
		`	d := deepest{1, min(len(t.Members), 1) - 1}`,
		`	d := deepest{1, -1}`,
	},
	{
		"huge struct dropped", "libbpf takes a size of 2 GiB for an error (trap 8)", cut,
		`(w.root || under != id || c.isHuge(id))`,
		`(w.root || under != id)`,
	},
	{
		"typedef of no size dropped", "libbpf asks for the size of a root before it looks for the field", cut,
		`(w.root || under != id || c.isHuge(id))`,
		`(w.root || c.isHuge(id))`,
	},
	{
		"second member of a name lost", "a loader may find another one first", cut,
		`			if sought || all || i == deep {`,
		`			if sought && !(found && name != unnamed) || all || i == deep {`,
	},
	{
		"typedef of a struct skipped", "a root may be a typedef of what has the field", cut,
		`		r := c.value(c.g.Ref(id), a, 0)`,
		`		a.fields = nil
		r := c.value(c.g.Ref(id), a, 0)`,
	},
	{
		"typedef of a member skipped", "paths lead through typedefs", cut,
		`			n := c.value(m.Type, next, depth+1)
`,
		`			if kind, _ := c.g.Head(m.Type); kind == btf.Typedef {
				next.fields = nil
			}
			n := c.value(m.Type, next, depth+1)
`,
	},
	{
		"long chain of typedefs cut", "loaders give up after 32 (trap 8)", cut,
		`	if length > longChain || length > 0 &&`,
		`	if length > 0 &&`,
	},
	{
		"legacy bitfield behind a typedef", "cilium/ebpf sees a bitfield only without a typedef (trap 14)", cut,
		`kind == btf.Int && c.isLegacyBitfield(end) {`,
		`kind == btf.Int && c.isLegacyBitfield(end) && false {`,
	},
	{
		"array length lost", "indices are checked, and sizes are of all elements", cut,
		`	r := btf.Type{Kind: btf.Array, Size: c.t.Size}`,
		`	r := btf.Type{Kind: btf.Array, Size: min(c.t.Size, 1)}`,
	},
	{
		"elements not followed", "paths lead through arrays", cut,
		`		next.fields = a.fields.indexed.ifAny()`,
		`		next.fields = nil`,
	},
	{
		"bitfield width lost", "the offset word of a member has its width, too", cut,
		`Type: node, Offset: m.Offset})`,
		`Type: node, Offset: m.Offset & 0xffffff})`,
	},
	{
		"bitfield offset rounded", "bitfields begin at bits", cut,
		`Type: node, Offset: m.Offset})`,
		`Type: node, Offset: m.Offset &^ 7})`,
	},
	{
		"kind_flag of structs lost", "it says how to read offsets", cut,
		`	r := btf.Type{Kind: t.Kind, KFlag: t.KFlag, Size: t.Size, Members: l.members[:0]}`,
		`	r := btf.Type{Kind: t.Kind, Size: t.Size, Members: l.members[:0]}`,
	},
	{
		"shell without size", "type_size, and the size of a field", cut,
		`	all := c.compares(a.shapes, t.Kind)
`,
		`	all := c.compares(a.shapes, t.Kind)
	if a.fields == nil && !all {
		r.Size = 0
	}
`,
	},
	{
		"integers unsigned", "field_signed, and bitfields", cut,
		`Size: c.t.Size, Word: c.t.Word}`,
		`Size: c.t.Size, Word: c.t.Word &^ (1 << 24)}`,
	},
	{
		"type relocation stops at a pointer", "types behind typedefs, pointers and functions are compared", cut,
		`compat: a.compat, behind: true}`,
		`behind: true}`,
	},
	{
		"pointee FWD made struct", "a FWD stays a FWD (trap 3)", cut,
		`Name: c.text(name), Size: c.t.Size, Word: c.t.Word}
`,
		`Name: c.text(name), Size: c.t.Size, Word: c.t.Word}
		if kind == btf.Fwd {
			r.Kind = btf.Struct
		}
`,
	},
	{
		"parameter lost", "functions match by the number of their parameters", cut,
		`		for i := range l.t.Members {`,
		`		for i := range l.t.Members[min(1, len(l.t.Members)):] {`,
	},
	{
		"type_matches pointee not followed", "cilium/ebpf compares pointees member by member", cut,
		`if next, ok := a.through(c.lead(a.shapes, kind, 0)); ok {`,
		`if next, ok := a.through(0); ok {`,
	},
	{
		"type_matches parameter not followed", "the types of parameters are compared", cut,
		`			next, _ := a.through(c.lead(a.shapes, btf.FuncProto, 1+i))`,
		`			next, _ := a.through(0)`,
	},
	{
		"type_matches names lost", "names of structs behind a member or pointer are compared (trap 7)", cut,
		`		r.Name = c.text(t.Name)
	} else if a.behind {`,
		`	} else if a.behind {`,
	},
	{
		"type_matches members dropped", "loaders compare all that the local type has", cut,
		`			if sought || all || i == deep {`,
		`			if sought || i == deep {`,
	},
	{
		"compared types no candidates", "a type that is compared is one, if relocations name it", prune,
		`			if kind, _ := c.g.Head(n.id); kind.IsComposite() {`,
		`			if kind, _ := c.g.Head(n.id); kind.IsComposite() && false {`,
	},
	{
		"second type of a name not gone into", "what it holds may be no other's (trap 1)", matching,
		`		if isNew { //`,
		`		if false { //`,
	},
	{
		"types of a name not told apart", "a pointer leads to one of several types of a name", matching,
		`	c.number(groups)`,
		`	_ = groups`,
	},
	{
		"types of a name told apart too early", "what pointers lead to tells types apart", matching,
		`	for changed := true; changed && c.err == nil; {`,
		`	for changed, rounds := true, 0; changed && c.err == nil && rounds < 2; rounds++ {`,
	},
	{
		"pointer to the first of a name", "a pointer leads to one of several types of a name", cut,
		`Index: g.ordinal[id]})`,
		`Index: min(g.ordinal[id], 1)})`,
	},
	{
		"fields of one asker alone", "a type that is compared is kept with all that is asked of it anywhere", matching,
		`	for name, next := range b.named {`,
		`	for name, next := range a.named {`,
	},
	{
		"shapes of one asker alone", "a type is compared with all that lead to it", matching,
		`	if a == b || b == 0 {`,
		`	if a == b || b == 0 || a != 0 {`,
	},
	{
		"unnamed members compared with nothing", "type_matches goes into anonymous structs", matching,
		`		stem = m.stemNumber[""]`,
		`		stem = 0`,
	},
	{
		"enumerator dropped", "all that relocations name are kept", cut,
		`			named := stems != nil &&`,
		`			named := !found && stems != nil &&`,
	},
	{
		"type_matches enumerators dropped", "loaders compare all", cut,
		`			if named || all {`,
		`			if named {`,
	},
	{
		"signedness of enums lost", "kind_flag says how to extend a value", cut,
		`	r := btf.Type{Kind: t.Kind, KFlag: t.KFlag, Size: t.Size}
`,
		`	r := btf.Type{Kind: t.Kind, Size: t.Size}
`,
	},
	{
		"high half of enum64 lost", "values have 64 bits", cut,
		`				m.Name = c.text(m.Name)
`,
		`				m.Name, m.Type = c.text(m.Name), 0
`,
	},
	{
		"enumerators behind a typedef lost", "enums may have no name but a typedef's", cut,
		`		a.enumerators = w
`,
		``,
	},
	{
		"long dropped", "libbpf infers the size of a pointer from it (trap 13)", prune,
		`	if id := g.LongInt(); pointers && id != 0 {`,
		`	if id := g.LongInt(); pointers && id != 0 && false {`,
	},
	{
		"pointer in a struct overlooked", "libbpf infers the size of a pointer from it (trap 13)", nodes,
		`	h.pointers = s.holdsPointer(t)`,
		`	h.pointers = t.Kind == btf.Ptr`,
	},
	{
		"second occurrence not written", "type ids of two equal candidates are ambiguous", kernel,
		`long == "" || v.stemOf(id) != long {`,
		`(long == "" || v.stemOf(id) != long) && *e.id(id) == 0 {`,
	},
	{
		"second occurrence before the first", "candidates of one name stay in the kernel's order", prune,
		`			lists[stem] = append(lists[stem], node)`,
		`			if n == 1 {
				lists[stem] = slices.Insert(lists[stem], 0, node)
				return
			}
			lists[stem] = append(lists[stem], node)`,
	},
	{
		"first type of a name for any", "a pointer leads to one of several types of a name", view,
		`	return list[i-1]`,
		`	return list[0]`,
	},
	{
		"type of the name, of any kind", "a struct and an enum may have one name", view,
		`		return v.several[named{kind, name}]`,
		`		return v.several[named{btf.Struct, name}]`,
	},
	{
		"nothing behind the last type", "libbpf before 1.7 reads a sign there", kernel,
		`		w.String("\x00\x00")`,
		`		w.String("sign")`,
	},
	{
		"byte order", "the output has the kernel's (trap 6)", kernel,
		`	if k.BigEndian {`,
		`	if k.BigEndian && false {`,
	},
	{
		"kind_flag lost in nodes", "what tells types apart is part of a node", nodes,
		`	h := head{kind: t.Kind, kflag: t.KFlag,`,
		`	h := head{kind: t.Kind,`,
	},
	{
		"index type lost in nodes", "what tells types apart is part of a node", nodes,
		`		h.word = t.Index
`,
		`		h.word = 0
`,
	},
	{
		"nodes taken for equal", "two types may have one hash", nodes,
		`uint32(e>>32) == hash && s.equal(uint32(e), &h, t.Members) {`,
		`uint32(e>>32)&0xfff == hash&0xfff {`,
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
	{
		"second of equal types lost in packs", "type ids of two equal candidates are ambiguous", importer,
		`im.times[n] < 2 {`,
		`im.times[n] < 1 {`,
	},
	{
		"results of another kernel's types", "type_matches looks through pointers, whose types are the kernel's own", matching,
		`	c.matched = map[cut]result{}
`,
		`	if c.matched == nil {
		c.matched = map[cut]result{}
	}
`,
	},
	{
		"enums compared in another kernel", "what is left of an enum depends on what is compared in the kernel", prune,
		`c.match(p.forgetEnums)`,
		`c.match(func() {})`,
	},
	{
		"enums of another kernel forgotten too late", "what is left of an enum depends on what is compared in the kernel", matching,
		`	known()
	c.number(groups)
`,
		`	c.number(groups)
	known()
`,
	},
	{
		"results of a kernel with as many types", "they hold for the same types alone", matching,
		`m.before != nil && list != nil && slices.Equal(list, m.before) {`,
		`m.before != nil && list != nil && len(list) == len(m.before) {`,
	},
	{
		"results of a kernel with other copies", "ids beyond nodes are another type's in the next kernel", matching,
		`			if g.Plain(n.id) != n.id {`,
		`			if g.Plain(n.id) != n.id && false {`,
	},
	{
		"results of a refused kernel", "what was cut behind an error is not whole", prune,
		`		p.forget()
		p.c.before = nil
`,
		``,
	},
	{
		"copies by their own ids", "ids beyond nodes are another type's in the next kernel", cut,
		`		id, cuts = c.g.Plain(id), c.cuts`,
		`		cuts = c.cuts`,
	},
	{
		"candidates by their own ids", "ids beyond nodes are another type's in the next kernel", prune,
		`	id = p.c.g.Plain(id)`,
		``,
	},
	{
		"types of the kernel before", "names stand for the types of one kernel", view,
		`	clear(v.several)
`,
		``,
	},
	{
		"choices of the kernel before", "what a node leads to is another kernel's", view,
		`	clear(v.leads)
`,
		``,
	},
	{
		"choices ignored", "types that are one node are told apart by what they lead to", view,
		`		i = choose()
`,
		`		choose()
`,
	},
	{
		"copies within copies ignored", "a type holds one of several copies by value", view,
		`			i = v.choose()
`,
		`			v.choose()
`,
	},
	{
		"stems of the search before", "type_matches looks for more names than relocations have", view,
		`	if v.stems != s {`,
		`	if v.stems == nil {`,
	},
	{
		"order of a name reversed", "choices count a kernel's types of a name", view,
		`	v.several[key] = append(v.several[key], id)`,
		`	v.several[key] = append([]uint32{id}, v.several[key]...)`,
	},
	{
		"typedef behind a pointer twice", "it is the candidate of its name", view,
		`	if kind != btf.Typedef ||`,
		`	if true || kind != btf.Typedef ||`,
	},
	{
		"decisions that are never forgotten", "a writer and a reader agree on it, but not with other ones", squeezer,
		`*other = *other/2 + 1`,
		`_ = *other`,
	},
	{
		"texts after those of another column", "a column begins after zeros", squeezer,
		`		s.last, before = 0, 0`,
		`		before = 0`,
	},
	{
		"intervals that overlap", "what is decided is read from where it is in the interval", squeezer,
		`		s.low = middle + 1`,
		`		s.low = middle`,
	},
	{
		"the first decisions after any number", "a number's context is the one before", squeezer,
		`uint32(min(before, maxBefore))`,
		`uint32(0*before)`,
	},
}
