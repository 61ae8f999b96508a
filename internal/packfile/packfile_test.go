package packfile

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/store"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// A maker makes nodes.
type maker struct{ *store.Store }

func (m maker) named(t btf.Type, name string) uint32 {
	t.Name = m.String(name)
	return m.Intern(&t)
}

func (m maker) of(kind btf.Kind, ref uint32) uint32 { return m.Intern(&btf.Type{Kind: kind, Ref: ref}) }

func (m maker) pointerTo(kind btf.Kind, name string) uint32 {
	return m.of(btf.Ptr, m.named(btf.Type{Kind: store.Named, Word: uint32(kind)}, name))
}

// member is of a name, a type and an offset in bits.
func (m maker) member(name string, typ, offset uint32) btf.Member {
	return btf.Member{Name: m.String(name), Type: typ, Offset: offset}
}

// few are two little kernels that differ in one struct, and in an order.
func few() (*store.Store, []*Kernel) {
	m := maker{store.New()}
	long := m.named(btf.Type{Kind: btf.Int, Size: 8, Word: 64}, "long int")
	char := m.named(btf.Type{Kind: btf.Int, Size: 1, Word: 8}, "char")
	text := m.Intern(&btf.Type{Kind: btf.Array, Ref: char, Index: long, Size: 16})
	fn := m.Intern(&btf.Type{Kind: btf.FuncProto, Ref: long, Members: []btf.Member{{Type: m.pointerTo(btf.Struct, "task")}, {Type: long}}})
	task := m.named(btf.Type{Kind: btf.Struct, Size: 32, Members: []btf.Member{
		m.member("pid", long, 0), m.member("comm", text, 64), m.member("next", m.pointerTo(btf.Struct, "task"), 192),
	}}, "task")
	inner := m.Intern(&btf.Type{Kind: btf.Union, Size: 8, Members: []btf.Member{m.member("x", long, 0), m.member("y", char, 0)}})
	bits := m.named(btf.Type{Kind: btf.Struct, KFlag: true, Size: 8, Members: []btf.Member{
		m.member("a", long, 3<<24), m.member("b", long, 3|5<<24),
	}}, "bits")
	task2 := m.named(btf.Type{Kind: btf.Struct, Size: 56, Members: []btf.Member{
		m.member("flags", bits, 0), m.member("pid", long, 64), m.member("", inner, 128),
		m.member("comm", text, 192), m.member("next", m.pointerTo(btf.Struct, "task"), 320), m.member("fn", m.of(btf.Ptr, fn), 384),
	}}, "task")
	alias := m.named(btf.Type{Kind: btf.Typedef, Ref: m.of(btf.Const, task)}, "task")
	colors := m.named(btf.Type{Kind: btf.Enum, Size: 4, Members: []btf.Member{m.member("RED", 0, 5), m.member("GREEN", 0, 6), m.member("NONE", 0, maxUint32)}}, "colors")
	big := m.named(btf.Type{Kind: btf.Enum64, Size: 8, Members: []btf.Member{m.member("HUGE", 1, 7)}}, "big")
	return m.Store, []*Kernel{
		{Name: "a/1", Sum: [32]byte{1, 2}, Kernel: store.Kernel{Long: long, Roots: []uint32{long, char, task, alias, colors}}},
		{Name: "a/2", Kernel: store.Kernel{BigEndian: true, Long: long, Roots: []uint32{alias, long, big, task, task2, task, bits, colors}}},
		{Name: "a/2b", Kernel: store.Kernel{}},
	}
}

// copies is a kernel with two structs that one node stands for.
func copies() (*store.Store, []*Kernel) {
	m := maker{store.New()}
	long := m.named(btf.Type{Kind: btf.Int, Size: 8, Word: 64}, "long int")
	leaf := m.named(btf.Type{Kind: btf.Struct, Size: 8, Members: []btf.Member{m.member("a", long, 0)}}, "leaf")
	leaf2 := m.named(btf.Type{Kind: btf.Struct, Size: 8, Members: []btf.Member{m.member("b", long, 0)}}, "leaf")
	node := m.named(btf.Type{Kind: btf.Struct, Size: 8, Members: []btf.Member{m.member("leaf", m.pointerTo(btf.Struct, "leaf"), 0)}}, "node")
	anonymous := m.Intern(&btf.Type{Kind: btf.Struct, Size: 16, Members: []btf.Member{m.member("n", node, 0), m.member("l", m.pointerTo(btf.Struct, "leaf"), 64)}})
	list := m.named(btf.Type{Kind: btf.Struct, Size: 16, Members: []btf.Member{m.member("", anonymous, 0)}}, "list")
	roots := []uint32{leaf, long, leaf2, list, node, node}
	copies := []store.Copy{{Root: node, Choices: []uint32{1}}, {Root: node, Choices: []uint32{2}}, {Root: list, Choices: []uint32{1, 2}}}
	kernel := func(name string, order ...uint32) *Kernel {
		return &Kernel{Name: name, Kernel: store.Kernel{Long: long, Roots: roots, Copies: copies, Order: order}}
	}
	const is = store.IsCopy
	return m.Store, []*Kernel{
		kernel("k", leaf, long, leaf2, is|2, is, is|1),
		kernel("l", leaf, long, leaf2, is|2, is, is|1, is),
	}
}

func write(t testing.TB, s *store.Store, list []*Kernel, o Options) []byte {
	t.Helper()
	file, err := Write(s, list, o)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func raws(t testing.TB, file []byte) map[string][]byte {
	t.Helper()
	p, err := Read(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	raws := map[string][]byte{}
	for k, err := range p.Kernels(true) {
		if err != nil {
			t.Fatal(err)
		}
		if raws[k.Name], err = p.Store.Raw(&k.Kernel); err != nil {
			t.Fatal(err)
		}
	}
	return raws
}

func TestRoundTrip(t *testing.T) {
	for name, of := range map[string]func() (*store.Store, []*Kernel){"few": few, "copies": copies} {
		s, list := of()
		for what, o := range map[string]Options{
			"stored":   {},
			"squeezed": {Tailored: true, Codec: Squeezed},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				file := write(t, s, list, o)
				got := raws(t, file)
				if len(got) != len(list) {
					t.Fatalf("%d kernels of %d", len(got), len(list))
				}
				for _, k := range list {
					want, err := s.Raw(sortedByStem(s, &k.Kernel))
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got[k.Name], want) {
						t.Errorf("%s: other types", k.Name)
					}
				}
				p, err := Read(file, nil)
				if err != nil || p.Tailored != o.Tailored || p.Len() != len(list) {
					t.Fatalf("%+v %v", p, err)
				}
				i := 0
				for k, err := range p.Heads() {
					if err != nil || k.Name != list[i].Name || k.Sum != list[i].Sum || k.BigEndian != list[i].BigEndian {
						t.Errorf("%+v %v", k, err)
					}
					i++
				}
				slices.Reverse(list)
				if !bytes.Equal(write(t, s, list, o), file) {
					t.Error("the order of kernels matters")
				}
				slices.Reverse(list)
			})
		}
	}
}

// TestVersion1 holds the format: packs of this version that were written once are read the same,
// and written the same.
func TestVersion1(t *testing.T) {
	for name, of := range map[string]func() (*store.Store, []*Kernel){"few": few, "copies": copies} {
		for suffix, o := range map[string]Options{"": {}, "-tailored": {Tailored: true, Codec: Squeezed}} {
			s, list := of()
			path := "testdata/" + name + suffix + ".btfpack"
			testfiles.Golden(t, path, write(t, s, list, o))
			got := raws(t, testfiles.Read(t, path))
			for _, k := range list {
				want, err := s.Raw(sortedByStem(s, &k.Kernel))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got[k.Name], want) {
					t.Errorf("%s, %s: other types", path, k.Name)
				}
			}
		}
	}
}

// sortedByStem returns a kernel whose roots are as a pack gives them. All names
// here are their own stems but for what sorts alike.
func sortedByStem(s *store.Store, k *store.Kernel) *store.Kernel {
	text := func(id uint32) string {
		if id&store.IsCopy != 0 {
			id = k.Copies[id&^store.IsCopy].Root
		}
		_, name := s.Head(id)
		return s.Text(name)
	}
	by := func(a, b uint32) int { return strings.Compare(text(a), text(b)) }
	c := *k
	c.Roots, c.Order = slices.Clone(k.Roots), slices.Clone(k.Order)
	slices.SortStableFunc(c.Roots, by)
	slices.SortStableFunc(c.Order, by)
	return &c
}

// A pack may have more kernels than the window, and resemble those at its far end.
func TestManyKernels(t *testing.T) {
	m := maker{store.New()}
	var roots []uint32
	for _, name := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		roots = append(roots, m.named(btf.Type{Kind: btf.Int, Size: 4, Word: 32}, name))
	}
	var list []*Kernel
	for i := range 3 * window {
		// Every 64th one is like the one 64 before, and the others are not like each other.
		var of []uint32
		for j, n := range roots {
			if i%window == 0 || i>>(j%8)&1 == j/13 {
				of = append(of, n)
			}
		}
		list = append(list, &Kernel{Name: string([]byte{'k', byte('a' + i/16), byte('a' + i%16)}), Kernel: store.Kernel{Roots: of}})
	}
	file := write(t, m.Store, list, Options{})
	p, err := Read(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for k, err := range p.Kernels(false) {
		if err != nil || len(k.Roots) != len(list[i].Roots) {
			t.Fatalf("kernel %d: %d roots, expected %d (%v)", i, len(k.Roots), len(list[i].Roots), err)
		}
		for j, n := range k.Roots {
			_, name := p.Store.Head(n)
			_, want := m.Head(list[i].Roots[j])
			if p.Store.Text(name) != m.Text(want) {
				t.Fatalf("kernel %d, root %d", i, j)
			}
		}
		i++
	}
	if i != len(list) {
		t.Errorf("%d kernels of %d", i, len(list))
	}
}

// What is wrong although all checksums are right is found out, too.
func TestBadColumns(t *testing.T) {
	s, list := few()
	good := columns(t, s, list)
	if err := readAll(fromColumns(good)); err != nil {
		t.Fatal(err)
	}
	errs := map[string]bool{}
	for i := range good {
		for _, v := range []byte{0, 1, 0x7f, 0xff, good[i] + 1, good[i] - 1} {
			bad := bytes.Clone(good)
			bad[i] = v
			if err := readAll(fromColumns(bad)); err != nil {
				if !errors.Is(err, ErrFormat) && !errors.Is(err, btf.ErrFormat) {
					t.Fatalf("byte %d: %v", i, err)
				}
				errs[err.Error()] = true
			}
		}
	}
	if len(errs) < 20 {
		t.Errorf("only %d different errors", len(errs))
	}
}

func readAll(file []byte) error {
	p, err := Read(file, nil)
	if err != nil {
		return err
	}
	for k, err := range p.Kernels(true) {
		if err != nil {
			return err
		}
		if _, err := p.Store.Raw(&k.Kernel); err != nil {
			return err
		}
	}
	return nil
}

// Names become paths of files, so those that lead elsewhere are refused.
func TestBadNames(t *testing.T) {
	for _, name := range []string{"/etc/passwd", "../up", "a/../../b", "a//b", ".", "a/", "a\nb"} {
		s, list := store.New(), []*Kernel{{Name: name}}
		if _, err := Write(s, list, Options{}); err == nil || !strings.Contains(err.Error(), "no path") {
			t.Errorf("%q is written: %v", name, err)
		}
		good := strings.Repeat("x", len(name))
		list[0].Name = good
		bad := bytes.Replace(columns(t, s, list), []byte(good+"\x00"), []byte(name+"\x00"), 1)
		if err := readAll(fromColumns(bad)); err == nil || !strings.Contains(err.Error(), "no path") {
			t.Errorf("%q is read: %v", name, err)
		}
	}
}

// What compresses to nearly nothing is read again, though such a small file must not claim as much.
func TestRepetition(t *testing.T) {
	m := maker{store.New()}
	char := m.named(btf.Type{Kind: btf.Int, Size: 1, Word: 8}, "char")
	pad := btf.Type{Kind: btf.Struct, Size: 400_000}
	for i := range pad.Size {
		pad.Members = append(pad.Members, m.member("", char, 8*i))
	}
	list := []*Kernel{{Name: "k", Kernel: store.Kernel{Roots: []uint32{m.named(pad, "pad")}}}}
	file := write(t, m.Store, list, Options{Codec: Squeezed})
	want, err := m.Raw(&list[0].Kernel)
	if err != nil {
		t.Fatal(err)
	}
	if got := raws(t, file); !bytes.Equal(got["k"], want) {
		t.Errorf("%d bytes instead of %d", len(got["k"]), len(want))
	}
	if len(file) < 1_200_000 {
		t.Errorf("%d bytes", len(file))
	}
	// Another writer may have squeezed it.
	p, err := Read(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.columns(0, numColumns-1)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "a bomb", assembled(0, counts{1, 1, 2, 1000}, rawStream{codec: Squeezed, data: squeeze(c.cols)}), "damaged: the columns are too long")
}

// A module may give a type the empty name, as one of its own strings.
func TestEmptyName(t *testing.T) {
	m := maker{store.New()}
	long := m.named(btf.Type{Kind: btf.Int, Size: 8, Word: 64}, "long int")
	list := []*Kernel{{Name: "k", Kernel: store.Kernel{Roots: []uint32{
		long, m.of(btf.Ptr, long), m.named(btf.Type{Kind: btf.Struct, Size: 8, Members: []btf.Member{m.member("a", long, 0)}}, ""),
	}}}}
	want, err := m.Raw(&list[0].Kernel)
	if err != nil {
		t.Fatal(err)
	}
	if got := raws(t, write(t, m.Store, list, Options{})); len(got["k"]) != len(want) {
		t.Errorf("%d bytes instead of %d", len(got["k"]), len(want))
	}
}
