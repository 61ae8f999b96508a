package core_test

import (
	"testing"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/btf"
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
	o, err := core.ReadObject(testfiles.Read(b, testfiles.TraceeObject(b)))
	if err != nil {
		b.Fatal(err)
	}
	relocations, err := o.Relocations()
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range testfiles.Kernels(b) {
		b.Run(testfiles.Release(path), func(b *testing.B) {
			raw, err := archive.ReadBTF(path, testfiles.Read(b, path))
			if err != nil {
				b.Fatal(err)
			}
			kernel, err := btf.Parse(raw)
			if err != nil {
				b.Fatal(err)
			}
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
