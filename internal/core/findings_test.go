package core_test

import (
	"fmt"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/judge"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// checkFindings compares the findings with what libbpf makes of each of an
// object's relocations, and returns how many it judged.
func checkFindings(t *testing.T, libbpf *judge.Judge, kernel, object []byte) (judged int) {
	t.Helper()
	o, err := core.ReadObject(object)
	if err != nil {
		t.Fatal(err)
	}
	outcomes, err := libbpf.Outcomes(kernel, object)
	if err != nil {
		t.Fatal(err)
	}
	rs := btftest.Relocations(t, object)
	findings := map[int]*core.Finding{}
	for _, f := range found(t, kernel, rs) {
		i, _ := rs.Find(&f.Relocation)
		findings[i] = f
	}
	for i, rec := range o.Records() {
		r, ok, err := o.Relocation(rec)
		if err != nil {
			t.Fatal(err)
		}
		libbpf := outcomes[i]
		if !ok || libbpf.Class == judge.LocalSpec || libbpf.Class == judge.LocalType {
			continue // refused for the object's sake, whatever the kernel
		}
		judged++
		n, _ := rs.Find(&r)
		got := "resolved"
		if f, ok := findings[n]; ok {
			got = fmt.Sprintf("%s, %s", f.Outcome, f.Effect())
		}
		if want := expectedFinding(&libbpf); got != want {
			t.Errorf("%s: %s; libbpf: %s (%s)", &r, got, libbpf, want)
		}
	}
	return judged
}

// expectedFinding says in our terms what libbpf found.
func expectedFinding(o *judge.Outcome) string {
	question := false
	switch core.RelocationKind(o.Kind) {
	case core.FieldExists, core.TypeExists, core.TypeSize, core.TypeIDTarget, core.TypeMatches, core.EnumvalExists:
		question = true
	}
	switch {
	case o.Class == judge.OffsetAmbiguity, o.Class == judge.ValueAmbiguity:
		return "ambiguous, refusal"
	case o.Class != judge.Value:
		return "refused, refusal"
	case o.Matching > 0:
		return "resolved"
	case o.Poison == question:
		return "no such outcome"
	}
	outcome := "no_match"
	if o.Candidates == 0 {
		outcome = "no_candidate"
	}
	if question {
		return outcome + ", zero"
	}
	return outcome + ", poison"
}

func TestFindingsAreLibbpfs(t *testing.T) {
	libbpf := judge.Libbpf(t)
	for _, c := range testfiles.Cases(t, "testdata/prune") {
		for _, order := range orders {
			t.Run(c.Name+"/"+order.String(), func(t *testing.T) {
				kernel := btftest.Compile(t, order, c.Part("kernel"))
				checkFindings(t, libbpf, kernel, btftest.Object(t, order, c.Part("object")))
			})
		}
	}
	judged := 0
	for _, path := range testfiles.Kernels(t) {
		t.Run(testfiles.Release(path), func(t *testing.T) {
			judged += checkFindings(t, libbpf, testfiles.BTF(t, path), testfiles.Read(t, testfiles.TraceeObject(t)))
		})
	}
	t.Logf("%d relocations of the example", judged)
}
