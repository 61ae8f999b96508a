package property

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// broken is core.Prune with something wrong about its result.
func broken(harm func(min *btftest.Source)) pruner {
	return func(g graph.Graph, rs *core.Relocations) ([]byte, error) {
		min, err := core.Prune(g, rs)
		if err != nil {
			return nil, err
		}
		f, err := btf.Parse(min)
		if err != nil {
			return nil, err
		}
		s := btftest.From(f)
		harm(s)
		return s.Kernel(f.Order())
	}
}

// What a broken pruner does wrong is found, and made so small that the case
// shows nothing else.
func TestShrink(t *testing.T) {
	k := readKernel(t, testfiles.Kernel(t, "6.12.107+deb13-amd64"))
	x := newIndex(k.file)
	for _, c := range []struct {
		name  string
		harm  func(*btftest.Source)
		lines int // of the case at most
		has   string
	}{
		{"arrays of one element", func(s *btftest.Source) {
			for i := range s.Types {
				if s.Types[i].Kind == btf.Array {
					s.Types[i].Size = 1
				}
			}
		}, 8, "]"},
		{"bitfields at 0", func(s *btftest.Source) {
			for i := range s.Types {
				for j := range s.Types[i].Members {
					if s.Types[i].KFlag && s.Types[i].Kind.IsComposite() {
						s.Types[i].Members[j].Offset &^= 0xffffff
					}
				}
			}
		}, 6, ":"},
		{"no second candidate", func(s *btftest.Source) {
			drop := make([]bool, len(s.Types))
			seen := map[string]bool{}
			for i, t := range s.Types {
				name := t.Kind.String() + s.Names[t.Name]
				drop[i] = t.Kind.IsComposite() && t.Name != 0 && seen[name]
				seen[name] = true
			}
			*s = *withoutTypes(s, drop)
		}, 10, "=poison"},
		{"unsigned enumerators", func(s *btftest.Source) {
			for i := range s.Types {
				if s.Types[i].Kind.IsEnum() {
					s.Types[i].KFlag = false
				}
			}
		}, 5, "signed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			prune := broken(c.harm)
			for seed := range uint64(1000) {
				o, err := like(newChance(seed, 3), x, 60)
				if err != nil {
					t.Fatal(err)
				}
				f, err := check(prune, cilium{}, k, o)
				if err != nil {
					t.Fatal(err)
				}
				if f == nil || f.law != "promise" {
					continue
				}
				text := shrink(prune, cilium{}, f, k, o)
				kernel, object := readCase(t, text)
				if f, err := check(prune, cilium{}, kernel, object); err != nil || f == nil || f.law != "promise" {
					t.Errorf("the case does not show it: %v, %v", f, err)
				}
				if f, err := check(core.Prune, cilium{}, kernel, object); err != nil || f != nil {
					t.Errorf("it is nothing about the pruner: %v, %v", f, err)
				}
				if lines := strings.Count(text, "\n") - 3; lines > c.lines || !strings.Contains(text, c.has) {
					t.Errorf("%d lines, expected at most %d:\n%s", lines, c.lines, text)
				}
				return
			}
			t.Error("not found")
		})
	}
}

// readCase reads a printed case.
func readCase(t *testing.T, text string) (*kernel, *object) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "case.txtar"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	c := testfiles.Cases(t, dir)[0]
	return parseKernel(t, btftest.Compile(t, binary.LittleEndian, c.Part("kernel.txt"))), readObject(t, c.Part("object.txt"))
}

func readObject(t *testing.T, text string) *object {
	t.Helper()
	s, err := btftest.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	o, err := build(s, binary.LittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
