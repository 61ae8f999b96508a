// Package gorepos tests that WORKSPACE users get the Go modules that go.mod names.
package gorepos

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write rules/go_repositories.bzl anew")

const (
	goMod  = "../../../go.mod"
	goSum  = "../../../go.sum"
	macro  = "../../go_repositories.bzl"
	header = `"""For users of WORKSPACE: the Go modules of go.mod.

Written by: go test ./rules/tests/gorepos -update
"""

load("@bazel_gazelle//:deps.bzl", "go_repository")

def rules_btf_go_dependencies():
    """Declares the Go modules that minbtf is built from. Call it before go_rules_dependencies()."""
`
)

func TestGoRepositories(t *testing.T) {
	mods, err := modules()
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	want.WriteString(header)
	for _, m := range mods {
		fmt.Fprintf(&want, `    go_repository(
        name = %q,
        importpath = %q,
        sum = %q,
        version = %q,
    )
`, m.repo, m.path, m.sum, m.version)
	}
	if len(mods) == 0 {
		want.WriteString("    pass\n")
	}
	if *update {
		if err := os.WriteFile(macro, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(macro)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("rules/go_repositories.bzl is not what go.mod and go.sum say; run: go test ./rules/tests/gorepos -update")
	}
}

type module struct{ repo, path, version, sum string }

// modules lists what go.mod requires, directly or not, sorted by repository name.
func modules() ([]module, error) {
	mod, err := os.ReadFile(goMod)
	if err != nil {
		return nil, err
	}
	sums, err := checksums()
	if err != nil {
		return nil, err
	}
	var out []module
	require := regexp.MustCompile(`(?m)^(?:require |\t)([^\s()]+) (v\S+)`)
	for _, r := range require.FindAllStringSubmatch(string(mod), -1) {
		m := module{repo: repoName(r[1]), path: r[1], version: r[2], sum: sums[r[1]+" "+r[2]]}
		if m.sum == "" {
			return nil, fmt.Errorf("go.sum: no sum of %s %s; run go mod tidy", m.path, m.version)
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b module) int { return strings.Compare(a.repo, b.repo) })
	return out, nil
}

// checksums maps "path version" to the module's sum. Without modules there is no go.sum.
func checksums() (map[string]string, error) {
	sums := map[string]string{}
	raw, err := os.ReadFile(goSum)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); {
		if f := strings.Fields(s.Text()); len(f) == 3 && !strings.HasSuffix(f[1], "/go.mod") {
			sums[f[0]+" "+f[1]] = f[2]
		}
	}
	return sums, nil
}

// repoName is gazelle's name for a Go module: the host's labels reversed, then the path.
func repoName(path string) string {
	host, rest, _ := strings.Cut(strings.ToLower(path), "/")
	labels := strings.Split(host, ".")
	slices.Reverse(labels)
	name := strings.Join(append(labels, rest), "_")
	return strings.TrimSuffix(regexp.MustCompile(`[^a-z0-9]`).ReplaceAllString(name, "_"), "_")
}
