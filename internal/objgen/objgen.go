// Package objgen assembles BPF ELF objects in memory, without a compiler: for
// tests and benchmarks that need relocations which no C file at hand asks for.
//
// An object has what loaders want of clang's: programs and subprograms with
// symbols, a license, .BTF with the local types, .BTF.ext with func_info,
// line_info and CO-RE relocations. Instructions carry the values of the local
// types, which loaders check before they patch.
package objgen

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
)

// Text is the section of subprograms, which programs call.
const Text = ".text"

// A ByteOrder is binary.LittleEndian or binary.BigEndian.
type ByteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// An Object is a BPF object being assembled: add local types and functions,
// then take Bytes, once. Equal calls give equal bytes.
type Object struct {
	Order   ByteOrder
	Types   *btf.Writer // the local types come first
	License string      // none if empty
	// Lenient leaves an instruction as it is for which the local types have no
	// value, as for a relocation that no compiler makes.
	Lenient bool
	funcs   []*Func
}

// New returns an object with the license GPL and no types.
func New(order ByteOrder) *Object {
	return &Object{Order: order, Types: btf.NewWriter(), License: "GPL"}
}

// Func begins a function in an ELF section whose name says what it attaches
// to, as in SEC("kprobe/do_exit"), or in Text. Functions of one section stand in the order of calls.
func (o *Object) Func(section, name string) *Func {
	f := &Func{section: section, name: name}
	o.funcs = append(o.funcs, f)
	return f
}

// A Func is a program or a subprogram.
type Func struct {
	section, name string
	insns         []Insn
	relos         []relocation
	calls         []call
	at            int // index of the first instruction in the section
}

type relocation struct {
	core.Record // InsnOffset and Access are filled in later
	insn        int
	access      string
	patch       bool // the instruction shall hold the local value
}

type call struct {
	insn int
	to   *Func
}

// Emit appends instructions.
func (f *Func) Emit(insns ...Insn) { f.insns = append(f.insns, insns...) }

// Call appends a call of a function of Text.
func (f *Func) Call(to *Func) {
	f.calls = append(f.calls, call{len(f.insns), to})
	f.Emit(Insn{Op: opCall, Src: pseudoCall})
}

// Move appends "dst = value" with a relocation of any kind: a constant of 64
// bits for enumerators and type ids, of 32 bits for all else, as clang does.
func (f *Func) Move(dst uint8, kind core.RelocationKind, typeID uint32, access string) {
	f.relocate(kind, typeID, access, true)
	if kind.IsEnumval() || kind == core.TypeIDLocal || kind == core.TypeIDTarget {
		f.Emit(LoadImm64(dst, 0)...)
	} else {
		f.Emit(MoveImm(dst, 0))
	}
}

// Load appends "dst = *(uN *)(src + offset)" with a relocation for the byte
// offset of a field of 1, 2, 4 or 8 bytes.
func (f *Func) Load(dst, src uint8, typeID uint32, access string) {
	f.relocate(core.FieldByteOffset, typeID, access, true)
	f.Emit(Insn{Op: opLoad, Dst: dst, Src: src})
}

// Raw appends instructions as they are, the first with a relocation, for
// objects that no compiler makes.
func (f *Func) Raw(kind core.RelocationKind, typeID uint32, access string, insns ...Insn) {
	f.relocate(kind, typeID, access, false)
	f.Emit(insns...)
}

func (f *Func) relocate(kind core.RelocationKind, typeID uint32, access string, patch bool) {
	f.relos = append(f.relos, relocation{
		Record: core.Record{Section: f.section, TypeID: typeID, Kind: kind},
		insn:   len(f.insns), access: access, patch: patch,
	})
}

// Bytes returns the object as an ELF file.
func (o *Object) Bytes() ([]byte, error) {
	if err := o.patch(); err != nil && !o.Lenient {
		return nil, err
	}
	sections := o.sections()
	for _, f := range o.funcs {
		for _, c := range f.calls {
			if c.to.section != Text {
				return nil, fmt.Errorf("%s calls %s, which is in section %s", f.name, c.to.name, c.to.section)
			}
			f.insns[c.insn].Imm = int32(c.to.at - 1) // as against the begin of the section
		}
	}
	ext, err := o.ext(sections) // adds types and strings
	if err != nil {
		return nil, err
	}
	return o.elf(sections, o.Types.Bytes(o.Order), ext), nil
}

// patch puts the local values into all instructions that have one.
func (o *Object) patch() error {
	local, err := btf.Parse(o.Types.Bytes(binary.LittleEndian))
	if err != nil {
		return err
	}
	var first error
	for _, f := range o.funcs {
		for _, r := range f.relos {
			if !r.patch {
				continue
			}
			if err := f.patch(local, o.Order, &r); err != nil && first == nil {
				first = fmt.Errorf("%s: relocation at instruction %d: %w", f.name, r.insn, err)
			}
		}
	}
	return first
}

// patch puts the local value into an instruction.
func (f *Func) patch(local *btf.File, order ByteOrder, r *relocation) error {
	v, err := localValue(local, order, r.Kind, r.TypeID, r.access)
	if err != nil {
		return err
	}
	switch i := &f.insns[r.insn]; i.Op {
	case opLoad:
		size, ok := loadSize[v.size]
		if !ok || v.bitfield || v.value > 1<<15-1 {
			return fmt.Errorf("access %q: no load of %d bytes at %d", r.access, v.size, v.value)
		}
		i.Op |= size
		i.Off = int16(v.value)
	case opLoadImm64:
		i.Imm, f.insns[r.insn+1].Imm = int32(v.value), int32(v.value>>32)
	default:
		i.Imm = int32(v.value)
	}
	return nil
}

// A section holds functions.
type section struct {
	name  string
	funcs []*Func
	insns int
}

// sections groups the functions and gives each its place.
func (o *Object) sections() []*section {
	all := []*section{{name: Text}}
	for _, f := range o.funcs {
		var s *section
		for _, known := range all {
			if known.name == f.section {
				s = known
			}
		}
		if s == nil {
			s = &section{name: f.section}
			all = append(all, s)
		}
		f.at = s.insns
		s.insns += len(f.insns)
		s.funcs = append(s.funcs, f)
	}
	return all
}

// ext adds the types of functions and license, and returns .BTF.ext.
func (o *Object) ext(sections []*section) ([]byte, error) {
	var errs []error
	add := func(t btf.Type) uint32 {
		id, err := o.Types.Add(&t)
		errs = append(errs, err)
		return id
	}
	name := o.Types.String
	const signed = 1 << 24
	integer := add(btf.Type{Kind: btf.Int, Name: name("int"), Size: 4, Word: signed | 32})
	pointer := add(btf.Type{Kind: btf.Ptr})
	program := add(btf.Type{Kind: btf.FuncProto, Ref: integer, Members: []btf.Member{{Name: name("ctx"), Type: pointer}}})

	var infos, lines, relos extPart
	file := name("objgen.c")
	for _, s := range sections {
		ref := name(s.name)
		for _, f := range s.funcs {
			linkage := uint32(1) // BTF_FUNC_GLOBAL
			if s.name == Text {
				linkage = 0
			}
			id := add(btf.Type{Kind: btf.Func, Name: name(f.name), Ref: program, Linkage: linkage})
			at := func(insn int) uint32 { return uint32(f.at+insn) * insnLen }
			infos.record(ref, at(0), id)
			// cilium/ebpf refuses an object without lines.
			line := func(insn int, text string) {
				lines.record(ref, at(insn), file, name(text), uint32(lines.count+1)<<10)
			}
			if len(f.relos) == 0 || f.relos[0].insn > 0 {
				line(0, "int "+f.name+"(void *ctx)")
			}
			for _, r := range f.relos {
				line(r.insn, fmt.Sprintf("\tuse(%s, %d, %q);", r.Kind, r.TypeID, r.access))
				relos.record(ref, at(r.insn), r.TypeID, name(r.access), uint32(r.Kind))
			}
		}
	}
	if o.License != "" {
		char := add(btf.Type{Kind: btf.Int, Name: name("char"), Size: 1, Word: signed | 8})
		size := uint32(len(o.License) + 1)
		text := add(btf.Type{Kind: btf.Array, Ref: char, Index: integer, Size: size})
		v := add(btf.Type{Kind: btf.Var, Name: name(licenseSymbol), Ref: text, Word: 1})
		add(btf.Type{Kind: btf.Datasec, Name: name(licenseSection), Size: size, Members: []btf.Member{{Type: v, Size: size}}})
	}
	return o.extBytes(&infos, &lines, &relos), errors.Join(errs...)
}

// An extPart is func_info, line_info or relocations: records by section.
type extPart struct {
	width  uint32   // bytes of a record
	words  []uint32 // with a header before each section's records
	header int      // of the current section
	ref    uint32   // its name
	count  int
}

func (p *extPart) record(section uint32, words ...uint32) {
	if p.count == 0 || section != p.ref {
		p.header, p.ref = len(p.words), section
		p.words = append(p.words, section, 0)
	}
	p.words[p.header+1]++
	p.words = append(p.words, words...)
	p.width = uint32(4 * len(words))
	p.count++
}

func (o *Object) extBytes(parts ...*extPart) []byte {
	if len(o.funcs) == 0 {
		return nil
	}
	const headerLen = 32
	b := o.Order.AppendUint16(nil, 0xeb9f)
	b = append(b, 1, 0)
	b = o.Order.AppendUint32(b, headerLen)
	var body []byte
	for _, p := range parts {
		begin := len(body)
		if p.count > 0 {
			body = o.Order.AppendUint32(body, p.width)
			for _, w := range p.words {
				body = o.Order.AppendUint32(body, w)
			}
		}
		b = o.Order.AppendUint32(b, uint32(begin))
		b = o.Order.AppendUint32(b, uint32(len(body)-begin))
	}
	return append(b, body...)
}
