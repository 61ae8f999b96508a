// Package btfpack reads packs: the BTF of many kernels in one small file, made by
// minbtf or the Bazel rules of this repository for the CO-RE relocations of
// BPF objects. An application embeds the file and takes from it the BTF of a
// kernel that has none of its own:
//
//	//go:embed tracee_btfs.btfpack
//	var btfs []byte
//
//	pack, err := btfpack.Open(btfs)
//	…
//	raw, err := pack.BTF("debian/12/x86_64/6.1.0-47-amd64")
//	…
//	spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw)) // cilium/ebpf: ProgramOptions.KernelTypes
//
// It imports the standard library alone. docs/format.md describes the format.
package btfpack

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/khulnasoft/rules_btf/internal/packfile"
	"github.com/khulnasoft/rules_btf/internal/store"
)

var (
	// ErrFormat is wrapped by every error about bytes that are not a pack, or
	// not one that this package reads: a damaged one, one of a newer version of the
	// format, or a full one ("minbtf pack"), which is compressed otherwise than those
	// that are tailored.
	ErrFormat = packfile.ErrFormat
	// ErrNoKernel is wrapped by the error about a kernel that is not in the pack.
	ErrNoKernel = errors.New("no such kernel in the pack")
)

// A Pack is the BTF of some kernels. Its methods may be called at the same time.
type Pack struct {
	kernels []Kernel
	mu      sync.Mutex
	file    *packfile.Pack
}

// A Kernel is a kernel whose BTF is in a pack.
type Kernel struct {
	// Name is distro/version/arch/release, as in BTFHub's archive.
	Name string
	// BigEndian is the byte order of the kernel, and of its BTF.
	BigEndian bool
}

// Open reads the list of kernels in a pack. The file must not change afterwards.
func Open(file []byte) (*Pack, error) {
	f, err := packfile.Read(file, nil)
	if err != nil {
		return nil, err
	}
	if !f.Tailored {
		return nil, packfile.ErrFull
	}
	p := &Pack{file: f}
	for k, err := range f.Heads() {
		if err != nil {
			return nil, err
		}
		p.kernels = append(p.kernels, Kernel{Name: k.Name, BigEndian: k.BigEndian})
	}
	return p, nil
}

// OpenReaderAt is Open for a file of that size that is not in memory.
func OpenReaderAt(r io.ReaderAt, size int64) (*Pack, error) {
	file, err := io.ReadAll(io.NewSectionReader(r, 0, max(size, 0))) // which takes a negative one for all there is
	if err != nil {
		return nil, err
	}
	return Open(file)
}

// Kernels returns the kernels in the pack, sorted by name.
func (p *Pack) Kernels() []Kernel { return slices.Clone(p.kernels) }

// BTF returns the raw BTF of a kernel, as minbtf writes it to a file. The error
// wraps ErrNoKernel if there is no kernel of that name, and ErrFormat if the pack is damaged.
// It goes through all kernels before that one: Each is for those who want many.
func (p *Pack) BTF(name string) (raw []byte, err error) {
	i, ok := slices.BinarySearchFunc(p.kernels, name, func(k Kernel, name string) int { return strings.Compare(k.Name, name) })
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNoKernel, name)
	}
	err = p.read(func(n int, v *store.View, k *store.Kernel) (more bool, err error) {
		if n == i {
			raw, err = p.raw(n, v, k)
		}
		return n < i, err
	})
	return raw, err
}

// Each calls do for each kernel, sorted by name, with its raw BTF, which do may keep. It
// ends with the first error, its own or that of do.
func (p *Pack) Each(do func(k Kernel, raw []byte) error) error {
	return p.read(func(n int, v *store.View, k *store.Kernel) (more bool, err error) {
		raw, err := p.raw(n, v, k)
		if err == nil {
			err = do(p.kernels[n], raw)
		}
		return true, err
	})
}

// raw returns the n-th kernel's BTF. That it refers to what it does not have is seen only here.
func (p *Pack) raw(n int, v *store.View, k *store.Kernel) ([]byte, error) {
	raw, err := v.Raw(k)
	if err != nil {
		return nil, fmt.Errorf("%w: damaged: kernel %s: %w", ErrFormat, p.kernels[n].Name, err)
	}
	return raw, nil
}

// read calls do for the kernels with their types, as long as there are more to be read.
func (p *Pack) read(do func(n int, v *store.View, k *store.Kernel) (more bool, err error)) error {
	p.mu.Lock() // the types are read once
	err := p.file.Types()
	p.mu.Unlock()
	if err != nil {
		return err
	}
	v, n := store.NewView(p.file.Store, true), 0
	for k, err := range p.file.Kernels(true) {
		if err != nil {
			return err
		}
		if more, err := do(n, v, &k.Kernel); err != nil || !more {
			return err
		}
		n++
	}
	return nil
}
