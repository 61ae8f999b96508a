package core_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
)

func TestUnmarshalIsStrict(t *testing.T) {
	const ok = `{"version":1,"byte_order":"little","relocations":[`
	relocation := func(s string) string { return ok + s + "]}" }
	for _, c := range []struct{ file, want string }{
		{``, "unexpected end of JSON input"},
		{`[]`, "cannot unmarshal array"},
		{`{}`, "version 0, this minbtf reads version 1"},
		{`{"version":2,"byte_order":"little","relocations":[],"news":1}`, "version 2, this minbtf reads version 1"},
		{`{"version":"1"}`, "cannot unmarshal string"},
		{ok, "unexpected end of JSON input"},
		{ok + "]}{}", "invalid character '{' after top-level value"},
		{ok + `],"more":1}`, `unknown field "more"`},
		{`{"version":1,"byte_order":"middle","relocations":[]}`, `unknown byte order "middle"`},
		{`{"version":1,"relocations":[{"kind":"type_exists","type":"struct s"}]}`, "relocations without a byte order"},
		{relocation(`{"kind":"type_exists","type":"struct s","offset":8}`), `unknown field "offset"`},
		{relocation(`{"kind":"type_exist","type":"struct s"}`), `unknown relocation kind "type_exist"`},
		{relocation(`{"kind":8,"type":"struct s"}`), "cannot unmarshal number"},
		{relocation(`{"kind":"type_exists","type":"struct"}`), `relocation 0: type "struct" is not a kind and a name`},
		{relocation(`{"kind":"type_exists","type":"struct "}`), `relocation 0: type "struct " is not a kind and a name`},
		{relocation(`{"kind":"type_exists","type":"s"}`), `relocation 0: type "s" is not a kind and a name`},
		{relocation(`{"kind":"type_exists","type":"class s"}`), `relocation 0: type "class s" is not a kind and a name`},
		{relocation(`{"kind":"type_id_local","type":"struct s"}`), "relocation 0: type_id_local needs nothing of a kernel"},
		{relocation(`{"kind":"type_exists","type":"struct s"},{"kind":"field_exists","type":"struct s"}`), "relocation 1: field_exists with a path of 0 steps"},
		{relocation(`{"kind":"type_exists","type":"struct s","path":[0]}`), "relocation 0: type_exists with a path of 1 steps"},
		{relocation(`{"kind":"field_exists","type":"struct s","path":[["a","int"]]}`), "relocation 0: a path begins with an index"},
		{relocation(`{"kind":"field_exists","type":"struct s","path":[0,["","int"]]}`), `member ["","int"] of a path is not a name and a type`},
		{relocation(`{"kind":"field_exists","type":"struct s","path":[0,["a"]]}`), `member ["a"] of a path is not a name and a type`},
		{relocation(`{"kind":"field_exists","type":"struct s","path":[0,["a","in"]]}`), `unknown type of a member "in"`},
		{relocation(`{"kind":"field_exists","type":"struct s","path":[0,["a","int[3]"]]}`), `unknown type of a member "int[3]"`},
		{relocation(`{"kind":"field_exists","type":"struct s","path":[0,["a","struct s"]]}`), `unknown type of a member "struct s"`},
		{relocation(`{"kind":"field_exists","type":"struct s","path":[0,["a","enum64 e"]]}`), `unknown type of a member "enum64 e"`},
		{relocation(`{"kind":"field_exists","type":"struct s","path":[0,"a"]}`), "cannot unmarshal string"},
		{relocation(`{"kind":"field_exists","type":"struct s","path":[0,-1]}`), "negative index -1 in a path"},
		{relocation(`{"kind":"field_exists","type":"struct s","path":[0,1.5]}`), "cannot unmarshal number 1.5"},
		{relocation(`{"kind":"field_exists","type":"struct s","path":[0,{}]}`), "cannot unmarshal object"},
		{relocation(`{"kind":"field_exists","type":"struct s","path":[0],"enumerator":"A"}`), `relocation 0: field_exists with enumerator "A"`},
		{relocation(`{"kind":"enumval_value","type":"enum e"}`), `relocation 0: enumval_value with enumerator ""`},
		{relocation(`{"kind":"enumval_value","type":"enum e","enumerator":"A","shape":[{"kind":"enum"}]}`), "relocation 0: enumval_value with a shape"},
		{relocation(`{"kind":"field_exists","type":"struct s","path":[0],"shape":[{"kind":"struct"}]}`), "relocation 0: field_exists with a shape"},
		{relocation(`{"kind":"type_matches","type":"struct s"}`), "relocation 0: type_matches without a shape"},
		{relocation(`{"kind":"type_matches","type":"struct s","shape":[]}`), "relocation 0: type_matches without a shape"},
		{relocation(`{"kind":"type_matches","type":"struct s","shape":[{"kind":"struct","colour":1}]}`), `unknown field "colour"`},
		{relocation(`{"kind":"type_matches","type":"struct s","shape":[{"kind":"structure"}]}`), `unknown kind of type "structure"`},
		{relocation(`{"kind":"type_matches","type":"struct s","shape":[{"kind":"ptr","type":1}]}`), "relocation 0: node 0 of the shape refers to none, or is a modifier"},
		{relocation(`{"kind":"type_matches","type":"struct s","shape":[{"kind":"ptr","type":-1}]}`), "relocation 0: node 0 of the shape refers to none, or is a modifier"},
		{relocation(`{"kind":"type_matches","type":"struct s","shape":[{"kind":"array","index":1}]}`), "relocation 0: node 0 of the shape refers to none, or is a modifier"},
		{relocation(`{"kind":"type_matches","type":"struct s","shape":[{"kind":"ptr"},{"kind":"struct","members":[{"name":"a","type":2}]}]}`), "relocation 0: node 1 of the shape refers to none, or is a modifier"},
		{relocation(`{"kind":"type_matches","type":"struct s","shape":[{"kind":"typedef","name":"t"}]}`), "relocation 0: node 0 of the shape refers to none, or is a modifier"},
	} {
		rs, err := core.Unmarshal([]byte(c.file))
		switch {
		case err == nil || rs != nil:
			t.Errorf("%s: accepted", c.file)
		case !errors.Is(err, core.ErrRelocations):
			t.Errorf("%s: %v is no ErrRelocations", c.file, err)
		case !strings.HasPrefix(err.Error(), "not a usable relocations file: ") || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s:\ngot: %v\nexpected: %s", c.file, err, c.want)
		}
	}
}

// A file that is not canonical is one that a person may have written.
func TestUnmarshalBringsIntoOrder(t *testing.T) {
	rs, err := core.Unmarshal([]byte(`
		{"relocations": [
			{"type": "struct t", "kind": "type_exists"},
			{"path": [0, ["a", "enum e[][]"], 3], "type": "struct s", "kind": "field_exists"},
			{"type": "struct t", "kind": "type_exists"}
		], "byte_order": "big", "version": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "version": 1,
  "byte_order": "big",
  "relocations": [
    {"kind":"field_exists","type":"struct s","path":[0,["a","enum e[][]"],3]},
    {"kind":"type_exists","type":"struct t"}
  ]
}
`
	if got := string(marshal(t, rs)); got != want {
		t.Errorf("got %s\nexpected %s", got, want)
	}
	rs, err = core.Unmarshal([]byte(`{"version":1,"byte_order":"","relocations":[]}`))
	if err != nil || rs.ByteOrder != "" || len(rs.Relocations) != 0 {
		t.Errorf("of no object: %+v, %v", rs, err)
	}
}

// Names that look like JSON, HTML or paths come back as they were.
func TestNamesSurvive(t *testing.T) {
	for _, name := range []string{`"`, `\`, "<a&b>", "a b", "struct", "日本", "0", "a.b", "\u2028", "\x01"} {
		rs := &core.Relocations{ByteOrder: core.LittleEndian, Relocations: []core.Relocation{
			{Kind: core.TypeMatches, TypeKind: btf.Struct, Type: name, Shape: core.Shape{
				{Kind: btf.Struct, Name: name, Members: []core.ShapeMember{{Name: name, Type: 1}}}, {Kind: btf.Int, Name: name, Size: 4, Signed: true}}},
			{Kind: core.FieldExists, TypeKind: btf.Struct, Type: name, Path: []core.Accessor{{}, {Name: name, Type: core.FieldType{Kind: btf.Fwd, Name: name, Dims: 1}}, {Index: 3}}},
			{Kind: core.EnumvalExists, TypeKind: btf.Enum, Type: name, Enumerator: name},
		}}
		file := marshal(t, rs)
		if name == "<a&b>" && !bytes.Contains(file, []byte(`"type":"struct <a&b>"`)) {
			t.Errorf("not as a person would write it: %s", file)
		}
		back, err := core.Unmarshal(file)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if again := marshal(t, back); !bytes.Equal(again, file) || back.Relocations[1].Path[1] != rs.Relocations[1].Path[1] || back.Relocations[2].Enumerator != name {
			t.Errorf("%q comes back as\n%s\nwas\n%s", name, again, file)
		}
	}
	rs := &core.Relocations{ByteOrder: core.LittleEndian, Relocations: []core.Relocation{{Kind: core.TypeExists, TypeKind: btf.Struct, Type: "\xff"}}}
	if _, err := rs.Marshal(); err == nil || !errors.Is(err, core.ErrObject) || !strings.Contains(err.Error(), "is not UTF-8") {
		t.Errorf("a name that is not UTF-8: %v", err)
	}
}

// Equal sets give equal bytes, and sets that differ in whatever differ.
func TestMarshalTellsApart(t *testing.T) {
	base := func() core.Relocation {
		return core.Relocation{Kind: core.TypeMatches, TypeKind: btf.Struct, Type: "s", Shape: core.Shape{
			{Kind: btf.Struct, Name: "s", Members: []core.ShapeMember{{Name: "a", Type: 1}, {Name: "b", Type: 2}}},
			{Kind: btf.Int, Name: "int", Size: 4, Signed: true},
			{Kind: btf.Array, Size: 3, Type: 1, Index: 1},
			{Kind: btf.Fwd, Name: "f"},
		}}
	}
	seen := map[string]int{}
	var all []core.Relocation
	for i, change := range []func(r *core.Relocation){
		func(r *core.Relocation) {},
		func(r *core.Relocation) { r.Kind, r.Shape = core.TypeExists, nil },
		func(r *core.Relocation) { r.TypeKind = btf.Union },
		func(r *core.Relocation) { r.Type = "s___x" },
		func(r *core.Relocation) { r.Shape = r.Shape[:3] },
		func(r *core.Relocation) { r.Shape[0].Kind = btf.Union },
		func(r *core.Relocation) { r.Shape[0].Name = "t" },
		func(r *core.Relocation) { r.Shape[0].Members[0].Name = "c" },
		func(r *core.Relocation) { r.Shape[0].Members[0].Type = 2 },
		func(r *core.Relocation) { r.Shape[0].Members = r.Shape[0].Members[:1] },
		func(r *core.Relocation) { r.Shape[1].Size = 8 },
		func(r *core.Relocation) { r.Shape[1].Signed = false },
		func(r *core.Relocation) { r.Shape[2].Size = 4 },
		func(r *core.Relocation) { r.Shape[2].Type = 0 },
		func(r *core.Relocation) { r.Shape[2].Index = 0 },
		func(r *core.Relocation) { r.Shape[3].Union = true },
		func(r *core.Relocation) {
			*r = core.Relocation{Kind: core.FieldExists, TypeKind: btf.Struct, Type: "s", Path: []core.Accessor{{}}}
		},
		func(r *core.Relocation) {
			*r = core.Relocation{Kind: core.FieldExists, TypeKind: btf.Struct, Type: "s", Path: []core.Accessor{{Index: 1}}}
		},
		func(r *core.Relocation) {
			*r = core.Relocation{Kind: core.FieldExists, TypeKind: btf.Struct, Type: "s", Path: []core.Accessor{{}, {Index: 1}}}
		},
		func(r *core.Relocation) {
			*r = core.Relocation{Kind: core.FieldExists, TypeKind: btf.Struct, Type: "s", Path: []core.Accessor{{}, {Name: "1"}}}
		},
		func(r *core.Relocation) {
			*r = core.Relocation{Kind: core.FieldExists, TypeKind: btf.Struct, Type: "s", Path: []core.Accessor{{}, {Name: "1", Type: core.FieldType{Kind: btf.Int}}}}
		},
		func(r *core.Relocation) {
			*r = core.Relocation{Kind: core.FieldExists, TypeKind: btf.Struct, Type: "s", Path: []core.Accessor{{}, {Name: "1", Type: core.FieldType{Kind: btf.Int, Dims: 1}}}}
		},
		func(r *core.Relocation) {
			*r = core.Relocation{Kind: core.FieldExists, TypeKind: btf.Struct, Type: "s", Path: []core.Accessor{{}, {Name: "1", Type: core.FieldType{Kind: btf.Enum}}}}
		},
		func(r *core.Relocation) {
			*r = core.Relocation{Kind: core.FieldExists, TypeKind: btf.Struct, Type: "s", Path: []core.Accessor{{}, {Name: "1", Type: core.FieldType{Kind: btf.Enum, Name: "e"}}}}
		},
		func(r *core.Relocation) {
			*r = core.Relocation{Kind: core.EnumvalExists, TypeKind: btf.Enum, Type: "s", Enumerator: "A"}
		},
		func(r *core.Relocation) {
			*r = core.Relocation{Kind: core.EnumvalExists, TypeKind: btf.Enum, Type: "s", Enumerator: "B"}
		},
	} {
		r := base()
		change(&r)
		all = append(all, r)
		file := string(marshal(t, &core.Relocations{ByteOrder: core.LittleEndian, Relocations: []core.Relocation{r}}))
		if j, ok := seen[file]; ok {
			t.Errorf("relocations %d and %d are both\n%s", i, j, file)
		}
		seen[file] = i
	}
	// All of them, in whatever order, twice.
	rnd := rand.New(rand.NewPCG(7, 8))
	var want []byte
	for range 50 {
		u, err := core.Union(
			&core.Relocations{ByteOrder: core.LittleEndian, Relocations: all},
			&core.Relocations{ByteOrder: core.LittleEndian, Relocations: all[:rnd.IntN(len(all))]})
		if err != nil || len(u.Relocations) != len(all) {
			t.Fatalf("%d of %d relocations (%v)", len(u.Relocations), len(all), err)
		}
		if got := marshal(t, u); want == nil {
			want = got
		} else if !bytes.Equal(got, want) {
			t.Fatal("another order gives other bytes")
		}
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
}
