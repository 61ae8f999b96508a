// Package btftest writes types as text, so that tests show the types that they
// are about: Compile makes raw BTF of it, Format makes text of raw BTF.
//
// One line is one type, in the order of ids; types without a name stand where
// they are used:
//
//	int int 4 signed
//	int unsigned~char 1 bits 3 offset 5
//	float double 8
//	struct s 24 { a int @0; b int @32:3; next *struct s @64; struct 8 { in int @0 } @128 }
//	struct t 8 kflag { }
//	union u 8 { x [2]const int @0 }
//	enum e 4 signed { A = 0; B = -1 }
//	enum64 f 8 { C = 0x100000000 }
//	fwd struct later
//	typedef fn func(int, *void) int
//	type *tag user int
//
// Members are "name type @bit offset:bits"; one without a name that is neither
// struct nor union is called _. A ~ in a name is a space. A name that several
// types of a kind have stands for the first of them; s#2 is the second; #7 is
// the type of id 7. Types that no relocation can be about are
//
//	func f fn
//	var v int
//	datasec .data 4 { var v @0:4 }
//	decl_tag note struct s
//
// An object has code as well, in functions that are named by their ELF
// sections; kprobe/a#2 is another one of kprobe/a:
//
//	reloc kprobe/a field_exists struct s 0:1
//	load kprobe/a#2 struct s 0:0
//	call kprobe/a#2 .text
//
// A reloc is a constant with a CO-RE relocation of a kind, a type and an access
// string, a load is what a C expression like s->a becomes, and functions of
// .text can be called.
package btftest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/objgen"
)

type compiler struct {
	Source
	tokens []string
	ids    map[string]uint32 // "struct s", "struct s#2", …
	index  uint32            // of arrays
	names  map[string]uint32
	funcs  map[string]int // by section and number
}

func newCompiler() *compiler {
	return &compiler{
		Source: Source{Names: []string{""}},
		ids:    map[string]uint32{}, names: map[string]uint32{"": 0}, funcs: map[string]int{},
	}
}

// Read reads a text.
func Read(text string) (*Source, error) {
	c := newCompiler()
	if err := c.all(text); err != nil {
		return nil, fmt.Errorf("btftest: %w", err)
	}
	return &c.Source, nil
}

// all panics inside.
func (c *compiler) all(text string) (err error) {
	line := ""
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("line %q: %v", line, r)
		}
	}()
	var lines []string
	for l := range strings.Lines(text) {
		l, _, _ = strings.Cut(l, " # ")
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "# ") {
			lines = append(lines, l)
		}
	}
	// The lines' types have the first ids, but for those of a base, so that they can refer to later ones.
	id := len(c.Types)
	isCode := func(l string) bool {
		word, _, _ := strings.Cut(l, " ")
		return word == "reloc" || word == "load" || word == "call"
	}
	for _, line = range lines {
		if isCode(line) {
			continue
		}
		c.Types = append(c.Types, btf.Type{})
		id := uint32(len(c.Types))
		c.tokens = tokenize(line)
		kind := c.next()
		switch kind {
		case "fwd":
			c.next()
		case "type":
			continue
		}
		c.declare(class(kind), c.next(), id)
		if kind == "int" && c.index == 0 {
			c.index = id
		}
	}
	for _, line = range lines {
		c.tokens = tokenize(line)
		if isCode(line) {
			c.code()
		} else {
			t := c.definition()
			c.Types[id] = t
			id++
		}
		if len(c.tokens) > 0 {
			panic(fmt.Sprintf("trailing %q", c.tokens))
		}
	}
	return nil
}

// class is the name space that references have for a kind.
func class(kind string) string {
	switch kind {
	case "enum64":
		return "enum"
	case "int", "float", "typedef":
		return ""
	}
	return kind
}

func (c *compiler) declare(class, name string, id uint32) {
	key := class + " " + name
	for n := 2; c.ids[key] != 0; n++ {
		key = fmt.Sprintf("%s %s#%d", class, name, n)
	}
	c.ids[key] = id
}

func (c *compiler) lookup(class, name string) uint32 {
	id := c.ids[class+" "+name]
	if id == 0 {
		panic(fmt.Sprintf("no %s %s", class, name))
	}
	return id
}

func tokenize(line string) []string {
	for _, p := range []string{"{", "}", ";", ",", "(", ")", "*", "[", "]", "@", ":", "="} {
		line = strings.ReplaceAll(line, p, " "+p+" ")
	}
	return strings.Fields(line)
}

func (c *compiler) peek() string {
	if len(c.tokens) == 0 {
		return ""
	}
	return c.tokens[0]
}

func (c *compiler) next() string {
	s := c.peek()
	if s == "" {
		panic("ends too early")
	}
	c.tokens = c.tokens[1:]
	return s
}

func (c *compiler) accept(s string) bool {
	if c.peek() != s {
		return false
	}
	c.tokens = c.tokens[1:]
	return true
}

func (c *compiler) expect(s string) {
	if !c.accept(s) {
		panic(fmt.Sprintf("expected %q at %q", s, c.tokens))
	}
}

func (c *compiler) number() uint64 {
	s := c.next()
	if strings.HasPrefix(s, "-") {
		n, err := strconv.ParseInt(s, 0, 64)
		if err != nil {
			panic(err)
		}
		return uint64(n)
	}
	n, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// name returns the reference of a name, in which ~ stands for a space.
func (c *compiler) name(s string) uint32 {
	s = strings.ReplaceAll(s, "~", " ")
	ref, ok := c.names[s]
	if !ok {
		ref = uint32(len(c.Names))
		c.names[s] = ref
		c.Names = append(c.Names, s)
	}
	return ref
}

func isNumber(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func (c *compiler) definition() btf.Type {
	kind := c.next()
	var t btf.Type
	switch kind {
	case "type":
		return c.expression()
	case "struct", "union", "enum", "enum64":
		name := c.next()
		t = c.body(kind)
		t.Name = c.name(name)
		return t
	case "fwd":
		t.Kind = btf.Fwd
		t.KFlag = c.next() == "union"
	default:
		var ok bool
		if t.Kind, ok = btf.ParseKind(kind); !ok {
			panic("unknown kind " + kind)
		}
	}
	t.Name = c.name(c.next())
	switch t.Kind {
	case btf.Fwd:
	case btf.Float:
		t.Size = uint32(c.number())
	case btf.Int:
		t.Size = uint32(c.number())
		bits, offset, encoding := 8*t.Size, uint32(0), uint32(0)
		for len(c.tokens) > 0 {
			switch f := c.next(); f {
			case "bits":
				bits = uint32(c.number())
			case "offset":
				offset = uint32(c.number())
			default:
				encoding |= 1 << slices.Index(encodings, f)
			}
		}
		t.Word = encoding<<24 | offset<<16 | bits
	case btf.Typedef, btf.Func, btf.Var:
		t.Ref = c.ref()
	case btf.DeclTag:
		t.Ref, t.Word = c.ref(), 1<<32-1
	case btf.Datasec:
		t.Size = uint32(c.number())
		c.expect("{")
		for !c.accept("}") {
			m := btf.Member{Type: c.ref()}
			c.expect("@")
			m.Offset = uint32(c.number())
			c.expect(":")
			m.Size = uint32(c.number())
			c.accept(";")
			t.Members = append(t.Members, m)
		}
	default:
		panic(kind + " cannot have a name")
	}
	return t
}

var encodings = []string{"signed", "char", "bool"}

// body is a composite or an enum behind its name.
func (c *compiler) body(kind string) btf.Type {
	var t btf.Type
	t.Kind, _ = btf.ParseKind(kind)
	t.Size = uint32(c.number())
	t.KFlag = c.accept("kflag") || c.accept("signed")
	c.expect("{")
	for !c.accept("}") {
		var m btf.Member
		if t.Kind.IsEnum() {
			m.Name = c.name(c.next())
			c.expect("=")
			v := c.number()
			m.Offset = uint32(v)
			if t.Kind == btf.Enum64 {
				m.Type = uint32(v >> 32)
			}
		} else {
			m = c.member(&t)
		}
		t.Members = append(t.Members, m)
		if c.peek() != "}" {
			c.expect(";")
		}
	}
	return t
}

// member is "[name] type @offset[:bits]"; it has no name if the type ends
// where a type would have to begin.
func (c *compiler) member(of *btf.Type) btf.Member {
	var m btf.Member
	at := slices.Index(c.tokens, "@")
	if second := c.tokens[1]; at > 1 && c.peek() != "_" && (isNumber(second) || composite(c.peek()) && at == 2) {
		// struct 8 {…}, struct s: no name
	} else if name := c.next(); name != "_" {
		m.Name = c.name(name)
	}
	m.Type = c.ref()
	c.expect("@")
	m.Offset = uint32(c.number())
	if c.accept(":") {
		of.KFlag = true
		m.Offset |= uint32(c.number()) << 24
	}
	return m
}

func composite(s string) bool { return s == "struct" || s == "union" || s == "enum" }

// ref returns the id of a type expression.
func (c *compiler) ref() uint32 {
	switch tok := c.peek(); tok {
	case "void":
		c.next()
		return 0
	case "struct", "union", "enum", "var", "func":
		if s := c.tokens[1]; s != "(" && !isNumber(s) {
			c.next()
			return c.lookup(tok, c.next())
		}
	case "enum64", "*", "[", "const", "volatile", "restrict", "tag":
	case "fwd":
		c.next()
		return c.lookup("fwd", c.next())
	default:
		if strings.HasPrefix(tok, "#") {
			c.tokens[0] = tok[1:]
			return uint32(c.number())
		}
		return c.lookup("", c.next())
	}
	t := c.expression()
	c.Types = append(c.Types, t)
	return uint32(len(c.Types))
}

// expression is a type without a name.
func (c *compiler) expression() btf.Type {
	switch tok := c.next(); tok {
	case "*":
		return btf.Type{Kind: btf.Ptr, Ref: c.ref()}
	case "const", "volatile", "restrict":
		kind, _ := btf.ParseKind(tok)
		return btf.Type{Kind: kind, Ref: c.ref()}
	case "tag":
		name := c.name(c.next())
		return btf.Type{Kind: btf.TypeTag, Name: name, Ref: c.ref()}
	case "[":
		t := btf.Type{Kind: btf.Array, Size: uint32(c.number()), Index: c.index}
		if c.index == 0 {
			panic("an array needs an int before it, for its index")
		}
		c.expect("]")
		t.Ref = c.ref()
		return t
	case "func":
		t := btf.Type{Kind: btf.FuncProto}
		c.expect("(")
		for !c.accept(")") {
			t.Members = append(t.Members, btf.Member{Type: c.ref()})
			if c.peek() != ")" {
				c.expect(",")
			}
		}
		t.Ref = c.ref()
		return t
	case "struct", "union", "enum", "enum64":
		return c.body(tok)
	default:
		panic("no type begins with " + tok)
	}
}

// code is a line of a function.
func (c *compiler) code() {
	word := c.next()
	f := c.function(c.next())
	var s Step
	switch word {
	case "call":
		if s.Call = c.function(c.next()); c.Funcs[s.Call-1].Section != objgen.Text {
			panic("only functions of .text can be called")
		}
	case "load":
		s.Load = true
	default:
		kind := c.next()
		if err := s.Kind.UnmarshalText([]byte(kind)); err != nil {
			n, err := strconv.ParseUint(kind, 10, 32)
			if err != nil {
				panic("unknown kind of relocation " + kind)
			}
			s.Kind = core.RelocationKind(n)
		}
	}
	if s.Call == 0 {
		s.Type = c.ref()
		s.Access = strings.Join(c.tokens, "")
		c.tokens = nil
	}
	c.Funcs[f-1].Steps = append(c.Funcs[f-1].Steps, s)
}

// function returns the number of a function, from 1.
func (c *compiler) function(name string) int {
	if c.funcs[name] == 0 {
		section, _, _ := strings.Cut(name, "#")
		c.Funcs = append(c.Funcs, Func{Section: section})
		c.funcs[name] = len(c.Funcs)
	}
	return c.funcs[name]
}
