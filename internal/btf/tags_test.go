package btf_test

import (
	"encoding/binary"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

func TestDeclTagsAreForWhatThereIs(t *testing.T) {
	const itself = 1<<32 - 1
	int32s := btf.Type{Kind: btf.Int, Size: 4, Word: 32}
	two := []btf.Member{{Type: 1}, {Type: 1}}
	for name, c := range map[string]struct {
		bearer    btf.Type
		component uint32
		refused   string
	}{
		"struct":             {btf.Type{Kind: btf.Struct, Members: two}, itself, ""},
		"last member":        {btf.Type{Kind: btf.Union, Members: two}, 1, ""},
		"no such member":     {btf.Type{Kind: btf.Struct, Members: two}, 2, "component 2 of type 2 (struct), which has 2"},
		"less than itself":   {btf.Type{Kind: btf.Struct, Members: two}, itself - 1, "component -2"},
		"typedef":            {btf.Type{Kind: btf.Typedef, Ref: 1}, itself, ""},
		"part of a typedef":  {btf.Type{Kind: btf.Typedef, Ref: 1}, 0, "component 0 of type 2 (typedef), which has 0"},
		"variable":           {btf.Type{Kind: btf.Var, Ref: 1}, itself, ""},
		"part of a variable": {btf.Type{Kind: btf.Var, Ref: 1}, 0, "component 0"},
		"parameter":          {btf.Type{Kind: btf.Func, Ref: 3}, 1, ""},
		"no such parameter":  {btf.Type{Kind: btf.Func, Ref: 3}, 2, "component 2"},
		"function of no proto": {btf.Type{Kind: btf.Func, Ref: 1}, itself,
			"type 4 (decl_tag \"tag\") is for type 2 (func), which bears none"},
		"int":                     {int32s, itself, "bears none"},
		"function without a name": {btf.Type{Kind: btf.FuncProto}, itself, "bears none"},
		"function of a typedef":   {btf.Type{Kind: btf.Func, Ref: 5}, itself, "bears none"},
		"tag":                     {btf.Type{Kind: btf.DeclTag, Ref: 2, Word: itself}, itself, "bears none"},
	} {
		t.Run(name, func(t *testing.T) {
			w := btf.NewWriter()
			add(t, w, int32s, c.bearer, btf.Type{Kind: btf.FuncProto, Members: two},
				btf.Type{Kind: btf.DeclTag, Name: w.String("tag"), Ref: 2, Word: c.component}, btf.Type{Kind: btf.Typedef, Ref: 3})
			raw := w.Bytes(binary.LittleEndian)
			if c.refused == "" {
				parse(t, raw)
			} else {
				refused(t, raw, c.refused)
			}
		})
	}
}
