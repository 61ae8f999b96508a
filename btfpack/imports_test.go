package btfpack_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/needs"
)

// Applications embed this package, so it depends on the standard library and on what reads a
// pack: neither on decoders of archives nor on what packs and cuts down.
func TestImports(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil || os.Getenv("TEST_SRCDIR") != "" {
		needs.Missing(t, "go", "the go command and this module's sources are not here, as under Bazel")
	}
	const module = "github.com/khulnasoft/rules_btf/"
	list := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", module+"btfpack")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(out))
	slices.Sort(got)
	want := []string{module + "btfpack", module + "internal/btf", module + "internal/graph", module + "internal/packfile", module + "internal/store"}
	if !slices.Equal(got, want) {
		t.Errorf("it depends on\n\t%s\nexpected\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
