package btf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	ciliumbtf "github.com/cilium/ebpf/btf"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

var (
	realVmlinux = flag.String("vmlinux", "", "a real kernel's vmlinux or its BTF, for TestMergeOfRealModules")
	realModules = flag.String("modules", "", "a folder with modules of that kernel")
)

func merge(t testing.TB, base *btf.File, modules ...*btf.File) *btf.File {
	t.Helper()
	f, err := btf.Merge(base, modules...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func parseSplit(t testing.TB, raw []byte, base *btf.File) *btf.File {
	t.Helper()
	f, err := btf.ParseSplit(raw, base)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// moved is where merging puts type id of a module whose own types begin at first.
func moved(id uint32, module *btf.File, first uint32) uint32 {
	if id < module.FirstOwn() {
		return id
	}
	return id - module.FirstOwn() + first
}

// checkMerged checks that a merged File has exactly the types of its parts in
// their order, that it is what its bytes are, and returns these.
func checkMerged(t testing.TB, f, base *btf.File, modules ...*btf.File) []byte {
	t.Helper()
	raw, err := f.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if f.BigEndian() != base.BigEndian() {
		t.Fatal("the byte order is another one")
	}
	if n := f.Order().Uint32(raw[4:]); n != 24 {
		t.Fatalf("header of %d bytes", n)
	}
	everyMethod(t, f)
	sameTypes(t, f, parse(t, raw))
	again, err := parse(t, raw).Bytes()
	if err != nil || !bytes.Equal(again, raw) {
		t.Fatalf("written again it is other bytes (%v)", err)
	}

	first := uint32(1)
	var got, want btf.Type
	for i, part := range append([]*btf.File{base}, modules...) {
		for id := part.FirstOwn(); id < part.NumTypes(); id++ {
			to := moved(id, part, first)
			part.Type(id, &want)
			f.Type(to, &got)
			same := got.Kind == want.Kind && got.KFlag == want.KFlag && got.Size == want.Size && got.Word == want.Word && got.Linkage == want.Linkage &&
				f.String(got.Name) == part.String(want.Name) &&
				got.Ref == moved(want.Ref, part, first) && got.Index == moved(want.Index, part, first) &&
				len(got.Members) == len(want.Members)
			for j := 0; same && j < len(got.Members); j++ {
				g, w := got.Members[j], want.Members[j]
				if !want.Kind.IsEnum() {
					w.Type = moved(w.Type, part, first)
				}
				same = g.Type == w.Type && g.Offset == w.Offset && g.Size == w.Size && f.String(g.Name) == part.String(w.Name)
			}
			if !same {
				t.Fatalf("type %s of part %d is %+v, merged: %s %+v", part.Describe(id), i, want, f.Describe(to), got)
			}
		}
		first += part.NumTypes() - part.FirstOwn()
	}
	if f.NumTypes() != first {
		t.Fatalf("%d types, expected %d", f.NumTypes(), first)
	}
	return raw
}

// checkCilium checks that cilium/ebpf reads each module on its base as it reads
// it in the merged BTF.
func checkCilium(t testing.TB, merged, base []byte, modules ...[]byte) {
	t.Helper()
	load := func(raw []byte, base *ciliumbtf.Spec) *ciliumbtf.Spec {
		t.Helper()
		spec, err := ciliumbtf.LoadSplitSpecFromReader(bytes.NewReader(raw), base)
		if err != nil {
			t.Fatalf("cilium/ebpf: %v", err)
		}
		return spec
	}
	whole, vmlinux := load(merged, nil), load(base, nil)
	each := func(part *ciliumbtf.Spec, from, to ciliumbtf.TypeID) ciliumbtf.TypeID {
		t.Helper()
		move := func(id ciliumbtf.TypeID) ciliumbtf.TypeID {
			if id < from {
				return id
			}
			return id - from + to
		}
		stay := func(id ciliumbtf.TypeID) ciliumbtf.TypeID { return id }
		for id := from; ; id++ {
			typ, err := part.TypeByID(id)
			if errors.Is(err, ciliumbtf.ErrNotFound) {
				return move(id)
			} else if err != nil {
				t.Fatal(err)
			}
			got, err := whole.TypeByID(move(id))
			if err != nil {
				t.Fatal(err)
			}
			if g, w := record(t, whole, got, stay), record(t, part, typ, move); g != w {
				t.Fatalf("cilium/ebpf reads type %d as %s, merged: %s", id, w, g)
			}
		}
	}
	next := each(vmlinux, 0, 0)
	first := next
	for _, raw := range modules {
		next = each(load(raw, vmlinux), first, next)
	}
	if _, err := whole.TypeByID(next); !errors.Is(err, ciliumbtf.ErrNotFound) {
		t.Fatalf("type %d: there should be none (%v)", next, err)
	}
}

// record is all that cilium/ebpf knows of a type; other types stand in it by their ids.
func record(t testing.TB, spec *ciliumbtf.Spec, typ ciliumbtf.Type, id func(ciliumbtf.TypeID) ciliumbtf.TypeID) string {
	var b strings.Builder
	var write func(v reflect.Value)
	write = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Interface:
			n, err := spec.TypeID(v.Interface().(ciliumbtf.Type))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "#%d ", id(n))
		case reflect.Struct:
			for i := range v.NumField() {
				write(v.Field(i))
			}
		case reflect.Slice:
			fmt.Fprintf(&b, "[%d]", v.Len())
			for i := range v.Len() {
				write(v.Index(i))
			}
		default:
			fmt.Fprintf(&b, "%#v ", v)
		}
	}
	fmt.Fprintf(&b, "%T ", typ)
	write(reflect.ValueOf(typ).Elem())
	return b.String()
}

// like returns a module that has types like those of another File, with
// references to each other, to names of its own and, where share is, to
// the base's void, names and types.
func like(t testing.TB, base, f *btf.File, share func(id uint32) bool) []byte {
	t.Helper()
	return module(t, base.Order(), base, string(f.Text(0)), func(first, str uint32) []btf.Type {
		name := func(ref uint32) uint32 {
			if ref == 0 {
				return 0
			}
			return ref + str
		}
		id := func(ref uint32) uint32 {
			if ref == 0 || share(ref) {
				return ref
			}
			return ref - 1 + first
		}
		var types []btf.Type
		for i := uint32(1); i < f.NumTypes(); i++ {
			ty := at(f, i)
			ty.Name, ty.Ref, ty.Index = name(ty.Name), id(ty.Ref), id(ty.Index)
			for j := range ty.Members {
				m := &ty.Members[j]
				m.Name = name(m.Name)
				if !ty.Kind.IsEnum() {
					m.Type = id(m.Type)
				}
			}
			types = append(types, ty)
		}
		return types
	})
}

func never(uint32) bool { return false }

func TestMerge(t *testing.T) {
	for _, order := range orders {
		raw := oneOfEach(t, order)
		base := parse(t, raw)
		alone := like(t, base, base, never)
		onBase := like(t, base, base, func(id uint32) bool { return id < 4 || id > 4 && id < 12 })
		namesOfBase := module(t, order, base, "", func(first, _ uint32) []btf.Type {
			ty := at(base, 4)
			return []btf.Type{ty, {Kind: btf.Ptr, Ref: first}}
		})
		empty := module(t, order, base, "", func(uint32, uint32) []btf.Type { return nil })
		for name, raws := range map[string][][]byte{
			"no module":           nil,
			"an empty one":        {empty},
			"one":                 {alone},
			"one, twice":          {alone, alone},
			"names of the base":   {namesOfBase, namesOfBase},
			"several":             {alone, empty, onBase, namesOfBase, alone},
			"the other way about": {alone, namesOfBase, onBase, empty, alone},
		} {
			t.Run(fmt.Sprintf("%v, %s", order, name), func(t *testing.T) {
				var modules []*btf.File
				for _, m := range raws {
					modules = append(modules, parseSplit(t, m, base))
				}
				merged := checkMerged(t, merge(t, base, modules...), base, modules...)
				checkCilium(t, merged, raw, raws...)
			})
		}
	}
}

// Merging depends on no header: the result has one of 24 bytes.
func TestMergeOfOtherHeaders(t *testing.T) {
	for _, order := range orders {
		raw := oneOfEach(t, order)
		base := parse(t, raw)
		m := like(t, base, base, never)
		want := checkMerged(t, merge(t, base, parseSplit(t, m, base)), base, parseSplit(t, m, base))
		long := parse(t, withHeader(raw, order, 0, 0))
		if got, err := merge(t, long, parseSplit(t, withHeader(m, order, 0, 0), long)).Bytes(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: other bytes (%v)", order, err)
		}
	}
}

// A kind that a layout makes readable stays where it is; it cannot be written,
// as nothing says how to move what it refers to.
func TestMergeOfUnknownKinds(t *testing.T) {
	order := binary.LittleEndian
	strange := func(raw []byte) []byte { // its first type
		order.PutUint32(raw[24+4:], 20<<24|1)
		layout := make([]byte, 21*4)
		copy(layout[20*4:], []byte{4, 0})
		return withLayout(raw, order, layout...)
	}
	w := btf.NewWriter()
	add(t, w, btf.Type{Kind: btf.Int, Name: w.String("strange"), Size: 4}, btf.Type{Kind: btf.Ptr, Ref: 1})
	base := parse(t, strange(w.Bytes(order)))
	m := parseSplit(t, strange(module(t, order, base, "own\x00", func(first, str uint32) []btf.Type {
		return []btf.Type{{Kind: btf.Int, Name: str, Size: 4}, {Kind: btf.Ptr, Ref: first}}
	})), base)
	f := merge(t, base, m, m)
	for id, want := range map[uint32]string{1: "strange", 3: "own", 5: "own"} {
		if kind, name := f.Head(id); kind != 20 || f.String(name) != want {
			t.Errorf("type %d is %s", id, f.Describe(id))
		}
	}
	if ptr := at(f, 6); ptr.Kind != btf.Ptr || ptr.Ref != 5 {
		t.Errorf("type 6 is %+v", ptr)
	}
	if raw, err := f.Bytes(); err == nil || raw != nil || !strings.Contains(err.Error(), `cannot write type 1 (kind 20 "strange")`) {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
}

func TestMergeRefuses(t *testing.T) {
	base, other := parse(t, oneOfEach(t, binary.LittleEndian)), parse(t, oneOfEach(t, binary.LittleEndian))
	m := parseSplit(t, like(t, base, base, never), base)
	names := parseSplit(t, module(t, binary.LittleEndian, base, strings.Repeat("large\x00", 1<<20), func(_, str uint32) []btf.Type {
		return []btf.Type{{Kind: btf.Fwd, Name: str}}
	}), base)
	types := parseSplit(t, module(t, binary.LittleEndian, base, "", func(uint32, uint32) []btf.Type {
		return []btf.Type{{Kind: btf.Struct, Members: make([]btf.Member, 1<<20)}}
	}), base)
	for name, c := range map[string]struct {
		base    *btf.File
		modules []*btf.File
		want    string
	}{
		"another base":   {other, []*btf.File{m}, "read on another base"},
		"no module":      {base, []*btf.File{base}, "read on another base"},
		"too many types": {base, slices.Repeat([]*btf.File{types}, 171), "have more than 2147483647 bytes of BTF"},
		"too many names": {base, slices.Repeat([]*btf.File{names}, 342), "have more than 2147483647 bytes of BTF"},
	} {
		if f, err := btf.Merge(c.base, c.modules...); f != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a module's types contain of the base's counts, too, so that what could
// be read apart can be read together.
func TestNestingOfSplitBTF(t *testing.T) {
	order := binary.LittleEndian
	chain := func(n int, first uint32) []btf.Type { // each in the next, and the first in the one before
		var types []btf.Type
		for i := range n {
			types = append(types, btf.Type{Kind: btf.Struct, Members: []btf.Member{{Type: first + uint32(i) - 1}}})
		}
		return types
	}
	w := btf.NewWriter()
	add(t, w, btf.Type{Kind: btf.Int, Size: 4})
	add(t, w, chain(500, 2)...)
	base := parse(t, w.Bytes(order))
	for n, refused := range map[int]bool{1: false, 524: false, 525: true, 2000: true} {
		raw := module(t, order, base, "", func(first, _ uint32) []btf.Type { return chain(n, first) })
		m, err := btf.ParseSplit(raw, base)
		if refused {
			if err == nil || !strings.Contains(err.Error(), "is nested more than 1024 deep") {
				t.Errorf("%d: %v", n, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%d: %v", n, err)
			continue
		}
		checkMerged(t, merge(t, base, m, m), base, m, m)
	}
}

// A module that is read on another base than its own is refused, if only
// because of its names.
func TestSplitOnAnotherBase(t *testing.T) {
	order := binary.LittleEndian
	base := parse(t, oneOfEach(t, order))
	raw := module(t, order, base, "one\x00two\x00", func(first, str uint32) []btf.Type {
		return []btf.Type{{Kind: btf.Fwd, Name: str}, {Kind: btf.Struct, Name: str + 4, Size: 4, Members: []btf.Member{{Name: 1, Type: 1}}}, {Kind: btf.Ptr, Ref: first}}
	})
	parseSplit(t, raw, base)

	// larger has so many types and names that all references lead to some.
	w := btf.NewWriter()
	add(t, w, slices.Repeat([]btf.Type{{Kind: btf.Fwd}}, 100)...)
	larger := append(w.Bytes(order), make([]byte, 1000)...)
	order.PutUint32(larger[20:], 1001)
	for name, c := range map[string]struct {
		base []byte
		want string
	}{
		"smaller": {btf.NewWriter().Bytes(order), "not the beginning of a string"},
		"larger":  {larger, "none of 8 bytes of names is referred to: made for another base"},
	} {
		if f, err := btf.ParseSplit(raw, parse(t, c.base)); f != nil || !errors.Is(err, btf.ErrFormat) || !errors.Is(err, btf.ErrBase) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("on a %s base: %v", name, err)
		}
	}
	if _, err := btf.Parse(raw); !errors.Is(err, btf.ErrFormat) || !errors.Is(err, btf.ErrNoBase) {
		t.Errorf("without a base: %v", err)
	}
	if _, err := btf.Parse(raw[:60]); err == nil || errors.Is(err, btf.ErrNoBase) {
		t.Errorf("cut off: %v", err)
	}
	if _, err := btf.ParseSplit(raw[:60], base); err == nil || errors.Is(err, btf.ErrBase) {
		t.Errorf("cut off, on its base: %v", err)
	}
}

// A kernel of the example's with another one as if that were two modules: real
// types, and most names several times.
func TestMergeOfKernels(t *testing.T) {
	var raws [][]byte
	for _, release := range []string{"6.1.0-47-cloud-amd64", "5.10.0-32-cloud-arm64"} {
		raws = append(raws, testfiles.BTF(t, testfiles.Kernel(t, release)))
	}
	base := parse(t, raws[0])
	raw := like(t, base, parse(t, raws[1]), never)
	m := parseSplit(t, raw, base)
	checkCilium(t, checkMerged(t, merge(t, base, m, m), base, m, m), raws[0], raw, raw)
}

// TestMergeOfRealModules merges a kernel with all of its modules:
//
//	go test ./internal/btf -run RealModules -v -vmlinux vmlinux.btf -modules /lib/modules/6.1.0-47-cloud-amd64
func TestMergeOfRealModules(t *testing.T) {
	if *realVmlinux == "" || *realModules == "" {
		t.Skip("needs -vmlinux and -modules")
	}
	raw := testfiles.BTF(t, *realVmlinux)
	base := parse(t, raw)
	var modules []*btf.File
	var raws [][]byte
	err := filepath.WalkDir(*realModules, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(d.Name(), ".ko") {
			return err
		}
		raws = append(raws, testfiles.BTF(t, path))
		m, err := btf.ParseSplit(raws[len(raws)-1], base)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		modules = append(modules, m)
		return nil
	})
	if err != nil || len(modules) == 0 {
		t.Fatalf("%d modules in %s (%v)", len(modules), *realModules, err)
	}
	merged := checkMerged(t, merge(t, base, modules...), base, modules...)
	checkCilium(t, merged, raw, raws...)
	t.Logf("%d modules: %d bytes and %d types, merged with vmlinux' %d and %d", len(modules), len(merged), parse(t, merged).NumTypes()-1, len(raw), base.NumTypes()-1)
}
