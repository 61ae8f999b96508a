// Package hostile is for tests of what damaged and malicious files do: it
// damages files, and checks that reading them stays within bounds.
package hostile

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// A Bound is what reading a file may cost.
type Bound struct {
	Factor int  // bytes for each byte of the file
	Plus   int  // and for any file
	Live   bool // count what is in use, not all that is allocated, freed or not
	Time   time.Duration
}

// Check fails the test if f, which reads a file of some bytes, costs more.
func (b Bound) Check(t testing.TB, size int, f func()) {
	t.Helper()
	measure := allocated
	if b.Live {
		measure = inUse
	}
	start := time.Now()
	bytes := measure(f)
	took := time.Since(start)
	if limit := uint64(b.Factor)*uint64(size) + uint64(b.Plus); bytes > limit {
		t.Errorf("a file of %d bytes takes %d bytes of memory, expected no more than %d", size, bytes, limit)
	}
	if took > b.Time {
		t.Errorf("a file of %d bytes takes %v, expected no more than %v", size, took, b.Time)
	}
}

// allocated returns how many bytes f allocates in all.
func allocated(f func()) uint64 {
	before := read("/gc/heap/allocs:bytes")
	f()
	return read("/gc/heap/allocs:bytes") - before
}

// inUse returns how many bytes are in use at most while f runs, as garbage
// collections find.
func inUse(f func()) uint64 {
	runtime.GC()
	before := read("/gc/heap/live:bytes")
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		var m uint64
		for {
			select {
			case <-done:
				most <- m
				return
			case <-time.After(time.Millisecond):
				m = max(m, read("/gc/heap/live:bytes"))
			}
		}
	}()
	f()
	close(done)
	return max(<-most, before) - before
}

func read(metric string) uint64 {
	s := []metrics.Sample{{Name: metric}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// Damage returns a copy of a file with one or a few changes of the kinds that
// bad disks, bad transfers and bad programs make: bits, bytes and words changed,
// words made extreme, blocks zeroed, moved, doubled or lost, the end cut off.
func Damage(r *rand.Rand, file []byte) []byte {
	b := append([]byte(nil), file...)
	for len(b) >= 8 {
		b = damage(r, b)
		if r.IntN(2) == 0 {
			break
		}
	}
	return b
}

func damage(r *rand.Rand, b []byte) []byte {
	at := place(r, len(b))
	n := min(1+r.IntN(1<<r.IntN(10)), len(b)-at) // most blocks are small
	word := func() []byte {
		at := min(place(r, len(b))&^3, len(b)-4)
		return b[at : at+4]
	}
	switch r.IntN(16) {
	case 0, 1, 2:
		b[at] ^= 1 << r.IntN(8)
	case 3:
		b[at] = byte(r.Uint32())
	case 4: // a length, an offset, an id: of either byte order
		w := []uint32{0, 1, 2, 0xff, 0xffff, 1 << 24, 1<<31 - 1, 1 << 31, 1<<32 - 1, uint32(len(b)), r.Uint32N(uint32(len(b)))}[r.IntN(11)]
		if r.IntN(2) == 0 {
			w = bits.ReverseBytes32(w)
		}
		binary.LittleEndian.PutUint32(word(), w)
	case 5, 6: // a word more or less
		word()[3*r.IntN(2)] += byte(1 + 254*r.IntN(2))
	case 7, 8, 9: // what stands elsewhere
		copy(word(), word())
	case 10:
		x, y := word(), word()
		for i := range x {
			x[i], y[i] = y[i], x[i]
		}
	case 11:
		clear(b[at : at+n])
	case 12: // one block in place of another
		copy(b[at:at+n], b[place(r, len(b)):])
	case 13:
		b = append(b[:at], b[at+n:]...)
	case 14:
		b = append(b[:at+n], append([]byte(nil), b[at:]...)...)
	case 15:
		b = b[:at]
	}
	return b
}

// place prefers the beginning, where headers are.
func place(r *rand.Rand, size int) int {
	if r.IntN(8) == 0 {
		return r.IntN(min(size, 128))
	}
	return r.IntN(size)
}
