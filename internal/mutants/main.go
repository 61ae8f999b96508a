// Mutants breaks pruning and packs on purpose, in ways that somebody might by mistake,
// and shows which tests notice:
//
//	go run ./internal/mutants [-all] [-run REGEXP]
//
// A mutant is a wrong piece of text in place of the right one, which go builds
// instead of the file (go build -overlay); the tree stays as it is. Without -all
// a mutant is done with when one of the suites has noticed that let loaders judge, or compare
// with what they judged. One that none of these notices has survived: exit status 1,
// and a hole in the suites.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A suite is tests of a package that are run at once.
type suite struct {
	pkg  string
	args []string
	// promise: it lets loaders judge, compares what goes through a pack with what does not, or holds
	// the format, so that one of these must notice.
	promise bool
}

var suites = []suite{
	{"property", []string{"-test.run=TestWorlds/cilium", "-worlds=1500"}, true},
	{"conformance", []string{"-test.run=TestCases"}, true},
	{"property", []string{"-test.run=TestPacks|TestOneAfterAnother"}, true},
	{"property", []string{"-test.run=TestKernels/cilium", "-seeds=6"}, true},
	{"property", []string{"-test.run=TestWorlds/libbpf", "-worlds=1500"}, true},
	{"property", []string{"-test.run=TestKernels/libbpf", "-seeds=6"}, true},
	{"pack", []string{"-test.run=TestSameBytes$|TestUnpack"}, true},
	{"packfile", []string{"-test.run=TestVersion1|TestSqueeze"}, true},
	{"core", []string{"-test.run=TestPrune|TestExampleKernels"}, false},
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "mutants: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	all := flags.Bool("all", false, "run all suites for each mutant")
	only := flags.String("run", "", "only mutants whose names match")
	if err := flags.Parse(args); err != nil {
		return err
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	r := &runner{tmp: tmp, all: *all}
	if r.root, err = moduleRoot(); err != nil {
		return err
	}
	if notice, err := r.test(nil); err != nil {
		return err
	} else if len(notice) > 0 {
		return fmt.Errorf("tests fail without a mutant: %s", strings.Join(notice, ", "))
	}
	row(stdout, "MUTANT", "WHAT IT BREAKS", "WHAT NOTICES")
	var survived []string
	for i := range mutants {
		m := &mutants[i]
		if !pattern.MatchString(m.name) {
			continue
		}
		begin := time.Now()
		notice, err := r.test(m)
		if err != nil {
			return err
		}
		if len(notice) == 0 {
			notice = []string{"SURVIVED"}
			survived = append(survived, m.name)
		}
		row(stdout, m.name, m.breaks, fmt.Sprintf("%s  (%.1f s)", strings.Join(notice, ", "), time.Since(begin).Seconds()))
	}
	if len(survived) > 0 {
		return fmt.Errorf("%d mutants survived: %s", len(survived), strings.Join(survived, ", "))
	}
	return nil
}

// moduleRoot is the folder of go.mod.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	path := strings.TrimSpace(string(out))
	if path == "" || path == os.DevNull {
		return "", errors.New("no go.mod here; run it in the repository")
	}
	return filepath.Dir(path), nil
}

type runner struct {
	root, tmp string
	all       bool
}

// row prints a row of the table.
func row(w io.Writer, name, breaks, notice string) {
	widest := func(of func(m *mutant) string) int {
		n := 0
		for i := range mutants {
			n = max(n, len(of(&mutants[i])))
		}
		return n
	}
	fmt.Fprintf(w, "%-*s  %-*s  %s\n",
		widest(func(m *mutant) string { return m.name }), name,
		widest(func(m *mutant) string { return m.breaks }), breaks, notice)
}

// test runs the suites with a mutant, or without any, and returns the tests that failed.
func (r *runner) test(m *mutant) ([]string, error) {
	overlay := ""
	if m != nil {
		var err error
		if overlay, err = m.overlay(r.root, r.tmp); err != nil {
			return nil, err
		}
	}
	binaries := map[string]string{}
	var notice []string
	noticed := false
	for _, s := range suites {
		if noticed && !r.all {
			break
		}
		binary := binaries[s.pkg]
		if binary == "" {
			binary = filepath.Join(r.tmp, s.pkg+".test")
			if err := r.compile(s.pkg, binary, overlay); err != nil {
				return nil, fmt.Errorf("%s: %w", m.label(), err)
			}
			binaries[s.pkg] = binary
		}
		failed, err := r.suite(s, binary)
		if err != nil {
			return nil, err
		}
		if failed != "" {
			notice = append(notice, s.pkg+" "+failed)
			noticed = noticed || s.promise
		}
	}
	if !noticed {
		return nil, nil // what core's own tests notice is not enough
	}
	return notice, nil
}

func (m *mutant) label() string {
	if m == nil {
		return "without a mutant"
	}
	return m.name
}

func (r *runner) compile(pkg, binary, overlay string) error {
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-overlay="+overlay, "-o", binary, "./internal/"+pkg)
	cmd.Dir = r.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("does not compile: %w\n%s", err, out)
	}
	return nil
}

var failLine = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`)

// suite returns the test that failed; empty if none has.
func (r *runner) suite(s suite, binary string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"-test.failfast"}, s.args...)...)
	cmd.Dir = filepath.Join(r.root, "internal", s.pkg)
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return "", nil
	case ctx.Err() != nil:
		return "does not end", nil
	case bytes.Contains(out, []byte("\npanic: ")), bytes.HasPrefix(out, []byte("panic: ")):
		return "panics", nil
	}
	failed := ""
	for _, match := range failLine.FindAllSubmatch(out, -1) {
		// A test comes before its subtests: the deepest of the first one.
		if name := string(match[1]); strings.HasPrefix(name, failed) {
			failed = name
		}
	}
	if failed == "" {
		return "", fmt.Errorf("%s %s: %w\n%s", s.pkg, strings.Join(s.args, " "), err, out)
	}
	return failed, nil
}

// apply returns the mutated file.
func (m *mutant) apply(root string) (string, error) {
	text, err := os.ReadFile(m.path(root))
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", fmt.Errorf("%s: no longer applies: %s has the text %d times, want 1:\n%s", m.name, m.file, n, m.old)
	}
	return strings.Replace(string(text), m.old, m.new, 1), nil
}

func (m *mutant) path(root string) string { return filepath.Join(root, filepath.FromSlash(m.file)) }

// overlay writes the mutant and the file that tells go of it, and returns its path.
func (m *mutant) overlay(root, tmp string) (string, error) {
	text, err := m.apply(root)
	if err != nil {
		return "", err
	}
	mutated := filepath.Join(tmp, "mutated.go")
	if err := os.WriteFile(mutated, []byte(text), 0o666); err != nil {
		return "", err
	}
	file, err := json.Marshal(map[string]map[string]string{"Replace": {m.path(root): mutated}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(tmp, "overlay.json")
	return overlay, os.WriteFile(overlay, file, 0o666)
}
