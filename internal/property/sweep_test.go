package property

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

var (
	sweepKernels = flag.String("sweep.kernels", "", "folders of kernels for TestSweep, separated by commas")
	sweepObjects = flag.String("sweep.objects", "", "folders of objects for TestSweep, separated by commas")
)

// The promise, for real objects on real kernels: each object on each kernel,
// with a minimal BTF of its own. For what is not named, the folder in ../shared
// beside the repository is taken if it is there, and of its kernels a few.
func TestSweep(t *testing.T) {
	kernelDirs, objectDirs, every := *sweepKernels, *sweepObjects, 1
	if kernelDirs == "" {
		kernelDirs, every = testfiles.Shared(t, "corpus", "-sweep.kernels"), 8
	}
	if objectDirs == "" {
		objectDirs = testfiles.Shared(t, "objects", "-sweep.objects")
	}
	var paths []string
	for _, dir := range strings.Split(kernelDirs, ",") {
		paths = append(paths, testfiles.Files(t, dir, kernelExt...)...)
	}
	var objects []*object
	for _, dir := range strings.Split(objectDirs, ",") {
		for _, path := range testfiles.Files(t, dir, ".o") {
			o, err := newObject(filepath.Base(path), testfiles.Read(t, path))
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			objects = append(objects, o)
		}
	}
	slices.SortFunc(paths, func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	forEachLoader(t, true, func(t *testing.T, by witness) {
		var table strings.Builder
		w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(w, "pairs\tof another byte order\trelocations\tdifferences\tapart\t kernel")
		sum := &swept{}
		for i := 0; i < len(paths); i += every {
			row := sweep(t, by, paths[i], objects)
			row.print(w, filepath.Base(paths[i]))
			sum.add(row)
		}
		sum.print(w, "in all")
		w.Flush()
		t.Logf("%d objects:\n%s", len(objects), &table)
		if sum.pairs == 0 || sum.relocations == 0 {
			t.Error("nothing was swept")
		}
	})
}

// swept counts what TestSweep did.
type swept struct{ pairs, foreign, relocations, differences, apart int }

func (s *swept) add(o *swept) {
	s.pairs += o.pairs
	s.foreign += o.foreign
	s.relocations += o.relocations
	s.differences += o.differences
	s.apart += o.apart
}

func (s *swept) print(w *tabwriter.Writer, name string) {
	fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t %s\n", s.pairs, s.foreign, s.relocations, s.differences, s.apart, name)
}

func sweep(t *testing.T, by loader, path string, objects []*object) *swept {
	s := &swept{}
	k := readKernel(t, path)
	for _, o := range objects {
		if (o.relos.ByteOrder == core.BigEndian) != k.file.BigEndian() {
			s.foreign++
			continue
		}
		min, err := core.Prune(graph.Raw{File: k.file}, o.relos)
		if err != nil {
			t.Errorf("%s, %s: %v", path, o.name, err)
			continue
		}
		v, err := by.compare(k, min, o)
		if err != nil {
			t.Errorf("%s, %s: %v", path, o.name, err)
			continue
		}
		s.pairs++
		s.relocations += v.relocations
		s.differences += len(v.differences)
		s.apart += v.apart
		for _, d := range append(v.differences, v.findings...) {
			t.Errorf("%s: %s: %s", path, o.name, d)
		}
	}
	return s
}
