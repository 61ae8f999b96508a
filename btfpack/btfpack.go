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
	file, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, err
	}
	return Open(file)
}

// Kernels returns the kernels in the pack, sorted by name.
func (p *Pack) Kernels() []Kernel { return slices.Clone(p.kernels) }

// BTF returns the raw BTF of a kernel, as minbtf writes it to a file. The error
// wraps ErrNoKernel if there is no kernel of that name, and ErrFormat if the pack is damaged.
func (p *Pack) BTF(name string) ([]byte, error) {
	if _, ok := slices.BinarySearchFunc(p.kernels, name, func(k Kernel, name string) int { return strings.Compare(k.Name, name) }); !ok {
		return nil, fmt.Errorf("%w: %s", ErrNoKernel, name)
	}
	p.mu.Lock() // the types are read once
	defer p.mu.Unlock()
	for k, err := range p.file.Kernels(true) {
		if err != nil {
			return nil, err
		}
		if k.Name == name {
			return p.file.Store.Raw(&k.Kernel)
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrNoKernel, name)
}
