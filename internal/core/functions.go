package core

import (
	"cmp"
	"debug/elf"
	"slices"
)

// Functions knows the programs and subprograms of an object, by its symbols.
type Functions struct {
	bySection map[string][]function
}

type function struct {
	name       string
	begin, end uint64 // in the section
}

// At returns the name of the function that an instruction is in; "" if no
// symbol says so.
func (f *Functions) At(section string, insnOffset uint64) string {
	if fn := f.at(section, insnOffset); fn != nil {
		return fn.name
	}
	return ""
}

// at does not look long names up: hostile .BTF.ext may have one for each relocation.
func (f *Functions) at(section string, insnOffset uint64) *function {
	if len(section) > maxSectionName {
		return nil
	}
	in := f.bySection[section]
	i, found := slices.BinarySearchFunc(in, insnOffset, func(f function, off uint64) int { return cmp.Compare(f.begin, off) })
	if !found {
		i--
	}
	if i < 0 || insnOffset >= in[i].end {
		return nil
	}
	return &in[i]
}

const maxSectionName = 4096

// Functions reads the object's symbols. Relocations are complete without
// them, so what is damaged here is no error: it is left out.
func (o *Object) Functions() *Functions {
	symbols, _ := o.elf.Symbols()
	return o.functions(symbols)
}

func (o *Object) functions(symbols []elf.Symbol) *Functions {
	f := &Functions{map[string][]function{}}
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) != elf.STT_FUNC || int(s.Section) >= len(o.elf.Sections) || !isCode(o.elf.Sections[s.Section]) {
			continue
		}
		in := o.elf.Sections[s.Section].Name
		f.bySection[in] = append(f.bySection[in], function{s.Name, s.Value, s.Value + s.Size})
	}
	for _, in := range f.bySection {
		slices.SortFunc(in, func(a, b function) int { return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.name, b.name)) })
	}
	return f
}

func isCode(s *elf.Section) bool {
	return s.Type == elf.SHT_PROGBITS && s.Flags&elf.SHF_EXECINSTR != 0
}
