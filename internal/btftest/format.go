package btftest

import (
	"fmt"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// Format returns the text of BTF: a line for each type that has a name, and
// for each that no other refers to.
func Format(f *btf.File) string { return newFormatter(f).text() }

func newFormatter(f *btf.File) *formatter {
	p := &formatter{f: f, refs: map[uint32]string{}, used: map[uint32]bool{}, path: map[uint32]bool{}}
	count := map[string]int{}
	for id := uint32(1); id < f.NumTypes(); id++ {
		kind, name := f.Head(id)
		if kind != btf.TypeTag && f.String(name) != "" {
			ref := p.name(name)
			if c := class(kind.String()); c != "" {
				ref = c + " " + ref
			}
			if count[ref]++; count[ref] > 1 {
				ref = fmt.Sprintf("%s#%d", ref, count[ref])
			}
			p.refs[id] = ref
		}
	}
	return p
}

func (p *formatter) text() string {
	lines := make([]string, p.f.NumTypes())
	for id := uint32(1); id < p.f.NumTypes(); id++ {
		p.path[id] = true
		lines[id] = p.line(id)
		delete(p.path, id)
	}
	var b strings.Builder
	for id := uint32(1); id < p.f.NumTypes(); id++ {
		if p.refs[id] != "" || !p.used[id] {
			b.WriteString(lines[id] + "\n")
		}
	}
	return b.String()
}

type formatter struct {
	f    *btf.File
	refs map[uint32]string
	used map[uint32]bool
	path map[uint32]bool
}

func (p *formatter) name(ref uint32) string { return strings.ReplaceAll(p.f.String(ref), " ", "~") }

func (p *formatter) line(id uint32) string {
	var t btf.Type
	p.f.Type(id, &t)
	name := p.name(t.Name)
	if p.refs[id] == "" {
		return "type " + p.body(&t)
	}
	switch t.Kind {
	case btf.Int:
		s := fmt.Sprintf("int %s %d", name, t.Size)
		for i, e := range encodings {
			if t.Word>>24>>i&1 == 1 {
				s += " " + e
			}
		}
		if bits := t.Word & 0xff; bits != 8*t.Size&0xff {
			s += fmt.Sprintf(" bits %d", bits)
		}
		if offset := t.Word >> 16 & 0xff; offset != 0 {
			s += fmt.Sprintf(" offset %d", offset)
		}
		return s
	case btf.Float:
		return fmt.Sprintf("float %s %d", name, t.Size)
	case btf.Fwd:
		if t.KFlag {
			return "fwd union " + name
		}
		return "fwd struct " + name
	case btf.Typedef, btf.Func, btf.Var, btf.DeclTag:
		return fmt.Sprintf("%s %s %s", t.Kind, name, p.ref(t.Ref))
	case btf.Datasec:
		s := fmt.Sprintf("datasec %s %d { ", name, t.Size)
		for _, m := range t.Members {
			s += fmt.Sprintf("%s @%d:%d; ", p.ref(m.Type), m.Offset, m.Size)
		}
		return s + "}"
	case btf.Struct, btf.Union, btf.Enum, btf.Enum64:
		kind := t.Kind.String()
		return kind + " " + name + strings.TrimPrefix(p.body(&t), kind)
	}
	return fmt.Sprintf("%s named %q", t.Kind, name)
}

func (p *formatter) ref(id uint32) string {
	p.used[id] = true
	switch {
	case id == 0:
		return "void"
	case p.refs[id] != "":
		return p.refs[id]
	case p.path[id]:
		return fmt.Sprintf("<cycle to %d>", id)
	}
	p.path[id] = true
	defer delete(p.path, id)
	var t btf.Type
	p.f.Type(id, &t)
	return p.body(&t)
}

// body is a type without its name.
func (p *formatter) body(t *btf.Type) string {
	switch t.Kind {
	case btf.Ptr:
		return "*" + p.ref(t.Ref)
	case btf.Const, btf.Volatile, btf.Restrict:
		return t.Kind.String() + " " + p.ref(t.Ref)
	case btf.TypeTag:
		return "tag " + p.name(t.Name) + " " + p.ref(t.Ref)
	case btf.Array:
		p.used[t.Index] = true
		return fmt.Sprintf("[%d]%s", t.Size, p.ref(t.Ref))
	case btf.FuncProto:
		var params []string
		for _, m := range t.Members {
			params = append(params, p.ref(m.Type))
		}
		return fmt.Sprintf("func(%s) %s", strings.Join(params, ", "), p.ref(t.Ref))
	case btf.Struct, btf.Union, btf.Enum, btf.Enum64:
	default:
		return fmt.Sprintf("<%s of %d bytes without a name>", t.Kind, t.Size)
	}
	var ms []string
	bitfields := false
	for _, m := range t.Members {
		name := p.name(m.Name)
		switch t.Kind {
		case btf.Enum:
			if t.KFlag {
				ms = append(ms, fmt.Sprintf("%s = %d", name, int32(m.Offset)))
			} else {
				ms = append(ms, fmt.Sprintf("%s = %d", name, m.Offset))
			}
			continue
		case btf.Enum64:
			if v := uint64(m.Type)<<32 | uint64(m.Offset); t.KFlag {
				ms = append(ms, fmt.Sprintf("%s = %d", name, int64(v)))
			} else {
				ms = append(ms, fmt.Sprintf("%s = %d", name, v))
			}
			continue
		}
		s := p.ref(m.Type)
		switch {
		case name != "":
			s = name + " " + s
		case !strings.HasPrefix(s, "struct ") && !strings.HasPrefix(s, "union "):
			s = "_ " + s
		}
		if size := m.Offset >> 24; t.KFlag && size != 0 {
			bitfields = true
			s += fmt.Sprintf(" @%d:%d", m.Offset&0xffffff, size)
		} else {
			s += fmt.Sprintf(" @%d", m.Offset)
		}
		ms = append(ms, s)
	}
	flag := ""
	switch {
	case t.KFlag && t.Kind.IsEnum():
		flag = " signed"
	case t.KFlag && !bitfields:
		flag = " kflag"
	}
	return fmt.Sprintf("%s %d%s { %s }", t.Kind, t.Size, flag, strings.Join(ms, "; "))
}
