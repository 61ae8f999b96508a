package packfile

import (
	"bytes"
	"errors"
	"math"
	"math/bits"
)

// A squeezer codes columns as decisions between 0 and 1, and expects of each what came
// in the same contexts before: an arithmetic coder, which learns faster than deflate and so
// is for small packs. Writing and reading are the same steps. See docs/format.md.
type squeezer struct {
	decoding  bool
	data      []byte // that was written, or is still to be read
	low, high uint32 // the interval,
	code      uint32 // and where in it the data is that is read
	beyond    int    // bytes that were read behind the end of the data
	room      int    // for columns that are read
	last      uint32 // bytes of the text
	counters  []counter
	trees     map[uint32]uint32 // by context: the counter of its first decision
	contexts  [orders]uint32    // counters of the next decision; a later one counts more
	known     int               // how many contexts there are
}

// A counter is how often a decision was 0 and 1 of late, and the counters of what is decided
// then. Number 0 stands for all that there is no room for.
type counter struct {
	times [2]uint8
	next  [2]uint32
}

const (
	orders      = 4 // contexts of a text's byte: the last 0 to 3 bytes
	maxBefore   = 255
	maxTimes    = 255
	maxCounters = 1 << 20
	zeros       = 3 // that are read behind the end

	// A number has a counter for each place in it, whatever came before: 64 of its length, and
	// for 63 bits one after a 0 and one after a 1.
	places     = 64 + 2*63
	numEntries = numColumns // the column of how many entries the others have
	treeText   = numColumns + 1
	firstTree  = 1 + (int(numEntries)+1)*places
)

// squeeze returns the data of the columns that can be squeezed.
func squeeze(cols [numColumns][]byte) []byte {
	s := newSqueezer(1 << 11)
	s.columns(&coder{cols: cols, decoding: true})
	return append(s.data, byte(s.high>>24)) // in the interval, with the zeros that are read behind it
}

// unsqueeze is the inverse of squeeze, for columns of at most most bytes.
func unsqueeze(data []byte, most int) (cols [numColumns][]byte, err error) {
	s := newSqueezer(len(data))
	s.decoding, s.data, s.room = true, data, most
	for range 4 {
		s.shift()
	}
	c := &coder{}
	s.columns(c)
	switch {
	case s.beyond > zeros:
		err = errors.New("the columns end too early")
	case s.room < 0:
		err = errors.New("the columns are too long")
	case s.beyond < zeros:
		err = errors.New("the columns go on too long")
	}
	return c.cols, err
}

// newSqueezer returns a squeezer that has room for what so much data usually takes.
func newSqueezer(length int) *squeezer {
	room := 8 * min(length, maxCounters/8)
	return &squeezer{
		high:     math.MaxUint32,
		counters: make([]counter, firstTree, firstTree+room),
		trees:    make(map[uint32]uint32, room/8),
	}
}

// isSqueezed says that squeezed data has the column. Nothing leads to expect a checksum.
func (col column) isSqueezed() bool { return col != colKernelSum }

// columns codes how many entries the columns have, and then these. It reads from c what
// is to be written, or writes to c what is read.
func (s *squeezer) columns(c *coder) {
	var entries [numColumns]uint64
	before := uint64(0)
	for col := range numColumns {
		if !col.isSqueezed() {
			continue
		}
		const same = 0
		code := uint64(same)
		if n := c.entries(col); n != before {
			code = n + 1
		}
		if code = s.number(numEntries, code, before); code != same {
			before = code - 1
		}
		entries[col] = before
	}
	for i, n := range entries {
		col := column(i)
		s.last, before = 0, 0
		for ; n > 0 && s.beyond <= zeros && s.room >= 0; n-- {
			switch {
			case col.isText():
				c.cols[col] = s.text(c.cols[col])
			case s.decoding:
				before = c.uint(col, s.number(col, 0, before))
				s.room -= max(bits.Len64(before)+6, 7) / 7
			default:
				before = s.number(col, c.uint(col, 0), before)
			}
		}
	}
}

// entries is how many texts or numbers a column has.
func (c *coder) entries(col column) (n uint64) {
	if col.isText() {
		return uint64(bytes.Count(c.cols[col], []byte{0}))
	}
	for _, b := range c.cols[col] {
		n += uint64(1 - b>>7)
	}
	return n
}

// text codes a text: it takes the first one of the column, or adds one to it.
func (s *squeezer) text(col []byte) []byte {
	for {
		b := uint32(0)
		if !s.decoding {
			b, col = uint32(col[0]), col[1:]
		}
		for order := range uint32(orders) {
			s.contexts[order] = s.tree(treeText+column(order), s.last&(1<<(8*order)-1))
		}
		s.known = orders
		v := uint32(0)
		for i := 7; i >= 0; i-- {
			bit := s.bit(b >> i & 1)
			v = v<<1 | bit
			for order := 0; i > 0 && order < orders; order++ {
				s.follow(order, bit)
			}
		}
		s.last = s.last<<8 | v
		if s.decoding {
			col = append(col, byte(v))
			s.room--
		}
		if v == 0 || s.beyond > zeros || s.room < 0 {
			return col
		}
	}
}

// number codes a number that comes after another one: how many bits it has, and then these.
func (s *squeezer) number(col column, v, before uint64) uint64 {
	first := 1 + uint32(col)*places
	s.contexts[1] = s.tree(col, uint32(min(before, maxBefore)))
	s.known = 2
	length, bit := 0, uint32(0)
	for ; length < 64; length++ {
		if length > 0 {
			s.follow(1, 0)
		}
		s.contexts[0] = first + uint32(length)
		end := uint32(0)
		if bits.Len64(v) == length {
			end = 1
		}
		if bit = s.bit(end); bit == 1 {
			break
		}
	}
	if length == 0 {
		return 0
	}
	to := uint64(1)
	for i := length - 2; i >= 0; i-- {
		s.follow(1, bit)
		s.contexts[0] = first + 64 + 2*uint32(i) + uint32(to&1)
		bit = s.bit(uint32(v >> i & 1))
		to = to<<1 | uint64(bit)
	}
	return to
}

// tree returns the counter of the first decision in a context.
func (s *squeezer) tree(kind column, context uint32) uint32 {
	key := uint32(kind)<<24 | context
	at := s.trees[key]
	if at == 0 {
		if at = s.add(); at != 0 {
			s.trees[key] = at
		}
	}
	return at
}

// follow goes to the counter of the next decision, after that bit.
func (s *squeezer) follow(order int, bit uint32) {
	at := s.contexts[order]
	next := s.counters[at].next[bit]
	if next == 0 && at != 0 {
		next = s.add()
		s.counters[at].next[bit] = next
	}
	s.contexts[order] = next
}

func (s *squeezer) add() uint32 {
	if len(s.counters) == firstTree+maxCounters {
		return 0
	}
	s.counters = append(s.counters, counter{})
	return uint32(len(s.counters) - 1)
}

// bit codes a decision.
func (s *squeezer) bit(bit uint32) uint32 {
	zero, one := uint32(1), uint32(1)
	contexts, counters := s.contexts[:s.known], s.counters
	for i, at := range contexts {
		times := counters[at].times
		zero += uint32(times[0]) << (2 * i)
		one += uint32(times[1]) << (2 * i)
	}
	middle := s.low + (s.high-s.low)/(zero+one)*one
	if s.decoding {
		bit = 0
		if s.code <= middle {
			bit = 1
		}
	}
	if bit == 1 {
		s.high = middle
	} else {
		s.low = middle + 1
	}
	for (s.low^s.high)>>24 == 0 {
		s.shift()
	}
	for _, at := range contexts {
		if at == 0 {
			continue
		}
		times := &counters[at].times
		if times[bit] < maxTimes {
			times[bit]++
		}
		if other := &times[1-bit]; *other > 2 {
			*other = *other/2 + 1
		}
	}
	return bit
}

// shift writes or reads a byte of the interval.
func (s *squeezer) shift() {
	if !s.decoding {
		s.data = append(s.data, byte(s.high>>24))
	} else if s.code <<= 8; len(s.data) > 0 {
		s.code |= uint32(s.data[0])
		s.data = s.data[1:]
	} else {
		s.beyond++
	}
	s.low, s.high = s.low<<8, s.high<<8|0xff
}
