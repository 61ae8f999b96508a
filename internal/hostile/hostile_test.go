package hostile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestDamage(t *testing.T) {
	changed, lengths := 0, map[int]bool{}
	const runs = 5000
	for seed := range uint64(runs) {
		file := bytes.Repeat([]byte{1, 2, 3, 4, 5}, int(seed%200))
		before := bytes.Clone(file)
		got := Damage(rand.New(rand.NewPCG(seed, 0)), file)
		if !bytes.Equal(file, before) {
			t.Fatalf("seed %d: the file itself is changed", seed)
		}
		if again := Damage(rand.New(rand.NewPCG(seed, 0)), file); !bytes.Equal(again, got) {
			t.Fatalf("seed %d: a second time it is other damage", seed)
		}
		if !bytes.Equal(got, file) {
			changed++
		}
		lengths[len(got)-len(file)] = true
	}
	if changed < runs*8/10 || len(lengths) < 100 {
		t.Errorf("%d of %d files are damaged, %d lengths", changed, runs, len(lengths))
	}
}

// A recorder is a test that goes on.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

var sink []byte

func TestBound(t *testing.T) {
	allocate := func() { sink = make([]byte, 8<<20) }
	for what, c := range map[string]struct {
		bound Bound
		f     func()
		want  string
	}{
		"within":         {Bound{Factor: 4, Plus: 10 << 20, Time: time.Minute}, allocate, ""},
		"too much":       {Bound{Factor: 4, Plus: 1 << 20, Time: time.Minute}, allocate, "a file of 1000 bytes takes "},
		"too slow":       {Bound{Plus: 10 << 20, Time: time.Nanosecond}, func() {}, "a file of 1000 bytes takes "},
		"freed in time":  {Bound{Plus: 40 << 20, Live: true, Time: time.Minute}, func() { garbage(20) }, ""},
		"too much freed": {Bound{Plus: 40 << 20, Time: time.Minute}, func() { garbage(20) }, "a file of 1000 bytes takes "},
	} {
		r := &recorder{TB: t}
		c.bound.Check(r, 1000, c.f)
		if (c.want == "") != (len(r.said) == 0) || c.want != "" && !strings.HasPrefix(r.said[0], c.want) {
			t.Errorf("%s: %q", what, r.said)
		}
	}
}

func garbage(times int) {
	for range times {
		sink = make([]byte, 4<<20)
	}
}
