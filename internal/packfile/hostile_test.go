package packfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/hostile"
)

// refused checks that a file is an error that says what is wrong, and costs next to nothing.
func refused(t *testing.T, what string, file []byte, want string) {
	t.Helper()
	var err error
	hostile.Bound{Factor: 200, Plus: 2 << 20, Time: time.Second}.Check(t, len(file), func() { err = readAll(file) })
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, expected %q", what, err, want)
	}
}

// A raw stream is one whose head may say anything.
type rawStream struct {
	codec   int
	data    []byte
	columns []int // numbers and lengths, unless they are squeezed
}

func assembled(flags int, n counts, streams ...rawStream) []byte {
	var head, body []byte
	put := func(numbers ...int) {
		for _, v := range numbers {
			head = binary.AppendUvarint(head, uint64(v))
		}
	}
	put(flags, n.kernels, n.roots, n.nodes, n.members, len(streams))
	for _, s := range streams {
		put(s.codec, len(s.data))
		head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(s.data, table))
		if s.codec != Squeezed {
			put(len(s.columns) / 2)
			put(s.columns...)
		}
		body = append(body, s.data...)
	}
	file := append([]byte(Magic), Version, 0)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(head)))
	file = binary.LittleEndian.AppendUint32(file, crc32.Checksum(head, table))
	return append(append(file, head...), body...)
}

func TestBadHeads(t *testing.T) {
	// One kernel without types.
	name := rawStream{Stored, []byte("k\x00"), []int{int(colKernelText), 2}}
	rest := rawStream{data: make([]byte, 8)}
	for _, col := range []column{colKernelShare, colKernelFlags, colKernelLong, colKernelLike, colToggleLen, colSequenceNew, colSequenceToggle, colCopyLen} {
		rest.columns = append(rest.columns, int(col), 1)
	}
	one := counts{kernels: 1}
	if err := readAll(assembled(0, one, name, rest)); err != nil {
		t.Fatal(err)
	}
	var cols [numColumns][]byte
	for _, s := range []rawStream{name, rest} {
		for ; len(s.columns) > 0; s.columns = s.columns[2:] {
			cols[s.columns[0]], s.data = s.data[:s.columns[1]], s.data[s.columns[1]:]
		}
	}
	squeezed := string(squeeze(cols))
	if err := readAll(assembled(0, one, rawStream{codec: Squeezed, data: []byte(squeezed)})); err != nil {
		t.Fatal(err)
	}
	of := func(codec int, data string, columns ...int) rawStream { return rawStream{codec, []byte(data), columns} }
	text := int(colKernelText)
	for what, c := range map[string]struct {
		file []byte
		want string
	}{
		"flags":                {assembled(2, one, name, rest), "damaged: "},
		"kernels":              {assembled(0, counts{kernels: 1<<20 + 1}, name, rest), "damaged: "},
		"kernels, not there":   {assembled(0, counts{kernels: 1 << 18}, name, rest), "ends too early"},
		"types":                {assembled(0, counts{1, 0, 1<<25 + 1, 0}, name, rest), "damaged: "},
		"types, not there":     {assembled(0, counts{1, 0, 1 << 18, 0}, name, rest), "damaged: it has fewer types than it says"},
		"members":              {assembled(0, counts{1, 0, 0, 1<<25 + 1}, name, rest), "damaged: "},
		"members, not there":   {assembled(0, counts{1, 0, 0, 1 << 18}, name, rest), "it has fewer types, members or names than it says"},
		"roots":                {assembled(0, counts{1, 1, 0, 0}, name, rest), "damaged: more roots than types"},
		"unknown codec":        {assembled(0, one, of(3, "k\x00", text, 2), rest), "damaged: codec 3"},
		"unknown column":       {assembled(0, one, name, rest, of(Stored, "", int(numColumns), 0)), "damaged: "},
		"twice in a stream":    {assembled(0, one, of(Stored, "k\x00k\x00", text, 2, text, 2), rest), "damaged: column 32 comes twice"},
		"twice in two":         {assembled(0, one, name, name, rest), "damaged: column 32 comes twice"},
		"longer than columns":  {assembled(0, one, of(Stored, "k\x00\x00", text, 2), rest), "damaged: 3 bytes instead of 2"},
		"shorter than columns": {assembled(0, one, of(Stored, "k\x00", text, 3), rest), "damaged: 2 bytes instead of 3"},
		"squeezed, shorter":    {assembled(0, one, of(Squeezed, squeezed[:len(squeezed)-1])), "damaged: the columns end too early"},
		"squeezed, longer":     {assembled(0, one, of(Squeezed, squeezed+"\x00")), "damaged: the columns go on too long"},
		"squeezed, and again":  {assembled(0, one, of(Squeezed, squeezed), name), "damaged: column 32 comes twice"},
		"tailored, zstd":       {assembled(tailored, one, of(Zstd, "k\x00", text, 2), rest), "damaged: codec 2"},
		"too long columns":     {assembled(0, one, of(Stored, "", text, 1<<30, int(colText), 1)), "damaged: "},
		"an unused column":     {assembled(0, one, name, rest, of(Stored, "\x00", int(colKernelSum), 1)), "column 35 goes on too long"},
	} {
		refused(t, what, c.file, c.want)
	}
}

// What would lead in circles, or very deep, is found out before it does.
func TestBadTypes(t *testing.T) {
	const isNew, void, first = 1, 2, 5 // references: to a new node, to none, and to the first group of roots
	const many = maxDepth + 1000
	for what, c := range map[string]struct {
		n       counts
		columns map[column][]byte
		want    string
	}{
		"a struct in itself": {
			counts{roots: 1, nodes: 1, members: 1},
			map[column][]byte{
				colRootText: []byte("a\x00"), colText: []byte("m\x00"), colRootKind: {byte(btf.Struct) | flagOther},
				colLen: {1}, colMemberName: {0}, colMemberType: {first}, colMemberOffset: {0}, colSize: {0},
			},
			"type 1 contains itself",
		},
		"a long chain": {
			counts{roots: 1, nodes: 1 + many},
			map[column][]byte{
				colRootText: []byte("a\x00"), colRootKind: {byte(btf.Typedef) | flagOther},
				colKind: bytes.Repeat([]byte{byte(btf.Const)}, many), colModifier: append(bytes.Repeat([]byte{isNew}, many), void),
			},
			"types are nested too deep",
		},
	} {
		w := &coder{}
		for col, data := range c.columns {
			w.cols[col] = data
		}
		refused(t, what, w.file(c.n, Options{}), c.want)
	}
}

// A copy has no more choices than there are numbers for them.
func TestManyChoices(t *testing.T) {
	s, list := copies()
	p, err := Read(write(t, s, list, Options{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int64{1 << 20, 1 << 40, -1} {
		c, err := p.columns(0, numColumns-1)
		if err != nil {
			t.Fatal(err)
		}
		w := &coder{}
		w.int(colChoices, n)
		c.cols[colChoices] = append(w.cols[colChoices], c.cols[colChoices][1:]...)
		refused(t, "choices", c.file(p.count, Options{}), " choices")
	}
}

// What is most for a large file is no less than for a small one, where an int has 32 bits, too.
func TestMost(t *testing.T) {
	before := 0
	for length := 1; length > 0 && length <= math.MaxInt/2; length *= 2 {
		n := most(length)
		if n < before || n > maxRaw {
			t.Errorf("most(%d) is %d, and less for smaller files: %d", length, n, before)
		}
		before = n
	}
}
