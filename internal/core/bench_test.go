package core_test

import (
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// The object here is the example's, a small one. bench/largeobject has the
// same benchmarks with a large one.

func BenchmarkRelocations(b *testing.B) {
	file := testfiles.Read(b, testfiles.TraceeObject(b))
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		o, err := core.ReadObject(file)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := o.Relocations(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPrune(b *testing.B) {
	benchmarkKernels(b, func(kernel graph.Graph, rs *core.Relocations) error {
		_, err := core.Prune(kernel, rs)
		return err
	})
}

func BenchmarkFindings(b *testing.B) {
	benchmarkKernels(b, func(kernel graph.Graph, rs *core.Relocations) error {
		_, err := core.Findings(kernel, rs)
		return err
	})
}

func benchmarkKernels(b *testing.B, work func(graph.Graph, *core.Relocations) error) {
	relocations := btftest.Relocations(b, testfiles.Read(b, testfiles.TraceeObject(b)))
	for _, path := range testfiles.Kernels(b) {
		b.Run(testfiles.Release(path), func(b *testing.B) {
			raw := testfiles.BTF(b, path)
			kernel := btftest.File(b, raw)
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if err := work(graph.Raw{File: kernel}, relocations); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
