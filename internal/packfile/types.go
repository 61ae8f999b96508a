package packfile

import (
	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// heads codes the kinds and names of the roots.
func (m *model) heads() {
	m.group = make([]uint32, m.roots+1)
	var before btf.Type
	var name, stem string // of before, for reading
	for n := uint32(1); n <= m.roots && m.err == nil; n++ {
		var t btf.Type
		if !m.decoding {
			t.Kind, t.Name = m.s.Head(n)
			t.KFlag = m.s.KFlag(n)
		}
		f := uint64(t.Kind)
		if t.KFlag {
			f |= flagKFlag
		}
		if t.Name != before.Name {
			f |= flagOther
		}
		f = m.uint(colRootKind, f)
		t.Kind, t.KFlag = btf.Kind(f&flagKind), f&flagKFlag != 0
		if f&flagOther != 0 {
			if m.strings++; m.strings >= m.texts {
				m.fail("more than %d names of root types", m.texts-1)
				return
			}
		}
		t.Name = m.strings
		if m.decoding {
			m.s.Set(n, &t, nil)
			ordered := n == 1 || t.Kind >= before.Kind // the first ones may have the empty name, as modules can say that
			if f&flagOther != 0 {
				text := m.s.Text(t.Name)
				s := graph.Stem(text)
				ordered = s > stem || s == stem && text > name
				name, stem = text, s
			}
			if !ordered {
				m.fail("root type %d is out of order", n)
				return
			}
		}
		if n == 1 || t.Name != before.Name || t.Kind != before.Kind {
			m.first = append(m.first, n)
		}
		m.group[n] = uint32(len(m.first))
		before = t
	}
	m.first = append(m.first, m.roots+1)
}

// write codes the types of a store that is numbered as in a file.
func (m *model) write() {
	m.texts = uint32(m.s.Strings())
	m.heads()
	for n := uint32(1); n <= m.strings; n++ {
		m.text(colRootText, m.s.Text(n))
	}
	names := m.strings
	m.bodies()
	for n := names + 1; n <= m.strings; n++ {
		m.text(colText, m.s.Text(n))
	}
}

// read is the inverse of write. The store must have room for what there is.
func (m *model) read() error {
	for _, col := range []column{colRootText, colText} {
		if text := m.cols[col]; len(text) > 0 && text[len(text)-1] != 0 {
			m.fail("column %d ends too early", col)
			return m.err
		}
	}
	m.s.Load(m.cols[colRootText])
	names := uint32(m.s.Strings()) - 1
	m.s.Load(m.cols[colText])
	m.cols[colRootText], m.cols[colText] = nil, nil
	m.texts = uint32(m.s.Strings())
	if m.heads(); m.err == nil && m.strings != names {
		m.fail("%d names of %d root types", names, m.strings)
	}
	if m.err == nil {
		m.bodies()
	}
	if m.err == nil && (m.strings+1 != m.texts || int(m.next)+1 != m.s.Len() || m.total != m.most) {
		m.fail("it has fewer types, members or names than it says")
	}
	if m.err == nil && m.open {
		m.checkAgain()
	}
	return m.finish(colRootText, colNewWidth)
}

// checkAgain checks that no type contains itself, and what could not be known of a type
// that was referred to while it was coded.
func (m *model) checkAgain() {
	clear(m.state)
	var visit func(n uint32, depth int)
	visit = func(n uint32, depth int) {
		if m.state[n] == done || n == 0 || m.err != nil {
			return
		}
		if m.state[n] == doing || depth > maxDepth {
			m.fail("type %d contains itself", n)
			return
		}
		m.state[n] = doing
		t := m.s.Header(n)
		visit(t.Ref, depth+1)
		if t.Kind == btf.Array {
			visit(m.value(t.Index), depth+1)
		}
		if !t.Kind.IsEnum() {
			for _, member := range m.s.Members(n) {
				if t.Kind.IsComposite() {
					m.value(member.Type)
				}
				visit(member.Type, depth+1)
			}
		}
		m.state[n] = done
	}
	for n := range uint32(m.s.Len()) {
		visit(n, 0)
	}
}
