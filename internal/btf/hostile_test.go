package btf_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/hostile"
)

// Len and Entry are what Type says.
func TestEntries(t *testing.T) {
	for _, order := range orders {
		base := parse(t, oneOfEach(t, order))
		split := module(t, order, base, "\x00own\x00", func(first, str uint32) []btf.Type {
			return []btf.Type{{Kind: btf.Struct, Name: str + 1, Members: []btf.Member{{Name: 1, Type: first - 1}, {Type: 1}}}}
		})
		f, err := btf.ParseSplit(split, base)
		if err != nil {
			t.Fatal(err)
		}
		entries := 0
		for id := range f.NumTypes() {
			ty := at(f, id)
			if f.Len(id) != len(ty.Members) {
				t.Errorf("%v: type %d (%s) has %d entries, expected %d", order, id, ty.Kind, f.Len(id), len(ty.Members))
				continue
			}
			for i, want := range ty.Members {
				entries++
				if got := f.Entry(id, i); got != want {
					t.Errorf("%v: entry %d of type %d (%s) is %+v, expected %+v", order, i, id, ty.Kind, got, want)
				}
			}
		}
		if entries < 10 {
			t.Errorf("%v: only %d entries", order, entries)
		}
	}
}

// Types and members with names beyond all reason are refused, as names are read
// again and again; other strings may be longer.
func TestLongNames(t *testing.T) {
	const most = 1<<16 - 1
	for _, c := range []struct {
		what           string
		typ, member, s int // lengths of names, and of another string
		want           string
	}{
		{"as long as can be", most, most, 0, ""},
		{"a line of source", 1, 1, 1 << 20, ""},
		{"a type's", most + 1, 1, 0, "invalid BTF: type 1 (struct) has a name of more than 65535 bytes"},
		{"a member's", 1, most + 1, 0, "invalid BTF: type 1 (struct): entry 1 has a name of more than 65535 bytes"},
		{"a long one behind a long line", 1, 1 << 20, 1 << 20, "invalid BTF: type 1 (struct): entry 1 has a name of more than 65535 bytes"},
	} {
		w := btf.NewWriter()
		name := func(n int) uint32 { return w.String(strings.Repeat("x", n)) }
		w.String(strings.Repeat("line", c.s/4))
		add(t, w, btf.Type{Kind: btf.Struct, Name: name(c.typ), Members: []btf.Member{{Type: 2}, {Name: name(c.member), Type: 2}}},
			btf.Type{Kind: btf.Int, Size: 4})
		f, err := btf.Parse(w.Bytes(binary.LittleEndian))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want || (f == nil) != (err != nil) {
			t.Errorf("%s: %q, expected %q", c.what, got, c.want)
		}
	}
}

// Files of which every part is small take no more time than their size allows.
func TestHostileFiles(t *testing.T) {
	const n = 200_000
	for what, types := range map[string]func(w *btf.Writer) []btf.Type{
		"tags of a wide struct": func(w *btf.Writer) []btf.Type {
			types := []btf.Type{{Kind: btf.Int, Size: 4}, {Kind: btf.Struct, Members: make([]btf.Member, n)}}
			for i := range uint32(n) {
				types = append(types, btf.Type{Kind: btf.DeclTag, Ref: 2, Word: i})
			}
			return types
		},
		"wide structs of one another": func(w *btf.Writer) []btf.Type {
			types := []btf.Type{{Kind: btf.Int, Size: 4}}
			for i := range uint32(500) {
				members := make([]btf.Member, 1000)
				for j := range members {
					members[j].Type = i + 1
				}
				types = append(types, btf.Type{Kind: btf.Struct, Members: members})
			}
			return types
		},
		"long chains side by side": func(w *btf.Writer) []btf.Type {
			types := []btf.Type{{Kind: btf.Int, Size: 4}}
			for i := range uint32(n) {
				if i%1000 == 0 {
					i = 0 // a new chain
				}
				types = append(types, btf.Type{Kind: btf.Const, Ref: i + 1})
			}
			return types
		},
		"one name for all": func(w *btf.Writer) []btf.Type {
			name := w.String(strings.Repeat("x", 1<<16-1))
			types := make([]btf.Type, n)
			for i := range types {
				types[i] = btf.Type{Kind: btf.Struct, Name: name}
			}
			return types
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := btf.NewWriter()
			add(t, w, types(w)...)
			raw := w.Bytes(binary.LittleEndian)
			hostile.Bound{Factor: 3, Plus: 1 << 20, Time: 20 * time.Second}.Check(t, len(raw), func() {
				if _, err := btf.Parse(raw); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
