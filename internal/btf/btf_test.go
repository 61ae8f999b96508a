package btf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

var orders = []binary.ByteOrder{binary.LittleEndian, binary.BigEndian}

// one has a type of each kind, 1 to 19, and of each flag.
func one(w *btf.Writer) []btf.Type {
	n := w.String
	return []btf.Type{
		{Kind: btf.Int, Name: n("int"), Size: 4, Word: 1<<24 | 32},
		{Kind: btf.Ptr, Ref: 4},
		{Kind: btf.Array, Ref: 1, Index: 1, Size: 7},
		{Kind: btf.Struct, Name: n("s"), Size: 16, Members: []btf.Member{
			{Name: n("a"), Type: 1, Offset: 0}, {Type: 5, Offset: 64},
		}},
		{Kind: btf.Union, Size: 8, KFlag: true, Members: []btf.Member{{Name: n("bits"), Type: 1, Offset: 3<<24 | 5}}},
		{Kind: btf.Enum, Name: n("e"), Size: 4, KFlag: true, Members: []btf.Member{{Name: n("A"), Offset: 1<<32 - 1}, {Name: n("B")}}},
		{Kind: btf.Fwd, Name: n("later"), KFlag: true},
		{Kind: btf.Typedef, Name: n("t"), Ref: 9},
		{Kind: btf.Volatile, Ref: 10},
		{Kind: btf.Const, Ref: 11},
		{Kind: btf.Restrict, Ref: 18},
		{Kind: btf.Func, Name: n("f"), Ref: 13, Linkage: 1},
		{Kind: btf.FuncProto, Ref: 1, Members: []btf.Member{{Name: n("p"), Type: 2}, {Type: 0}}},
		{Kind: btf.Var, Name: n("v"), Ref: 1, Word: 2},
		{Kind: btf.Datasec, Name: n(".data"), Size: 4, Members: []btf.Member{{Type: 14, Offset: 8, Size: 4}}},
		{Kind: btf.Float, Name: n("double"), Size: 8},
		{Kind: btf.DeclTag, Name: n("tag"), Ref: 4, Word: 1<<32 - 1},
		{Kind: btf.TypeTag, Name: n("user"), Ref: 2},
		{Kind: btf.Enum64, Name: n("e64"), Size: 8, Members: []btf.Member{{Name: n("C"), Offset: 5, Type: 6}}},
	}
}

func add(t testing.TB, w *btf.Writer, types ...btf.Type) {
	t.Helper()
	for i := range types {
		if _, err := w.Add(&types[i]); err != nil {
			t.Fatal(err)
		}
	}
}

func oneOfEach(t testing.TB, order binary.ByteOrder) []byte {
	w := btf.NewWriter()
	add(t, w, one(w)...)
	return w.Bytes(order)
}

// at returns the type of an id.
func at(f *btf.File, id uint32) btf.Type {
	var t btf.Type
	f.Type(id, &t)
	if len(t.Members) == 0 {
		t.Members = nil
	}
	return t
}

func TestRoundTripOfEveryKind(t *testing.T) {
	for _, order := range orders {
		raw := oneOfEach(t, order)
		f, err := btf.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		w := btf.NewWriter()
		want := one(w)
		if f.NumTypes() != uint32(len(want)+1) || f.FirstOwn() != 1 {
			t.Fatalf("%v: %d types, first %d", order, f.NumTypes(), f.FirstOwn())
		}
		if f.Order() != order || f.BigEndian() != (order == binary.BigEndian) {
			t.Errorf("byte order %v, expected %v", f.Order(), order)
		}
		for i := range want {
			id := uint32(i + 1)
			if got := at(f, id); !reflect.DeepEqual(got, want[i]) {
				t.Errorf("%v: type %d is %+v, expected %+v", order, id, got, want[i])
			}
			if kind, name := f.Head(id); kind != btf.Kind(id) || name != want[i].Name {
				t.Errorf("%v: head of %d is %s %d", order, id, kind, name)
			}
		}
		if s := f.String(want[0].Name); s != "int" {
			t.Errorf("%v: name is %q", order, s)
		}
		if !reflect.DeepEqual(at(f, 0), btf.Type{}) {
			t.Errorf("%v: void is %+v", order, at(f, 0))
		}
		if again := rewrite(t, f); !bytes.Equal(again, raw) {
			t.Errorf("%v: written again it is other bytes", order)
		}
	}
}

// rewrite puts all types of a File through a Writer.
func rewrite(t testing.TB, f *btf.File) []byte {
	w := btf.NewWriter()
	for id := uint32(1); id < f.NumTypes(); id++ {
		ty := at(f, id)
		ty.Name = w.String(f.String(ty.Name))
		for i := range ty.Members {
			ty.Members[i].Name = w.String(f.String(ty.Members[i].Name))
		}
		if got, err := w.Add(&ty); err != nil || got != id {
			t.Fatalf("type %d is written as %d: %v", id, got, err)
		}
	}
	return w.Bytes(f.Order())
}

func TestTypeReusesMemory(t *testing.T) {
	f, err := btf.Parse(oneOfEach(t, binary.LittleEndian))
	if err != nil {
		t.Fatal(err)
	}
	var ty btf.Type
	f.Type(4, &ty)
	if n := testing.AllocsPerRun(10, func() {
		for id := range f.NumTypes() {
			f.Type(id, &ty)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if f.Type(2, &ty); ty.Members == nil || len(ty.Members) != 0 || ty.Name != 0 || ty.Size != 0 {
		t.Errorf("a pointer read into a struct's Type is %+v", ty)
	}
}

func TestWriterRefuses(t *testing.T) {
	for _, ty := range []btf.Type{
		{Kind: btf.Void},
		{Kind: 20},
		{Kind: btf.Enum, Members: make([]btf.Member, 1<<24)},
		{Kind: btf.Func, Linkage: 1 << 24},
	} {
		if id, err := btf.NewWriter().Add(&ty); err == nil {
			t.Errorf("%s with %d entries is written as %d", ty.Kind, len(ty.Members), id)
		}
	}
}

func TestWriterDeduplicatesStrings(t *testing.T) {
	w := btf.NewWriter()
	if a, b := w.String("abc"), w.String("abc"); a != b || a == 0 || w.String("") != 0 {
		t.Errorf("references %d and %d", a, b)
	}
	if raw := w.Bytes(binary.LittleEndian); bytes.Count(raw, []byte("abc")) != 1 {
		t.Errorf("%q", raw)
	}
}

func TestKindNames(t *testing.T) {
	for k := btf.Void; k <= btf.Enum64; k++ {
		text, _ := k.MarshalText()
		var back btf.Kind
		if err := back.UnmarshalText(text); err != nil || back != k {
			t.Errorf("%d is %q, which is %d (%v)", k, text, back, err)
		}
	}
	if s := btf.Kind(20).String(); s != "kind 20" {
		t.Errorf("kind 20 is %q", s)
	}
	for _, s := range []string{"", "kind 20", "Struct", "structs"} {
		if k, ok := btf.ParseKind(s); ok {
			t.Errorf("%q is kind %s", s, k)
		}
	}
}

// withHeader gives a file a header of another length, filled up with words.
func withHeader(raw []byte, order binary.ByteOrder, words ...uint32) []byte {
	b := bytes.Clone(raw[:24])
	order.PutUint32(b[4:], uint32(24+4*len(words)))
	for _, w := range words {
		b = append(b, 0, 0, 0, 0)
		order.PutUint32(b[len(b)-4:], w)
	}
	return append(b, raw[24:]...)
}

func TestHeaders(t *testing.T) {
	for _, order := range orders {
		raw := oneOfEach(t, order)
		want := rewrite(t, parse(t, raw))
		for name, b := range map[string][]byte{
			"28 bytes":              withHeader(raw, order, 0),
			"32, no layout":         withHeader(raw, order, 0, 0),
			"32, offset, no layout": withHeader(raw, order, 1<<31, 0),
			"36":                    withHeader(raw, order, 0, 0, 1<<31),
			"64":                    withHeader(raw, order, make([]uint32, 10)...),
			"bytes behind":          append(bytes.Clone(raw), "and more"...),
		} {
			if got := rewrite(t, parse(t, b)); !bytes.Equal(got, want) {
				t.Errorf("%v: header of %s: other types", order, name)
			}
		}
	}
}

func parse(t testing.TB, raw []byte) *btf.File {
	t.Helper()
	f, err := btf.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// withLayout appends a layout section that says how long a record of each kind is.
func withLayout(raw []byte, order binary.ByteOrder, layout ...byte) []byte {
	b := withHeader(raw, order, uint32(len(raw)-24), uint32(len(layout)))
	return append(b, layout...)
}

func TestUnknownKindWithLayoutIsSkipped(t *testing.T) {
	for _, order := range orders {
		w := btf.NewWriter()
		w.Add(&btf.Type{Kind: btf.Int, Name: w.String("before"), Size: 4})
		// Each is 3 words and as many more as a layout of {4, 8} says: 1 + 2·vlen.
		w.Add(&btf.Type{Kind: btf.Struct, Name: w.String("strange"), Members: make([]btf.Member, 1)})
		w.Add(&btf.Type{Kind: btf.Int, Name: w.String("after"), Size: 8})
		raw := w.Bytes(order)
		strange := raw[24+16:]
		order.PutUint32(strange[4:], 20<<24|1)

		layout := make([]byte, 21*4)
		copy(layout[20*4:], []byte{4, 8, 0, 0})
		f := parse(t, withLayout(raw, order, layout...))
		if f.NumTypes() != 4 {
			t.Fatalf("%d types", f.NumTypes())
		}
		if kind, name := f.Head(2); kind != 20 || f.String(name) != "strange" {
			t.Errorf("type 2 is %s %q", kind, f.String(name))
		}
		if got := at(f, 3); f.String(got.Name) != "after" || got.Size != 8 {
			t.Errorf("type 3 is %+v", got)
		}
		if _, err := w.Add(&btf.Type{Kind: 20}); err == nil {
			t.Error("an unknown kind can be written")
		}

		refused(t, raw, "type 2 has unknown kind 20")
		refused(t, withLayout(raw, order, layout[:20*4]...), "type 2 has unknown kind 20")
		copy(layout[20*4:], []byte{2, 8})
		refused(t, withLayout(raw, order, layout...), "layout of kind 20: 2 and 8 bytes, not made of words")
		copy(layout[20*4:], []byte{4, 3})
		refused(t, withLayout(raw, order, layout...), "layout of kind 20: 4 and 3 bytes, not made of words")
		copy(layout[20*4:], []byte{4, 252})
		refused(t, withLayout(raw, order, layout...), "type 2 (kind 20, 1 entries) at byte 16 of the type section is cut off")

		short := withLayout(raw, order, layout...)
		refused(t, short[:len(short)-1], "layout section (offset ")
		// What is known is not up to the file to say.
		copy(layout[20*4:], []byte{4, 8})
		copy(layout[4:], []byte{80, 80})
		parse(t, withLayout(raw, order, layout...))
	}
}

// refused checks that Parse fails, and with which message.
func refused(t testing.TB, raw []byte, want string) {
	t.Helper()
	f, err := btf.Parse(raw)
	switch {
	case err == nil || f != nil:
		t.Errorf("accepted (%v), expected: %s", err, want)
	case !errors.Is(err, btf.ErrFormat):
		t.Errorf("%v is no ErrFormat", err)
	case !strings.HasPrefix(err.Error(), "invalid BTF: ") || !strings.Contains(err.Error(), want):
		t.Errorf("got: %v\nexpected: %s", err, want)
	}
}

func TestDamagedHeaders(t *testing.T) {
	for _, order := range orders {
		good := oneOfEach(t, order)
		types, strs := order.Uint32(good[12:]), order.Uint32(good[20:])
		for _, c := range []struct {
			at    int
			bytes any
			want  string
		}{
			{0, []byte{0, 0}, "magic is 0x0 0x0, not 0xeb9f"},
			{0, []byte{0x9f, 0x9f}, "magic is 0x9f 0x9f, not 0xeb9f"},
			{2, []byte{2}, "version 2, expected 1"},
			{2, []byte{0}, "version 0, expected 1"},
			{3, []byte{1}, "unknown flags 0x1"},
			{4, uint32(0), "header length 0 in "},
			{4, uint32(23), "header length 23 in "},
			{4, uint32(len(good) + 1), "header length "},
			{4, uint32(1<<32 - 1), "header length 4294967295 in "},
			{8, uint32(2), "type section at offset 2 is not aligned"},
			{8, uint32(1<<32 - 4), "type section (offset 4294967292, "},
			{8, (types + strs) &^ 3, "type section (offset "},
			{12, types - 1, fmt.Sprintf("type section of %d bytes is cut off", types-1)},
			{12, types + 1, fmt.Sprintf("type section of %d bytes is cut off", types+1)},
			{12, types + strs + 4, "type section (offset 0, "},
			{12, uint32(1<<32 - 4), "truncated?"},
			{16, types + 4, "string section (offset "},
			{16, uint32(1<<32 - 1), "string section (offset 4294967295, "},
			{16, types + 1, "string section (offset "},
			{20, uint32(0), "string section is empty"},
			{20, strs - 1, "string section does not end with a NUL"},
			{20, strs + 1, "string section (offset "},
		} {
			raw := bytes.Clone(good)
			switch v := c.bytes.(type) {
			case []byte:
				copy(raw[c.at:], v)
			case uint32:
				order.PutUint32(raw[c.at:], v)
			}
			t.Run(fmt.Sprintf("%v/%d/%v", order, c.at, c.bytes), func(t *testing.T) { refused(t, raw, c.want) })
		}
		raw := bytes.Clone(good)
		raw[24+types] = 'x'
		refused(t, raw, "string section does not begin with the empty string")
	}
	refused(t, nil, "0 bytes, shorter than a header")
	refused(t, oneOfEach(t, binary.LittleEndian)[:23], "23 bytes, shorter than a header")
}

func TestTruncatedAtEveryByte(t *testing.T) {
	for _, order := range orders {
		good := oneOfEach(t, order)
		for n := range good {
			refused(t, good[:n], "")
		}
		// The same within sections whose lengths go with it.
		types := order.Uint32(good[12:])
		for n := range types {
			raw := bytes.Clone(good[:24+n])
			raw = append(raw, good[24+types:]...)
			order.PutUint32(raw[12:], n)
			order.PutUint32(raw[16:], n)
			if f, err := btf.Parse(raw); (err == nil) != (f != nil) {
				t.Fatalf("%d bytes of types: %v, %v", n, f, err)
			} else if f != nil {
				everyMethod(t, f)
			}
		}
	}
}

// everyMethod calls the methods of a File with all their arguments.
func everyMethod(t testing.TB, f *btf.File) {
	t.Helper()
	name := func(ref uint32) {
		if !f.ValidName(ref) {
			t.Fatalf("name %d is not valid", ref)
		}
		s := f.String(ref)
		if strings.Contains(s, "\x00") || !bytes.HasPrefix(f.Text(ref), []byte(s)) {
			t.Fatalf("name %d is %q", ref, s)
		}
	}
	id := func(id uint32) {
		if id >= f.NumTypes() {
			t.Fatalf("a reference to type %d of %d", id, f.NumTypes())
		}
	}
	var ty btf.Type
	for i := range f.NumTypes() {
		f.Type(i, &ty)
		if kind, ref := f.Head(i); kind != ty.Kind || kind <= btf.Enum64 && ref != ty.Name {
			t.Fatalf("type %d is %s %d and %s %d", i, ty.Kind, ty.Name, kind, ref)
		}
		_ = f.Describe(i)
		name(ty.Name)
		id(ty.Ref)
		id(ty.Index)
		for _, m := range ty.Members {
			name(m.Name)
			if !ty.Kind.IsEnum() {
				id(m.Type)
			}
		}
	}
}

func TestReferencesAreChecked(t *testing.T) {
	for _, order := range orders {
		w := btf.NewWriter()
		types := one(w)
		for i := range types {
			// Each reference of each type in turn.
			for _, c := range []struct {
				what string
				set  func(ty *btf.Type)
			}{
				{"name", func(ty *btf.Type) { ty.Name = 1 << 20 }},
				{"ref", func(ty *btf.Type) { ty.Ref = uint32(len(types) + 1) }},
				{"index", func(ty *btf.Type) { ty.Index = 1<<32 - 1 }},
				{"member name", func(ty *btf.Type) { ty.Members[0].Name = 1<<32 - 1 }},
				{"member type", func(ty *btf.Type) { ty.Members[0].Type = uint32(len(types) + 1) }},
			} {
				ty := types[i]
				ty.Members = append([]btf.Member(nil), ty.Members...)
				if strings.HasPrefix(c.what, "member") && len(ty.Members) == 0 {
					continue
				}
				c.set(&ty)

				w := btf.NewWriter()
				add(t, w, one(w)[:i]...)
				add(t, w, ty)
				add(t, w, one(w)[i+1:]...)
				raw := w.Bytes(order)
				w = btf.NewWriter()
				add(t, w, one(w)...)
				if bytes.Equal(raw, w.Bytes(order)) || ty.Kind == btf.Enum64 && c.what == "member type" {
					continue // this kind has no such reference
				}
				refused(t, raw, fmt.Sprintf("type %d (%s)", i+1, ty.Kind))
			}
		}
	}
}

// The messages of the references' errors.
func TestReferenceMessages(t *testing.T) {
	for _, c := range []struct {
		ty   btf.Type
		want string
	}{
		{btf.Type{Kind: btf.Int, Name: 3}, "type 1 (int): name at 3, which is not the beginning of a string"},
		{btf.Type{Kind: btf.Ptr, Ref: 2}, "type 1 (ptr) refers to type 2, but there are only 1"},
		{btf.Type{Kind: btf.Array, Ref: 0, Index: 9}, "type 1 (array) refers to type 9, but there are only 1"},
		{btf.Type{Kind: btf.FuncProto, Members: []btf.Member{{}, {Type: 2}}}, "type 1 (func_proto): entry 1 refers to type 2, but there are only 1"},
		{btf.Type{Kind: btf.Enum, Members: []btf.Member{{Name: 4}}}, "type 1 (enum): name of entry 0 at 4, which is not the beginning of a string"},
	} {
		w := btf.NewWriter()
		w.String("x")
		add(t, w, c.ty)
		refused(t, w.Bytes(binary.LittleEndian), c.want)
	}
	// Within a string no name begins, not even one that would end with it.
	for _, ty := range []btf.Type{
		{Kind: btf.Int, Name: 2},
		{Kind: btf.Struct, Members: []btf.Member{{}, {Name: 2}}},
		{Kind: btf.Enum, Members: []btf.Member{{Name: 2}}},
		{Kind: btf.Enum64, Members: []btf.Member{{Name: 2}}},
		{Kind: btf.FuncProto, Members: []btf.Member{{Name: 2}}},
	} {
		w := btf.NewWriter()
		w.String("ab")
		w.String("c")
		add(t, w, ty)
		refused(t, w.Bytes(binary.LittleEndian), "at 2, which is not the beginning of a string")
	}
	// An ENUM64's high word is no reference, an ENUM's value none either.
	w := btf.NewWriter()
	add(t, w, btf.Type{Kind: btf.Enum64, Members: []btf.Member{{Type: 1<<32 - 1, Offset: 1<<32 - 1}}},
		btf.Type{Kind: btf.Enum, Members: []btf.Member{{Offset: 1<<32 - 1}}})
	parse(t, w.Bytes(binary.LittleEndian))
}

func TestAbsurdCounts(t *testing.T) {
	for _, kind := range []btf.Kind{btf.Struct, btf.Union, btf.Enum, btf.FuncProto, btf.Datasec, btf.Enum64} {
		w := btf.NewWriter()
		add(t, w, btf.Type{Kind: kind}, btf.Type{Kind: btf.Int})
		raw := w.Bytes(binary.LittleEndian)
		binary.LittleEndian.PutUint32(raw[24+4:], uint32(kind)<<24|0xffffff)
		if n := testing.AllocsPerRun(1, func() { btf.Parse(raw) }); n > 100 {
			t.Errorf("%s: %v allocations", kind, n)
		}
		refused(t, raw, fmt.Sprintf("type 1 (%s, 16777215 entries) at byte 0 of the type section is cut off", kind))
	}
	w := btf.NewWriter()
	add(t, w, btf.Type{Kind: btf.Int})
	raw := w.Bytes(binary.LittleEndian)
	binary.LittleEndian.PutUint32(raw[24+4:], 77<<24)
	refused(t, raw, "type 1 has unknown kind 77")
	binary.LittleEndian.PutUint32(raw[24+4:], 0)
	refused(t, raw, "type 1 has unknown kind 0")
}

func TestMemoryIsBoundedByInput(t *testing.T) {
	w := btf.NewWriter()
	for range 100_000 { // the smallest records: the most types for the bytes
		add(t, w, btf.Type{Kind: btf.Ptr})
	}
	for _, order := range orders {
		raw := w.Bytes(order)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		parse(t, raw)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(3*len(raw)) {
			t.Errorf("%v: %d bytes are allocated for %d", order, got, len(raw))
		}
	}
}

func TestTypesThatContainThemselves(t *testing.T) {
	member := func(id uint32) []btf.Member { return []btf.Member{{Type: 0}, {Type: id}} }
	for name, types := range map[string][]btf.Type{
		"typedef":              {{Kind: btf.Typedef, Ref: 1}},
		"const":                {{Kind: btf.Const, Ref: 1}},
		"type_tag":             {{Kind: btf.TypeTag, Ref: 1}},
		"array element":        {{Kind: btf.Array, Ref: 1}},
		"array index":          {{Kind: btf.Array, Index: 1}},
		"member":               {{Kind: btf.Struct, Members: member(1)}},
		"union member":         {{Kind: btf.Union, Members: member(1)}},
		"two typedefs":         {{Kind: btf.Typedef, Ref: 2}, {Kind: btf.Typedef, Ref: 1}},
		"modifiers":            {{Kind: btf.Volatile, Ref: 2}, {Kind: btf.Restrict, Ref: 3}, {Kind: btf.Const, Ref: 1}},
		"struct and its array": {{Kind: btf.Struct, Members: member(2)}, {Kind: btf.Array, Ref: 1}},
		"through an index":     {{Kind: btf.Typedef, Ref: 2}, {Kind: btf.Array, Index: 1}},
		"behind a good one":    {{Kind: btf.Int}, {Kind: btf.Struct, Members: member(3)}, {Kind: btf.Union, Members: member(2)}},
	} {
		t.Run(name, func(t *testing.T) {
			w := btf.NewWriter()
			add(t, w, types...)
			refused(t, w.Bytes(binary.LittleEndian), "contains itself")
		})
	}
	w := btf.NewWriter()
	add(t, w, btf.Type{Kind: btf.Typedef, Name: w.String("t"), Ref: 1})
	refused(t, w.Bytes(binary.LittleEndian), `type 1 (typedef "t") contains itself`)

	for name, types := range map[string][]btf.Type{
		"pointer to itself":      {{Kind: btf.Ptr, Ref: 1}},
		"list":                   {{Kind: btf.Struct, Members: member(2)}, {Kind: btf.Ptr, Ref: 1}},
		"typedef of its pointer": {{Kind: btf.Typedef, Ref: 2}, {Kind: btf.Ptr, Ref: 1}},
		"parameter":              {{Kind: btf.FuncProto, Members: member(1)}},
		"return type":            {{Kind: btf.FuncProto, Ref: 1}},
		"struct of functions":    {{Kind: btf.Struct, Members: member(2)}, {Kind: btf.FuncProto, Ref: 1}},
		"variable":               {{Kind: btf.Var, Ref: 1}},
		"twice the same member":  {{Kind: btf.Struct, Members: []btf.Member{{Type: 2}, {Type: 2}}}, {Kind: btf.Int}},
	} {
		t.Run(name, func(t *testing.T) {
			w := btf.NewWriter()
			add(t, w, types...)
			everyMethod(t, parse(t, w.Bytes(binary.LittleEndian)))
		})
	}
}

func TestNestingIsLimited(t *testing.T) {
	// n types, each in the next, in both orders of ids: the check meets the
	// innermost or the outermost first.
	chain := func(n int, kind btf.Kind, inwards bool) []byte {
		w := btf.NewWriter()
		for i := range n {
			inner := uint32(i) // of type i+1
			if inwards {
				inner = uint32(i + 2)
			}
			ty := btf.Type{Kind: kind, Ref: inner}
			if kind.IsComposite() {
				ty = btf.Type{Kind: kind, Members: []btf.Member{{Type: inner}}}
			}
			if inner == 0 || int(inner) > n {
				ty = btf.Type{Kind: btf.Int, Size: 4}
			}
			add(t, w, ty)
		}
		return w.Bytes(binary.LittleEndian)
	}
	for _, kind := range []btf.Kind{btf.Typedef, btf.Const, btf.Array, btf.Struct, btf.Union} {
		for _, inwards := range []bool{false, true} {
			for _, n := range []int{1, 2, 1000, 1024, 1025} {
				parse(t, chain(n, kind, inwards))
			}
			for _, n := range []int{1026, 1027, 2000, 100_000} {
				refused(t, chain(n, kind, inwards), "is nested more than 1024 deep")
			}
		}
	}
	// Pointers do not nest.
	w := btf.NewWriter()
	for i := range 100_000 {
		add(t, w, btf.Type{Kind: btf.Ptr, Ref: uint32(i)})
	}
	parse(t, w.Bytes(binary.LittleEndian))
}

func TestUnalignedMemory(t *testing.T) {
	for _, order := range orders {
		raw := oneOfEach(t, order)
		want := rewrite(t, parse(t, raw))
		for shift := range 8 {
			b := make([]byte, shift+len(raw))
			copy(b[shift:], raw)
			if got := rewrite(t, parse(t, b[shift:])); !bytes.Equal(got, want) {
				t.Errorf("%v, shifted by %d: other types", order, shift)
			}
		}
	}
}

// module has types of its own on top of those of oneOfEach.
func module(t testing.TB, order binary.ByteOrder, base *btf.File, names string, types func(first, str uint32) []btf.Type) []byte {
	w := btf.NewWriter()
	str := uint32(0)
	if base != nil {
		str = uint32(len(base.Text(0)))
	}
	add(t, w, types(base.NumTypes(), str)...)
	raw := w.Bytes(order)
	n := order.Uint32(raw[12:])
	raw = append(raw[:24+n], names...)
	order.PutUint32(raw[20:], uint32(len(names)))
	return raw
}

func TestSplitBTF(t *testing.T) {
	for _, order := range orders {
		base := parse(t, oneOfEach(t, order))
		raw := module(t, order, base, "\x00own\x00", func(first, str uint32) []btf.Type {
			return []btf.Type{
				{Kind: btf.Struct, Name: str + 1, Size: 16, Members: []btf.Member{{Name: 1, Type: 4}, {Name: str + 1, Type: first + 1}}},
				{Kind: btf.Ptr, Ref: first},
			}
		})
		f, err := btf.ParseSplit(raw, base)
		if err != nil {
			t.Fatal(err)
		}
		if f.NumTypes() != base.NumTypes()+2 || f.FirstOwn() != base.NumTypes() {
			t.Errorf("%d types, first %d", f.NumTypes(), f.FirstOwn())
		}
		everyMethod(t, f)
		own := at(f, f.FirstOwn())
		if f.String(own.Name) != "own" || f.String(own.Members[0].Name) != "int" || f.String(own.Members[1].Name) != "own" {
			t.Errorf("names are %q, %q, %q", f.String(own.Name), f.String(own.Members[0].Name), f.String(own.Members[1].Name))
		}
		for id := range base.NumTypes() {
			if !reflect.DeepEqual(at(f, id), at(base, id)) {
				t.Errorf("type %d of the base is %+v", id, at(f, id))
			}
		}

		if _, err := btf.Parse(raw); err == nil {
			t.Error("a module is read without its base")
		}
		if _, err := btf.ParseSplit(raw, f); err == nil || !strings.Contains(err.Error(), "the base is split BTF itself") {
			t.Errorf("a module on a module: %v", err)
		}
		other := orders[0]
		if order == other {
			other = orders[1]
		}
		if _, err := btf.ParseSplit(raw, parse(t, oneOfEach(t, other))); err == nil || !strings.Contains(err.Error(), "byte order differs from the base's") {
			t.Errorf("a module of the other byte order: %v", err)
		}
		for n := range raw {
			if f, err := btf.ParseSplit(raw[:n], base); err == nil || f != nil {
				t.Errorf("accepted with %d of %d bytes", n, len(raw))
			}
		}
	}
}

func TestSplitBTFIsValidated(t *testing.T) {
	order := binary.LittleEndian
	base := parse(t, oneOfEach(t, order))
	for name, types := range map[string]func(first, str uint32) []btf.Type{
		"name of the module": func(_, str uint32) []btf.Type { return []btf.Type{{Kind: btf.Int, Name: str + 5}} },
		"type":               func(first, _ uint32) []btf.Type { return []btf.Type{{Kind: btf.Ptr, Ref: first + 1}} },
		"itself":             func(first, _ uint32) []btf.Type { return []btf.Type{{Kind: btf.Typedef, Ref: first}} },
	} {
		if f, err := btf.ParseSplit(module(t, order, base, "\x00own\x00", types), base); err == nil || f != nil || !errors.Is(err, btf.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A module may have no string of its own, and no type.
	f, err := btf.ParseSplit(module(t, order, base, "", func(uint32, uint32) []btf.Type { return []btf.Type{{Kind: btf.Const, Ref: 1}} }), base)
	if err != nil {
		t.Fatal(err)
	}
	everyMethod(t, f)
	f, err = btf.ParseSplit(module(t, order, base, "", func(uint32, uint32) []btf.Type { return nil }), base)
	if err != nil || f.NumTypes() != base.NumTypes() {
		t.Fatalf("an empty module: %v", err)
	}
	if kind, _ := f.Head(4); kind != btf.Struct {
		t.Errorf("type 4 of an empty module's base is a %s", kind)
	}
}

func TestEmpty(t *testing.T) {
	f := parse(t, btf.NewWriter().Bytes(binary.LittleEndian))
	if f.NumTypes() != 1 {
		t.Errorf("%d types", f.NumTypes())
	}
	everyMethod(t, f)
}
