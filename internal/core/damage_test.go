package core_test

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/hostile"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

var (
	damages = flag.Int("damages", 2000, "how many damaged files to try")
	seed    = flag.Uint64("seed", 1, "the first seed of damage")
)

// rewritten returns the types of BTF, changed, in a byte order.
func rewritten(t testing.TB, f *btf.File, order binary.ByteOrder, change func(id uint32, t *btf.Type)) []byte {
	w := btf.NewWriter()
	for id := uint32(1); id < f.NumTypes(); id++ {
		var ty btf.Type
		f.Type(id, &ty)
		change(id, &ty)
		ty.Name = w.String(f.String(ty.Name))
		for i := range ty.Members {
			ty.Members[i].Name = w.String(f.String(ty.Members[i].Name))
		}
		if _, err := w.Add(&ty); err != nil {
			t.Fatal(err)
		}
	}
	return w.Bytes(order)
}

// reversed returns BTF in the other byte order.
func reversed(t testing.TB, raw []byte) []byte {
	f := btftest.File(t, raw)
	order := binary.ByteOrder(binary.BigEndian)
	if f.BigEndian() {
		order = binary.LittleEndian
	}
	return rewritten(t, f, order, func(uint32, *btf.Type) {})
}

// confused returns BTF in which some types are not what they were, but refer to
// types and names that there are. Most of it is still valid.
func confused(t testing.TB, r *rand.Rand, raw []byte) []byte {
	f, err := btf.Parse(raw)
	if err != nil || f.NumTypes() < 2 {
		return raw // or a tar of it
	}
	any := func() (id uint32) { return r.Uint32N(f.NumTypes()) }
	name := func() uint32 {
		_, name := f.Head(any())
		if id := any(); r.IntN(2) == 0 && f.Len(id) > 0 {
			return f.Entry(id, r.IntN(f.Len(id))).Name
		}
		return name
	}
	victims := map[uint32]bool{}
	for range 1 + r.IntN(4) {
		victims[any()] = true
	}
	return rewritten(t, f, f.Order(), func(id uint32, ty *btf.Type) {
		if !victims[id] {
			return
		}
		if n := len(ty.Members); n > 0 && r.IntN(4) > 0 {
			m := &ty.Members[r.IntN(n)]
			switch r.IntN(7) {
			case 0:
				m.Name = name()
			case 1:
				m.Type = any()
			case 2:
				m.Offset ^= 1 << r.IntN(32)
			case 3:
				*m = ty.Members[r.IntN(n)]
			case 4:
				ty.Members = append(ty.Members, *m)
			case 5:
				ty.Members = ty.Members[1:]
			case 6:
				m.Name = 0
			}
			return
		}
		switch r.IntN(8) {
		case 0:
			ty.Name = name()
		case 1:
			ty.Ref = any()
		case 2:
			ty.Size ^= 1 << r.IntN(32)
		case 3:
			ty.KFlag = !ty.KFlag
		case 4:
			ty.Word ^= 1 << r.IntN(32)
		case 5:
			ty.Kind = btf.Kind(1 + r.IntN(int(btf.Enum64)))
		case 6: // another type a second time, perhaps by this name
			own := ty.Name
			f.Type(any(), ty)
			if ty.Kind == btf.Void {
				ty.Kind = btf.Ptr
			}
			if r.IntN(2) == 0 {
				ty.Name = own
			}
		case 7:
			ty.Index = any()
		}
	})
}

// Real files and those of the cases, damaged at random, are refused, or treated
// as what they have become: cilium/ebpf makes the same of the minimal BTF as of
// the damaged one. Most damage is to kernels of which only that is left what
// the objects look at, so that it hits.
func TestDamagedFiles(t *testing.T) {
	tracee, kinds := testfiles.Read(t, testfiles.TraceeObject(t)), testdata(t, "kinds.bpf.o")
	rs, err := core.Union(btftest.Relocations(t, tracee), btftest.Relocations(t, kinds))
	if err != nil {
		t.Fatal(err)
	}
	path := testfiles.Kernel(t, "6.1.0-47-cloud-amd64")
	packed, whole := testfiles.Read(t, path), testfiles.BTF(t, path)
	small, tiny := prune(t, whole, rs), prune(t, whole, btftest.Relocations(t, kinds))
	type pair struct {
		kernel, object []byte
		weight         int
	}
	files := []pair{
		{tiny, kinds, 120},
		{reversed(t, tiny), testdata(t, "kinds.eb.bpf.o"), 60},
		{small, kinds, 10},
		{small, tracee, 6},
		{whole, kinds, 1},
		{packed, kinds, 1},
	}
	for _, c := range testfiles.Cases(t, "testdata/prune") {
		for _, order := range orders {
			files = append(files, pair{btftest.Compile(t, order, c.Part("kernel")), btftest.Object(t, order, c.Part("object")), 3})
		}
	}
	weights := 0
	for _, f := range files {
		weights += f.weight
	}
	var reached [stages]int
	var at uint64
	defer func() {
		if t.Failed() {
			t.Logf("-seed %d -damages 1 shows it", at)
		}
	}()
	for n := range *damages {
		at = *seed + uint64(n)
		r := rand.New(rand.NewPCG(at, 0))
		w, i := r.IntN(weights), 0
		for ; w >= files[i].weight; i++ {
			w -= files[i].weight
		}
		k, o := files[i].kernel, files[i].object
		switch r.IntN(8) {
		case 0:
			o = hostile.Damage(r, o)
		case 1:
			k, o = hostile.Damage(r, k), hostile.Damage(r, o)
		case 2, 3:
			k = hostile.Damage(r, k)
		default:
			k = confused(t, r, k)
		}
		reached[gen(t, k, o)]++
		if t.Failed() {
			return
		}
	}
	t.Logf("%d not read, %d not pruned, %d not judged, %d the same", reached[notRead], reached[notPruned], reached[notJudged], reached[judgedSame])
	if min(reached[notRead], reached[judgedSame]) < *damages/10 {
		t.Error("the damage is not to the point")
	}
}
