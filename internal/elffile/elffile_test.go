package elffile

import (
	"bytes"
	"compress/zlib"
	"debug/elf"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/khulnasoft/rules_btf/internal/hostile"
)

// A file is an ELF file under construction: sections as they stand in it, and
// their contents behind the headers.
type file struct {
	order    binary.ByteOrder
	class    elf.Class
	sections []elf.Section64
	contents [][]byte
	index    int // of the table of names
}

func (f *file) add(s elf.Section64, content []byte) {
	f.sections = append(f.sections, s)
	f.contents = append(f.contents, content)
}

func (f *file) bytes() []byte {
	head, each := 64, 64
	if f.class == elf.ELFCLASS32 {
		head, each = 52, 40
	}
	at := head + each*len(f.sections)
	var table, body []byte
	for i, s := range f.sections {
		if s.Size == 0 {
			s.Size = uint64(len(f.contents[i]))
		}
		if s.Off == 0 {
			s.Off = uint64(at + len(body))
		}
		body = append(body, f.contents[i]...)
		if f.class == elf.ELFCLASS32 {
			table, _ = binary.Append(table, f.order, elf.Section32{
				Name: s.Name, Type: s.Type, Flags: uint32(s.Flags), Off: uint32(s.Off), Size: uint32(s.Size), Link: s.Link, Entsize: uint32(s.Entsize),
			})
		} else {
			table, _ = binary.Append(table, f.order, s)
		}
	}
	data := elf.ELFDATA2LSB
	if f.order == binary.BigEndian {
		data = elf.ELFDATA2MSB
	}
	ident := [16]byte{0x7f, 'E', 'L', 'F', byte(f.class), byte(data), byte(elf.EV_CURRENT)}
	count, index := len(f.sections), f.index
	if count >= int(elf.SHN_LORESERVE) { // then they stand in section 0
		count, index = 0, int(elf.SHN_XINDEX)
	}
	var out []byte
	if f.class == elf.ELFCLASS32 {
		out, _ = binary.Append(nil, f.order, elf.Header32{
			Ident: ident, Version: 1, Shoff: uint32(head), Shentsize: uint16(each), Shnum: uint16(count), Shstrndx: uint16(index),
		})
	} else {
		out, _ = binary.Append(nil, f.order, elf.Header64{
			Ident: ident, Version: 1, Shoff: uint64(head), Shentsize: uint16(each), Shnum: uint16(count), Shstrndx: uint16(index),
		})
	}
	return append(append(out, table...), body...)
}

// sample has the sections "", ".data" with "content", ".symtab" and ".strtab", which has all names.
func sample(order binary.ByteOrder, class elf.Class) *file {
	names := []byte("\x00.data\x00.symtab\x00.strtab\x00main\x00")
	f := &file{order: order, class: class, index: 3}
	f.add(elf.Section64{}, nil)
	f.add(elf.Section64{Name: 1, Type: uint32(elf.SHT_PROGBITS)}, []byte("content"))
	var symbols []byte
	if class == elf.ELFCLASS32 {
		symbols, _ = binary.Append(symbols, order, []elf.Sym32{{}, {Name: 23, Shndx: 1}})
	} else {
		symbols, _ = binary.Append(symbols, order, []elf.Sym64{{}, {Name: 23, Shndx: 1}})
	}
	f.add(elf.Section64{Name: 7, Type: uint32(elf.SHT_SYMTAB), Link: 3}, symbols)
	f.add(elf.Section64{Name: 15, Type: uint32(elf.SHT_STRTAB)}, names)
	return f
}

// What Open returns is what debug/elf returns.
func TestOpen(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, class := range []elf.Class{elf.ELFCLASS32, elf.ELFCLASS64} {
			raw := sample(order, class).bytes()
			f, err := Open(raw)
			if err != nil {
				t.Errorf("%v %v: %v", order, class, err)
				continue
			}
			want, err := elf.NewFile(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range want.Sections {
				if f.Sections[i].SectionHeader != s.SectionHeader {
					t.Errorf("%v %v: %+v, expected %+v", order, class, f.Sections[i].SectionHeader, s.SectionHeader)
				}
			}
			symbols, err := f.Symbols()
			if err != nil || len(symbols) != 1 || symbols[0].Name != "main" {
				t.Errorf("%v %v: symbols %v, %v", order, class, symbols, err)
			}
			if b, err := Section(f, raw, ".data"); err != nil || string(b) != "content" {
				t.Errorf("%v %v: %q, %v", order, class, b, err)
			}
			if b, err := Section(f, raw, ".text"); err != nil || b != nil {
				t.Errorf("%v %v: no section is %q, %v", order, class, b, err)
			}
		}
	}
	// More sections than the header has room for.
	many := sample(binary.LittleEndian, elf.ELFCLASS64)
	for len(many.sections) < int(elf.SHN_LORESERVE) {
		many.add(elf.Section64{Name: 1, Type: uint32(elf.SHT_PROGBITS)}, []byte("another"))
	}
	many.sections[0] = elf.Section64{Size: uint64(len(many.sections) + 1), Link: uint32(len(many.sections))}
	many.add(many.sections[3], many.contents[3])
	raw := many.bytes()
	f, err := Open(raw)
	if err != nil || len(f.Sections) != int(elf.SHN_LORESERVE)+1 || f.Sections[2].Name != ".symtab" {
		t.Errorf("many sections: %v", err)
	}
	// No names at all.
	f, err = Open((&file{order: binary.LittleEndian, class: elf.ELFCLASS64, sections: make([]elf.Section64, 2), contents: make([][]byte, 2)}).bytes())
	if err != nil || len(f.Sections) != 2 || f.Sections[1].Name != "" {
		t.Errorf("no names: %v", err)
	}
}

func TestDamaged(t *testing.T) {
	for what, c := range map[string]struct {
		change func(f *file)
		want   string
	}{
		"names are elsewhere":       {func(f *file) { f.sections[1].Name = 1000 }, "damaged ELF file: name of section 1: at 1000, behind all names"},
		"a name has no end":         {func(f *file) { f.contents[3][27] = 'x' }, "damaged ELF file: section .symtab: at 23, without an end"},
		"names are no strings":      {func(f *file) { f.index = 1 }, "damaged ELF file: names of sections: section 1 is no table of strings"},
		"names end behind the file": {func(f *file) { f.sections[3].Off = 1 << 40 }, "damaged ELF file: names of sections: section 3 ends behind the file: truncated?"},
		"names are compressed": {func(f *file) {
			f.sections[3].Flags = uint64(elf.SHF_COMPRESSED)
			f.contents[3] = append(make([]byte, 24), f.contents[3]...)
		}, "damaged ELF file: names of sections: section 3 is compressed"},
		"symbols are compressed": {func(f *file) {
			f.sections[2].Flags = uint64(elf.SHF_COMPRESSED)
		}, "section .symtab is compressed"},
		"symbols end behind the file":  {func(f *file) { f.sections[2].Size = 1 << 40 }, "damaged ELF file: section .symtab: ends behind the file: truncated?"},
		"symbols' names are not there": {func(f *file) { f.sections[2].Link = 9 }, "damaged ELF file: section .symtab: names: section 9 of 4"},
		"there is no such table":       {func(f *file) { f.index = 9 }, "damaged ELF file: names of sections: section 9 of 4"},
	} {
		f := sample(binary.LittleEndian, elf.ELFCLASS64)
		c.change(f)
		e, err := Open(f.bytes())
		if err == nil || e != nil || err.Error() != c.want {
			t.Errorf("%s: %v, expected %s", what, err, c.want)
		}
	}
	for n := range 64 {
		if f, err := Open(sample(binary.LittleEndian, elf.ELFCLASS64).bytes()[:n]); err == nil || f != nil {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	f := sample(binary.LittleEndian, elf.ELFCLASS64)
	f.sections[1].Type = uint32(elf.SHT_NOBITS)
	raw := f.bytes()
	e, err := Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := Section(e, raw, ".data"); err == nil || b != nil || err.Error() != "section .data has no content" {
		t.Errorf("%q, %v", b, err)
	}
}

// Small files that cost debug/elf gigabytes or minutes.
func TestCosts(t *testing.T) {
	// A section's header is of 64 bytes, and what debug/elf makes of it of 250.
	costs := hostile.Bound{Factor: 8, Plus: 1 << 20, Time: 10 * time.Second}
	const long = 1 << 20
	name := strings.Repeat("x", long)
	zeros := func() []byte {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		w.Write(make([]byte, 16<<20))
		w.Close()
		head, _ := binary.Append(nil, binary.LittleEndian, elf.Chdr64{Type: uint32(elf.COMPRESS_ZLIB), Size: 16 << 20, Addralign: 1})
		return append(head, b.Bytes()...)
	}
	for what, c := range map[string]struct {
		change func(f *file)
		want   string
	}{
		"sections of one long name": {func(f *file) {
			f.contents[3] = []byte("\x00" + name + "\x00")
			for i := range f.sections {
				f.sections[i].Name = 1
			}
			for range 20_000 {
				f.add(elf.Section64{Name: 1}, nil)
			}
		}, "damaged ELF file: name of section 2: all names together are longer than the file"},
		"symbols of one long name": {func(f *file) {
			f.contents[3] = append(f.contents[3], name+"\x00"...)
			symbols, _ := binary.Append(nil, f.order, elf.Sym64{Name: uint32(len(f.contents[3]) - long - 1)})
			f.contents[2] = bytes.Repeat(symbols, 50_000)
		}, "damaged ELF file: section .symtab: all names together are longer than the file"},
		"tables of symbols over each other": {func(f *file) {
			f.contents[2] = make([]byte, 1<<20)
			all := elf.Section64{Name: 7, Type: uint32(elf.SHT_SYMTAB), Link: 3, Off: 64, Size: 1 << 20}
			for range 20_000 {
				f.add(all, nil)
			}
		}, "damaged ELF file: section .symtab: all tables of symbols together are longer than the file"},
		"names unpack to zeros": {func(f *file) {
			f.sections[3].Flags, f.contents[3] = uint64(elf.SHF_COMPRESSED), zeros()
		}, "damaged ELF file: names of sections: section 3 is compressed"},
		"a section unpacks to zeros": {func(f *file) {
			f.sections[1].Flags, f.contents[1] = uint64(elf.SHF_COMPRESSED), zeros()
		}, "section .data is compressed"},
	} {
		f := sample(binary.LittleEndian, elf.ELFCLASS64)
		c.change(f)
		raw := f.bytes()
		var err error
		costs.Check(t, len(raw), func() { _, err = Open(raw) })
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", what, err)
		}
	}
	// A vmlinux may have its debug information compressed.
	f := sample(binary.LittleEndian, elf.ELFCLASS64)
	f.contents[3] = []byte("\x00.debug_info\x00.symtab\x00.strtab\x00")
	f.sections[1] = elf.Section64{Name: 1, Type: uint32(elf.SHT_PROGBITS), Flags: uint64(elf.SHF_COMPRESSED)}
	f.contents[1] = zeros()
	raw := f.bytes()
	costs.Check(t, len(raw), func() {
		if _, err := Open(raw); err != nil {
			t.Error(err)
		}
	})
}
