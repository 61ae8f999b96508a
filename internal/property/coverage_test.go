package property

import (
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/core"
)

// covered is just enough of everything, for 10 objects.
func covered() *coverage {
	c := &coverage{deep: 200, anonymous: 200, bitfields: 200, elements: 200, flavors: 200, objects: 10, sets: &sets{100, 50, 20}}
	for i := range c.kinds {
		k := &c.kinds[i]
		k.all, k.matching, k.missing, k.several = 200, 60, 20, 10
	}
	return c
}

func TestEnough(t *testing.T) {
	exists, local := core.FieldExists, core.TypeIDLocal
	for _, test := range []struct {
		what   string
		change func(c *coverage)
		want   string // in the error; empty: there is none
	}{
		{"all", func(*coverage) {}, ""},
		{"a kind", func(c *coverage) { c.kinds[exists].all-- }, "field_exists: 199 relocations, want 200"},
		{"the last kind", func(c *coverage) { c.kinds[core.TypeMatches].all = 0 }, "type_matches: 0 relocations, want 200"},
		{"matching", func(c *coverage) { c.kinds[exists].matching-- }, "field_exists: 59 matching, want 60"},
		{"missing", func(c *coverage) { c.kinds[exists].missing-- }, "field_exists: 19 missing, want 20"},
		{"ambiguous", func(c *coverage) { c.kinds[exists].several-- }, "field_exists: 9 ambiguous or duplicated, want 10"},
		{"more of a kind and no more that match", func(c *coverage) { c.kinds[exists].all = 300 }, "field_exists: 60 matching, want 90"},
		{"local ids need no kernel", func(c *coverage) { c.kinds[local].matching, c.kinds[local].missing, c.kinds[local].several = 0, 0, 0 }, ""},
		{"but are needed", func(c *coverage) { c.kinds[local].all-- }, "type_id_local: 199 relocations, want 200"},
		{"deep", func(c *coverage) { c.deep-- }, "[199 200 200 200 200]"},
		{"anonymous", func(c *coverage) { c.anonymous-- }, "[200 199 200 200 200]"},
		{"bitfields", func(c *coverage) { c.bitfields-- }, "[200 200 199 200 200]"},
		{"elements", func(c *coverage) { c.elements-- }, "[200 200 200 199 200]"},
		{"flavors", func(c *coverage) { c.flavors-- }, "[200 200 200 200 199]"},
		{"the same sets again and again", func(c *coverage) { c.sets.different-- }, "100 loads of 49 different sets"},
		{"one or all", func(c *coverage) { c.sets.mixed-- }, "19 of them of several"},
		{"no sets", func(c *coverage) { c.sets = nil }, ""},
	} {
		t.Run(test.what, func(t *testing.T) {
			c := covered()
			test.change(c)
			err := c.enough()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, expected %q", err, test.want)
			}
		})
	}
}

// What is counted is what the table says.
func TestCoverage(t *testing.T) {
	c := &coverage{sets: &sets{3, 2, 1}}
	o := readObject(t, `
		int int 4 signed
		struct s___x 64 { a [2]int @0; struct 8 { b int @0; c struct 4 { d [4]struct 4 { e int @0 } @0 } @32 } @64; f int @128:3 }
		reloc kprobe/a field_exists struct s___x 0:0:1
		reloc kprobe/a field_exists struct s___x 0:1:1:0:1:0
		reloc kprobe/b field_byte_size struct s___x 0:2
		reloc kprobe/b type_exists int 0
		`)
	c.add(o, []outcome{
		{kind: core.FieldExists, matching: true}, {kind: core.FieldExists, ambiguous: true},
		{kind: core.FieldByteSize, matching: true, duplicated: true}, {kind: core.TypeExists, missing: true},
	})
	table := c.String()
	squeezed := strings.Join(strings.Fields(table), " ")
	for _, want := range []string{
		"field_exists 2 50 % 0 % 50 % 50 % 0 %",
		"field_byte_size 1 100 % 0 % 100 % 0 % 0 %",
		"type_exists 1 0 % 100 % 0 % 0 % 0 %",
		"1 objects, 2 programs; of fields: 1 of four steps or more, 1 through anonymous members, 2 through arrays, 1 bitfields, 3 of flavors",
		"3 loads of 2 different sets of programs, 1 of them of several but not all",
	} {
		if !strings.Contains(squeezed, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
}
