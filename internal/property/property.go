// Package property checks the promise of package core on whatever is there: it
// makes kernels and objects at random, prunes, and lets the loaders judge. A
// kernel is a real one, or a small world of few names that meet in odd ways; an
// object is types copied after the kernel's, true and false, with programs
// that have relocations of every kind.
//
//	go test ./internal/property                                  # fixed seeds, the example's kernels
//	go test ./internal/property -run TestKernels -kernels DIR -seeds 1000 -timeout 0
//	go test ./internal/property -run TestSweep -sweep.kernels DIR -sweep.objects DIR -timeout 0
//
// What fails is made small (see shrink) and printed as a new case of package
// conformance: two files, to which go test ./internal/conformance -update adds
// what is expected.
package property

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	ciliumbtf "github.com/cilium/ebpf/btf"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/verify"
)

// A kernel is raw BTF.
type kernel struct {
	raw   []byte
	file  *btf.File
	full  *verify.Kernel
	spec  *ciliumbtf.Spec      // of outcomes
	count map[candidateKey]int // of candidates; see there
}

func newKernel(raw []byte) (*kernel, error) {
	f, err := btf.Parse(raw)
	if err != nil {
		return nil, err
	}
	full, err := verify.Parse(raw)
	if err != nil {
		return nil, err
	}
	return &kernel{raw: raw, file: f, full: full}, nil
}

func (k *kernel) order() binary.ByteOrder { return k.file.Order() }

// An object is a BPF object, made or real.
type object struct {
	source *btftest.Source // nil if it is a real one
	name   string
	file   []byte
	relos  *core.Relocations
}

func newObject(name string, file []byte) (*object, error) {
	o, err := core.ReadObject(file)
	if err != nil {
		return nil, err
	}
	relos, err := o.Relocations()
	if err != nil {
		return nil, err
	}
	return &object{name: name, file: file, relos: relos}, nil
}

func build(s *btftest.Source, order binary.ByteOrder) (*object, error) {
	file, err := s.Object(order)
	if err != nil {
		return nil, err
	}
	o, err := newObject("object", file)
	if err != nil {
		return nil, err
	}
	o.source = s
	return o, nil
}

// A pruner is core.Prune, or one that is broken on purpose.
type pruner func(graph.Graph, *core.Relocations) ([]byte, error)

// A loader judges by its relocation.
type loader interface {
	// compare relocates an object against the full BTF and a minimal one. An
	// error says that the loader cannot be asked at all.
	compare(full *kernel, min []byte, o *object) (*verdict, error)
}

// A verdict is what a loader found.
type verdict struct {
	relocations int
	differences []string
	// apart counts what differs by the loader's own fault: limits of
	// cilium/ebpf's, undefined results of libbpf's.
	apart int
	// findings are those of core.Findings that are not the loader's.
	findings []string
}

// A failure is a broken promise.
type failure struct {
	law  string // which
	what string
}

// check prunes a kernel for objects and returns what is wrong with the
// result; nil if nothing is. An error is that of a loader.
func check(prune pruner, by loader, k *kernel, objects ...*object) (*failure, error) {
	var sets, backwards []*core.Relocations
	for _, o := range objects {
		sets = append(sets, o.relos)
		backwards = append([]*core.Relocations{o.relos}, backwards...)
	}
	rs, err := core.Union(sets...)
	if err != nil {
		return &failure{"union", err.Error()}, nil
	}
	min, err := prune(graph.Raw{File: k.file}, rs)
	if err != nil {
		return &failure{"pruning", err.Error()}, nil
	}
	if f := laws(prune, k, rs, min, backwards); f != nil {
		return f, nil
	}
	for _, o := range objects {
		v, err := by.compare(k, min, o)
		if err != nil {
			return nil, err
		}
		if len(v.differences) > 0 {
			return &failure{"promise", v.differences[0]}, nil
		}
		if len(v.findings) > 0 {
			return &failure{"findings", v.findings[0]}, nil
		}
	}
	return idempotence(prune, rs, min), nil
}

// laws are what holds of a minimal BTF whatever a loader makes of it: it can be
// read, has the kernel's byte order, is the same each time, in any order of
// objects and by way of a relocations file.
func laws(prune pruner, k *kernel, rs *core.Relocations, min []byte, backwards []*core.Relocations) *failure {
	m, err := btf.Parse(min)
	if err != nil {
		return &failure{"reading", err.Error()}
	}
	if m.BigEndian() != k.file.BigEndian() {
		return &failure{"byte order", "is not the kernel's"}
	}
	if _, err := verify.Parse(min); err != nil {
		return &failure{"reading", err.Error()}
	}
	file, err := rs.Marshal()
	if err != nil {
		return &failure{"relocations file", err.Error()}
	}
	back, err := core.Unmarshal(file)
	if err != nil {
		return &failure{"relocations file", err.Error()}
	}
	if again, err := back.Marshal(); err != nil || !bytes.Equal(again, file) {
		return &failure{"relocations file", fmt.Sprintf("becomes another when it is read (%v)", err)}
	}
	if again, err := prune(graph.Raw{File: k.file}, back); err != nil || !bytes.Equal(again, min) {
		return &failure{"determinism", fmt.Sprintf("by way of a relocations file come other bytes (%v)", err)}
	}
	if len(backwards) > 1 {
		u, err := core.Union(backwards...)
		if err != nil {
			return &failure{"union", err.Error()}
		}
		if again, err := prune(graph.Raw{File: k.file}, u); err != nil || !bytes.Equal(again, min) {
			return &failure{"determinism", fmt.Sprintf("of the objects in another order come other bytes (%v)", err)}
		}
	}
	return nil
}

// idempotence is that a minimal BTF has nothing left to prune.
func idempotence(prune pruner, rs *core.Relocations, min []byte) *failure {
	m, err := btf.Parse(min)
	if err != nil {
		return &failure{"reading", err.Error()}
	}
	again, err := prune(graph.Raw{File: m}, rs)
	if err == nil && asksForIDs(rs) {
		// Of equal types whose ids are asked for two are kept, and one of them is what others
		// refer to: only now can the other be less than that one. It is, or nothing is.
		if m, err = btf.Parse(again); err == nil {
			min = again
			again, err = prune(graph.Raw{File: m}, rs)
		}
	}
	if err != nil || !bytes.Equal(again, min) {
		return &failure{"idempotence", fmt.Sprintf("pruned again it gets from %d to %d bytes (%v)", len(min), len(again), err)}
	}
	return nil
}

func asksForIDs(rs *core.Relocations) bool {
	return slices.ContainsFunc(rs.Relocations, func(r core.Relocation) bool { return r.Kind == core.TypeIDTarget })
}
