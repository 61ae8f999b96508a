package core_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// The promise, for the example's kernels: cilium/ebpf relocates tracee and an
// object of every kind of relocation against the minimal BTF as against the full.
func TestExampleKernels(t *testing.T) {
	tracee, kinds := testfiles.Read(t, testfiles.TraceeObject(t)), testdata(t, "kinds.bpf.o")
	rs, err := core.Union(btftest.Relocations(t, tracee), btftest.Relocations(t, kinds))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range testfiles.Kernels(t) {
		t.Run(testfiles.Release(path), func(t *testing.T) {
			full := testfiles.BTF(t, path)
			min := prune(t, full, rs)
			if len(min) > len(full)/100 {
				t.Errorf("%d of %d bytes are left", len(min), len(full))
			}
			for object, typeIDs := range map[*[]byte]int{&tracee: 0, &kinds: 1} {
				res := btftest.Verify(t, full, min, *object)
				for _, d := range append(res.Differences, res.Limits...) {
					t.Error(d)
				}
				if res.Relocations < 20 || res.Same != res.Relocations || res.TypeIDs != typeIDs || len(res.Remarks) > 0 {
					t.Errorf("%+v", res)
				}
			}
			// Of the object alone less is left, and it serves the object as well.
			alone := prune(t, full, btftest.Relocations(t, kinds))
			if res := btftest.Verify(t, full, alone, kinds); !res.OK() || len(alone) >= len(min)/2 {
				t.Errorf("alone: %d bytes, %+v", len(alone), res)
			}
		})
	}
}

// The bytes of the minimal BTF do not depend on the order of objects, on how
// often they are named, or on whether they come as relocations.
func TestOrderOfObjects(t *testing.T) {
	full := testfiles.BTF(t, testfiles.Kernel(t, "5.10.0-32-cloud-arm64"))
	g := graph.Raw{File: btftest.File(t, full)}
	a, b := btftest.Relocations(t, testfiles.Read(t, testfiles.TraceeObject(t))), btftest.Relocations(t, testdata(t, "kinds.bpf.o"))
	back, err := core.Unmarshal(marshal(t, b))
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for _, sets := range [][]*core.Relocations{{a, b}, {b, a}, {b, a, b, a}, {a, back}} {
		u, err := core.Union(sets...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := core.Prune(g, u)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("other bytes:\n%s", testfiles.Diff(btftest.Format(btftest.File(t, got)), btftest.Format(btftest.File(t, want))))
		}
	}
}

// An object without relocations, and no object at all, give valid BTF with nothing in it.
func TestNothingIsNeeded(t *testing.T) {
	for _, order := range orders {
		full := btftest.Compile(t, order, "int long 8\nstruct s 8 { a *struct s @0 }")
		for _, rs := range []*core.Relocations{
			btftest.Relocations(t, btftest.Object(t, order, "int int 4")),
			{},
		} {
			if min := prune(t, full, rs); len(min) != 24+1 {
				t.Errorf("%v: %d bytes: %s", order, len(min), btftest.Format(btftest.File(t, min)))
			}
		}
	}
}

func TestByteOrdersMustAgree(t *testing.T) {
	for _, c := range []struct {
		kernel, object binary.ByteOrder
		want           string
	}{
		{binary.BigEndian, binary.LittleEndian, "little-endian objects, a big-endian kernel; compile with -target bpfeb"},
		{binary.LittleEndian, binary.BigEndian, "big-endian objects, a little-endian kernel; compile with -target bpfel"},
	} {
		g := graph.Raw{File: btftest.Parse(t, c.kernel, "int int 4")}
		// It is an error even if nothing is needed: the build is wrong.
		min, err := core.Prune(g, btftest.Relocations(t, btftest.Object(t, c.object, "int int 4")))
		if min != nil || !errors.Is(err, core.ErrByteOrder) || err.Error() != "byte order of the objects differs from the kernel's: "+c.want {
			t.Errorf("got: %v\nexpected: %s", err, c.want)
		}
	}
}

// A header of 32 bytes with a layout, and a kind that nobody knows.
func TestNewHeader(t *testing.T) {
	const text = `
		int int 4 signed
		struct strange 0 { x int @0 }
		struct s 8 { a int @0; b int @32 }
		struct uses 8 { c struct strange @0; d int @32 }`
	const object = `
		int int 4 signed
		struct s 8 { b int @0 }
		struct strange 4 { x int @0 }
		struct uses 8 { d int @0; c struct strange @32 }
		`
	for _, order := range orders {
		raw := btftest.Compile(t, order, text)
		at := func(raw []byte) int { return len(raw) - len(raw[24:]) + 16 } // behind int
		order.PutUint32(raw[at(raw)+4:], 20<<24|1)
		layout := make([]byte, 21*4)
		layout[20*4+1] = 12
		full := slices.Concat(raw[:24], make([]byte, 8), raw[24:], layout)
		order.PutUint32(full[4:], 32)
		order.PutUint32(full[24:], uint32(len(raw)-24))
		order.PutUint32(full[28:], uint32(len(layout)))

		rs := btftest.Relocations(t, btftest.Object(t, order, object+`
			reloc kprobe/a field_byte_offset struct s 0:0
			reloc kprobe/a type_exists struct strange 0
			reloc kprobe/b field_byte_offset struct uses 0:0`))
		min, err := core.Prune(graph.Raw{File: btftest.File(t, full)}, rs)
		if err != nil {
			t.Fatal(err)
		}
		const want = "struct s 8 { b int @32 }\nstruct uses 8 { d int @32 }\nint int 4 signed\n"
		if got := btftest.Format(btftest.File(t, min)); got != want {
			t.Errorf("%v: %s", order, testfiles.Diff(got, want))
		}
		// What a member is must be known.
		rs = btftest.Relocations(t, btftest.Object(t, order, object+"reloc kprobe/b field_byte_size struct uses 0:1"))
		min, err = core.Prune(graph.Raw{File: btftest.File(t, full)}, rs)
		if min != nil || !errors.Is(err, btf.ErrFormat) || !strings.Contains(err.Error(), `type 2 (kind 20 "strange") is of a kind unknown to this minbtf`) {
			t.Errorf("%v: %v", order, err)
		}
	}
}

func TestDamagedKernel(t *testing.T) {
	g := graph.Raw{File: btftest.Parse(t, binary.LittleEndian, `
		int int 4
		typedef fn func() void
		func f fn
		struct s 8 { a func f @0; b int @32 }
		struct bits 16 { a *int @0:3; b int @32; c int @64:3 }
		typedef visit func(*visit) *visit`)}
	object := `
		int int 4
		struct s 8 { a int @0; b int @32 }
		struct bits 16 { a *int @0; b int @64; c int @96 }
		typedef visit func(*visit) *visit
		reloc kprobe/a `
	for _, c := range []struct{ relocation, want string }{
		{"field_exists struct s 0:1", ""}, // the damage is elsewhere
		{"field_exists struct s 0:0", `type 3 (func "f") has no values, but is used as if it had`},
		{"field_exists struct bits 0:0", `(struct "bits") has bits of a pointer or function`},
		{"field_exists struct bits 0:1", ""},
		{"field_exists struct bits 0:2", ""},
		{"type_exists visit 0", `leads back to itself, but to no struct`},
		{"type_matches visit 0", `leads back to itself, but to no struct`},
	} {
		min, err := core.Prune(g, btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, object+c.relocation)))
		if c.want == "" && err != nil || c.want != "" && (min != nil || !errors.Is(err, btf.ErrFormat) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.relocation, err, c.want)
		}
	}
}

// Loaders look through no more than 32 typedefs and modifiers. Short chains are
// left out, and long ones kept, so that a loader gives up where it would.
func TestLongChains(t *testing.T) {
	for n := range 70 {
		full := "int int 4\nint u64 8\n"
		last := "int"
		for i := range n {
			full += fmt.Sprintf("typedef t%d %s\n", i, last)
			last = fmt.Sprintf("t%d", i)
		}
		full += fmt.Sprintf("struct s 8 { before int @0; a %s @32 }\nstruct b 8 { a %s @0 }\n", last, strings.Repeat("const ", n)+"u64")
		const object = `
			int int 4
			struct s 4 { a int @0 }
			struct b 4 { a int @0 }
			reloc kprobe/a field_exists struct s 0:0
			reloc kprobe/b field_byte_size struct s 0:0
			reloc kprobe/c field_byte_size struct b 0:0
			reloc kprobe/d type_matches struct b 0`
		k, o := btftest.Compile(t, binary.LittleEndian, full), btftest.Object(t, binary.LittleEndian, object)
		min := prune(t, k, btftest.Relocations(t, o))
		if res := btftest.Verify(t, k, min, o); !res.OK() || len(res.Limits) > 0 {
			t.Errorf("%d: %+v", n, res)
		}
		text := btftest.Format(btftest.File(t, min))
		want := 0
		if n > 16 {
			want = 2 * n // for typedefs, too
		}
		if got := strings.Count(text, "const"); got != want || strings.Contains(text, "typedef") {
			t.Errorf("%d typedefs and consts: %d consts are kept, expected %d:\n%s", n, got, want, text)
		}
	}
}

// libbpf refuses an access through more than 64 members and elements, which is
// a matter of the object alone. cilium/ebpf does not.
func TestLongPaths(t *testing.T) {
	for _, n := range []int{1, 63, 64, 65, 200} {
		types := "int int 4\n"
		last := "int"
		for i := range n {
			types += fmt.Sprintf("struct s%d 8 { pad int @0; m %s @32 }\n", i, last)
			last = fmt.Sprintf("struct s%d", i)
		}
		k := btftest.Compile(t, binary.LittleEndian, types)
		o := btftest.Object(t, binary.LittleEndian, types+"reloc kprobe/a field_byte_offset "+last+" 0"+strings.Repeat(":1", n))
		min := prune(t, k, btftest.Relocations(t, o))
		if res := btftest.Verify(t, k, min, o); !res.OK() || len(res.Limits) > 0 {
			t.Errorf("%d: %+v", n, res)
		}
		if got, want := outcomes(t, k, o, binary.LittleEndian), fmt.Sprintf("kprobe/a: byte_off=%d->%d\n", 4*n, 4*n); got != want {
			t.Errorf("%d: %s expected %s", n, got, want)
		}
		if text := btftest.Format(btftest.File(t, min)); strings.Contains(text, "pad") || strings.Count(text, "{ m ") != n {
			t.Errorf("%d: %s", n, text)
		}
	}
}

// An anonymous member may be reached in exponentially many ways, and a type be
// of very many members.
func TestWideAndDeepTypes(t *testing.T) {
	types := "int int 4\nstruct a0 4 { x int @0 }\n"
	for i := range 200 {
		types += fmt.Sprintf("struct a%d 4 { struct a%d @0; struct a%d @0; y%d int @0 }\n", i+1, i, i, i)
	}
	var wide strings.Builder
	for i := range 70_000 {
		fmt.Fprintf(&wide, "m%d int @%d; ", i, i)
	}
	types += "struct wide 4 { " + strings.TrimSuffix(wide.String(), "; ") + " }\n"
	k := btftest.Compile(t, binary.LittleEndian, types)
	rs := btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, `
		int int 4
		struct a200 4 { x int @0; nope int @0 }
		struct wide 4 { m0 int @0; m69999 int @0; m65536 int @0 }
		reloc kprobe/a field_exists struct a200 0:0
		reloc kprobe/a field_exists struct a200 0:1
		reloc kprobe/a field_exists struct wide 0:1
		reloc kprobe/a field_exists struct wide 0:2`))
	min := prune(t, k, rs)
	m := btftest.File(t, min)
	var names []string
	var ty btf.Type
	for id := range m.NumTypes() {
		for m.Type(id, &ty); len(ty.Members) > 0; ty.Members = ty.Members[1:] {
			names = append(names, m.String(ty.Members[0].Name))
		}
	}
	slices.Sort(names)
	if got, want := len(names), 1+2*200+2; got != want || slices.Contains(names, "y1") || !slices.Contains(names, "m69999") {
		t.Errorf("%d members are left, expected %d", got, want)
	}
}

// A kernel and a module on top of it are as one BTF.
func TestSplitKernel(t *testing.T) {
	const base = `
		int int 4 signed
		struct s 8 { a int @0; b int @32 }
		struct mod 4 { x int @0 }
		typedef word int
		`
	const own = `
		struct s 12 { a int @64; s *struct s @0 }
		struct mod 8 { x int @0; in struct s @0; y word @32 }`
	const object = `
		int int 4
		struct s 4 { a int @0 }
		struct mod 8 { in struct s @0; y int @32 }
		reloc kprobe/a field_byte_offset struct s 0:0
		reloc kprobe/b field_byte_offset struct mod 0:1
		reloc kprobe/c field_byte_offset struct mod 0:0:0
		reloc kprobe/d type_size struct mod 0`
	for _, order := range orders {
		k := btftest.Compile(t, order, base)
		whole := btftest.Compile(t, order, base+own)
		// The strings of the whole begin with the kernel's own, and so do the types.
		words := func(b []byte, at int) int { return int(order.Uint32(b[at:])) }
		types, strs := words(k, 12), words(k, 20)
		if !bytes.HasPrefix(whole[24:], k[24:24+types]) || !bytes.HasPrefix(whole[24+words(whole, 16):], k[24+words(k, 16):][:strs-1]) {
			t.Fatal("the whole does not begin as the kernel")
		}
		module := slices.Concat(k[:24], whole[24+types:24+words(whole, 12)], whole[24+words(whole, 16)+strs:])
		order.PutUint32(module[12:], uint32(words(whole, 12)-types))
		order.PutUint32(module[16:], uint32(words(whole, 12)-types))
		order.PutUint32(module[20:], uint32(words(whole, 20)-strs))
		f, err := btf.ParseSplit(module, btftest.File(t, k))
		if err != nil {
			t.Fatal(err)
		}
		rs := btftest.Relocations(t, btftest.Object(t, order, object))
		min, err := core.Prune(graph.Raw{File: f}, rs)
		if err != nil {
			t.Fatal(err)
		}
		if want := prune(t, whole, rs); !bytes.Equal(min, want) {
			t.Errorf("%v: %s", order, testfiles.Diff(btftest.Format(btftest.File(t, min)), btftest.Format(btftest.File(t, want))))
		}
		if text := btftest.Format(btftest.File(t, min)); strings.Count(text, "struct s ") < 2 || strings.Count(text, "struct mod ") != 2 {
			t.Errorf("%v: the candidates are not all there:\n%s", order, text)
		}
	}
}

// Pointers behind each other are followed, but a hostile file has as many as it likes.
func TestLongPointerChains(t *testing.T) {
	for _, links := range []int{1000, 20_000} {
		w := btf.NewWriter()
		add := func(ty btf.Type) uint32 {
			id, err := w.Add(&ty)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		id := add(btf.Type{Kind: btf.Int, Name: w.String("int"), Size: 4, Word: 32})
		for range links {
			id = add(btf.Type{Kind: btf.Ptr, Ref: id})
		}
		add(btf.Type{Kind: btf.Typedef, Name: w.String("chain"), Ref: id})
		rs := &core.Relocations{ByteOrder: core.LittleEndian, Relocations: []core.Relocation{
			{Kind: core.TypeExists, TypeKind: btf.Typedef, Type: "chain", Shape: core.Shape{{Kind: btf.Ptr}}},
		}}
		min, err := core.Prune(graph.Raw{File: btftest.File(t, w.Bytes(binary.LittleEndian))}, rs)
		if links > 4096 {
			if min != nil || !errors.Is(err, btf.ErrFormat) {
				t.Errorf("%d links: %v", links, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		f := btftest.File(t, min)
		var ty btf.Type
		length := 0
		for f.Type(1, &ty); ty.Kind == btf.Typedef || ty.Kind == btf.Ptr; f.Type(ty.Ref, &ty) {
			length++
		}
		if length != links+1 || ty.Kind != btf.Int {
			t.Errorf("%d links lead to %v, want %d to an int", length, ty.Kind, links+1)
		}
	}
}
