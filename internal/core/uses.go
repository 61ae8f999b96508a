package core

import (
	"cmp"
	"debug/elf"
	"slices"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// A Use is something in a BPF object that asks for the BTF of the kernel that
// runs, so that no BTF which a loader is given in its place can serve it.
//
// Light skeletons cannot be told from an object: they are made of it later, and
// then the running kernel itself relocates, by its own BTF. A minimal BTF has
// no part in that.
type Use struct {
	Kind UseKind
	// Program is the symbol of the program or subprogram. Where there is none, it
	// is the variable (a struct_ops map), or the struct or variable that holds a
	// kernel pointer. It is empty if the object does not say.
	Program string
	Section string // ELF section, with the "?" of optional programs
	// Name is the type, function, variable or hook that is asked for.
	Name     string
	TypeKind btf.Kind // of Name, if that is a type; else Void
	// Optional says that loaders do without: a program or map in a section "?…",
	// or a weak symbol.
	Optional bool
}

// What describes what is asked for: "struct task_struct".
func (u *Use) What() string {
	if u.TypeKind != btf.Void {
		return u.TypeKind.String() + " " + u.Name
	}
	return u.Name
}

// A UseKind is a way of asking for the running kernel's BTF.
type UseKind uint8

// The kinds of uses.
const (
	UseTypeID UseKind = iota
	UseCast
	UseTracing
	UseTracepoint
	UseLSM
	UseIterator
	UseStructOps
	UseKfunc
	UseKsym
	UseKernelPointer
	UseHelper

	numUseKinds
)

// useKinds says what each kind means for who ships a minimal BTF.
var useKinds = [numUseKinds]struct{ name, meaning string }{
	UseTypeID: {"type_id", "an id of the BTF that the loader is given (bpf_core_type_id_kernel), and the running kernel knows only its own: " +
		"load the program by the kernel's own BTF alone"},
	UseCast: {"cast", "bpf_core_cast passes such a type id to the running kernel: " +
		"load the program by the kernel's own BTF alone, and read with BPF_CORE_READ where the kernel has none"},
	UseTracing: {"fentry", "fentry, fexit, fmod_ret and fsession programs attach by the running kernel's BTF, unless to another BPF program: " +
		"provide a kprobe or kretprobe variant"},
	UseTracepoint: {"tp_btf", "tp_btf programs attach by the running kernel's BTF: provide a raw_tp variant, whose arguments are the same"},
	UseLSM:        {"lsm", "LSM programs attach by the running kernel's BTF: provide a kprobe variant, which sees the same but denies nothing"},
	UseIterator:   {"iter", "iterators attach by the running kernel's BTF: there is none without"},
	UseStructOps:  {"struct_ops", "the running kernel's BTF says what the structure is: there is none without"},
	UseKfunc: {"kfunc", "a kernel function is called by its id in the running kernel's BTF, and without that libbpf loads nothing of the object, even if the function is weak: " +
		"keep it in an object of its own"},
	UseKsym: {"ksym", "libbpf finds a kernel variable with a type by the running kernel's BTF, and without that it loads nothing of the object, even if the variable is weak: " +
		"declare it void, and its address comes from kallsyms"},
	UseKernelPointer: {"kptr", "the running kernel's BTF says what a kernel pointer in a map points to, and without that the map cannot be made: keep it in an object of its own"},
	UseHelper: {"helper", "the verifier or the helper itself looks up types in the running kernel's BTF: " +
		"read with helpers that need none, such as bpf_get_current_task, and BPF_CORE_READ"},
}

func (k UseKind) String() string { return useKinds[k].name }

// Meaning says in one sentence what a use of this kind means, and what to do.
func (k UseKind) Meaning() string { return useKinds[k].meaning }

// MarshalText implements encoding.TextMarshaler.
func (k UseKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// IsTypeID reports whether k stands for a relocation of kind TypeIDTarget,
// which is wrong with a minimal BTF rather than without the kernel's own.
func (k UseKind) IsTypeID() bool { return k == UseTypeID || k == UseCast }

func (u *Use) compare(o *Use) int {
	return cmp.Or(
		cmp.Compare(u.Kind, o.Kind), cmp.Compare(u.Program, o.Program), cmp.Compare(u.Section, o.Section),
		cmp.Compare(u.Name, o.Name), cmp.Compare(u.TypeKind, o.TypeKind), compareBool(u.Optional, o.Optional))
}

// Uses returns the relocations of kind TypeIDTarget, whose programs only an Object knows.
func (rs *Relocations) Uses() []Use {
	var uses []Use
	for i := range rs.Relocations {
		if r := &rs.Relocations[i]; r.Kind == TypeIDTarget {
			uses = append(uses, Use{Kind: UseTypeID, Name: r.Type, TypeKind: r.TypeKind})
		}
	}
	return uses
}

// Uses returns what in the object asks for the running kernel's BTF, sorted,
// without duplicates. An object whose symbols or code are damaged is none that
// loads, but that is not for gen to judge, which needs none of them: what they
// do not say is left out, save type ids, which are relocations.
func (o *Object) Uses() []Use {
	c := &useCollector{o: o, externs: map[int]UseKind{}, casts: map[*function]bool{}, left: uint64(len(o.file))}
	c.symbols, _ = o.elf.Symbols()
	c.functions = o.functions(c.symbols)
	c.types()
	c.attachments()
	for _, s := range o.elf.Sections {
		switch {
		case isCode(s):
			c.helpers(s.Name, c.data(s))
		case s.Type == elf.SHT_REL && len(c.externs) > 0 && s.Info < uint32(len(o.elf.Sections)):
			if of := o.elf.Sections[s.Info]; isCode(of) {
				c.externals(of.Name, c.data(s))
			}
		}
	}
	c.typeIDs()
	slices.SortFunc(c.uses, func(a, b Use) int { return a.compare(&b) })
	return slices.Compact(c.uses)
}

type useCollector struct {
	o         *Object
	symbols   []elf.Symbol // but for the first, which is empty
	functions *Functions
	externs   map[int]UseKind // those symbols of .ksyms that ask for BTF
	left      uint64          // bytes of sections to read
	uses      []Use
	casts     map[*function]bool // those that call bpf_rdonly_cast
}

// data returns what is in a section. Sections do not overlap, unless somebody
// wants the same bytes read again and again.
func (c *useCollector) data(s *elf.Section) []byte {
	end := s.Offset + s.FileSize
	if s.Flags&elf.SHF_COMPRESSED != 0 || end < s.Offset || end > uint64(len(c.o.file)) || s.FileSize > c.left {
		return nil
	}
	c.left -= s.FileSize
	return c.o.file[s.Offset:end]
}

// in adds a use at an instruction.
func (c *useCollector) in(section string, insnOffset uint64, u Use) {
	u.Program = c.functions.At(section, insnOffset)
	u.Section = section
	u.Optional = u.Optional || strings.HasPrefix(section, "?")
	c.uses = append(c.uses, u)
}

// attachKinds are the sections whose programs attach by BTF (SEC_ATTACH_BTF of
// libbpf's section_defs; struct_ops, whose programs need it for their maps).
// freplace attaches to another BPF program, by that one's BTF. Behind a dot
// stand variants of the same: fentry.s.
var attachKinds = map[string]UseKind{
	"fentry": UseTracing, "fexit": UseTracing, "fmod_ret": UseTracing, "fsession": UseTracing,
	"tp_btf": UseTracepoint,
	"lsm":    UseLSM, "lsm_cgroup": UseLSM,
	"iter":       UseIterator,
	"struct_ops": UseStructOps,
}

// attachments adds the programs that attach by BTF.
func (c *useCollector) attachments() {
	for section, functions := range c.functions.bySection {
		typ, target, _ := strings.Cut(strings.TrimPrefix(section, "?"), "/")
		typ, _, _ = strings.Cut(typ, ".")
		if kind, ok := attachKinds[typ]; ok {
			for _, f := range functions {
				c.in(section, f.begin, Use{Kind: kind, Name: target})
			}
		}
	}
}

// btfHelpers are helpers by their numbers in enum bpf_func_id of include/uapi/linux/bpf.h: those
// that return a pointer typed by BTF, or look into it. Those that only take such
// a pointer have it from another use.
var btfHelpers = [...]string{
	136: "bpf_skc_to_tcp6_sock",
	137: "bpf_skc_to_tcp_sock",
	138: "bpf_skc_to_tcp_timewait_sock",
	139: "bpf_skc_to_tcp_request_sock",
	140: "bpf_skc_to_udp6_sock",
	149: "bpf_snprintf_btf",
	150: "bpf_seq_printf_btf",
	158: "bpf_get_current_task_btf",
	162: "bpf_sock_from_file",
	167: "bpf_btf_find_by_name_kind",
	175: "bpf_task_pt_regs",
	178: "bpf_skc_to_unix_sock",
	196: "bpf_skc_to_mptcp_sock",
}

const (
	insnLen = 8
	relLen  = 16 // Elf64_Rel
)

// helpers adds the calls of helpers in a section: BPF_JMP | BPF_CALL without a source register.
func (c *useCollector) helpers(section string, code []byte) {
	source := byte(0xf0)
	if c.o.BigEndian {
		source = 0x0f
	}
	for at := 0; at <= len(code)-insnLen; at += insnLen {
		if code[at] != 0x85 || code[at+1]&source != 0 {
			continue
		}
		number := c.o.elf.ByteOrder.Uint32(code[at+4:])
		if number < uint32(len(btfHelpers)) && btfHelpers[number] != "" {
			c.in(section, uint64(at), Use{Kind: UseHelper, Name: btfHelpers[number]})
		}
	}
}

// externals adds what the code of a section has of kernel functions and variables.
func (c *useCollector) externals(section string, rels []byte) {
	order := c.o.elf.ByteOrder
	for ; len(rels) >= relLen; rels = rels[relLen:] {
		i := int(elf.R_SYM64(order.Uint64(rels[8:])))
		kind, ok := c.externs[i]
		if !ok {
			continue
		}
		s, at := &c.symbols[i-1], order.Uint64(rels)
		c.in(section, at, Use{Kind: kind, Name: s.Name, Optional: elf.ST_BIND(s.Info) == elf.STB_WEAK})
		if s.Name == "bpf_rdonly_cast" {
			c.casts[c.functions.at(section, at)] = true
		}
	}
}

// typeIDs adds the relocations for type ids. One in a function that calls
// bpf_rdonly_cast counts as that one's argument: it may stay in a register
// from one call to the next, so it is not told apart.
func (c *useCollector) typeIDs() {
	f := c.o.BTF
	for _, rec := range c.o.Records() {
		if rec.Kind != TypeIDTarget {
			continue
		}
		kind, name := f.Head(rec.TypeID)
		if f.String(name) == "" {
			continue // loaders refuse it
		}
		u := Use{Kind: UseTypeID, Name: f.String(name), TypeKind: kind}
		if fn := c.functions.at(rec.Section, uint64(rec.InsnOffset)); fn != nil && c.casts[fn] {
			u.Kind = UseCast
		}
		c.in(rec.Section, uint64(rec.InsnOffset), u)
	}
}

// types finds what the object's own types say: its struct_ops maps, its kernel
// pointers, and what its external symbols are.
func (c *useCollector) types() {
	f := c.o.BTF
	refs := map[uint32]UseKind{} // by name
	pointers := false
	var t, v btf.Type
	for id := uint32(1); id < f.NumTypes(); id++ {
		switch kind, name := f.Head(id); kind {
		case btf.TypeTag:
			pointers = pointers || isKernelPointer(f.String(name))
		case btf.Datasec:
			section := f.String(name)
			plain := strings.TrimPrefix(section, "?")
			if section != ".ksyms" && plain != ".struct_ops" && plain != ".struct_ops.link" {
				continue
			}
			f.Type(id, &t)
			for _, m := range t.Members {
				if kind, _ := f.Head(m.Type); kind != btf.Var && kind != btf.Func {
					continue // hostile: a wide struct would be read again and again
				}
				f.Type(m.Type, &v)
				kind, name := f.Head(underlying(f, v.Ref))
				switch {
				case section != ".ksyms":
					c.uses = append(c.uses, Use{UseStructOps, f.String(v.Name), section, f.String(name), kind, section != plain})
				case v.Kind == btf.Func:
					refs[v.Name] = UseKfunc
				case kind != btf.Void: // else kallsyms alone is asked
					refs[v.Name] = UseKsym
				}
			}
		}
	}
	externs := map[string]UseKind{}
	for name, kind := range refs {
		externs[f.String(name)] = kind
	}
	for i, s := range c.symbols {
		if kind, ok := externs[s.Name]; ok && s.Section == elf.SHN_UNDEF {
			c.externs[i+1] = kind
		}
	}
	if pointers {
		c.kernelPointers()
	}
}

// isKernelPointer knows the tags of __kptr, __kptr_untrusted, __percpu_kptr,
// and __kptr_ref as it was before Linux 6.4.
func isKernelPointer(tag string) bool {
	switch tag {
	case "kptr", "kptr_untrusted", "percpu_kptr", "kptr_ref":
		return true
	}
	return false
}

// kernelPointers finds the structs and variables that hold pointers to the
// kernel's objects, as those do that maps are made of.
func (c *useCollector) kernelPointers() {
	f := c.o.BTF
	var t btf.Type
	for id := uint32(1); id < f.NumTypes(); id++ {
		f.Type(id, &t)
		switch {
		case t.Kind == btf.Var:
			c.kernelPointer(f.String(t.Name), t.Ref)
		case t.Kind.IsComposite():
			for _, m := range t.Members {
				c.kernelPointer(f.String(t.Name), m.Type)
			}
		}
	}
}

func (c *useCollector) kernelPointer(in string, id uint32) {
	f := c.o.BTF
	kind, _ := f.Head(id)
	for kind.IsModifier() || kind == btf.Array {
		if kind == btf.Array {
			var t btf.Type
			f.Type(id, &t)
			id = t.Ref
		} else {
			id = f.Ref(id)
		}
		kind, _ = f.Head(id)
	}
	if kind != btf.Ptr {
		return
	}
	for id = f.Ref(id); ; id = f.Ref(id) {
		kind, name := f.Head(id)
		if !kind.IsModifier() {
			return
		}
		if kind == btf.TypeTag && isKernelPointer(f.String(name)) {
			kind, name = f.Head(underlying(f, id))
			c.uses = append(c.uses, Use{Kind: UseKernelPointer, Program: in, Name: f.String(name), TypeKind: kind})
			return
		}
	}
}
