package core_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	return testfiles.Read(t, filepath.Join("testdata", name))
}

func marshal(t testing.TB, rs *core.Relocations) []byte {
	t.Helper()
	b, err := rs.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// notUsable checks ReadObject's error.
func notUsable(t testing.TB, file []byte, want string) {
	t.Helper()
	o, err := core.ReadObject(file)
	switch {
	case err == nil || o != nil:
		t.Errorf("accepted (%v), expected: %s", err, want)
	case !errors.Is(err, core.ErrObject):
		t.Errorf("%v is no ErrObject", err)
	case !strings.HasPrefix(err.Error(), "not a usable BPF object: ") || !strings.Contains(err.Error(), want):
		t.Errorf("got: %v\nexpected: %s", err, want)
	}
}

// parts are the sections of an object under construction: two types, and two
// relocations in two sections of the BPF program.
type parts struct {
	order        binary.ByteOrder
	btf, ext     []byte
	noBTF, noExt bool
	ref          map[string]uint32 // name references
}

func newParts(t testing.TB, order binary.ByteOrder) *parts {
	t.Helper()
	w := btf.NewWriter()
	p := &parts{order: order, ref: map[string]uint32{}}
	for _, s := range []string{"int", "s", "a", "kprobe/a", "kprobe/b", "0", "0:0"} {
		p.ref[s] = w.String(s)
	}
	w.Add(&btf.Type{Kind: btf.Int, Name: p.ref["int"], Size: 4, Word: 32})
	w.Add(&btf.Type{Kind: btf.Struct, Name: p.ref["s"], Size: 4, Members: []btf.Member{{Name: p.ref["a"], Type: 1}}})
	p.btf = w.Bytes(order)
	p.ext = btftest.Ext(order, 32, 16, p.words(
		p.ref["kprobe/a"], 1, 8, 2, p.ref["0:0"], 0,
		p.ref["kprobe/b"], 2, 16, 2, p.ref["0"], 8, 24, 1, p.ref["0"], 9))
	return p
}

func (p *parts) words(words ...uint32) []byte {
	b, _ := binary.Append(nil, p.order, words)
	return b
}

func (p *parts) bytes() []byte {
	e := btftest.ELF{Order: p.order}
	if !p.noBTF {
		e.Add(".BTF", elf.SHT_PROGBITS, 0, p.btf)
	}
	if !p.noExt {
		e.Add(".BTF.ext", elf.SHT_PROGBITS, 0, p.ext)
	}
	return e.Bytes()
}

func records(o *core.Object) []core.Record {
	var rs []core.Record
	for i, r := range o.Records() {
		if i != len(rs) {
			panic("numbers of records do not count")
		}
		rs = append(rs, r)
	}
	return rs
}

func TestReadObject(t *testing.T) {
	for _, order := range orders {
		p := newParts(t, order)
		want := []core.Record{
			{Section: "kprobe/a", InsnOffset: 8, TypeID: 2, Access: p.ref["0:0"], Kind: core.FieldByteOffset},
			{Section: "kprobe/b", InsnOffset: 16, TypeID: 2, Access: p.ref["0"], Kind: core.TypeExists},
			{Section: "kprobe/b", InsnOffset: 24, TypeID: 1, Access: p.ref["0"], Kind: core.TypeSize},
		}
		read := func(name string) {
			t.Helper()
			o, err := core.ReadObject(p.bytes())
			if err != nil {
				t.Errorf("%v, %s: %v", order, name, err)
				return
			}
			if o.BigEndian != (order == binary.BigEndian) || o.BTF.NumTypes() != 3 || !slices.Equal(records(o), want) {
				t.Errorf("%v, %s: %+v, expected %+v", order, name, records(o), want)
			}
		}
		read("plain")
		relocs := p.ext[32+8:][4:] // behind the sizes of functions', lines' and relocations' records
		p.ext = btftest.Ext(order, 40, 16, relocs)
		read("longer header")

		long := p.words(p.ref["kprobe/a"], 1, 8, 2, p.ref["0:0"], 0, 77,
			p.ref["kprobe/b"], 2, 16, 2, p.ref["0"], 8, 77, 24, 1, p.ref["0"], 9, 77)
		p.ext = btftest.Ext(order, 32, 20, long)
		read("longer records")

		want = nil
		p.ext = btftest.Ext(order, 32, 16, nil)
		read("no sections")
		p.ext = btftest.Ext(order, 24, 16, nil)
		read("header of 24 bytes, before CO-RE")
		p.ext = btftest.Ext(order, 28, 16, relocs)
		read("header of 28 bytes")
		p.ext = btftest.Ext(order, 32, 16, relocs)
		order.PutUint32(p.ext[28:], 0)
		read("no bytes of relocations")
		p.noExt = true
		read("no section")
	}
}

func TestDamagedObjects(t *testing.T) {
	const remedy = "; compile with clang -g -O2 -target bpf"
	notUsable(t, nil, "the file is empty")
	notUsable(t, []byte("\x7fEL"), "no ELF file"+remedy)
	notUsable(t, []byte("int main(){}"), "no ELF file"+remedy)
	notUsable(t, []byte("\x7fELF"), "damaged ELF file: ")
	for _, order := range orders {
		change := func(want string, f func(p *parts)) {
			t.Helper()
			p := newParts(t, order)
			f(p)
			notUsable(t, p.bytes(), want)
		}
		ext := func(want string, at int, v uint32) {
			t.Helper()
			change("section .BTF.ext: "+want, func(p *parts) { order.PutUint32(p.ext[at:], v) })
		}
		file := newParts(t, order).bytes()
		order.PutUint16(file[18:], uint16(elf.EM_X86_64))
		notUsable(t, file, "an ELF file for EM_X86_64, not for BPF"+remedy)

		change("no section .BTF"+remedy, func(p *parts) { p.noBTF, p.noExt = true, true })
		change("section .BTF.ext without .BTF"+remedy, func(p *parts) { p.noBTF = true })
		change("section .BTF: invalid BTF: 0 bytes, shorter than a header", func(p *parts) { p.btf = nil })
		change("section .BTF: invalid BTF: ", func(p *parts) { p.btf = p.btf[:len(p.btf)-1] })
		change("section .BTF: byte order differs from the ELF file's", func(p *parts) {
			p.btf = newParts(t, orders[0]).btf
			if order == orders[0] {
				p.btf = newParts(t, orders[1]).btf
			}
		})

		change("section .BTF.ext: 0 bytes, shorter than a header", func(p *parts) { p.ext = nil })
		change("section .BTF.ext: 23 bytes, shorter than a header", func(p *parts) { p.ext = p.ext[:23] })
		change("magic is 0x", func(p *parts) { p.ext[0] = 1 })
		change("version 2, expected 1", func(p *parts) { p.ext[2] = 2 })
		ext("header length 23 in ", 4, 23)
		ext("header length 4294967295 in ", 4, 1<<32-1)
		ext("relocations (offset 4294967295, ", 24, 1<<32-1)
		ext("relocations (offset 8, 4294967295 bytes) end behind the section", 28, 1<<32-1)
		ext("relocations are cut off", 28, 3)
		ext("relocations are cut off", 28, 4+7)
		ext("1 relocations of a section in 12 bytes", 28, 4+8+12)
		const records = 32 + 8 // the size of a record, then the first section
		ext("a relocation of 0 bytes, expected 16", records, 0)
		ext("a relocation of 12 bytes, expected 16", records, 12)
		ext("a relocation of 18 bytes, expected 16", records, 18)
		ext("a relocation of 4294967295 bytes, expected 16", records, 1<<32-1)
		ext("name of a section: at 16777215, which is not the beginning of a string", records+4, 1<<24-1)
		ext("a section with 0 relocations", records+8, 0)
		ext("4294967295 relocations of a section in ", records+8, 1<<32-1)
		ext("relocation 0 refers to type 3, but there are only 2", records+16, 3)
		ext("access string of relocation 0: at 4294967295, which is not the beginning of a string", records+20, 1<<32-1)

		p := newParts(t, order)
		for _, name := range []string{".BTF", ".BTF.ext"} {
			e := btftest.ELF{Order: order}
			e.Add(name, elf.SHT_NOBITS, 0, make([]byte, 4))
			notUsable(t, e.Bytes(), "section "+name+" has no content")
			e = btftest.ELF{Order: order}
			e.Add(name, elf.SHT_PROGBITS, elf.SHF_COMPRESSED, append(p.words(1, 0, 0, 0, 0, 0), p.btf...))
			notUsable(t, e.Bytes(), "section "+name+" is compressed")
		}
	}
	p := newParts(t, binary.LittleEndian)
	w := btf.NewWriter()
	w.Add(&btf.Type{Kind: btf.Typedef, Name: w.String("endless"), Ref: 1})
	p.btf = w.Bytes(p.order)
	notUsable(t, p.bytes(), `section .BTF: invalid BTF: type 1 (typedef "endless") contains itself`)
}

func TestTruncatedObjects(t *testing.T) {
	for _, name := range []string{"kinds.bpf.o", "kinds.eb.bpf.o"} {
		file := testdata(t, name)
		for n := range file {
			o, err := core.ReadObject(file[:n])
			if (err == nil) != (o != nil) {
				t.Fatalf("%s, %d bytes: %v, %v", name, n, o, err)
			}
			if n < len(file)-64 && err == nil {
				t.Errorf("%s: accepted with %d of %d bytes", name, n, len(file))
			}
			if o != nil {
				o.Relocations()
			}
		}
	}
}

// Every byte of an object set to other values: an error or an object, no panic.
func TestFlippedObjects(t *testing.T) {
	file := bytes.Clone(testdata(t, "kinds.bpf.o"))
	accepted := 0
	for i := range file {
		old := file[i]
		for _, b := range []byte{old ^ 1, old ^ 0x80} {
			file[i] = b
			if o, err := core.ReadObject(file); (err == nil) != (o != nil) {
				t.Fatalf("byte %d is %#x: %v, %v", i, b, o, err)
			} else if o != nil {
				accepted++
				if rs, err := o.Relocations(); err == nil {
					readBack(t, rs)
				}
			}
		}
		file[i] = old
	}
	if accepted == 0 || accepted == 2*len(file) {
		t.Errorf("%d of %d are accepted", accepted, 2*len(file))
	}
}

// Relocations that no kernel could serve, or that are not to be understood.
func TestBadRelocations(t *testing.T) {
	const types = `
		int int 4
		struct in 4 { b int @0 }
		struct s 8 { a int @0; in struct in @32; list [2]int @64; p *struct s @128 }
		enum e 4 { A = 1 }
		type struct 4 { x int @0 }
	`
	for _, c := range []struct{ reloc, want string }{
		{"13 struct s 0", "unknown relocation kind 13; a newer minbtf may know it"},
		{"4294967295 struct s 0", "unknown relocation kind 4294967295; a newer minbtf may know it"},
		{"field_exists struct s", `access "" is not of the form 0:1:2`},
		{"field_exists struct s x", `access "x" is not of the form 0:1:2`},
		{"field_exists struct s 0:", `access "0:" is not of the form 0:1:2`},
		{"field_exists struct s 0:-1", `access "0:-1" is not of the form 0:1:2`},
		{"field_exists struct s 0:2147483648", `access "0:2147483648" is not of the form 0:1:2`},
		{"field_exists struct s 0:4", `access "0:4" leads out of type 3 (struct "s")`},
		{"field_exists struct s 0:0:0", `access "0:0:0" leads out of type 1 (int "int")`},
		{"field_exists struct s 0:3:0", `access "0:3:0" leads out of type `},
		{"field_exists struct s 0:1:1", `access "0:1:1" leads out of type 2 (struct "in")`},
		{"enumval_exists enum e 1", `access "1" names no enumerator of type 4 (enum "e")`},
		{"enumval_value enum e 0:0", `access "0:0" names no enumerator of type 4 (enum "e")`},
		{"enumval_value struct s 0", `access "0" names no enumerator of type 3 (struct "s")`},
		{"type_exists struct s 1", `access "1" of a type_exists, expected "0"`},
		{"type_matches struct s 0:0", `access "0:0" of a type_matches, expected "0"`},
		{"type_size struct s 00", `access "00" of a type_size, expected "0"`},
	} {
		o, err := core.ReadObject(btftest.Object(t, binary.LittleEndian, types+"reloc kprobe/a field_exists struct s 0\nreloc kprobe/x "+c.reloc))
		if err != nil {
			t.Fatal(err)
		}
		rs, err := o.Relocations()
		if err == nil || rs != nil || !errors.Is(err, core.ErrObject) {
			t.Errorf("%s: %v, %v", c.reloc, rs, err)
			continue
		}
		want := "not a usable BPF object: relocation 1 (section kprobe/x, instruction 0): " + c.want
		if !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got: %v\nexpected: %s", c.reloc, err, want)
		}
	}
	// Both loaders refuse these whatever the kernel, so they ask for nothing of it.
	for _, reloc := range []string{"field_exists #5 0:0", "type_exists #5 0", "type_id_local struct s 0", "type_exists void 0"} {
		rs := btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, types+"reloc kprobe/x "+reloc))
		if len(rs.Relocations) != 0 {
			t.Errorf("%s asks for %v", reloc, rs)
		}
	}
}

// What a person is shown of a relocation.
func TestRelocationString(t *testing.T) {
	object := `
		int int 4
		enum e 4 { A = 1 }
		struct s___x 8 { a int @0; list [2]struct 4 { b int @0 } @32 }
		`
	for reloc, want := range map[string]string{
		"field_exists struct s___x 0:1:1:0":  "field_exists struct s___x.list[1].b",
		"field_byte_offset struct s___x 0":   "field_byte_offset struct s___x",
		"field_byte_offset struct s___x 2:0": "field_byte_offset struct s___x[2].a",
		"enumval_value enum e 0":             "enumval_value enum e::A",
		"type_matches struct s___x 0":        "type_matches struct s___x",
	} {
		rs := btftest.Relocations(t, btftest.Object(t, binary.BigEndian, object+"reloc kprobe/a "+reloc))
		if got := rs.Relocations[0].String(); got != want {
			t.Errorf("%s is shown as %q, expected %q", reloc, got, want)
		}
	}
	if got := core.RelocationKind(13).String(); got != "relocation kind 13" {
		t.Errorf("kind 13 is shown as %q", got)
	}
}

func TestRelocationsGolden(t *testing.T) {
	testfiles.Golden(t, "testdata/kinds.json", marshal(t, btftest.Relocations(t, testdata(t, "kinds.bpf.o"))))
	testfiles.Golden(t, "testdata/tracee.json", marshal(t, btftest.Relocations(t, testfiles.Read(t, testfiles.TraceeObject(t)))))
}

// Another edit of the program that asks for the same of the kernel gives the
// same relocations, so nothing that follows from them is made again.
func TestCodeDoesNotMatter(t *testing.T) {
	a, b := testdata(t, "kinds.bpf.o"), testdata(t, "kinds.edited.bpf.o")
	ja, jb := marshal(t, btftest.Relocations(t, a)), marshal(t, btftest.Relocations(t, b))
	if !bytes.Equal(ja, jb) {
		t.Errorf("the edited program's relocations: %s", testfiles.Diff(string(jb), string(ja)))
	}
	oa, _ := core.ReadObject(a)
	ob, _ := core.ReadObject(b)
	sections := map[string]bool{}
	for _, r := range records(oa) {
		sections[r.Section] = true
	}
	if slices.Equal(records(oa), records(ob)) || !sections[".text"] || len(sections) < 4 {
		t.Errorf("the objects do not show it: sections %v", sections)
	}
	big := marshal(t, btftest.Relocations(t, testdata(t, "kinds.eb.bpf.o")))
	if got := strings.Replace(string(big), `"big"`, `"little"`, 1); got != string(ja) {
		t.Errorf("of the other byte order: %s", testfiles.Diff(got, string(ja)))
	}
}

// Neither do the ids of types, the order and sections of relocations, and how
// often they are there.
func TestPlacesDoNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, c := range testfiles.Cases(t, "testdata/prune") {
		object := c.Part("object")
		want := marshal(t, btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, object)))
		var types, relocs []string
		for line := range strings.Lines(object) {
			if rest, ok := strings.CutPrefix(line, "reloc "); ok {
				_, rest, _ = strings.Cut(rest, " ")
				for range 1 + r.IntN(2) {
					relocs = append(relocs, "reloc "+string(rune('a'+r.IntN(3)))+" "+rest)
				}
				continue
			}
			types = append(types, line)
		}
		r.Shuffle(len(relocs), func(i, j int) { relocs[i], relocs[j] = relocs[j], relocs[i] })
		text := "float another 4\nfwd struct unrelated\nstruct more 4 { x another @0 }\n" +
			strings.Join(types, "") + strings.Join(relocs, "")
		if got := marshal(t, btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, text))); !bytes.Equal(got, want) {
			t.Errorf("%s: %s", c.Name, testfiles.Diff(string(got), string(want)))
		}
	}
}

func TestUnion(t *testing.T) {
	kinds, edited := btftest.Relocations(t, testdata(t, "kinds.bpf.o")), btftest.Relocations(t, testdata(t, "kinds.edited.bpf.o"))
	tracee := btftest.Relocations(t, testfiles.Read(t, testfiles.TraceeObject(t)))
	none := &core.Relocations{}
	union := func(sets ...*core.Relocations) *core.Relocations {
		t.Helper()
		u, err := core.Union(sets...)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	if got, want := marshal(t, union(kinds, edited, none, kinds)), marshal(t, kinds); !bytes.Equal(got, want) {
		t.Errorf("the same thrice: %s", testfiles.Diff(string(got), string(want)))
	}
	all := marshal(t, union(kinds, tracee))
	if n := len(kinds.Relocations) + len(tracee.Relocations); len(union(kinds, tracee).Relocations) <= len(tracee.Relocations) || n == 0 {
		t.Error("the second object adds nothing")
	}
	for _, sets := range [][]*core.Relocations{{tracee, kinds}, {none, tracee, kinds}, {union(tracee, kinds), kinds}, {tracee, tracee, kinds}} {
		if got := marshal(t, union(sets...)); !bytes.Equal(got, all) {
			t.Errorf("another order: %s", testfiles.Diff(string(got), string(all)))
		}
	}
	if u := union(); u.ByteOrder != "" || len(u.Relocations) != 0 {
		t.Errorf("of nothing: %+v", u)
	}
	big := btftest.Relocations(t, testdata(t, "kinds.eb.bpf.o"))
	_, err := core.Union(kinds, big)
	const want = "objects of both byte orders (little- and big-endian); a kernel has one"
	if err == nil || err.Error() != want {
		t.Errorf("got: %v\nexpected: %s", err, want)
	}
}

func TestIsObject(t *testing.T) {
	file := testdata(t, "kinds.eb.bpf.o")
	notBPF := bytes.Clone(file)
	notBPF[19] = 62
	for what, c := range map[string]struct {
		file []byte
		want bool
	}{
		"little-endian": {testdata(t, "kinds.bpf.o"), true},
		"big-endian":    {file, true},
		"header alone":  {file[:64], true},
		"another's":     {notBPF, false},
		"cut off":       {file[:19], false},
		"nothing":       {nil, false},
		"no ELF":        {make([]byte, 64), false},
	} {
		if got := core.IsObject(c.file); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}
