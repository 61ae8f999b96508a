package objgen

import (
	"debug/elf"
	"encoding/binary"
)

const (
	licenseSection = "license"
	licenseSymbol  = "_license"

	fileHeaderLen    = 64
	sectionHeaderLen = 64
	symbolLen        = 24
	relLen           = 16

	textIndex  = 1  // of section Text
	textSymbol = 1  // of the same
	relCall    = 10 // R_BPF_64_32: the immediate of a call
)

// elf puts the sections together.
func (o *Object) elf(sections []*section, types, ext []byte) []byte {
	w := &ELF{Order: o.Order}
	for _, s := range sections {
		w.Add(s.name, elf.SHT_PROGBITS, elf.SHF_ALLOC|elf.SHF_EXECINSTR, s.code(o.Order))
	}
	license := 0
	if o.License != "" {
		license = w.Add(licenseSection, elf.SHT_PROGBITS, elf.SHF_ALLOC|elf.SHF_WRITE, append([]byte(o.License), 0))
	}
	w.Add(".BTF", elf.SHT_PROGBITS, 0, types)
	if ext != nil {
		w.Add(".BTF.ext", elf.SHT_PROGBITS, 0, ext)
	}

	// Local symbols precede the global ones: those of subprograms, and that of
	// their section, to which calls refer.
	w.symbol("", elf.ST_INFO(elf.STB_LOCAL, elf.STT_SECTION), textIndex, 0, 0)
	for i, s := range sections {
		bind := elf.STB_GLOBAL
		if s.name == Text {
			bind = elf.STB_LOCAL
		}
		for _, f := range s.funcs {
			w.symbol(f.name, elf.ST_INFO(bind, elf.STT_FUNC), i+1, f.at*insnLen, len(f.insns)*insnLen)
		}
	}
	if o.License != "" {
		w.symbol(licenseSymbol, elf.ST_INFO(elf.STB_GLOBAL, elf.STT_OBJECT), license, 0, len(o.License)+1)
	}
	for i, s := range sections {
		if rels := s.rels(); rels != nil {
			w.rels = append(w.rels, relSection{".rel" + s.name, i + 1, rels})
		}
	}
	return w.Bytes()
}

func (s *section) code(order ByteOrder) []byte {
	b := make([]byte, 0, s.insns*insnLen)
	for _, f := range s.funcs {
		for _, i := range f.insns {
			b = i.append(b, order)
		}
	}
	return b
}

func (s *section) rels() []elf.Rel64 {
	var rels []elf.Rel64
	for _, f := range s.funcs {
		for _, c := range f.calls {
			rels = append(rels, elf.Rel64{
				Off:  uint64(f.at+c.insn) * insnLen,
				Info: elf.R_INFO(textSymbol, relCall),
			})
		}
	}
	return rels
}

// An ELF is an ELF file for BPF under construction, of which tests that need a
// strange one choose the sections themselves.
type ELF struct {
	Order   binary.ByteOrder
	headers []elf.Section64 // but for the first, which is empty
	body    []byte          // of the sections
	names   []byte          // of sections and symbols
	symbols []elf.Sym64     // but for the first, which is empty
	locals  int             // symbols
	rels    []relSection
}

type relSection struct {
	name string
	of   int
	rels []elf.Rel64
}

// Add appends a section and returns its index.
func (w *ELF) Add(name string, typ elf.SectionType, flags elf.SectionFlag, data []byte) int {
	return w.section(name, elf.Section64{Type: uint32(typ), Flags: uint64(flags), Addralign: 8}, data)
}

func (w *ELF) section(name string, h elf.Section64, data []byte) int {
	w.body = append(w.body, make([]byte, -len(w.body)&7)...)
	h.Name, h.Off, h.Size = w.name(name), uint64(fileHeaderLen+len(w.body)), uint64(len(data))
	w.headers = append(w.headers, h)
	if elf.SectionType(h.Type) != elf.SHT_NOBITS {
		w.body = append(w.body, data...)
	}
	return len(w.headers)
}

func (w *ELF) symbol(name string, info uint8, section, at, size int) {
	w.symbols = append(w.symbols, elf.Sym64{
		Name: w.name(name), Info: info, Shndx: uint16(section), Value: uint64(at), Size: uint64(size),
	})
	if elf.ST_BIND(info) == elf.STB_LOCAL {
		w.locals = len(w.symbols)
	}
}

func (w *ELF) name(s string) uint32 {
	if len(w.names) == 0 {
		w.names = []byte{0}
	}
	if s == "" {
		return 0
	}
	at := len(w.names)
	w.names = append(append(w.names, s...), 0)
	return uint32(at)
}

// Bytes returns the file, once.
func (w *ELF) Bytes() []byte {
	symtab := w.section(".symtab", elf.Section64{
		Type: uint32(elf.SHT_SYMTAB), Addralign: 8, Entsize: symbolLen, Info: uint32(1 + w.locals),
	}, w.pack(append(make([]elf.Sym64, 1), w.symbols...)))
	for _, r := range w.rels {
		w.section(r.name, elf.Section64{
			Type: uint32(elf.SHT_REL), Flags: uint64(elf.SHF_INFO_LINK),
			Addralign: 8, Entsize: relLen, Link: uint32(symtab), Info: uint32(r.of),
		}, w.pack(r.rels))
	}
	name := w.name(".strtab")
	strtab := w.section("", elf.Section64{Type: uint32(elf.SHT_STRTAB), Addralign: 1}, w.names)
	w.headers[strtab-1].Name = name
	w.headers[symtab-1].Link = uint32(strtab)

	w.body = append(w.body, make([]byte, -len(w.body)&7)...)
	h := elf.Header64{
		Type: uint16(elf.ET_REL), Machine: uint16(elf.EM_BPF), Version: uint32(elf.EV_CURRENT),
		Shoff: uint64(fileHeaderLen + len(w.body)), Ehsize: fileHeaderLen,
		Shentsize: sectionHeaderLen, Shnum: uint16(1 + len(w.headers)), Shstrndx: uint16(strtab),
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	if w.Order == binary.BigEndian {
		h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2MSB)
	}
	h.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	file := append(w.pack(h), w.body...)
	return append(file, w.pack(append(make([]elf.Section64, 1), w.headers...))...)
}

func (w *ELF) pack(data any) []byte {
	b, err := binary.Append(nil, w.Order, data)
	if err != nil {
		panic(err) // all is of fixed size
	}
	return b
}
