package btftest

import (
	"debug/elf"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// Object returns a BPF ELF object that has the types and relocations of a
// text: a program for each section, with an instruction for each relocation.
func Object(t testing.TB, order binary.ByteOrder, text string) []byte {
	t.Helper()
	c := compile(t, text)
	var names []string
	for _, r := range c.relocs {
		if !slices.Contains(names, r.section) {
			names = append(names, r.section)
		}
	}
	var records []byte
	o := ELF{Order: order}
	for _, name := range names {
		var insns []byte
		head := word(nil, order, c.w.String(name))
		var of []byte
		for _, r := range c.relocs {
			if r.section != name {
				continue
			}
			of = word(of, order, uint32(len(insns)))
			of = word(of, order, r.typeID)
			of = word(of, order, c.w.String(r.access))
			of = word(of, order, r.kind)
			insns = append(insns, 0xb7, 0, 0, 0, 0, 0, 0, 0) // r0 = 0
		}
		head = word(head, order, uint32(len(of)/16))
		records = append(append(records, head...), of...)
		o.Add(name, elf.SHT_PROGBITS, elf.SHF_ALLOC|elf.SHF_EXECINSTR, append(insns, 0x95, 0, 0, 0, 0, 0, 0, 0)) // exit
	}
	o.Add(".BTF", elf.SHT_PROGBITS, 0, c.w.Bytes(order))
	if len(records) > 0 {
		o.Add(".BTF.ext", elf.SHT_PROGBITS, 0, Ext(order, 32, 16, records))
	}
	return o.Bytes()
}

// Ext returns a .BTF.ext section that has relocations, and no information on
// functions and lines, behind a header of a given length.
func Ext(order binary.ByteOrder, header, recordSize int, sections []byte) []byte {
	b := make([]byte, 4)
	order.PutUint16(b, 0xeb9f)
	b[2] = 1
	relocs := append(word(nil, order, uint32(recordSize)), sections...)
	for _, w := range []int{header, 0, 4, 4, 4, 8, len(relocs)} {
		b = word(b, order, uint32(w))
	}
	for len(b) < header {
		b = append(b, 0)
	}
	b = word(b[:header], order, 8) // size of a function's record
	b = word(b, order, 16)         // of a line's
	return append(b, relocs...)
}

func word(b []byte, order binary.ByteOrder, v uint32) []byte {
	b, _ = binary.Append(b, order, v)
	return b
}

// An ELF file of 64 bits for BPF, under construction. Each executable section
// is one function.
type ELF struct {
	Order    binary.ByteOrder
	sections []section
}

type section struct {
	name  string
	typ   elf.SectionType
	flags elf.SectionFlag
	data  []byte
}

// Add appends a section.
func (e *ELF) Add(name string, typ elf.SectionType, flags elf.SectionFlag, data []byte) {
	e.sections = append(e.sections, section{name, typ, flags, data})
}

// Bytes returns the file.
func (e *ELF) Bytes() []byte {
	strs := []byte{0}
	str := func(s string) uint32 {
		n := len(strs)
		strs = append(append(strs, s...), 0)
		return uint32(n)
	}
	symbols := make([]byte, 24)
	for i, s := range e.sections {
		if s.flags&elf.SHF_EXECINSTR != 0 {
			b, _ := binary.Append(nil, e.Order, elf.Sym64{
				Name: str(strings.NewReplacer("/", "_", "?", "").Replace(s.name)), Info: elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC),
				Shndx: uint16(i + 1), Size: uint64(len(s.data)),
			})
			symbols = append(symbols, b...)
		}
	}
	all := append([]section{{}}, e.sections...)
	all = append(all, section{".symtab", elf.SHT_SYMTAB, 0, symbols}, section{name: ".strtab", typ: elf.SHT_STRTAB})
	last := len(all) - 1
	var headers []elf.Section64
	for _, s := range all {
		headers = append(headers, elf.Section64{Name: str(s.name), Type: uint32(s.typ), Flags: uint64(s.flags), Addralign: 8})
	}
	all[last].data = strs
	headers[0] = elf.Section64{}
	headers[last-1].Link, headers[last-1].Info, headers[last-1].Entsize = uint32(last), 1, 24
	body := make([]byte, 64)
	for i, s := range all {
		if i == 0 {
			continue
		}
		headers[i].Off, headers[i].Size = uint64(len(body)), uint64(len(s.data))
		if s.typ != elf.SHT_NOBITS {
			body = append(body, s.data...)
		}
		for len(body)%8 != 0 {
			body = append(body, 0)
		}
	}
	data := elf.ELFDATA2LSB
	if e.Order == binary.BigEndian {
		data = elf.ELFDATA2MSB
	}
	head := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(data), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_REL), Machine: uint16(elf.EM_BPF), Version: uint32(elf.EV_CURRENT),
		Shoff: uint64(len(body)), Ehsize: 64, Shentsize: 64, Shnum: uint16(len(all)), Shstrndx: uint16(last),
	}
	file, _ := binary.Append(nil, e.Order, head)
	file = append(file, body[64:]...)
	file, _ = binary.Append(file, e.Order, headers)
	return file
}
