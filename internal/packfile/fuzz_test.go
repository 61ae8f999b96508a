package packfile

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// FuzzRead reads packs whose checksums are right, whatever is in their columns: counts, and
// then the columns' numbers, lengths and bytes. What is accepted is BTF, and written
// again it is the same kernels.
func FuzzRead(f *testing.F) {
	s, list := few()
	f.Add(columns(f, s, list))
	s, list = copies()
	f.Add(columns(f, s, list))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		file := fromColumns(data)
		p, err := Read(file, nil)
		if err != nil {
			return
		}
		list, ok := kernelsOf(p)
		if !ok {
			return
		}
		again, err := Write(p.Store, list, Options{})
		if err != nil {
			t.Fatalf("read, but not written: %v", err)
		}
		q, err := Read(again, nil)
		if err != nil {
			t.Fatalf("written, but not read: %v", err)
		}
		list, ok = kernelsOf(q)
		if !ok {
			t.Fatal("written, but not read")
		}
		if third, err := Write(q.Store, list, Options{}); err != nil || !bytes.Equal(third, again) {
			t.Fatalf("written again it is another one: %v", err)
		}
		squeezed, err := Write(q.Store, list, Options{Codec: Squeezed})
		if err != nil {
			t.Fatalf("read, but not squeezed: %v", err)
		}
		if q, err = Read(squeezed, nil); err != nil {
			t.Fatalf("squeezed, but not read: %v", err)
		}
		if list, ok = kernelsOf(q); !ok {
			t.Fatal("squeezed, but not read")
		}
		if third, err := Write(q.Store, list, Options{}); err != nil || !bytes.Equal(third, again) {
			t.Fatalf("squeezed it is another one: %v", err)
		}
	})
}

// kernelsOf returns all kernels, if there is nothing wrong with them.
func kernelsOf(p *Pack) (list []*Kernel, ok bool) {
	for k, err := range p.Kernels(true) {
		if err != nil {
			return nil, false
		}
		raw, err := p.Store.Raw(&k.Kernel)
		if err != nil {
			return nil, false // what types refer to is found out when they are looked at
		}
		_, _ = btf.Parse(raw) // it need not be valid, but it must be possible to say so
		clone := *k
		clone.Roots, clone.Order = slices.Clone(k.Roots), slices.Clone(k.Order)
		list = append(list, &clone)
	}
	return list, true
}

// columns is the inverse of fromColumns.
func columns(t testing.TB, s *store.Store, list []*Kernel) []byte {
	file, err := Write(s, list, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Read(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	var data []byte
	for _, n := range p.count.all() {
		data = binary.AppendUvarint(data, uint64(*n))
	}
	for _, s := range p.streams {
		data = binary.AppendUvarint(append(data, byte(s.parts[0].column)), uint64(len(s.data)))
		data = append(data, s.data...)
	}
	return data
}

func fromColumns(data []byte) []byte {
	c := &coder{}
	var n counts
	next := func() int {
		v, l := binary.Uvarint(data)
		data = data[max(l, 0):]
		return int(min(v, math.MaxInt32))
	}
	for _, to := range n.all() {
		*to = next()
	}
	for len(data) > 0 {
		col := column(data[0]) % numColumns
		data = data[1:]
		l := min(next(), len(data))
		c.cols[col], data = data[:l:l], data[l:]
	}
	return c.file(n, Options{})
}
