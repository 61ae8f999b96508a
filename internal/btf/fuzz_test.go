package btf_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/hostile"
)

// costs bounds Parse: what it keeps is three times the input. The rest is what
// the fuzzing itself may take.
var costs = hostile.Bound{Factor: 3, Plus: 16 << 20, Time: 10 * time.Second}

// FuzzParse checks: there is an error if and only if there is no File; every
// method of a File is safe for every id and name that comes from it; written
// again it is the same types; time and memory are bounded.
func FuzzParse(f *testing.F) {
	for _, order := range orders {
		f.Add(oneOfEach(f, order))
		f.Add(withHeader(oneOfEach(f, order), order, 0, 0))
		f.Add(btf.NewWriter().Bytes(order))
		w := btf.NewWriter()
		add(f, w, btf.Type{Kind: btf.Struct, Name: w.String("s"), Members: []btf.Member{{Type: 2}, {Type: 2}}}, btf.Type{Kind: btf.Int})
		raw := w.Bytes(order)
		order.PutUint32(raw[24+4:], 20<<24|2)
		layout := make([]byte, 21*4)
		layout[20*4+1] = 12
		f.Add(withLayout(raw, order, layout...))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var file *btf.File
		var err error
		costs.Check(t, len(raw), func() { file, err = btf.Parse(raw) })
		if (err == nil) != (file != nil) {
			t.Fatalf("%v, %v", file, err)
		}
		if file == nil {
			return
		}
		everyMethod(t, file)
		if again := rewriteKnown(t, file); again != nil {
			sameTypes(t, file, parse(t, again))
		}
		split(t, file)
	})
}

// rewriteKnown is rewrite; nil if there are unknown kinds, which cannot be written.
func rewriteKnown(t testing.TB, f *btf.File) []byte {
	for id := range f.NumTypes() {
		if kind, _ := f.Head(id); kind > btf.Enum64 {
			return nil
		}
	}
	return rewrite(t, f)
}

func sameTypes(t testing.TB, a, b *btf.File) {
	if a.NumTypes() != b.NumTypes() || a.BigEndian() != b.BigEndian() {
		t.Fatalf("%d types, then %d", a.NumTypes(), b.NumTypes())
	}
	var x, y btf.Type
	for id := range a.NumTypes() {
		a.Type(id, &x)
		b.Type(id, &y)
		same := a.String(x.Name) == b.String(y.Name) && len(x.Members) == len(y.Members)
		for i := range x.Members {
			if !same {
				break
			}
			same = a.String(x.Members[i].Name) == b.String(y.Members[i].Name)
			x.Members[i].Name, y.Members[i].Name = 0, 0
			same = same && x.Members[i] == y.Members[i]
		}
		x.Name, y.Name = 0, 0
		mx, my := x.Members, y.Members
		x.Members, y.Members = nil, nil
		if !same || x.Kind != y.Kind || x.KFlag != y.KFlag || x.Size != y.Size || x.Ref != y.Ref || x.Index != y.Index || x.Word != y.Word || x.Linkage != y.Linkage {
			t.Fatalf("type %d was %+v, then %+v", id, x, y)
		}
		x.Members, y.Members = mx, my
	}
}

// split reads a module on top of a File.
func split(t testing.TB, base *btf.File) {
	w := btf.NewWriter()
	add(t, w, btf.Type{Kind: btf.Const, Ref: base.NumTypes() - 1})
	raw := w.Bytes(base.Order())
	n := base.Order().Uint32(raw[12:])
	base.Order().PutUint32(raw[20:], 0)
	f, err := btf.ParseSplit(raw[:24+n], base)
	if err != nil {
		t.Fatal(err)
	}
	if f.NumTypes() != base.NumTypes()+1 {
		t.Fatalf("%d types on %d", f.NumTypes(), base.NumTypes())
	}
	everyMethod(t, f)
}

// FuzzParseSplit checks the same for a module on a fixed base.
func FuzzParseSplit(f *testing.F) {
	base := parse(f, oneOfEach(f, binary.LittleEndian))
	f.Add(module(f, binary.LittleEndian, base, "\x00own\x00", func(first, str uint32) []btf.Type {
		return []btf.Type{{Kind: btf.Struct, Name: str + 1, Members: []btf.Member{{Name: 1, Type: first - 1}}}, {Kind: btf.Ptr, Ref: first}}
	}))
	f.Add(module(f, binary.LittleEndian, base, "", func(uint32, uint32) []btf.Type { return nil }))
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		var file *btf.File
		var err error
		costs.Check(t, len(raw)+base.Size(), func() { file, err = btf.ParseSplit(raw, base) })
		if (err == nil) != (file != nil) {
			t.Fatalf("%v, %v", file, err)
		}
		if file != nil {
			everyMethod(t, file)
		}
		if !bytes.Equal(raw, before) {
			t.Fatal("the input was written to")
		}
	})
}
