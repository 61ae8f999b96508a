package btftest

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/objgen"
)

// A Source is what a text says, as data.
type Source struct {
	Types []btf.Type // from id 1 on; name references are indices of Names
	Names []string   // the first is empty
	Funcs []Func     // of an object
}

// A Func is a program or, in .text, a subprogram.
type Func struct {
	Section string
	Steps   []Step
}

// A Step is a relocation or a call.
type Step struct {
	Kind   core.RelocationKind
	Type   uint32
	Access string
	Load   bool // "load": Kind is field_byte_offset
	Call   int  // if not 0, nothing but a call of that function, numbered from 1
}

// From returns the types of a File as a Source.
func From(f *btf.File) *Source {
	s := &Source{Names: []string{""}}
	refs := map[uint32]uint32{0: 0}
	name := func(ref uint32) uint32 {
		n, ok := refs[ref]
		if !ok {
			n = uint32(len(s.Names))
			refs[ref] = n
			s.Names = append(s.Names, f.String(ref))
		}
		return n
	}
	for id := uint32(1); id < f.NumTypes(); id++ {
		var t btf.Type
		f.Type(id, &t)
		t.Name = name(t.Name)
		for i := range t.Members {
			t.Members[i].Name = name(t.Members[i].Name)
		}
		s.Types = append(s.Types, t)
	}
	return s
}

// Kernel returns the types as raw BTF.
func (s *Source) Kernel(order binary.ByteOrder) ([]byte, error) {
	w, err := s.writer()
	if err != nil {
		return nil, err
	}
	return w.Bytes(order), nil
}

func (s *Source) writer() (*btf.Writer, error) {
	w := btf.NewWriter()
	var members []btf.Member
	for _, t := range s.Types {
		t.Name = w.String(s.Names[t.Name])
		members = append(members[:0], t.Members...)
		for i := range members {
			members[i].Name = w.String(s.Names[members[i].Name])
		}
		t.Members = members
		if _, err := w.Add(&t); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Object returns types and functions as a BPF ELF file.
func (s *Source) Object(order binary.ByteOrder) ([]byte, error) {
	w, err := s.writer()
	if err != nil {
		return nil, err
	}
	o := &objgen.Object{Order: order.(objgen.ByteOrder), Types: w, Lenient: true}
	funcs := make([]*objgen.Func, len(s.Funcs))
	count := map[string]int{}
	for i, f := range s.Funcs {
		name := strings.NewReplacer("/", "_", "?", "", ".", "").Replace(f.Section)
		if count[name]++; count[name] > 1 {
			name = fmt.Sprintf("%s_%d", name, count[name])
		}
		funcs[i] = o.Func(f.Section, name)
	}
	for i, f := range s.Funcs {
		for _, step := range f.Steps {
			switch {
			case step.Call != 0:
				funcs[i].Call(funcs[step.Call-1])
			case step.Load:
				funcs[i].Load(2, 1, step.Type, step.Access)
			default:
				funcs[i].Move(2, step.Kind, step.Type, step.Access)
			}
		}
		funcs[i].Emit(objgen.MoveImm(0, 0), objgen.Exit())
	}
	return o.Bytes()
}

// Text returns the text of an object; types are as Format has them.
func (s *Source) Text() (string, error) {
	w, err := s.writer()
	if err != nil {
		return "", err
	}
	f, err := btf.Parse(w.Bytes(binary.LittleEndian))
	if err != nil {
		return "", err
	}
	p := newFormatter(f)
	for _, fn := range s.Funcs {
		for _, step := range fn.Steps {
			p.ref(step.Type) // so that it is no line of its own
		}
	}
	var b strings.Builder
	b.WriteString(p.text())
	names := make([]string, len(s.Funcs))
	count := map[string]int{}
	for i, fn := range s.Funcs {
		names[i] = fn.Section
		if count[fn.Section]++; count[fn.Section] > 1 {
			names[i] += fmt.Sprintf("#%d", count[fn.Section])
		}
	}
	for i, fn := range s.Funcs {
		for _, step := range fn.Steps {
			switch {
			case step.Call != 0:
				fmt.Fprintf(&b, "call %s %s\n", names[i], names[step.Call-1])
			case step.Load:
				fmt.Fprintf(&b, "load %s %s %s\n", names[i], p.ref(step.Type), step.Access)
			default:
				fmt.Fprintf(&b, "reloc %s %s %s %s\n", names[i], step.Kind, p.ref(step.Type), step.Access)
			}
		}
	}
	return b.String(), nil
}
