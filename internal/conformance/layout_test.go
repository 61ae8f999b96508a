package conformance

import (
	"bytes"
	"encoding/binary"
)

// layout says of each kind, from 0 on, how many bytes follow a record of it:
// once, and for each entry. The last one nobody knows.
var layout = [][2]byte{
	{}, {4} /* INT */, {}, {12} /* ARRAY */, {0, 12} /* STRUCT */, {0, 12} /* UNION */, {0, 8} /* ENUM */, {}, {}, {}, {}, {}, {},
	{0, 8} /* FUNC_PROTO */, {4} /* VAR */, {0, 12} /* DATASEC */, {}, {4} /* DECL_TAG */, {}, {0, 12} /* ENUM64 */, {8, 4},
}

// withLayout returns BTF with a header of 32 bytes and a layout section and,
// if asked for, with a type of the unknown kind.
func withLayout(raw []byte, order binary.ByteOrder, unknown bool) []byte {
	words := func(b []byte, words ...uint32) []byte {
		b, _ = binary.Append(b, order, words)
		return b
	}
	types, strings := bytes.Clone(raw[24:24+order.Uint32(raw[12:])]), raw[24+order.Uint32(raw[16:]):]
	if unknown {
		const kind, entries = 20, 2
		types = words(types, 0, kind<<24|entries, 99, 1, 2, 3, 4)
	}
	for len(strings)%4 != 0 {
		strings = append(strings, 0)
	}
	n, s := uint32(len(types)), uint32(len(strings))
	out := words(bytes.Clone(raw[:4]), 32, 0, n, n, s, n+s, uint32(4*len(layout)))
	out = append(append(out, types...), strings...)
	for _, l := range layout {
		out = append(out, l[0], l[1], 0, 0) // two bytes of flags
	}
	return out
}
