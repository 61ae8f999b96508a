package pack

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/packfile"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// ErrMixed says that full kernels and tailored ones were to become one pack.
var ErrMixed = errors.New("full and tailored kernels do not go into one pack")

// A ClashError says that two kernels of one name differ.
type ClashError struct{ Name string }

func (e *ClashError) Error() string {
	return "kernel " + e.Name + " differs from another one of that name"
}

// Read opens a pack of any codec.
func Read(file []byte) (*packfile.Pack, error) {
	return packfile.Read(file, unzstd)
}

// A Builder gathers kernels for one pack.
type Builder struct {
	s        *store.Store
	im       *Importer // nil if there is none yet
	kernels  map[string]*packfile.Kernel
	tailored bool
}

// NewBuilder returns a Builder of an empty pack.
func NewBuilder() *Builder {
	return &Builder{s: store.New(), kernels: map[string]*packfile.Kernel{}}
}

// Len is how many kernels there are.
func (b *Builder) Len() int { return len(b.kernels) }

// Different is how many of the kernels differ from each other.
func (b *Builder) Different() int {
	seen := map[[sha256.Size]byte]bool{}
	var key []byte
	for _, k := range b.kernels {
		key = append(key[:0], 0)
		if k.BigEndian {
			key[0] = 1
		}
		put := func(list ...uint32) {
			key = binary.LittleEndian.AppendUint32(key, uint32(len(list)))
			for _, n := range list {
				key = binary.LittleEndian.AppendUint32(key, n)
			}
		}
		put(k.Long)
		put(k.Roots...)
		put(k.Order...)
		for _, c := range k.Copies {
			put(c.Root)
			put(c.Choices...)
		}
		seen[sha256.Sum256(key)] = true
	}
	return len(seen)
}

// Import adds a kernel. The sum is that of its BTF.
func (b *Builder) Import(name string, sum [sha256.Size]byte, f *btf.File) error {
	if b.im == nil {
		b.im = NewImporter(b.s)
	}
	k, err := b.im.Import(f)
	if err != nil {
		return err
	}
	return b.add(&packfile.Kernel{Name: name, Sum: sum, Kernel: *k}, false)
}

// Tailored returns a function that adds tailored kernels whose types are in another store.
func (b *Builder) Tailored(s *store.Store) func(name string, k *store.Kernel) error {
	m := &mover{from: s, to: b.s}
	return func(name string, k *store.Kernel) error {
		return b.add(&packfile.Kernel{Name: name, Kernel: *m.kernel(k)}, true)
	}
}

// maxText bounds the strings of a Builder, as those of a file are bounded.
const maxText = 1 << 30

// add adds a kernel whose types are in the store.
func (b *Builder) add(k *packfile.Kernel, tailored bool) error {
	if b.s.TextLen() > maxText {
		return packfile.ErrTooMany
	}
	if len(b.kernels) == 0 {
		b.tailored = tailored
	} else if b.tailored != tailored {
		return ErrMixed
	}
	if other := b.kernels[k.Name]; other != nil {
		if k.Sum != other.Sum || !b.same(&k.Kernel, &other.Kernel) {
			return &ClashError{k.Name}
		}
		return nil
	}
	b.kernels[k.Name] = k
	return nil
}

// Merge adds those kernels of a pack that are to be kept.
func (b *Builder) Merge(p *packfile.Pack, keep func(name string) bool) error {
	if err := p.Types(); err != nil {
		return err
	}
	m := &mover{from: p.Store, to: b.s}
	for k, err := range p.Kernels(true) {
		if err != nil {
			return err
		}
		if !keep(k.Name) {
			continue
		}
		if err := b.add(&packfile.Kernel{Name: k.Name, Sum: k.Sum, Kernel: *m.kernel(&k.Kernel)}, p.Tailored); err != nil {
			return err
		}
	}
	return nil
}

// same reports whether two kernels are the same, whatever the order of the stems.
func (b *Builder) same(x, y *store.Kernel) bool {
	if x.BigEndian != y.BigEndian || x.Long != y.Long || len(x.Copies) != len(y.Copies) {
		return false
	}
	roots := func(k *store.Kernel) []string {
		byStem := map[string][]uint32{}
		exact := func(id uint32) (root uint32, choices []uint32) {
			if id&store.IsCopy != 0 {
				c := &k.Copies[id&^store.IsCopy]
				return c.Root, c.Choices
			}
			return id, nil
		}
		note := func(list []uint32) {
			for _, id := range list {
				root, choices := exact(id)
				_, name := b.s.Head(root)
				stem := graph.Stem(b.s.Text(name))
				byStem[stem] = append(append(append(byStem[stem], root), uint32(len(choices))), choices...)
			}
		}
		note(k.Roots)
		note(k.Order)
		var all []string
		for stem, list := range byStem {
			all = append(all, fmt.Sprint(stem, list))
		}
		slices.Sort(all)
		return all
	}
	return slices.Equal(roots(x), roots(y))
}

// Bytes returns the pack. It depends on the kernels alone, and not on where they come from.
func (b *Builder) Bytes() ([]byte, error) {
	level := zstd.SpeedBetterCompression // the best one takes ten times as long, and makes a pack 4 % smaller
	if len(b.kernels) == 1 {
		level = zstd.SpeedDefault // there will be more, and it will be written again with them
	} else {
		b.im = nil
		runtime.GC() // what imports took serves the encoder
	}
	o := packfile.Options{Codec: packfile.Zstd, Encode: newZstd(level)}
	if b.tailored {
		o = packfile.Options{Tailored: true, Codec: packfile.Squeezed} // what is embedded shall be small, and it needs no other library
	}
	return packfile.Write(b.s, slices.Collect(maps.Values(b.kernels)), o)
}

// A mover copies nodes from one store to another.
type mover struct {
	from, to *store.Store
	moved    []uint32 // by node
	texts    []uint32 // by text
	types    []btf.Type
	depth    int
}

func (m *mover) text(n uint32) uint32 {
	if int(n) >= len(m.texts) {
		m.texts = append(m.texts, make([]uint32, m.from.Strings()-len(m.texts))...)
	}
	if n != 0 && m.texts[n] == 0 {
		m.texts[n] = m.to.String(m.from.Text(n))
	}
	return m.texts[n]
}

func (m *mover) node(n uint32) uint32 {
	if n == 0 {
		return 0
	}
	if int(n) >= len(m.moved) {
		m.moved = append(m.moved, make([]uint32, m.from.Len()-len(m.moved))...)
	}
	if m.moved[n] != 0 {
		return m.moved[n]
	}
	if m.depth == len(m.types) {
		m.types = append(m.types, btf.Type{})
	}
	depth := m.depth
	m.depth++
	t := m.types[depth]
	m.from.Type(n, &t)
	t.Name = m.text(t.Name)
	t.Ref = m.node(t.Ref)
	if t.Kind == btf.Array {
		t.Index = m.node(t.Index)
	}
	for i := range t.Members {
		member := &t.Members[i]
		member.Name = m.text(member.Name)
		if !t.Kind.IsEnum() {
			member.Type = m.node(member.Type)
		}
	}
	m.types[depth] = t
	m.depth--
	m.moved[n] = m.to.Intern(&t)
	return m.moved[n]
}

func (m *mover) kernel(k *store.Kernel) *store.Kernel {
	to := &store.Kernel{BigEndian: k.BigEndian, Long: m.node(k.Long), Roots: make([]uint32, len(k.Roots))}
	for i, n := range k.Roots {
		to.Roots[i] = m.node(n)
	}
	if k.Order == nil {
		return to
	}
	for _, c := range k.Copies {
		to.Copies = append(to.Copies, store.Copy{Root: m.node(c.Root), Choices: c.Choices})
	}
	to.Order = make([]uint32, len(k.Order))
	for i, id := range k.Order {
		if to.Order[i] = id; id&store.IsCopy == 0 {
			to.Order[i] = m.node(id)
		}
	}
	return to
}

// Types is how many different types the kernels have, by what they hold by value.
func (b *Builder) Types() int { return b.s.Len() - 1 }
