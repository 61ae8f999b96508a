package btftest

import (
	"encoding/binary"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/objgen"
)

// Compile returns raw BTF.
func Compile(t testing.TB, order binary.ByteOrder, text string) []byte {
	t.Helper()
	s := read(t, text)
	if len(s.Funcs) > 0 {
		t.Fatal("btftest: functions in a kernel")
	}
	return written(t, s.Kernel, order)
}

// Parse is Compile and btf.Parse.
func Parse(t testing.TB, order binary.ByteOrder, text string) *btf.File {
	t.Helper()
	f, err := btf.Parse(Compile(t, order, text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Object returns a BPF ELF object.
func Object(t testing.TB, order binary.ByteOrder, text string) []byte {
	t.Helper()
	return written(t, read(t, text).Object, order)
}

func read(t testing.TB, text string) *Source {
	t.Helper()
	s, err := Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func written(t testing.TB, of func(binary.ByteOrder) ([]byte, error), order binary.ByteOrder) []byte {
	t.Helper()
	b, err := of(order)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Ext returns a .BTF.ext section that has relocations, and no information on
// functions and lines, behind a header of a given length.
func Ext(order binary.ByteOrder, header, recordSize int, sections []byte) []byte {
	b := make([]byte, 4)
	order.PutUint16(b, 0xeb9f)
	b[2] = 1
	relocs := append(word(nil, order, uint32(recordSize)), sections...)
	for _, w := range []int{header, 0, 4, 4, 4, 8, len(relocs)} {
		b = word(b, order, uint32(w))
	}
	for len(b) < header {
		b = append(b, 0)
	}
	b = word(b[:header], order, 8) // size of a function's record
	b = word(b, order, 16)         // of a line's
	return append(b, relocs...)
}

func word(b []byte, order binary.ByteOrder, v uint32) []byte {
	b, _ = binary.Append(b, order, v)
	return b
}

// An ELF file under construction.
type ELF = objgen.ELF
