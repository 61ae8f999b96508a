package main

import (
	"bytes"
	"fmt"
	"testing"

	ebpf "github.com/cilium/ebpf/btf"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

func exampleOrigin(t testing.TB, release string) origin {
	t.Helper()
	o, err := readOrigin(testfiles.Kernel(t, release))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

type built struct {
	name string
	raw  []byte
}

func (s *series) build(t testing.TB, origins ...origin) []built {
	t.Helper()
	var all []built
	for _, l := range s.lines(origins) {
		if err := l.build(func(name string, raw []byte) error {
			all = append(all, built{name, raw})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

var short = series{kernels: 6, line: 4, flavours: 2, keep: 0.3, pace: 1, seed: 1}

// TestUnchanged lays out every struct of real kernels anew, without a change.
func TestUnchanged(t *testing.T) {
	for _, path := range testfiles.Kernels(t) {
		o, err := readOrigin(path)
		if err != nil {
			t.Fatal(err)
		}
		k := newKernel(o.file)
		before, err := k.bytes()
		if err != nil {
			t.Fatal(err)
		}
		for id := range k.types {
			if k.types[id].Kind.IsComposite() {
				k.put(uint32(id), k.members(uint32(id)))
			}
		}
		k.settle()
		after, err := k.bytes()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, after) {
			t.Errorf("%s: %+v", path, compare(newView(newKernel(btftest.File(t, before))), newView(newKernel(btftest.File(t, after)))))
		}
	}
}

func TestDeterminism(t *testing.T) {
	origins := []origin{exampleOrigin(t, "5.10.0-32-cloud-arm64"), exampleOrigin(t, "6.1.0-47-cloud-amd64")}
	all := short.build(t, origins...)
	if len(all) != short.kernels {
		t.Fatalf("%d kernels, want %d", len(all), short.kernels)
	}
	fewer, other := short, short
	fewer.kernels = 5
	other.seed = 2
	for i, k := range fewer.build(t, origins...) {
		if k.name != all[i].name || !bytes.Equal(k.raw, all[i].raw) {
			t.Errorf("%s: another kernel in a shorter series", k.name)
		}
	}
	names := map[string]bool{}
	for i, k := range other.build(t, origins...) {
		if k.name != all[i].name || bytes.Equal(k.raw, all[i].raw) {
			t.Errorf("%s: the same kernel from another seed", k.name)
		}
		names[k.name] = true
	}
	if len(names) != len(all) || !names["distro02/6.1/x86_64/6.1.0-cloud"] {
		t.Errorf("names %v", names)
	}
}

// TestLayout looks for members that reach into the next one or beyond the end,
// with cilium/ebpf's sizes.
func TestLayout(t *testing.T) {
	o := exampleOrigin(t, "6.1.0-47-cloud-amd64")
	s := short
	s.keep, s.pace, s.kernels = 1, 10, 4
	real, err := newKernel(o.file).bytes()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, fault := range faults(t, real) {
		known[fault] = true
	}
	for _, k := range s.build(t, o) {
		for _, fault := range faults(t, k.raw) {
			if !known[fault] {
				t.Errorf("%s: %s", k.name, fault)
			}
		}
	}
}

func faults(t *testing.T, raw []byte) []string {
	t.Helper()
	spec, err := ebpf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var faults []string
	structs := 0
	for typ, err := range spec.All() {
		if err != nil {
			t.Fatal(err)
		}
		s, ok := typ.(*ebpf.Struct)
		if !ok {
			continue
		}
		structs++
		end := ebpf.Bits(0)
		for _, m := range s.Members {
			if m.Offset < end {
				faults = append(faults, fmt.Sprintf("%s.%s begins in the member before it", s.Name, m.Name))
			}
			size := m.BitfieldSize
			if size == 0 {
				bytes, err := ebpf.Sizeof(m.Type)
				if err != nil {
					faults = append(faults, fmt.Sprintf("%s.%s: %v", s.Name, m.Name, err))
				}
				size = ebpf.Bits(8 * bytes)
			}
			end = m.Offset + size
		}
		if end > ebpf.Bits(8*s.Size) {
			faults = append(faults, fmt.Sprintf("%s is smaller than its members", s.Name))
		}
	}
	if structs < 1000 {
		t.Fatalf("%d structs", structs)
	}
	return faults
}

// TestPace builds a year, and holds it to the figures of README.md.
func TestPace(t *testing.T) {
	s := series{kernels: 26, line: 26, flavours: 2, keep: 1, pace: 1, seed: 1}
	all := s.build(t, exampleOrigin(t, "6.1.0-47-cloud-amd64"))
	views := make([]*view, len(all))
	for i, k := range all {
		views[i] = newView(newKernel(btftest.File(t, k.raw)))
	}
	var year difference
	for i := 2; i < len(views); i += 2 {
		d := compare(views[i-2], views[i])
		year.added += d.added
		year.removed += d.removed
		year.changed += d.changed
		year.edited += d.edited
		year.values += d.values
	}
	other := compare(views[0], views[1])
	for _, f := range []struct {
		what       string
		n, low, up int
	}{
		{"types added in a year", year.added, 40, 240},
		{"removed", year.removed, 25, 150},
		{"changed", year.changed, 100, 600},
		{"edited", year.edited, 65, 400},
		{"new values", year.values, 200, 1200},
		{"types of one flavour alone", other.added + other.removed, 400, 2000},
		{"types that differ", other.changed, 30, 300},
	} {
		if f.n < f.low || f.n > f.up {
			t.Errorf("%s: %d, want %d to %d", f.what, f.n, f.low, f.up)
		}
	}
}

func TestFormats(t *testing.T) {
	s := short
	s.kernels, s.keep = 1, 0.05
	k := s.build(t, exampleOrigin(t, "5.10.0-32-cloud-arm64"))[0]
	for format, write := range writers {
		name := "kernel." + format
		packed, err := write(name, k.raw)
		if err != nil {
			if format == "btf.tar.xz" {
				t.Logf("not tested: %v", err)
				continue
			}
			t.Fatal(err)
		}
		raw, err := archive.ReadBTF(name, packed)
		if err != nil || !bytes.Equal(raw, k.raw) {
			t.Errorf("%s: other BTF, %v", format, err)
		}
	}
}

func TestWith(t *testing.T) {
	s := short
	s.kernels, s.keep, s.with = 1, 0.05, "task_struct"
	spec, err := ebpf.LoadSpecFromReader(bytes.NewReader(s.build(t, exampleOrigin(t, "5.10.0-32-cloud-arm64"))[0].raw))
	if err != nil {
		t.Fatal(err)
	}
	var task *ebpf.Struct
	if err := spec.TypeByName("task_struct", &task); err != nil || len(task.Members) < 100 {
		t.Errorf("got %v, %v", task, err)
	}
}
