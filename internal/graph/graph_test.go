package graph_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// name, libbpf's essential name, cilium/ebpf's, stem
var names = [][4]string{
	{"", "", "", ""},
	{"a", "a", "a", "a"},
	{"task_struct", "task_struct", "task_struct", "task_struct"},
	{"task_struct___old", "task_struct", "task_struct", "task_struct"},
	{"a___b", "a", "a", "a"},
	{"a___b___c", "a___b", "a___b", "a"},
	{"a__b", "a__b", "a__b", "a__b"},
	{"a___", "a___", "a", "a"},
	{"a____", "a____", "a_", "a"},
	{"a____b", "a____b", "a_", "a"},
	{"a_____b", "a_____b", "a__", "a"},
	{"a______b", "a______b", "a___", "a"},
	{"a_", "a_", "a_", "a"},
	{"a__", "a__", "a__", "a"},
	{"___a", "___a", "___a", "___a"},
	{"____a", "____a", "_", ""},
	{"_____a", "_____a", "__", ""},
	{"___a___b", "___a", "___a", "___a"},
	{"_", "_", "_", ""},
	{"___", "___", "___", ""},
	{"____", "____", "_", ""},
	{"_a___b", "_a", "_a", "_a"},
	{"a___b_", "a", "a", "a"},
	{"a___b__c", "a", "a", "a"},
	{"a___b____c", "a", "a___b_", "a"},
	{"a____b___c", "a____b", "a____b", "a"},
	{"a___b___", "a", "a___b", "a"},
}

func TestEssentialNameAndStem(t *testing.T) {
	for _, n := range names {
		if got := graph.EssentialName(n[0]); got != n[1] {
			t.Errorf("essential name of %q is %q, expected %q", n[0], got, n[1])
		}
		if got := ciliumEssential(n[0]); got != n[2] {
			t.Errorf("cilium's essential name of %q is %q, expected %q", n[0], got, n[2])
		}
		if got := graph.Stem(n[0]); got != n[3] {
			t.Errorf("stem of %q is %q, expected %q", n[0], got, n[3])
		}
	}
}

// ciliumEssential is newEssentialName of cilium/ebpf.
func ciliumEssential(name string) string {
	if i := strings.LastIndex(name, "___"); i > 0 {
		return name[:i]
	}
	return name
}

// libbpfEssential is bpf_core_essential_name_len as it stands in relo_core.c.
func libbpfEssential(name string) string {
	for i := len(name) - 5; i >= 0; i-- {
		if s := name[i:]; s[0] != '_' && s[1] == '_' && s[2] == '_' && s[3] == '_' && s[4] != '_' {
			return name[:i+1]
		}
	}
	return name
}

func randomName(r *rand.Rand) string {
	b := make([]byte, r.IntN(12))
	for i := range b {
		b[i] = "___ab"[r.IntN(5)]
	}
	return string(b)
}

// Names that are equal for a loader must have equal stems, or candidates are missed.
func TestStemIsNoFinerThanLoaders(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	stems := map[string]map[string]string{"libbpf": {}, "cilium": {}}
	merged := 0
	for range 200_000 {
		name := randomName(r)
		if got, want := graph.EssentialName(name), libbpfEssential(name); got != want {
			t.Fatalf("essential name of %q is %q, expected %q", name, got, want)
		}
		for loader, essential := range map[string]string{"libbpf": libbpfEssential(name), "cilium": ciliumEssential(name)} {
			stem, ok := stems[loader][essential]
			if !ok {
				stems[loader][essential] = graph.Stem(name)
				continue
			}
			if stem != graph.Stem(name) {
				t.Fatalf("%q has stem %q, another name that is %q for %s has %q", name, graph.Stem(name), essential, loader, stem)
			}
			if name != essential {
				merged++
			}
		}
	}
	if merged < 1000 {
		t.Errorf("only %d flavors: the names are not to the point", merged)
	}
}

func TestLookupIsStem(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		number := map[string]int{}
		var list []string
		for range r.IntN(5) {
			if s := graph.Stem(randomName(r)); !slices.Contains(list, s) {
				number[s] = len(list)
				list = append(list, s)
			}
		}
		s := graph.NewStems(list)
		for range 300 {
			name := randomName(r)
			want, wantOK := number[graph.Stem(name)]
			if name == "" {
				want, wantOK = 0, false // no type without a name is a candidate
			}
			text := name + "\x00" + randomName(r) + "\x00"
			if got, ok := s.Lookup([]byte(text)); got != want || ok != wantOK {
				t.Fatalf("%q among %q is %d, %v, expected %d, %v", name, list, got, ok, want, wantOK)
			}
		}
	}
	// The last bytes of a string section, and nothing at all.
	s := graph.NewStems([]string{"a", "ab"})
	for text, want := range map[string]int{"a\x00": 0, "ab\x00": 1, "ab": 1} {
		if got, ok := s.Lookup([]byte(text)); got != want || !ok {
			t.Errorf("%q is %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "\x00", "\x00a\x00"} {
		if got, ok := s.Lookup([]byte(text)); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
}

func FuzzLookup(f *testing.F) {
	for _, n := range names {
		f.Add(n[0], n[3])
	}
	// Lookup is Stem and a comparison, for any name and any stem.
	f.Fuzz(func(t *testing.T, name, of string) {
		if strings.Contains(name, "\x00") || strings.Contains(of, "\x00") || name == "" {
			return
		}
		stem := graph.Stem(of)
		s := graph.NewStems([]string{stem})
		if _, ok := s.Lookup([]byte(name + "\x00")); ok != (graph.Stem(name) == stem) {
			t.Fatalf("%q is found: %v, its stem is %q, looked for is %q", name, ok, graph.Stem(name), stem)
		}
		if graph.Stem(graph.EssentialName(name)) != graph.Stem(name) || graph.Stem(ciliumEssential(name)) != graph.Stem(name) {
			t.Fatalf("%q and its essential names have different stems", name)
		}
	})
}

func TestCandidates(t *testing.T) {
	const text = `
		int s 4
		struct s 4 { }
		struct t 4 { }
		func s fn
		union s___flavor 4 { }
		var s int
		typedef s struct t
		datasec s 4 { }
		fwd struct s
		decl_tag s struct t
		enum s 4 { s = 1 }
		typedef fn func() s
		enum64 s____odd 8 { }
		float s 4
		int int 4
		type struct 4 { }
		struct ss 4 { }
		struct other___s 4 { }
		type tag s int`
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		g := graph.Raw{File: btftest.Parse(t, order, text)}
		var got []string
		g.Candidates(graph.NewStems([]string{"t", "s"}), func(id uint32, stem int) {
			kind, name := g.Head(id)
			got = append(got, fmt.Sprintf("%d: %s %s", stem, kind, g.String(name)))
		})
		want := []string{"1: int s", "1: struct s", "0: struct t", "1: union s___flavor", "1: typedef s", "1: fwd s",
			"1: enum s", "1: enum64 s____odd", "1: float s", "1: type_tag s"}
		if !slices.Equal(got, want) {
			t.Errorf("%q\nexpected\n%q", got, want)
		}
	}
}

func TestLongInt(t *testing.T) {
	for text, want := range map[string]uint32{
		"":                                         0,
		"int int 4":                                0,
		"int long 2":                               0,
		"typedef long void":                        0,
		"int a 1\nint long 4":                      2,
		"int long 8\nint long 4":                   1,
		"int long 16\nint long 4":                  2,
		"struct long 8 { }\nint long 8":            2,
		"int long~unsigned~int 8":                  1,
		"int int 4\nint long~int 4\nint long 8":    2,
		"int long~long~int 8\nint unsigned~long 8": 2,
		"int longer 8\nint unsigned_long 8":        0,
		"float long 8":                             0,
	} {
		if got := (graph.Raw{File: btftest.Parse(t, binary.BigEndian, text)}).LongInt(); got != want {
			t.Errorf("%q: type %d, expected %d", text, got, want)
		}
	}
}
