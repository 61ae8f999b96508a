package core_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/hostile"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// Three kernels, two of which are alike, and what does not serve all of them.
const (
	surveyed = `
int int 4 signed
struct s 4 { a int @0; b *int @32 }
enum e 4 { A = 1; B = 2 }
struct t 4 { a int @0 }
reloc kprobe/a field_byte_offset struct s 0:0
reloc kprobe/a field_byte_size struct s 0:1
reloc kprobe/a enumval_exists enum e 1
reloc kprobe/a type_exists struct t 0
`
	twice   = "int int 4 signed\nstruct s 4 { a int @0 }\nstruct s 8 { a int @32 }\nenum e 4 { A = 1 }\n"
	once    = "int int 4 signed\nstruct s 8 { a int @0; b *int @32 }\nenum e 4 { A = 1 }\n"
	serving = "int int 4 signed\nstruct s 8 { a int @0; b *int @32 }\nenum e 4 { B = 1 }\nstruct t 1 { }\n"
)

const surveyedFile = `{
  "version": 1,
  "kernels": [
    "a/1",
    "a/2",
    "a/3",
    "b/1",
    "b/10",
    "b/2"
  ],
  "findings": [
    {"relocation":{"kind":"enumval_exists","type":"enum e","enumerator":"B"},"outcome":"no_match","effect":"zero","candidates":1,"kernels":[[0,1],[4,5]]},
    {"relocation":{"kind":"field_byte_offset","type":"struct s","path":[0,["a","int"]]},"outcome":"ambiguous","effect":"refusal","candidates":2,"results":[{"value":0},{"value":4,"offset":32}],"kernels":[[1,1],[4,5]]},
    {"relocation":{"kind":"field_byte_size","type":"struct s","path":[0,["b","ptr"]]},"outcome":"no_match","effect":"poison","candidates":2,"kernels":[[1,1],[4,5]]},
    {"relocation":{"kind":"type_exists","type":"struct t"},"outcome":"no_candidate","effect":"zero","kernels":[[0,1],[4,5]]}
  ]
}
`

// The order in which kernels come does not matter, nor which Finder has found what is equal.
func TestCollector(t *testing.T) {
	rs := btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, surveyed))
	kernels := map[string]string{"a/1": once, "a/2": twice, "a/3": serving, "b/1": serving, "b/2": twice, "b/10": twice}
	shared := map[string][]*core.Finding{}
	for _, text := range kernels {
		shared[text] = found(t, btftest.Compile(t, binary.LittleEndian, text), rs)
	}
	for _, order := range []string{"a/1 a/2 a/3 b/1 b/10 b/2", "b/2 a/1 b/10 a/2 b/1 a/3", "b/10 b/2 a/3 a/2 a/1 b/1"} {
		var one, several core.Collector
		for _, name := range strings.Fields(order) {
			one.Add(name, shared[kernels[name]])
			several.Add(name, found(t, btftest.Compile(t, binary.LittleEndian, kernels[name]), rs))
		}
		for _, c := range []*core.Collector{&one, &several} {
			if got := string(collected(t, c)); got != surveyedFile {
				t.Errorf("%s: %s", order, testfiles.Diff(got, surveyedFile))
			}
		}
	}
}

// What one relocation finds is in the order of the kernels.
func TestCollectorOrder(t *testing.T) {
	rs := btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, "int int 4 signed\nstruct t 4 { a int @0 }\nreloc kprobe/a field_byte_offset struct t 0:0\n"))
	var c core.Collector
	for name, text := range map[string]string{"k1": "struct t 4 { }\n", "k2": "int int 4\n", "k3": "struct t 4 { }\n", "k4": "int int 4\n"} {
		c.Add(name, found(t, btftest.Compile(t, binary.LittleEndian, text), rs))
	}
	got := lines(collected(t, &c))
	const want = `"k1",
"k2",
"k3",
"k4"
{"relocation":{"kind":"field_byte_offset","type":"struct t","path":[0,["a","int"]]},"outcome":"no_match","effect":"poison","candidates":1,"kernels":[[0,0],[2,2]]},
{"relocation":{"kind":"field_byte_offset","type":"struct t","path":[0,["a","int"]]},"outcome":"no_candidate","effect":"poison","kernels":[[1,1],[3,3]]}
`
	if got != want {
		t.Error(testfiles.Diff(got, want))
	}
}

func TestCollectorNames(t *testing.T) {
	for want, names := range map[string][]string{
		"two kernels are named b":                   {"b", "a", "b"},
		"a kernel's name, \"a\\xff\", is not UTF-8": {"b", "a\xff"},
	} {
		var c core.Collector
		for _, name := range names {
			c.Add(name, nil)
		}
		if file, err := c.File(); file != nil || err == nil || err.Error() != want {
			t.Errorf("%v, %v", file, err)
		}
	}
}

// Thousands of kernels that have most findings in common.
func TestManyKernels(t *testing.T) {
	const kernels, relocations = 5000, 400
	list := make([]*core.Finding, relocations)
	for i := range list {
		list[i] = &core.Finding{Relocation: core.Relocation{Kind: core.TypeExists, TypeKind: btf.Struct, Type: fmt.Sprintf("s%03d", i)}, Outcome: core.NoCandidate}
	}
	var file *core.FindingsFile
	hostile.Bound{Factor: 1, Plus: 64 << 20, Time: 20 * time.Second}.Check(t, 0, func() {
		var c core.Collector
		for k := range kernels {
			of := list
			if k%10 == 0 {
				own := *list[k%relocations]
				own.Candidates, own.Outcome = k, core.NoMatch
				of = append([]*core.Finding{&own}, list[relocations/2:]...)
			}
			c.Add(fmt.Sprintf("k%04d", (k*7)%kernels), of)
		}
		var err error
		if file, err = c.File(); err != nil {
			t.Error(err)
		}
	})
	if got := len(file.Findings); got != relocations+kernels/10 {
		t.Errorf("%d findings", got)
	}
}

func TestUnmarshalFindings(t *testing.T) {
	file, err := core.UnmarshalFindings([]byte(surveyedFile))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := file.Marshal(); err != nil || !bytes.Equal(again, []byte(surveyedFile)) {
		t.Errorf("read and written again (%v): %s", err, testfiles.Diff(string(again), surveyedFile))
	}
	for _, c := range []struct{ old, new, want string }{
		{`"version": 1`, `"version": 9`, "version 9, this minbtf reads version 1"},
		{`"kernels": [`, `"colours": [`, `unknown field "colours"`},
		{`"ambiguous"`, `"vague"`, `unknown outcome "vague"`},
		{`"effect":"refusal"`, `"effect":"zero"`, "finding 1: outcome and effect do not go together"},
		{`"type":"struct t"`, `"type":"t"`, `finding 3: type "t" is not a kind and a name`},
		{`"b/10"`, `"b/3"`, `kernel "b/2" stands behind "b/3": they are not sorted`},
		{`"b/10"`, `"b/1"`, `kernel "b/1" stands behind "b/1": they are not sorted`},
		{`[[0,1],[4,5]]`, `[]`, "finding 0: no kernel has it"},
		{`,"kernels":[[0,1],[4,5]]`, ``, "finding 0: no kernel has it"},
		{`[[0,1],[4,5]]`, `[[0,1,2]]`, "range [0,1,2] of kernels is not a first and a last one"},
		{`[[0,1],[4,5]]`, `[[0,1],null]`, "range null of kernels is not a first and a last one"},
		{`[[0,1],[4,5]]`, `[[0,1],["4",5]]`, "cannot unmarshal string"},
		{`[[0,1],[4,5]]`, `[[-1,1]]`, "finding 0: range [-1,1] of kernels is out of order, or goes beyond the 6 that there are"},
		{`[[0,1],[4,5]]`, `[[1,0]]`, "finding 0: range [1,0] of kernels is out of order, or goes beyond the 6 that there are"},
		{`[[0,1],[4,5]]`, `[[0,1],[1,5]]`, "finding 0: range [1,5] of kernels is out of order, or goes beyond the 6 that there are"},
		{`[[0,1],[4,5]]`, `[[0,1],[4,6]]`, "finding 0: range [4,6] of kernels is out of order, or goes beyond the 6 that there are"},
	} {
		damaged := strings.Replace(surveyedFile, c.old, c.new, 1)
		if file, err := core.UnmarshalFindings([]byte(damaged)); file != nil || !errors.Is(err, core.ErrFindings) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: %v", c.new, c.old, err)
		}
	}
}
