package conformance

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	cilium "github.com/cilium/ebpf/btf"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/judge"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
	"github.com/khulnasoft/rules_btf/internal/verify"
)

// A testCase is a case in one byte order.
type testCase struct {
	name   string
	dir    string
	big    bool
	order  binary.ByteOrder
	object []byte
	types  string // the kernel's, as text
	kernel []byte // the full BTF
	modern []byte // the same with a layout section, or nil
}

// cases returns all cases in all byte orders that they are there for. An
// object is the clang's in case.el.bpf.o and case.eb.bpf.o, or the text of one.
func cases(t *testing.T) []*testCase {
	t.Helper()
	dirs, err := filepath.Glob("testdata/*/kernel.txt")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases in testdata (%v)", err)
	}
	var all []*testCase
	for _, path := range dirs {
		dir := filepath.Dir(path)
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			c := &testCase{name: filepath.Base(dir), dir: dir, big: order == binary.BigEndian, order: order, types: joined(string(testfiles.Read(t, path)))}
			if text := filepath.Join(dir, "object.txt"); exists(text) {
				c.object = btftest.Object(t, order, string(testfiles.Read(t, text)))
			} else if object := c.objectPath(); exists(object) {
				c.object = testfiles.Read(t, object)
			} else {
				continue
			}
			c.kernel = btftest.Compile(t, order, c.types)
			if strings.HasPrefix(c.name, "trap09") {
				c.modern = withLayout(c.kernel, order, c.name == "trap09_unknown_kind")
			}
			all = append(all, c)
		}
	}
	return all
}

// joined makes one line of each type: in kernel.txt an indented line, and a
// closing brace, belong to the line before.
func joined(text string) string {
	return regexp.MustCompile(`\n(\t|})`).ReplaceAllString(text, " $1")
}

func (c *testCase) objectPath() string {
	if c.big {
		return filepath.Join(c.dir, "case.eb.bpf.o")
	}
	return filepath.Join(c.dir, "case.el.bpf.o")
}

func TestCases(t *testing.T) {
	for _, c := range cases(t) {
		if exists(filepath.Join(c.dir, "error.txt")) {
			continue // TestErrors
		}
		t.Run(c.name+"/"+c.order.String(), func(t *testing.T) {
			min := c.prune(t)
			t.Run("cilium", func(t *testing.T) { c.judgedByCilium(t, min) })
			t.Run("libbpf", func(t *testing.T) { c.judgedByLibbpf(t, min) })
			t.Run("libbpf-loader", func(t *testing.T) { c.compare(t, judge.LibbpfLoader(t), min) })
			t.Run("can fail", func(t *testing.T) { c.canFail(t, min) })
		})
	}
}

// prune returns the minimal BTF, which is the same however it is asked for.
func (c *testCase) prune(t *testing.T) []byte {
	t.Helper()
	rs := c.relocations(t)
	kernel := c.kernel
	if c.modern != nil {
		kernel = c.modern
	}
	min, err := pruned(t, kernel, rs)
	if err != nil {
		t.Fatal(err)
	}
	f := btftest.File(t, min)
	if f.BigEndian() != c.big {
		t.Error("the minimal BTF has another byte order than the kernel's")
	}
	if _, err := verify.Parse(min); err != nil {
		t.Error(err)
	}
	// Of trap 9 this says, too, that the new header makes no difference.
	if again, err := pruned(t, c.kernel, rs); err != nil || !bytes.Equal(again, min) {
		t.Errorf("a second time other bytes come out (%v)", err)
	}
	if again, err := pruned(t, c.kernel, reversed(t, rs)); err != nil || !bytes.Equal(again, min) {
		t.Errorf("of the same relocations in another order other bytes come out (%v)", err)
	}
	return min
}

func (c *testCase) relocations(t *testing.T) *core.Relocations {
	t.Helper()
	rs, err := c.readObject()
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func (c *testCase) readObject() (*core.Relocations, error) {
	o, err := core.ReadObject(c.object)
	if err != nil {
		return nil, err
	}
	return o.Relocations()
}

func pruned(t *testing.T, kernel []byte, rs *core.Relocations) ([]byte, error) {
	t.Helper()
	f, err := btf.Parse(kernel)
	if err != nil {
		return nil, err
	}
	return core.Prune(graph.Raw{File: f}, rs)
}

// reversed returns the relocations as read from a file that has them in another order.
func reversed(t *testing.T, rs *core.Relocations) *core.Relocations {
	t.Helper()
	file, err := rs.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(file, &fields); err != nil {
		t.Fatal(err)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(fields["relocations"], &list); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(list)
	if fields["relocations"], err = json.Marshal(list); err != nil {
		t.Fatal(err)
	}
	if file, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	rs, err = core.Unmarshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func (c *testCase) judgedByCilium(t *testing.T, min []byte) {
	full, small := c.load(t, c.kernel), c.load(t, min)
	got := read(t, c.expectedPath())
	fromFile := map[string]string{} // libbpf's word is for judgedByLibbpf
	for _, r := range got.rows {
		fromFile[r.where] = r.libbpf
	}
	got.rows = nil
	got.limits = nil
	for _, r := range relocations(t, c.object) {
		result := full.relocate([]*cilium.CORERelocation{r.relo})[0]
		got.rows = append(got.rows, row{r.where, r.what, result, fromFile[r.where]})
		if s := small.relocate([]*cilium.CORERelocation{r.relo})[0]; s != result {
			got.limits = append(got.limits, fmt.Sprintf("%s: %s", r.where, s))
		}
	}
	got.together = full.together(t, c.object)
	c.expect(t, got)
	if s := small.together(t, c.object); len(got.limits) == 0 && !slices.Equal(s, got.together) {
		t.Errorf("in programs: full:\n%s\nmin:\n%s", strings.Join(got.together, "\n"), strings.Join(s, "\n"))
	}
	res := btftest.Verify(t, c.kernel, min, c.object)
	for _, d := range res.Differences {
		t.Error(d)
	}
	if len(res.Limits) != len(got.limits) {
		t.Errorf("%d relocations differ, %d of them at limits of cilium/ebpf: %v", len(got.limits), len(res.Limits), res.Limits)
	}
}

func (c *testCase) load(t *testing.T, raw []byte) *kernel {
	t.Helper()
	spec, err := cilium.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return &kernel{spec, c.order}
}

func (c *testCase) judgedByLibbpf(t *testing.T, min []byte) {
	j := judge.Libbpf(t)
	got := read(t, c.expectedPath())
	results, loads := libbpf(t, j, c.kernel, c.object)
	for i := range got.rows {
		r := &got.rows[i]
		r.libbpf = results[r.where]
		if c.big && strings.HasPrefix(r.what, "field_lshift") && r.libbpf != r.cilium {
			r.libbpf = "(host's)" // libbpf computes it for the byte order of the host
		}
	}
	if len(got.rows) != len(results) {
		t.Errorf("libbpf finds %d relocations, cilium/ebpf %d", len(results), len(got.rows))
	}
	got.loads = loads
	c.expect(t, got)
	minResults, minLoads := libbpf(t, j, min, c.object)
	for where, r := range results {
		if minResults[where] != r {
			t.Errorf("%s: full: %s, min: %s", where, r, minResults[where])
		}
	}
	if !slices.Equal(loads, minLoads) {
		t.Errorf("in loads: full:\n%s\nmin:\n%s", strings.Join(loads, "\n"), strings.Join(minLoads, "\n"))
	}
	c.compare(t, j, min)
}

// compare lets a judge compare loads of sets of programs.
func (c *testCase) compare(t *testing.T, j *judge.Judge, min []byte) {
	t.Helper()
	res, err := j.Compare(c.kernel, min, c.object)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range res.Differences {
		t.Error(d)
	}
}

// canFail makes sure that one of the loaders notices if there is too little in the
// minimal BTF. Objects that need nothing of a kernel cannot show that.
func (c *testCase) canFail(t *testing.T, min []byte) {
	if len(c.relocations(t).Relocations) == 0 {
		return
	}
	all := c.lesser(t, min)
	for _, less := range all {
		if res := btftest.Verify(t, c.kernel, less, c.object); len(res.Differences) > 0 {
			return
		}
	}
	j := judge.Libbpf(t) // or skip: it may be libbpf alone that notices
	for _, less := range all {
		if res, err := j.Compare(c.kernel, less, c.object); err == nil && len(res.Differences) > 0 {
			return
		}
	}
	t.Error("the case shows nothing: neither loader notices if there are no types at all, or less of one")
}

// lesser is BTF without types, and then what is minimal but for a name, a size, a
// modifier or a member.
func (c *testCase) lesser(t *testing.T, min []byte) [][]byte {
	t.Helper()
	f := btftest.File(t, min)
	all := [][]byte{btftest.Compile(t, c.order, "")}
	s := btftest.From(f)
	for i := range s.Types {
		t := &s.Types[i]
		whole := *t
		harms := []func(){
			func() { t.Name = 0 },
			func() { t.Size = 0 },
			func() {
				if t.Kind.IsModifier() && t.Ref != 0 {
					*t = s.Types[t.Ref-1]
				}
			},
		}
		for j := range t.Members {
			harms = append(harms, func() { t.Members = slices.Delete(slices.Clone(t.Members), j, j+1) })
		}
		for _, harm := range harms {
			harm()
			if raw, err := s.Kernel(c.order); err == nil {
				if _, err := verify.Parse(raw); err == nil {
					all = append(all, raw)
				}
			}
			*t = whole
		}
	}
	return all
}

// TestErrors has the cases in which there is no minimal BTF.
func TestErrors(t *testing.T) {
	for _, c := range cases(t) {
		path := filepath.Join(c.dir, "error.txt")
		if !exists(path) {
			continue
		}
		t.Run(c.name+"/"+c.order.String(), func(t *testing.T) {
			rs, err := c.readObject()
			if err == nil {
				_, err = pruned(t, c.kernel, rs)
			}
			if !errors.Is(err, btf.ErrFormat) && !errors.Is(err, core.ErrObject) {
				t.Fatalf("error %v", err)
			}
			testfiles.Golden(t, path, []byte(err.Error()+"\n"))
		})
	}
}

// Trap 6: no object is pruned for a kernel of the other byte order.
func TestTrap06ByteOrder(t *testing.T) {
	for _, c := range cases(t) {
		if exists(filepath.Join(c.dir, "error.txt")) {
			continue
		}
		rs := c.relocations(t)
		if len(rs.Relocations) == 0 {
			continue // needs nothing of any kernel
		}
		var other binary.ByteOrder = binary.BigEndian
		if c.big {
			other = binary.LittleEndian
		}
		if _, err := pruned(t, btftest.Compile(t, other, c.types), rs); !errors.Is(err, core.ErrByteOrder) {
			t.Errorf("%s: %v object, %v kernel: %v", c.name, c.order, other, err)
		}
	}
}

// Each case says what it is about, and stands in the README's table.
func TestSources(t *testing.T) {
	readme := string(testfiles.Read(t, "README.md"))
	for _, c := range cases(t) {
		if !strings.Contains(readme, "\n| `"+c.name+"` |") {
			t.Errorf("README.md's table has no line for %s", c.name)
		}
		sources, err := filepath.Glob(filepath.Join(c.dir, "*.bpf.c"))
		if err != nil {
			t.Fatal(err)
		}
		if text := filepath.Join(c.dir, "object.txt"); exists(text) {
			sources = append(sources, text)
		}
		if len(sources) == 0 {
			t.Errorf("%s has no source", c.dir)
		}
		for _, path := range sources {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(source, []byte("/*")) && !bytes.HasPrefix(source, []byte("# ")) {
				t.Errorf("%s does not begin with a comment that says what it is about", path)
			}
		}
	}
}
