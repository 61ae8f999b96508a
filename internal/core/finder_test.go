package core_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// A packed is a kernel as a pack shows it: some types of a file that has those of
// all kernels, one perhaps twice.
type packed struct {
	graph.Raw
	ids   []uint32
	long  uint32
	big   bool
	leads map[uint32]uint32 // pointers
	reads *int              // how many types were decoded
}

func (p packed) Candidates(s *graph.Stems, yield func(id uint32, stem int)) {
	for _, id := range p.ids {
		_, name := p.Head(id)
		if stem, ok := s.Lookup(p.Text(name)); ok {
			yield(id, stem)
		}
	}
}

func (p packed) LongInt() uint32 { return p.long }

func (p packed) BigEndian() bool { return p.big }

func (p packed) Type(id uint32, t *btf.Type) {
	if p.reads != nil {
		*p.reads++
	}
	p.Raw.Type(id, t)
	if to, ok := p.leads[id]; ok {
		t.Ref = to
	}
}

// An owned is a kernel with types of its own: those from id own on are others, but for
// what pointers lead to.
type owned struct {
	packed
	own uint32
	are []uint32
}

func (o owned) Plain(id uint32) uint32 {
	if id >= o.own {
		return o.are[id-o.own]
	}
	return id
}

func (o owned) Head(id uint32) (btf.Kind, uint32) { return o.packed.Head(o.Plain(id)) }

func (o owned) Ref(id uint32) uint32 { return o.packed.Ref(o.Plain(id)) }

func (o owned) Type(id uint32, t *btf.Type) { o.packed.Type(o.Plain(id), t) }

func (o owned) Candidates(s *graph.Stems, yield func(id uint32, stem int)) {
	for _, id := range o.ids {
		_, name := o.Head(id)
		if stem, ok := s.Lookup(o.Text(name)); ok {
			yield(id, stem)
		}
	}
}

// ids returns the types of a file that may be candidates.
func ids(f *btf.File) (list []uint32) {
	graph.Raw{File: f}.Named(func(id uint32) { list = append(list, id) })
	return list
}

// What depends on the size of pointers, and on the byte order.
const machines = `
int int 4 signed
int long 8
int long 4
int u32 4
struct p 24 { x [2]*void @0 }
struct p 24 { x [2]*void @64 }
struct b 8 { f u32 @0:3 }
struct b 8 { f u32 @8:5 }
typedef ptrs [2]*void
typedef ptrs [4]*void
-- object --
int int 4 signed
struct p 24 { x [2]*void @0 }
struct b 8 { f int @0 }
typedef ptrs [2]*void
reloc kprobe/a field_byte_offset struct p 0:0:1
reloc kprobe/a field_lshift_u64 struct b 0:0
reloc kprobe/a field_rshift_u64 struct b 0:0
reloc kprobe/a type_size ptrs 0
`

// A Finder finds in one kernel after the other what is found in each alone,
// however much it remembers.
func TestFinder(t *testing.T) {
	type world struct{ name, kernel, object string }
	kernel, object, _ := strings.Cut(machines, "-- object --\n")
	worlds := []world{{"machines", kernel, object}}
	for _, c := range testfiles.Cases(t, "testdata/prune") {
		worlds = append(worlds, world{c.Name, c.Part("kernel"), c.Part("object")})
	}
	different := map[string]bool{}
	for _, w := range worlds {
		f := btftest.Parse(t, binary.LittleEndian, w.kernel)
		rs := btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, w.object))
		all := ids(f)
		for _, memory := range []int{1 << 20, 200, 0} {
			t.Run(fmt.Sprintf("%s/%d", w.name, memory), func(t *testing.T) {
				defer core.SetMaxKnown(memory)()
				r := rand.New(rand.NewPCG(1, 2))
				finder := core.NewFinder(rs)
				one := map[string]*core.Finding{}
				for range 200 {
					k := owned{packed: packed{Raw: graph.Raw{File: f}, big: r.IntN(2) > 0}, own: f.NumTypes()}
					for range min(r.IntN(len(all)+2), 8) {
						id := all[r.IntN(len(all))]
						if r.IntN(3) == 0 {
							k.are = append(k.are, id)
							id = k.own + uint32(len(k.are)) - 1
						}
						k.ids = append(k.ids, id)
					}
					if w.name == "machines" {
						k.long = uint32(r.IntN(3) + 1) // int, so none, or one of the longs
					}
					want, err := core.Findings(k, rs)
					if err != nil {
						t.Fatal(err)
					}
					got, err := finder.Findings(k)
					if err != nil || !reflect.DeepEqual(got, want) {
						t.Fatalf("candidates %d: %v (%v), alone %v", k.ids, texts(got), err, texts(want))
					}
					for i, text := range texts(got) {
						if one[text] == nil {
							one[text] = got[i]
						}
						if one[text] != got[i] {
							t.Errorf("a second %s", text)
						}
						different[text] = true
					}
				}
			})
		}
	}
	if len(different) < 200 {
		t.Errorf("only %d different findings: the kernels are not to the point", len(different))
	}
}

// texts returns findings as text.
func texts(findings []*core.Finding) (list []string) {
	for _, f := range findings {
		list = append(list, fmt.Sprintf("%+v", *f))
	}
	return list
}

// Candidates that were judged are not looked at again.
func TestFinderRemembers(t *testing.T) {
	kernel, object, _ := strings.Cut(machines, "-- object --\n")
	f := btftest.Parse(t, binary.LittleEndian, kernel)
	rs := btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, object))
	reads := 0
	finder := core.NewFinder(rs)
	for i, c := range []struct {
		k   packed
		new bool
	}{
		{packed{ids: ids(f), long: 2}, true},
		{packed{ids: ids(f), long: 2}, false},
		{packed{ids: ids(f), long: 3}, true},
		{packed{ids: ids(f)[5:], long: 2}, true},  // one p less
		{packed{ids: ids(f)[3:], long: 2}, false}, // no candidates are missing
		{packed{ids: ids(f), long: 2, big: true}, true},
		{packed{ids: ids(f), long: 3}, false},
	} {
		reads = 0
		c.k.Raw, c.k.reads = graph.Raw{File: f}, &reads
		if _, err := finder.Findings(c.k); err != nil {
			t.Fatal(err)
		}
		if c.new == (reads <= 1) { // the long is one
			t.Errorf("kernel %d: %d types are decoded", i, reads)
		}
	}
}

// A kernel that is too much is too much, even if most of it is remembered.
func TestFinderSpends(t *testing.T) {
	kernel, object, _ := strings.Cut(machines, "-- object --\n")
	f := btftest.Parse(t, binary.LittleEndian, kernel)
	rs := btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, object))
	most := 1
	defer core.SetMaxWork(most)()
	for {
		core.SetMaxWork(most)
		if _, err := core.Findings(packed{Raw: graph.Raw{File: f}, ids: ids(f)}, rs); err == nil {
			break
		}
		most++
	}
	core.SetMaxWork(most - 1)
	finder := core.NewFinder(rs)
	all := ids(f)
	for i, list := range [][]uint32{all[:6], all, all, all[6:], all[:6]} {
		k := packed{Raw: graph.Raw{File: f}, ids: list}
		want, wantErr := core.Findings(k, rs)
		got, err := finder.Findings(k)
		if (err == nil) != (wantErr == nil) || (err == nil) != (len(list) < len(all)) || err != nil && !errors.Is(err, core.ErrWork) || !reflect.DeepEqual(got, want) {
			t.Errorf("kernel %d: %v (%v), alone %v (%v)", i, texts(got), err, texts(want), wantErr)
		}
	}
}

// Behind pointers type_matches finds types that are the kernel's own.
func TestFinderOfMatches(t *testing.T) {
	f := btftest.Parse(t, binary.LittleEndian, "enum e 4 { A = 1 }\nenum e 8 { A = 1 }\nstruct t 8 { p *enum e @0 }\nstruct s 8 { p *enum e @0 }\n")
	rs := btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, `
int int 4 signed
enum e 4 { A = 1 }
struct s 8 { p *enum e @0 }
struct t 8 { q int @0 }
reloc kprobe/a type_matches struct s 0
reloc kprobe/a field_exists struct t 0:0
`))
	all := ids(f)
	candidate := all[len(all)-1]
	var s btf.Type
	f.Type(candidate, &s)
	pointer := s.Members[0].Type
	reads := 0
	finder := core.NewFinder(rs)
	for i, to := range []uint32{1, 2, 1} {
		k := packed{Raw: graph.Raw{File: f}, ids: all, leads: map[uint32]uint32{pointer: to}, reads: &reads}
		reads = 0
		found, err := finder.Findings(k)
		if err != nil || len(found) != int(to) || found[to-1].Relocation.Kind != core.FieldExists {
			t.Errorf("a pointer to enum %d: %v (%v)", to, texts(found), err)
		}
		// type_matches decodes the struct, the pointer and the enum; field_exists another struct.
		if remembers := reads == 3; remembers != (i > 0) {
			t.Errorf("kernel %d: %d types are decoded", i, reads)
		}
	}
}

// A pack has equal types as one, which is there twice, and has no more than two
// of them. What is found is the same.
func TestEqualCandidates(t *testing.T) {
	rs := btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, `
int int 4 signed
struct s 8 { a int @0; b int @32 }
reloc kprobe/a type_id_target struct s 0
reloc kprobe/a field_byte_offset struct s 0:0
reloc kprobe/a field_byte_offset struct s 0:1
`))
	const one, other = "struct s 4 { a int @0 }\n", "struct s 8 { a int @32 }\n"
	f := btftest.Parse(t, binary.LittleEndian, "int int 4 signed\n"+one+other)
	for _, c := range []struct {
		raw  string
		ids  []uint32
		want []core.Outcome
	}{
		{one, []uint32{2}, []core.Outcome{core.NoMatch}},
		{one + one, []uint32{2, 2}, []core.Outcome{core.Ambiguous, core.NoMatch}},
		{one + one + one, []uint32{2, 2}, []core.Outcome{core.Ambiguous, core.NoMatch}},
		{other + one + other + one + one, []uint32{3, 2, 3, 2}, []core.Outcome{core.Ambiguous, core.Ambiguous, core.NoMatch}},
	} {
		direct := found(t, btftest.Compile(t, binary.LittleEndian, "int int 4 signed\n"+c.raw), rs)
		got, err := core.NewFinder(rs).Findings(packed{Raw: graph.Raw{File: f}, ids: c.ids})
		if err != nil || !reflect.DeepEqual(got, direct) {
			t.Errorf("%s%v (%v), in a pack %v", c.raw, texts(direct), err, texts(got))
		}
		var outcomes []core.Outcome
		for _, f := range got {
			outcomes = append(outcomes, f.Outcome)
		}
		if !slices.Equal(outcomes, c.want) {
			t.Errorf("%s%v, expected %v", c.raw, outcomes, c.want)
		}
	}
}
