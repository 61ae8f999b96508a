package pack_test

import (
	"testing"

	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/pack"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// The kernels are the example's, and more with -kernels; so are the objects, with -objects.

func BenchmarkImport(b *testing.B) {
	for name, f := range realKernels(b, *moreKernels) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(f.Size()))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := pack.NewImporter(store.New()).Import(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	kernels := realKernels(b, *moreKernels)
	builder := pack.NewBuilder()
	for name, f := range kernels {
		add(b, builder, name, f)
	}
	b.ReportMetric(float64(len(file(b, builder))), "bytes")
	for b.Loop() {
		file(b, builder)
	}
}

func BenchmarkRead(b *testing.B) {
	file := packed(b, realKernels(b, *moreKernels))
	b.ReportAllocs()
	for b.Loop() {
		if err := open(b, file).Types(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTailor is all that happens between a pack and what is left of its kernels.
func BenchmarkTailor(b *testing.B) {
	file := packed(b, realKernels(b, *moreKernels))
	for name, rs := range relocations(b, *moreObjects) {
		if rs.ByteOrder == core.BigEndian {
			continue
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				err := pack.Tailor(open(b, file), rs, 1, all, func(*store.Store) pack.Sink {
					return func(string, graph.Graph, *store.Kernel, error) error { return nil }
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
