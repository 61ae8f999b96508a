package core_test

import (
	"os"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
)

func BenchmarkParts(b *testing.B) {
	raw, err := os.ReadFile(os.Getenv("KERNEL"))
	if err != nil {
		b.Skip(err)
	}
	obj, _ := os.ReadFile(os.Getenv("OBJECT"))
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			os.ReadFile(os.Getenv("KERNEL"))
		}
	})
	b.Run("object", func(b *testing.B) {
		for b.Loop() {
			o, _ := core.ReadObject(obj)
			o.Relocations()
		}
	})
	b.Run("parse", func(b *testing.B) {
		for b.Loop() {
			btf.Parse(raw)
		}
	})
	f, _ := btf.Parse(raw)
	o, _ := core.ReadObject(obj)
	rs, _ := o.Relocations()
	b.Run("prune", func(b *testing.B) {
		for b.Loop() {
			core.Prune(graph.Raw{File: f}, rs)
		}
	})
}
