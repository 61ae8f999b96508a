package core_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

// Types of one name are told apart by what relocations ask of them, and by
// nothing else.
func TestHomonyms(t *testing.T) {
	const kernel = `
		int int 4 signed
		struct s 8 { a int @0; b int @32 }             # 2
		struct s 8 { a int @0; c int @32 }             # 3
		struct s 12 { c int @0; b int @32; a int @64 } # 4
		enum e 4 { A = 1; B = 2 }                      # 5
		enum64 e 8 { A = 1 }                           # 6
		typedef s struct s#3
		struct s___new 8 { a int @0 }                  # 8
		struct t 4 { a int @0 }
		union t 4 { a int @0 }
		struct p 8 { l *struct s @0; n *struct s#2 @0 } # 11
		struct p 8 { l *struct s#2 @0; n *struct s @0 } # 12
	`
	const local = `
		int int 4 signed
		struct s 8 { a int @0; b int @32 }
		enum e 4 { A = 0; B = 0 }
		struct t 4 { a int @0 }
		struct p 8 { l *struct s @0 }
		typedef s struct s
	`
	for relocs, want := range map[string]string{
		"reloc x field_exists struct s 0:0":                                      "struct s [2 3] [4]",
		"reloc x field_exists struct s 0:1":                                      "struct s [2] [4]",
		"reloc x field_exists struct s 0:1\nreloc x field_exists struct s 0:0":   "struct s [2] [3] [4]",
		"reloc x type_exists struct s 0":                                         "struct s [2 3] [4]",
		"reloc x field_exists s 0:0":                                             "struct s [2 3] [4]",
		"reloc x enumval_value enum e 0":                                         "enum e [5] [6]",
		"reloc x enumval_value enum e 1":                                         "",
		"reloc x field_exists struct t 0:0":                                      "",
		"reloc x field_exists struct p 0:0":                                      "",
		"reloc x type_matches struct p 0":                                        "struct p [11] [12]",
		"reloc x type_id_local struct s 0":                                       "",
		"reloc x enumval_value enum e 0\nreloc x field_byte_offset struct s 0:1": "enum e [5] [6]; struct s [2] [4]",
	} {
		for _, order := range orders {
			rs := btftest.Relocations(t, btftest.Object(t, order, local+relocs))
			homonyms, err := core.Homonyms(graph.Raw{File: btftest.Parse(t, order, kernel)}, rs)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, h := range homonyms {
				got = append(got, strings.Trim(fmt.Sprintf("%s %s %v", h.Kind, h.Name, h.Layouts), "]")+"]")
			}
			if got := strings.ReplaceAll(strings.Join(got, "; "), "[[", "["); got != want {
				t.Errorf("%v, %s: %q, want %q", order, relocs, got, want)
			}
		}
	}
}
