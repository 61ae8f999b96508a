package verify_test

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
	"github.com/khulnasoft/rules_btf/internal/verify"
)

func parse(t testing.TB, order binary.ByteOrder, text string) *verify.Kernel {
	t.Helper()
	k, err := verify.Parse(btftest.Compile(t, order, text))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func object(t testing.TB, order binary.ByteOrder, text string) *verify.Object {
	t.Helper()
	o, err := verify.ReadObject("x.bpf.o", btftest.Object(t, order, text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const (
	full = `
		int int 4 signed
		int u64 8
		enum e 4 { A = 1; B = 2 }
		struct s 24 { a int @0; b int @32; list [4]int @64; bits int @192:5 }
		struct in 4 { x int @0 }
		struct m 16 { in struct in @0; p *struct in @64 }
		typedef t *struct in
		`
	local = `
		int int 4 signed
		enum e 4 { B = 0 }
		struct s 24 { a int @0; b int @32; list [4]int @64; bits int @192:5 }
		struct in 4 { x int @0 }
		struct m 16 { in struct in @0; p *struct in @64 }
		typedef t *struct in
		reloc kprobe/a field_byte_offset struct s 0:1
		reloc kprobe/a field_exists struct s 0:2:3
		reloc kprobe/a field_byte_size struct s 0:0
		reloc kprobe/b field_rshift_u64 struct s 0:3
		reloc kprobe/b enumval_value enum e 0
		reloc kprobe/b enumval_exists enum e 0
		reloc kprobe/c type_exists t 0
		reloc kprobe/c type_size struct s 0
		reloc kprobe/c type_matches struct m 0
		reloc kprobe/c type_id_local struct m 0
		`
)

// The judge must be able to find fault. Each of these minimal BTFs has one.
func TestFaultsAreFound(t *testing.T) {
	for _, c := range []struct{ what, old, new, want string }{
		{"nothing", "", "", ""},
		{"a member that nobody asks for is gone", "p *struct in @64", "p *struct in @64", ""},
		{"names and types that nobody looks at", "int u64 8", "int gone 2", ""},
		{"a dropped member", " b int @32;", "", "program kprobe_a: CORERelocation(byte_off, Struct:\"s\"[0:1], local_id=3): full byte_off=4->4, min byte_off=poison"},
		{"a wrong offset", "b int @32", "b int @64", "full byte_off=4->4, min byte_off=4->8"},
		{"a wrong type", "a int @0", "a u64 @0", "full byte_sz=4->4, min byte_sz=4->8"},
		{"a type that is no integer", "a int @0", "a *int @0", "full byte_sz=4->4, min byte_sz=poison"},
		{"a shorter array", "[4]int", "[3]int", "full field_exists=1->1, min field_exists=1->0"},
		{"a wrong width", ":5", ":6", "full rshift_u64=0->59, min rshift_u64=0->58"},
		{"a wrong value", "B = 2", "B = 3", "full enumval_value=0->2, min enumval_value=0->3"},
		{"a dropped enumerator", "; B = 2", "", "full enumval_exists=1->1, min enumval_exists=1->0"},
		{"a wrong size", "struct s 24", "struct s 32", "full type_size=24->24, min type_size=24->32"},
		{"a dropped type", "typedef t *struct in", "", "full type_exists=1->1, min type_exists=1->0"},
		{"a typedef of another type", "typedef t *struct in", "typedef t *int", "full type_exists=1->1, min type_exists=1->0"},
		{"a pointee's member", "x int", "y int", "full type_matches=1->1, min type_matches=1->0"},
		{"a second candidate that is no such", "typedef t", "struct s 24 { b int @0; a int @32; list [4]int @64; bits int @192:5 }\ntypedef t", "min relocate Struct:\"s\": byte_off: multiple types match: ambiguous relocation"},
	} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			t.Run(fmt.Sprintf("%s/%v", c.what, order), func(t *testing.T) {
				res := verify.Compare(parse(t, order, full), parse(t, order, strings.Replace(full, c.old, c.new, 1)), object(t, order, local))
				if res.Programs != 3 || res.Relocations != 10 || len(res.Limits) > 0 || len(res.Remarks) > 0 {
					t.Errorf("%+v", res)
				}
				var list []string
				for _, d := range res.Differences {
					list = append(list, d.String())
				}
				text := strings.Join(list, "\n")
				switch {
				case c.want == "" && (!res.OK() || res.Same != 10):
					t.Errorf("%s", text)
				case c.want != "" && (res.OK() || res.Same == 10 || !strings.Contains(text, c.want) || !strings.HasPrefix(text, "x.bpf.o: program kprobe_")):
					t.Errorf("got: %s\nexpected: %s", text, c.want)
				}
			})
		}
	}
}

// A relocation that is refused with both is no difference; one that is refused
// with one is, and so is one that is refused for another reason.
func TestRefusals(t *testing.T) {
	const (
		once      = "int int 4\nstruct s 8 { a int @0 }\nstruct t 4 { list [4]int @0 }\n"
		ambiguous = once + "struct s 8 { a int @32 }\nstruct t 4 { list [4]int @32 }\n"
		local     = `
			int int 4
			struct s 4 { a int @0 }
			struct t 4 { x int @0; list [2]int @0 }
			reloc kprobe/a field_byte_offset struct s 0:0
			reloc kprobe/a field_exists struct s 0:0
			reloc kprobe/b field_byte_offset struct t 0:1:1`
		refusal = `multiple types match: ambiguous relocation`
	)
	deep := func(modifier string) string {
		return strings.Replace(once, "[4]int", "[4]"+strings.Repeat(modifier+" ", 40)+"int", 1)
	}
	o := object(t, binary.LittleEndian, local)
	for _, c := range []struct {
		what, full, min string
		want            []string // the ends of the differences
	}{
		{"neither", once, once, nil},
		{"both", ambiguous, ambiguous, nil},
		{"both, at types of other kinds", deep("const"), deep("volatile"), nil},
		{"only full", ambiguous, strings.Replace(ambiguous, "a int @32", "", 1), []string{
			`program kprobe_a: all relocations of a type together: full relocate Struct:"s": byte_off: ` + refusal + `, min no error`,
			`program kprobe_a: CORERelocation(byte_off, Struct:"s"[0:0], local_id=2): full relocate Struct:"s": byte_off: ` + refusal + `, min no error`,
		}},
		{"only min", once, ambiguous, []string{
			`program kprobe_a: all relocations of a type together: full no error, min relocate Struct:"s": byte_off: ` + refusal,
			`program kprobe_a: CORERelocation(byte_off, Struct:"s"[0:0], local_id=2): full no error, min relocate Struct:"s": byte_off: ` + refusal,
			`program kprobe_b: CORERelocation(byte_off, Struct:"t"[0:1:1], local_id=3): full no error, min relocate Struct:"t": byte_off: ` + refusal,
		}},
		{"for another reason", ambiguous, strings.Replace(ambiguous, "list [4]int @0", "list [0]int @0; x int @0", 1), []string{
			`program kprobe_b: CORERelocation(byte_off, Struct:"t"[0:1:1], local_id=3): full relocate Struct:"t": byte_off: ` + refusal +
				`, min relocate Struct:"t": target Struct:"t": byte_off: target type has invalid flexible array`,
		}},
	} {
		res := verify.Compare(parse(t, binary.LittleEndian, c.full), parse(t, binary.LittleEndian, c.min), o)
		var got []string
		for _, d := range res.Differences {
			got = append(got, strings.TrimPrefix(d.String(), "x.bpf.o: "))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nexpected:\n%s", c.what, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// cilium/ebpf goes through a program's types in random order, so of two
// refusals it reports either.
func TestJudgementIsAlwaysTheSame(t *testing.T) {
	const types = `
		int int 4
		struct s 8 { a int @0; b int @32 }
		struct s 8 { b int @0; a int @32 }
		struct t 8 { none [0]int @0; x int @0 }
		float f 4
		`
	k := parse(t, binary.LittleEndian, types)
	o := object(t, binary.LittleEndian, `
		int int 4
		float f 4
		struct s 8 { a int @0 }
		struct t 8 { none [2]int @0 }
		reloc kprobe/a field_byte_offset struct s 0:0
		reloc kprobe/a field_exists struct t 0:0:1
		reloc kprobe/a type_matches f 0
		reloc kprobe/a type_exists struct t 0`)
	for range 100 {
		if res := verify.Compare(k, k, o); !res.OK() || res.Same != 4 || res.Relocations != 4 {
			t.Fatalf("a kernel differs from itself: %+v", res)
		}
	}
}

// What cilium/ebpf gives up on with the full BTF alone is reported apart.
func TestLimits(t *testing.T) {
	wide := "struct s 4 { "
	for range 40 {
		wide += "struct 4 { no int @0 } @0; "
	}
	wide += "struct 4 { a int @0 } @0 }\n"
	const int4 = "int int 4\n"
	for what, c := range map[string]struct{ full, min, text string }{
		"nesting":                  {int4 + wide, int4 + "struct s 4 { struct 4 { a int @0 } @0 }", "type is nested too deep"},
		"unnamed non-composite":    {int4 + "struct s 4 { _ int @0:4; a int @32 }", int4 + "struct s 4 kflag { a int @32 }", "anonymous non-composite type"},
		"and the other way around": {int4 + "struct s 4 kflag { a int @32 }", int4 + "struct s 4 { _ int @0:4; a int @32 }", ""},
	} {
		o := object(t, binary.LittleEndian, int4+"struct s 4 { a int @0 }\nreloc kprobe/a field_byte_offset struct s 0:0\nreloc kprobe/a field_exists struct s 0:0\nreloc kprobe/b type_exists struct s 0")
		res := verify.Compare(parse(t, binary.LittleEndian, c.full), parse(t, binary.LittleEndian, c.min), o)
		if c.text == "" {
			if res.OK() || len(res.Limits) > 0 {
				t.Errorf("%s: %+v", what, res)
			}
			continue
		}
		if !res.OK() || len(res.Limits) != 2 || res.Same != 1 || !strings.Contains(res.Limits[0].String(), c.text) || !strings.HasSuffix(res.Limits[0].String(), ", min no error") {
			t.Errorf("%s: %+v", what, res)
		}
	}
}

// Ids of the kernel's types are counted, and differ without being a difference;
// whether there is one at all is.
func TestTypeIDs(t *testing.T) {
	const full, min = "int int 4\nint u64 8\nstruct s 4 { }\nstruct t 4 { }\n", "struct s 4 { }\n"
	const types = "int int 4\nstruct s 4 { }\nstruct t 4 { }\nstruct gone 4 { }\nreloc kprobe/a type_id_target struct "
	for name, want := range map[string]verify.Result{
		"s":    {Programs: 1, Relocations: 1, Same: 1, TypeIDs: 1},
		"gone": {Programs: 1, Relocations: 1, Same: 1, TypeIDs: 1},
		"t":    {Programs: 1, Relocations: 1, Differences: make([]verify.Difference, 1)},
	} {
		res := verify.Compare(parse(t, binary.LittleEndian, full), parse(t, binary.LittleEndian, min), object(t, binary.LittleEndian, types+name+" 0"))
		if res.Same != want.Same || res.TypeIDs != want.TypeIDs || len(res.Differences) != len(want.Differences) || res.Relocations != want.Relocations {
			t.Errorf("%s: %+v, expected %+v", name, res, want)
		}
	}
}

func TestAdd(t *testing.T) {
	k := parse(t, binary.LittleEndian, full)
	o := object(t, binary.LittleEndian, local)
	sum := &verify.Result{}
	sum.Add(verify.Compare(k, k, o))
	sum.Add(verify.Compare(k, parse(t, binary.LittleEndian, strings.Replace(full, "B = 2", "B = 3", 1)), o))
	if sum.Programs != 6 || sum.Relocations != 20 || sum.Same != 19 || len(sum.Differences) != 1 || sum.OK() {
		t.Errorf("%+v", sum)
	}
}

// An object that is no collection to cilium/ebpf is judged by its sections, and that is said.
func TestJudgedBySection(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		file := btftest.Object(t, order, local)
		// The last instruction becomes the first half of another one.
		broken := strings.Replace(string(file), "\x95\x00\x00\x00\x00\x00\x00\x00", "\x18\x00\x00\x00\x00\x00\x00\x00", 1)
		o, err := verify.ReadObject("x.bpf.o", []byte(broken))
		if err != nil {
			t.Fatal(err)
		}
		k := parse(t, order, full)
		res := verify.Compare(k, k, o)
		if !res.OK() || res.Programs != 3 || res.Relocations != 10 || res.Same != 10 || len(res.Remarks) != 1 ||
			!strings.HasPrefix(res.Remarks[0], "x.bpf.o: judged by section, as cilium/ebpf does not load it: ") {
			t.Errorf("%v: %+v", order, res)
		}
		res = verify.Compare(k, parse(t, order, strings.Replace(full, "B = 2", "B = 3", 1)), o)
		if len(res.Differences) != 1 || res.Differences[0].Program != "section kprobe/b" {
			t.Errorf("%v: %+v", order, res)
		}
	}
}

func TestBadInput(t *testing.T) {
	for _, raw := range [][]byte{nil, []byte("x"), btftest.Compile(t, binary.LittleEndian, full)[:30]} {
		if k, err := verify.Parse(raw); err == nil || k != nil || !strings.HasPrefix(err.Error(), "cilium/ebpf does not read it: ") {
			t.Errorf("%q: %v", raw, err)
		}
	}
	var without btftest.ELF
	without.Order = binary.LittleEndian
	without.Add("kprobe/a", elf.SHT_PROGBITS, elf.SHF_ALLOC|elf.SHF_EXECINSTR, []byte{0xff})
	for _, file := range [][]byte{nil, []byte("\x7fELF"), without.Bytes()} {
		if o, err := verify.ReadObject("x", file); err == nil || o != nil || !strings.HasPrefix(err.Error(), "cilium/ebpf does not read it: ") {
			t.Errorf("%q: %v", file, err)
		}
	}
}

// A real object, with subprograms, against the wrong kernel's types.
func TestTracee(t *testing.T) {
	o, err := verify.ReadObject("tracee.bpf.o", testfiles.Read(t, testfiles.TraceeObject(t)))
	if err != nil {
		t.Fatal(err)
	}
	k := parse(t, binary.LittleEndian, "int int 4")
	res := verify.Compare(k, k, o)
	if !res.OK() || res.Programs < 10 || res.Relocations < 1000 || res.Same != res.Relocations || len(res.Remarks) > 0 {
		t.Errorf("%d programs, %d relocations, %d same, %v", res.Programs, res.Relocations, res.Same, res.Remarks)
	}
	m := parse(t, binary.LittleEndian, "int int 4\nstruct task_struct 64 { pid int @32 }")
	if res := verify.Compare(k, m, o); res.OK() {
		t.Errorf("a task_struct makes no difference: %+v", res)
	}
}
