package property

import (
	"encoding/binary"
	"flag"
	"fmt"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/judge"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

var (
	kernels = flag.String("kernels", "", "folder of kernels for TestKernels, instead of the example's")
	seeds   = flag.Uint64("seeds", fewSeeds, "objects that TestKernels makes for each kernel")
	worlds  = flag.Uint64("worlds", 2500, "small kernels that TestWorlds makes")
	first   = flag.Uint64("first", 0, "first seed of both")
)

// fewSeeds are enough to cover what the objects shall be about.
const fewSeeds = 100

// A loader that tells what it makes of each relocation.
type witness interface {
	loader
	outcomes(full *kernel, o *object) ([]outcome, error)
	autoloaded() *sets // so far; nil: it loads each program by itself
}

// forEachLoader runs a test with each loader as the judge.
func forEachLoader(t *testing.T, strict bool, test func(t *testing.T, by witness)) {
	t.Run("cilium", func(t *testing.T) {
		t.Parallel()
		test(t, cilium{})
	})
	t.Run("libbpf", func(t *testing.T) {
		t.Parallel()
		test(t, libbpf{judge.Libbpf(t), strict, &sets{}})
	})
}

// promise fails the test with a small case if the promise is broken.
func promise(t *testing.T, by loader, what string, k *kernel, objects ...*object) {
	t.Helper()
	f, err := check(core.Prune, by, k, objects...)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if f != nil {
		t.Fatalf("%s: %s: %s\nsmaller, as a case of internal/conformance/testdata:\n\n%s", what, f.law, f.what, shrink(core.Prune, by, f, k, objects...))
	}
}

var kernelExt = []string{".btf", ".btf.tar.xz"}

func readKernel(t testing.TB, path string) *kernel {
	t.Helper()
	return parseKernel(t, testfiles.BTF(t, path))
}

func parseKernel(t testing.TB, raw []byte) *kernel {
	t.Helper()
	k, err := newKernel(raw)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// another is the kernel in the other byte order, and with twins of some types.
func another(t testing.TB, k *kernel) *kernel {
	t.Helper()
	var order binary.ByteOrder = binary.BigEndian
	if k.file.BigEndian() {
		order = binary.LittleEndian
	}
	s := btftest.From(k.file)
	double(newChance(0, 2), s, 8)
	raw, err := s.Kernel(order)
	if err != nil {
		t.Fatal(err)
	}
	return parseKernel(t, raw)
}

// The promise, for random objects on real kernels, and on the same in the other
// byte order and with more duplicate types. Every third object has another
// beside it, and both share a minimal BTF.
func TestKernels(t *testing.T) {
	paths := testfiles.Kernels(t)
	if *kernels != "" {
		paths = testfiles.Files(t, *kernels, kernelExt...)
	}
	forEachLoader(t, true, func(t *testing.T, by witness) {
		c := coverage{sets: by.autoloaded()}
		for _, path := range paths {
			k := readKernel(t, path)
			for number, k := range []*kernel{k, another(t, k)} {
				x := newIndex(k.file)
				for seed := *first + uint64(number); seed < *first+*seeds; seed += 2 {
					ch := newChance(seed, 1)
					var objects []*object
					for range 1 + seed%3/2 {
						o, err := like(ch, x, 60)
						if err != nil {
							t.Fatalf("seed %d: %v", seed, err)
						}
						all, err := by.outcomes(k, o)
						if err != nil {
							t.Fatal(err)
						}
						c.add(o, all)
						objects = append(objects, o)
					}
					promise(t, by, fmt.Sprintf("%s, seed %d", path, seed), k, objects...)
				}
			}
		}
		t.Logf("%d kernels, each as it is and in the other byte order with twins:\n%s", len(paths), &c)
		if err := c.enough(); err != nil && *seeds >= fewSeeds {
			t.Errorf("the objects are not to the point:\n%v", err)
		}
	})
}

// The promise, for small kernels and objects whose few names meet in odd ways,
// such as no compiler makes.
func TestWorlds(t *testing.T) {
	forEachLoader(t, false, func(t *testing.T, by witness) {
		count := map[string]int{}
		for seed := *first; seed < *first+*worlds; seed++ {
			k, objects := makeWorld(t, seed)
			for _, o := range objects {
				all, err := by.outcomes(k, o)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				for _, out := range all {
					switch {
					case out.matching:
						count["matching"]++
					case out.missing:
						count["missing"]++
					default:
						count["refused"]++
					}
				}
			}
			promise(t, by, fmt.Sprintf("seed %d", seed), k, objects...)
		}
		t.Log(count)
		if sets := by.autoloaded(); sets != nil {
			t.Log(sets)
		}
		if n := int(*worlds); count["matching"] < n || count["missing"] < n || count["refused"] < n/2 {
			t.Errorf("the worlds are not to the point: %v", count)
		}
	})
}

func makeWorld(t *testing.T, seed uint64) (*kernel, []*object) {
	t.Helper()
	k, objects, err := newWorld(seed)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	return k, objects
}

func FuzzWorlds(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(1 << 40 * (seed + 1))
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		k, objects := makeWorld(t, seed)
		promise(t, cilium{}, fmt.Sprintf("seed %d", seed), k, objects...)
	})
}
