// Package elffile opens ELF files that may be hostile. debug/elf is not made
// for them: it copies the name of a section or symbol as often as it is used,
// and unpacks compressed tables, so that a small file costs gigabytes. Open
// lets it do neither.
package elffile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Open reads the headers of an ELF file. The names of its sections, and those
// of its symbols, take no more bytes together than the file.
func Open(file []byte) (*elf.File, error) {
	h := headerOf(file)
	r := &nameless{bytes.NewReader(file), h.indexAt}
	f, err := elf.NewFile(r)
	r.indexAt = 0
	if err != nil {
		return nil, fmt.Errorf("damaged ELF file: %w", err)
	}
	if len(f.Sections) == 0 {
		return f, nil
	}
	index := uint32(f.ByteOrder.Uint16(file[h.indexAt:]))
	if index == uint32(elf.SHN_XINDEX) && len(f.Sections) >= int(elf.SHN_LORESERVE) {
		index = f.Sections[0].Link
	}
	names, err := table(f, file, index)
	if err != nil {
		return nil, fmt.Errorf("damaged ELF file: names of sections: %w", err)
	}
	left := len(file)
	for i, s := range f.Sections {
		if names == nil {
			break
		}
		text, err := name(names, f.ByteOrder.Uint32(file[h.sections+uint64(i)*h.each:]), &left)
		if err != nil {
			return nil, fmt.Errorf("damaged ELF file: name of section %d: %w", i, err)
		}
		s.Name = string(text)
	}
	symbols := len(file)
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_COMPRESSED != 0 && !isDebug(s.Name) {
			return nil, fmt.Errorf("section %s is compressed", s.Name)
		}
		if s.Type == elf.SHT_SYMTAB || s.Type == elf.SHT_DYNSYM {
			if err := checkSymbols(f, file, s, &symbols); err != nil {
				return nil, fmt.Errorf("damaged ELF file: section %s: %w", s.Name, err)
			}
		}
	}
	return f, nil
}

// Section returns a section's bytes without a copy; nil if there is none.
func Section(f *elf.File, file []byte, name string) ([]byte, error) {
	s := f.Section(name)
	if s == nil {
		return nil, nil
	}
	if s.Type == elf.SHT_NOBITS {
		return nil, fmt.Errorf("section %s has no content", name)
	}
	b, err := content(file, s)
	if err != nil {
		return nil, fmt.Errorf("section %s %w", name, err)
	}
	return b, nil
}

func content(file []byte, s *elf.Section) ([]byte, error) {
	if s.Offset > uint64(len(file)) || s.FileSize > uint64(len(file))-s.Offset {
		return nil, errors.New("ends behind the file: truncated?")
	}
	return file[s.Offset : s.Offset+s.FileSize : s.Offset+s.FileSize], nil
}

// isDebug reports whether a section is of those that linkers and objcopy compress.
func isDebug(name string) bool {
	return strings.HasPrefix(name, ".debug") || strings.HasPrefix(name, ".zdebug") || strings.HasPrefix(name, ".gnu.")
}

// A header is what debug/elf keeps to itself.
type header struct {
	sections, each uint64 // section headers: offset in the file, size of one
	indexAt        int    // offset in the file of e_shstrndx
}

func headerOf(file []byte) header {
	switch {
	case len(file) < 52:
		return header{}
	case elf.Class(file[elf.EI_CLASS]) == elf.ELFCLASS32:
		order := orderOf(file)
		return header{uint64(order.Uint32(file[32:])), uint64(order.Uint16(file[46:])), 50}
	case len(file) < 64:
		return header{}
	}
	order := orderOf(file)
	return header{order.Uint64(file[40:]), uint64(order.Uint16(file[58:])), 62}
}

func orderOf(file []byte) binary.ByteOrder {
	if elf.Data(file[elf.EI_DATA]) == elf.ELFDATA2MSB {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// A nameless file says that its sections have no names, so that debug/elf
// does not read them.
type nameless struct {
	file    io.ReaderAt
	indexAt int // of the header; 0: the file as it is
}

func (n *nameless) ReadAt(p []byte, off int64) (int, error) {
	k, err := n.file.ReadAt(p, off)
	for i := range int64(2) {
		if at := int64(n.indexAt) + i - off; n.indexAt > 0 && at >= 0 && at < int64(k) {
			p[at] = 0
		}
	}
	return k, err
}

// table returns a table of strings; nil if there is none.
func table(f *elf.File, file []byte, index uint32) ([]byte, error) {
	switch {
	case index == 0:
		return nil, nil
	case index >= uint32(len(f.Sections)):
		return nil, fmt.Errorf("section %d of %d", index, len(f.Sections))
	case f.Sections[index].Type != elf.SHT_STRTAB:
		return nil, fmt.Errorf("section %d is no table of strings", index)
	case f.Sections[index].Flags&elf.SHF_COMPRESSED != 0:
		return nil, fmt.Errorf("section %d is compressed", index)
	}
	b, err := content(file, f.Sections[index])
	if err != nil {
		return nil, fmt.Errorf("section %d %w", index, err)
	}
	return b, nil
}

// name returns the string at an offset of a table, and takes its length from
// what is left for names.
func name(table []byte, at uint32, left *int) ([]byte, error) {
	if uint64(at) >= uint64(len(table)) {
		return nil, fmt.Errorf("at %d, behind all names", at)
	}
	text := table[at:]
	n := bytes.IndexByte(text[:min(len(text), *left+1)], 0)
	switch {
	case n >= 0:
	case len(text) > *left:
		return nil, errors.New("all names together are longer than the file")
	default:
		return nil, fmt.Errorf("at %d, without an end", at)
	}
	*left -= n
	return text[:n], nil
}

// checkSymbols checks what debug/elf reads of a table of symbols, and takes its
// length from what is left for such tables.
func checkSymbols(f *elf.File, file []byte, s *elf.Section, symbols *int) error {
	b, err := content(file, s)
	if err != nil {
		return err
	}
	if *symbols -= len(b); *symbols < 0 {
		return errors.New("all tables of symbols together are longer than the file")
	}
	names, err := table(f, file, s.Link)
	if err != nil {
		return fmt.Errorf("names: %w", err)
	}
	size := elf.Sym64Size
	if f.Class == elf.ELFCLASS32 {
		size = elf.Sym32Size
	}
	left := len(file)
	for ; len(b) >= size; b = b[size:] {
		at := f.ByteOrder.Uint32(b)
		if uint64(at) >= uint64(len(names)) {
			continue // no name, to debug/elf
		}
		if _, err := name(names, at, &left); err != nil {
			return err
		}
	}
	return nil
}
