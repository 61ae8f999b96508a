package packfile

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

type columnSet = [numColumns][]byte

func numbersOf(list ...uint64) (b []byte) {
	for _, v := range list {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func size(cols *columnSet) (n int) {
	for _, b := range cols {
		n += len(b)
	}
	return n
}

func sameColumns(a, b *columnSet) bool {
	for col := range a {
		if !bytes.Equal(a[col], b[col]) {
			return false
		}
	}
	return true
}

// squeezedAndBack fails unless what is squeezed is the same again, and just fits into its size. It returns the data.
func squeezedAndBack(t *testing.T, cols *columnSet) []byte {
	t.Helper()
	data := squeeze(*cols)
	got, err := unsqueeze(data, size(cols))
	if err != nil {
		t.Fatal(err)
	}
	if !sameColumns(&got, cols) {
		t.Fatalf("squeezed to %d bytes they are other columns", len(data))
	}
	if n := size(cols); n > 0 {
		if _, err := unsqueeze(data, n-1); err == nil || !strings.Contains(err.Error(), "too long") {
			t.Errorf("%d bytes where there is room for %d: %v", n, n-1, err)
		}
	}
	return data
}

func TestSqueeze(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(n int, letter func() byte) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = letter()
		}
		return append(b, 0)
	}
	var edges, all []uint64
	for i := range 64 {
		edges = append(edges, 1<<i-1, 1<<i, math.MaxUint64-1<<i)
	}
	for range 1000 {
		all = append(all, random.Uint64()>>random.IntN(64))
	}
	for name, c := range map[string]struct {
		cols columnSet
		most int // bytes of data
	}{
		"nothing":              {columnSet{}, 3},
		"a zero":               {columnSet{colSize: {0}}, 10},
		"zeros":                {columnSet{colSize: make([]byte, 100_000)}, 500},
		"the same number":      {columnSet{colSize: bytes.Repeat(numbersOf(math.MaxUint64), 10_000)}, 1_000},
		"as many in each":      {columnSet{colElem: {1, 1, 1}, colIndex: {1, 1, 1}, colLength: {1, 1, 1}}, 12},
		"edges":                {columnSet{colSize: numbersOf(edges...)}, 1_000},
		"numbers of any size":  {columnSet{colSize: numbersOf(all...), colChoice: numbersOf(all...)}, 12_000},
		"empty texts":          {columnSet{colText: make([]byte, 1_000)}, 50},
		"a text":               {columnSet{colText: []byte("abracadabra\x00")}, 15},
		"all bytes":            {columnSet{colText: text(20_000, func() byte { return 1 + byte(random.IntN(255)) })}, 22_000},
		"more than is counted": {columnSet{colText: text(100_000, func() byte { return 1 + byte(random.IntN(255)) }), colSize: make([]byte, 1_000)}, 110_000},
	} {
		t.Run(name, func(t *testing.T) {
			if data := squeezedAndBack(t, &c.cols); len(data) > c.most {
				t.Errorf("%d bytes, expected at most %d", len(data), c.most)
			}
		})
	}
	s, list := few()
	sums := columnSet{colKernelSum: make([]byte, 32)}
	if _, err := unsqueeze(squeeze(sums), 0); err != nil {
		t.Errorf("sums are squeezed, too: %v", err)
	}
	p, err := Read(write(t, s, list, Options{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.columns(0, colChoice)
	if err != nil {
		t.Fatal(err)
	}
	c.cols[colKernelSum] = nil
	data := squeezedAndBack(t, &c.cols)
	for n := range len(data) - 8 { // where less is missing other columns may end there; there is a checksum
		if _, err := unsqueeze(data[:n], maxRaw); err == nil {
			t.Errorf("%d bytes of %d are taken for all", n, len(data))
		}
	}
	if _, err := unsqueeze(append(data, 0), maxRaw); err == nil || !strings.Contains(err.Error(), "go on too long") {
		t.Errorf("more than all: %v", err)
	}
}

// columnsOf makes columns that can be squeezed from anything.
func columnsOf(data []byte) (cols columnSet) {
	for len(data) > 1 {
		col := column(data[0]) % numColumns
		n := min(int(data[1]), len(data)-2)
		entries := data[2 : 2+n]
		data = data[2+n:]
		switch {
		case col.isText():
			cols[col] = append(append(cols[col], entries...), 0)
		case col.isSqueezed():
			for len(entries) > 0 {
				v, n := binary.Uvarint(entries)
				if n <= 0 {
					v, n = uint64(entries[0]), 1
				}
				cols[col] = binary.AppendUvarint(cols[col], v)
				entries = entries[n:]
			}
		}
	}
	return cols
}

// FuzzSqueeze squeezes any columns, and reads them again.
func FuzzSqueeze(f *testing.F) {
	f.Add([]byte("\x01\x03abc\x05\x03\x00\x80\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cols := columnsOf(data)
		squeezedAndBack(t, &cols)
	})
}

// FuzzUnsqueeze reads any data. What is accepted may be written in another way, and is the same again.
func FuzzUnsqueeze(f *testing.F) {
	cols := columnsOf([]byte("\x01\x03abc\x05\x03\x00\x80\x01"))
	f.Add(squeeze(cols))
	f.Fuzz(func(t *testing.T, data []byte) {
		const most = 1 << 16
		cols, err := unsqueeze(data, most)
		if n := size(&cols); n > most+binary.MaxVarintLen64 {
			t.Fatalf("%d bytes, expected at most %d", n, most)
		}
		if err == nil {
			squeezedAndBack(t, &cols)
		}
	})
}
