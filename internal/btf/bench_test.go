package btf_test

import (
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

func BenchmarkParse(b *testing.B) {
	for _, path := range testfiles.Kernels(b) {
		b.Run(testfiles.Release(path), func(b *testing.B) {
			raw := testfiles.BTF(b, path)
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := btf.Parse(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
