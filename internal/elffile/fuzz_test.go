package elffile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"
	"time"

	"github.com/khulnasoft/rules_btf/internal/hostile"
)

// FuzzOpen checks: there is an error if and only if there is no file; what is
// opened has the sections and symbols that debug/elf finds; time and memory are bounded.
func FuzzOpen(f *testing.F) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, class := range []elf.Class{elf.ELFCLASS32, elf.ELFCLASS64} {
			f.Add(sample(order, class).bytes())
		}
	}
	// debug/elf reads what a file claims to have in pieces of 10 MB.
	costs := hostile.Bound{Factor: 16, Plus: 64 << 20, Time: 10 * time.Second}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var file *elf.File
		var err error
		costs.Check(t, len(raw), func() {
			if file, err = Open(raw); err == nil {
				file.Symbols()
			}
		})
		if (err == nil) != (file != nil) {
			t.Fatalf("%v, %v", file, err)
		}
		if err != nil {
			return
		}
		want, err := elf.NewFile(bytes.NewReader(raw))
		if err != nil || len(file.Sections) != len(want.Sections) {
			t.Fatalf("opened, but not by debug/elf (%v)", err)
		}
		for i, s := range want.Sections {
			if file.Sections[i].SectionHeader != s.SectionHeader {
				t.Fatalf("section %d is %+v, expected %+v", i, file.Sections[i].SectionHeader, s.SectionHeader)
			}
			if b, err := Section(file, raw, s.Name); (err == nil) != (b != nil) && file.Section(s.Name) != nil {
				t.Fatalf("section %d: %d bytes, %v", i, len(b), err)
			}
		}
		got, gotErr := file.Symbols()
		symbols, err := want.Symbols()
		if (gotErr == nil) != (err == nil) || len(got) != len(symbols) {
			t.Fatalf("%d symbols (%v), expected %d (%v)", len(got), gotErr, len(symbols), err)
		}
		for i := range symbols {
			if got[i] != symbols[i] {
				t.Fatalf("symbol %d is %#v, expected %#v", i, got[i], symbols[i])
			}
		}
	})
}
