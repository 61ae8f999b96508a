// Package packfile reads and writes packs: the types of many kernels in one file,
// each type once. docs/format.md describes the format.
//
// Writing and reading are the same code: a model that goes through the types
// predicts what comes next, and codes how that differs.
package packfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// Version is the version of the format that is written, and the latest that is read.
const Version = 1

// Magic is what a pack begins with.
const Magic = "\x89BTFPACK"

// fixed is how long the part is that all versions have: magic, version, and
// length and checksum of the head.
const fixed = len(Magic) + 2 + 4 + 4

// Limits bound what a reader takes on.
const (
	maxHead    = 1 << 16
	maxKernels = 1 << 20
	maxNodes   = 1 << 25
	maxTotal   = 1 << 25 // members of all types
	maxRaw     = 1 << 30 // bytes of all columns
)

// most is how many bytes of columns, and how many of anything, a file of that length may
// have, so that a small one does not take much memory: packs of real kernels have
// 2 to 4 times as many bytes of columns as are in the file.
func most(length int) int { return min(maxRaw, 1<<18+64*min(length, maxRaw/64)) }

// Codecs are how columns are compressed.
const (
	Stored   = 0
	Squeezed = 1 // see squeezer: all columns together
	Zstd     = 2 // RFC 8878
)

// A Decoder decompresses to size bytes, or returns an error.
type Decoder func(data []byte, size int) ([]byte, error)

// An Encoder compresses a column.
type Encoder func(data []byte) []byte

var table = crc32.MakeTable(crc32.Castagnoli)

// A Pack is a pack that was read. Its methods may be called at the same time, once its Types are read.
type Pack struct {
	// Tailored says that the kernels have what some relocations need, and no more.
	Tailored bool
	Store    *store.Store
	data     []byte
	streams  []stream
	where    [numColumns]*part
	unzstd   Decoder
	count    counts
	room     int // for columns that are squeezed
	mu       sync.Mutex
}

// counts are how many there are of what.
type counts struct{ kernels, roots, nodes, members int }

func (c *counts) all() []*int { return []*int{&c.kernels, &c.roots, &c.nodes, &c.members} }

// limits are of counts.all.
var limits = [...]int{maxKernels, maxNodes, maxNodes, maxTotal}

// A stream is some columns, compressed together.
type stream struct {
	codec byte
	data  []byte
	crc   uint32
	parts []part
	size  int
	done  bool
}

type part struct {
	column column
	length int
	data   []byte
	stream *stream
}

// IsPack reports whether a file begins as packs do.
func IsPack(file []byte) bool { return bytes.HasPrefix(file, []byte(Magic)) }

// Read reads a pack's types; the file must not change afterwards. Without a Decoder, columns in
// zstd are ErrFull.
func Read(file []byte, unzstd Decoder) (*Pack, error) {
	p := &Pack{data: file, unzstd: unzstd}
	if err := p.head(); err != nil {
		return nil, err
	}
	return p, nil
}

// ErrFull is the error about a full pack for those who read tailored ones alone.
var ErrFull = fmt.Errorf("%w: a full pack, which minbtf alone reads; minbtf tailor cuts it down for an application's objects", ErrFormat)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: damaged: %s", ErrFormat, fmt.Sprintf(format, args...))
}

const tailored = 1

func (p *Pack) head() error {
	file, le := p.data, binary.LittleEndian
	if !IsPack(file) {
		return fmt.Errorf("%w: it does not begin as packs do", ErrFormat)
	}
	if len(file) < fixed {
		return damaged("it is cut off")
	}
	at := len(Magic)
	if v := le.Uint16(file[at:]); v < Version {
		return damaged("version %d of the format", v)
	} else if v > Version {
		return fmt.Errorf("%w: of version %d of the format, which is newer than %d; read it with a newer minbtf", ErrFormat, v, Version)
	}
	length, crc := le.Uint32(file[at+2:]), le.Uint32(file[at+6:])
	if length > maxHead || int(length) > len(file)-fixed {
		return damaged("it is cut off")
	}
	head := file[fixed : fixed+int(length)]
	if crc32.Checksum(head, table) != crc {
		return damaged("the head's checksum is wrong")
	}
	r := &coder{decoding: true}
	r.cols[0] = head
	p.Tailored = r.count(0, 0, tailored)&tailored != 0
	most := most(len(file))
	for i, n := range p.count.all() {
		*n = r.count(0, 0, min(limits[i], most))
	}
	p.streams = make([]stream, r.count(0, 0, int(numColumns)))
	rest, total := file[fixed+len(head):], 0
	for i := range p.streams {
		s := &p.streams[i]
		s.codec = byte(r.count(0, 0, math.MaxUint8))
		switch {
		case r.err != nil || s.codec <= Squeezed:
		case s.codec > Zstd || p.Tailored:
			return damaged("codec %d", s.codec)
		case p.unzstd == nil:
			return ErrFull
		}
		n := r.count(0, 0, math.MaxInt32)
		var sum [4]byte
		r.bytes(0, sum[:])
		s.crc = le.Uint32(sum[:])
		if n > len(rest) {
			return damaged("it is cut off")
		}
		s.data, rest = rest[:n], rest[n:]
		if s.codec == Squeezed {
			for col := range numColumns {
				if col.isSqueezed() {
					s.parts = append(s.parts, part{column: col})
				}
			}
		} else {
			s.parts = make([]part, r.count(0, 0, int(numColumns)))
			for j := range s.parts {
				s.parts[j] = part{column: column(r.count(0, 0, int(numColumns)-1)), length: r.count(0, 0, most-total)}
				s.size += s.parts[j].length
				total += s.parts[j].length
			}
		}
		for j := range s.parts {
			of := &s.parts[j]
			if of.stream = s; p.where[of.column] != nil {
				return damaged("column %d comes twice", of.column)
			}
			p.where[of.column] = of
		}
	}
	p.room = most - total
	if r.err != nil {
		return damaged("the head: %s", strings.TrimPrefix(r.err.Error(), ErrFormat.Error()+": "))
	}
	if len(r.cols[0]) > 0 || len(rest) > 0 {
		return damaged("it goes on too long")
	}
	if p.count.roots > p.count.nodes {
		return damaged("more roots than types")
	}
	return nil
}

// columns returns a coder that reads the columns from first to last.
func (p *Pack) columns(first, last column) (*coder, error) {
	c := &coder{decoding: true}
	for col := first; col <= last; col++ {
		w := p.where[col]
		if w == nil {
			continue
		}
		if err := p.load(w.stream); err != nil {
			return nil, err
		}
		c.cols[col] = w.data
	}
	return c, nil
}

func (p *Pack) load(s *stream) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.done {
		return nil
	}
	if crc32.Checksum(s.data, table) != s.crc {
		return damaged("a checksum is wrong")
	}
	if err := p.decode(s); err != nil {
		return damaged("%v", err)
	}
	s.done = true
	return nil
}

func (p *Pack) decode(s *stream) (err error) {
	if s.codec == Squeezed {
		cols, err := unsqueeze(s.data, p.room)
		for i := range s.parts {
			s.parts[i].data = cols[s.parts[i].column]
		}
		return err
	}
	raw := s.data
	if s.codec == Zstd {
		if raw, err = p.unzstd(s.data, s.size); err != nil {
			return err
		}
	}
	if len(raw) != s.size {
		return fmt.Errorf("%d bytes instead of %d", len(raw), s.size)
	}
	for i := range s.parts {
		of := &s.parts[i]
		of.data, raw = raw[:of.length], raw[of.length:]
	}
	return nil
}

// Types reads the types into Store, unless that was done.
func (p *Pack) Types() error {
	if p.Store != nil {
		return nil
	}
	c, err := p.columns(colRootText, colNewWidth)
	if err != nil {
		return err
	}
	s := store.New()
	// A type has a byte of its own, a member need not: it may be like another type's.
	if p.count.nodes > len(c.cols[colRootKind])+len(c.cols[colKind]) {
		return damaged("it has fewer types than it says")
	}
	s.Reserve(p.count.nodes+1, min(p.count.members, 64*min(len(p.data), maxTotal/64)))
	m := newModel(c, s, uint32(p.count.roots), p.count.members)
	if err := m.read(); err != nil {
		return err
	}
	p.Store = s
	return nil
}

// Len is how many kernels there are.
func (p *Pack) Len() int { return p.count.kernels }

// Heads calls yield for each kernel, sorted by name, without its types.
func (p *Pack) Heads() iter.Seq2[*Kernel, error] {
	return func(yield func(*Kernel, error) bool) {
		c, err := p.columns(colKernelShare, colKernelSum)
		if err != nil {
			yield(nil, err)
			return
		}
		ks := kernels{coder: c}
		c.cols[colKernelLong] = nil
		for range p.count.kernels {
			k := &Kernel{}
			ks.head(k)
			ks.n++
			if !yield(k, ks.err) || ks.err != nil {
				return
			}
		}
	}
}

// Kernels calls yield for each kernel, sorted by name, with its types in
// Store, and, if exact, with their copies. The kernel is good until the next one comes.
func (p *Pack) Kernels(exact bool) iter.Seq2[*Kernel, error] {
	return func(yield func(*Kernel, error) bool) {
		err := p.Types()
		last := colSequenceToggle
		if exact {
			last = colChoice
		}
		var c *coder
		if err == nil {
			c, err = p.columns(colKernelShare, last)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		ks := kernels{coder: c, roots: uint32(p.count.roots)}
		k := &Kernel{}
		for range p.count.kernels {
			ks.head(k)
			if ks.types(k); exact && ks.err == nil {
				ks.copies(k)
			}
			if !yield(k, ks.err) || ks.err != nil {
				return
			}
		}
		if err := c.finish(colKernelShare, last); err != nil {
			yield(nil, err)
		}
	}
}

// IsName reports whether a kernel may be called so: names are files' paths below a folder, and lines of files.
func IsName(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.ContainsFunc(name, unicode.IsControl)
}

// ErrTooMany says that kernels are beyond what a pack can hold.
var ErrTooMany = errors.New("too many kernels for one pack; make several")

// Options are how a pack is written.
type Options struct {
	Tailored bool
	Codec    byte
	Encode   Encoder // of zstd
}

// Write returns the file of kernels, whose types are in s. Kernels must differ in their names.
// The same kernels give the same bytes, whatever their order and that of the nodes.
func Write(s *store.Store, list []*Kernel, o Options) ([]byte, error) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b *Kernel) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	nb := renumber(s, list)
	c := &coder{}
	m := newModel(c, nb.to, uint32(len(nb.roots)), math.MaxInt)
	m.write()
	ks := kernels{coder: c, roots: m.roots, number: map[string]uint32{}, stem: nb.stem}
	for _, k := range list {
		if !IsName(k.Name) {
			return nil, fmt.Errorf("kernel %q: that is no path distro/version/arch/release", k.Name)
		}
		k := nb.kernel(k)
		ks.head(k)
		ks.types(k)
		ks.copies(k)
	}
	if c.err != nil {
		return nil, c.err
	}
	n, raw := counts{len(list), len(nb.roots), nb.to.Len() - 1, nb.to.NumMembers()}, 0
	for _, col := range c.cols {
		raw += len(col)
	}
	tooMany := func(most int) bool {
		for i, v := range n.all() {
			if *v > min(limits[i], most) {
				return true
			}
		}
		return raw > most
	}
	if tooMany(maxRaw) {
		return nil, ErrTooMany
	}
	file := c.file(n, o)
	if tooMany(most(len(file))) {
		o.Codec = Stored // what is nearly nothing is not worth making smaller
		file = c.file(n, o)
	}
	if tooMany(most(len(file))) {
		return nil, errors.New("types are too much alike for a pack")
	}
	return file, nil
}

// file puts columns into a file.
func (c *coder) file(n counts, o Options) []byte {
	var streams []stream
	if o.Codec == Squeezed {
		streams = append(streams, stream{codec: Squeezed, data: squeeze(c.cols)})
	}
	for col, raw := range c.cols {
		col := column(col)
		if len(raw) == 0 || o.Codec == Squeezed && col.isSqueezed() {
			continue
		}
		s := stream{data: raw, parts: []part{{column: col, length: len(raw)}}}
		if o.Codec == Zstd {
			if data := o.Encode(raw); len(data) < len(raw) {
				s.codec, s.data = Zstd, data
			}
		}
		streams = append(streams, s)
	}
	var head, body []byte
	put := func(v int) { head = binary.AppendUvarint(head, uint64(v)) }
	if o.Tailored {
		put(tailored)
	} else {
		put(0)
	}
	for _, v := range n.all() {
		put(*v)
	}
	put(len(streams))
	for _, s := range streams {
		put(int(s.codec))
		put(len(s.data))
		head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(s.data, table))
		if s.codec != Squeezed {
			put(len(s.parts))
			for _, of := range s.parts {
				put(int(of.column))
				put(of.length)
			}
		}
		body = append(body, s.data...)
	}
	file := append([]byte(Magic), Version, 0)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(head)))
	file = binary.LittleEndian.AppendUint32(file, crc32.Checksum(head, table))
	return append(append(file, head...), body...)
}

// stemNumbers returns for each root a number that is that of its stem.
func stemNumbers(s *store.Store, roots int) []uint32 {
	stem := make([]uint32, roots+1)
	last := ""
	for n := 1; n <= roots; n++ {
		_, name := s.Head(uint32(n))
		text := graph.Stem(s.Text(name))
		stem[n] = stem[n-1]
		if n == 1 || text != last {
			stem[n]++
			last = text
		}
	}
	return stem
}
