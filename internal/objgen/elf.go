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

// elf puts the file together: a header, the sections' bytes, their headers.
func (o *Object) elf(sections []*section, types, ext []byte) []byte {
	w := &elfWriter{order: o.Order, file: make([]byte, fileHeaderLen), headers: make([]elf.Section64, 1), names: []byte{0}}
	progbits := elf.Section64{Type: uint32(elf.SHT_PROGBITS), Addralign: 8}

	code := progbits
	code.Flags = uint64(elf.SHF_ALLOC | elf.SHF_EXECINSTR)
	for _, s := range sections {
		w.section(s.name, code, s.code(o.Order))
	}
	license := 0
	if o.License != "" {
		data := progbits
		data.Flags = uint64(elf.SHF_ALLOC | elf.SHF_WRITE)
		license = w.section(licenseSection, data, append([]byte(o.License), 0))
	}
	w.section(".BTF", progbits, types)
	if ext != nil {
		w.section(".BTF.ext", progbits, ext)
	}

	// Local symbols precede the global ones: those of subprograms, and that of
	// their section, to which calls refer.
	symbols := make([]elf.Sym64, 1)
	symbol := func(name string, info uint8, section, at, size int) {
		symbols = append(symbols, elf.Sym64{
			Name: w.name(name), Info: info, Shndx: uint16(section), Value: uint64(at), Size: uint64(size),
		})
	}
	symbol("", elf.ST_INFO(elf.STB_LOCAL, elf.STT_SECTION), textIndex, 0, 0)
	locals := 0
	for i, s := range sections {
		bind := elf.STB_GLOBAL
		if s.name == Text {
			bind = elf.STB_LOCAL
		}
		for _, f := range s.funcs {
			symbol(f.name, elf.ST_INFO(bind, elf.STT_FUNC), i+1, f.at*insnLen, len(f.insns)*insnLen)
		}
		if s.name == Text {
			locals = len(symbols)
		}
	}
	if o.License != "" {
		symbol(licenseSymbol, elf.ST_INFO(elf.STB_GLOBAL, elf.STT_OBJECT), license, 0, len(o.License)+1)
	}
	symtab := w.section(".symtab", elf.Section64{
		Type: uint32(elf.SHT_SYMTAB), Addralign: 8, Entsize: symbolLen, Info: uint32(locals),
	}, w.pack(symbols))

	for i, s := range sections {
		if rels := s.rels(); rels != nil {
			w.section(".rel"+s.name, elf.Section64{
				Type: uint32(elf.SHT_REL), Flags: uint64(elf.SHF_INFO_LINK),
				Addralign: 8, Entsize: relLen, Link: uint32(symtab), Info: uint32(i + 1),
			}, w.pack(rels))
		}
	}
	return w.finish(symtab)
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

type elfWriter struct {
	order   ByteOrder
	file    []byte
	headers []elf.Section64
	names   []byte // of sections and symbols
}

func (w *elfWriter) name(s string) uint32 {
	if s == "" {
		return 0
	}
	at := len(w.names)
	w.names = append(append(w.names, s...), 0)
	return uint32(at)
}

// section appends a section and returns its index.
func (w *elfWriter) section(name string, h elf.Section64, data []byte) int {
	w.file = append(w.file, make([]byte, -len(w.file)&7)...)
	h.Name, h.Off, h.Size = w.name(name), uint64(len(w.file)), uint64(len(data))
	w.headers = append(w.headers, h)
	w.file = append(w.file, data...)
	return len(w.headers) - 1
}

// finish writes the names and the headers.
func (w *elfWriter) finish(symtab int) []byte {
	name := w.name(".strtab")
	strtab := w.section("", elf.Section64{Type: uint32(elf.SHT_STRTAB), Addralign: 1}, w.names)
	w.headers[strtab].Name = name
	w.headers[symtab].Link = uint32(strtab)

	w.file = append(w.file, make([]byte, -len(w.file)&7)...)
	h := elf.Header64{
		Type: uint16(elf.ET_REL), Machine: uint16(elf.EM_BPF), Version: uint32(elf.EV_CURRENT),
		Shoff: uint64(len(w.file)), Ehsize: fileHeaderLen,
		Shentsize: sectionHeaderLen, Shnum: uint16(len(w.headers)), Shstrndx: uint16(strtab),
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	if w.order == binary.BigEndian {
		h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2MSB)
	}
	h.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	copy(w.file, w.pack(h))
	return append(w.file, w.pack(w.headers)...)
}

func (w *elfWriter) pack(data any) []byte {
	b, err := binary.Append(nil, w.order, data)
	if err != nil {
		panic(err) // all is of fixed size
	}
	return b
}
