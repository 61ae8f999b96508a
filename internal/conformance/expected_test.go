package conformance

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// expected is what both loaders make of a case, as it stands in expected.txt.
type expected struct {
	rows     []row
	together []string // cilium/ebpf: where a program's other relocations matter
	loads    []string // libbpf: the same
	limits   []string // cilium/ebpf: where the minimal BTF spares it a limit of its own
}

type row struct{ where, what, cilium, libbpf string }

const (
	alone    = "# Each relocation by itself, against the full BTF and the minimal one: cilium/ebpf | libbpf"
	together = "# cilium/ebpf, with the other relocations of the program"
	loads    = "# libbpf, in a load of the program alone"
	limits   = "# cilium/ebpf, against the minimal BTF: the full one leads to a limit of its own"
)

func (e *expected) format() []byte {
	var b strings.Builder
	width := [3]int{}
	for _, r := range e.rows {
		width = [3]int{max(width[0], len(r.where)), max(width[1], len(r.what)), max(width[2], len(r.cilium))}
	}
	b.WriteString(alone + "\n")
	for _, r := range e.rows {
		fmt.Fprintf(&b, "%-*s | %-*s | %-*s | %s\n", width[0], r.where, width[1], r.what, width[2], r.cilium, r.libbpf)
	}
	for _, part := range []struct {
		head  string
		lines []string
	}{{together, e.together}, {loads, e.loads}, {limits, e.limits}} {
		if len(part.lines) > 0 {
			b.WriteString("\n" + part.head + "\n" + strings.Join(part.lines, "\n") + "\n")
		}
	}
	return []byte(b.String())
}

// read reads what format has written, or nothing if there is no file.
func read(t *testing.T, path string) *expected {
	t.Helper()
	e := &expected{}
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	head := ""
	for line := range strings.Lines(string(text)) {
		switch line = strings.TrimSpace(line); {
		case line == "":
		case strings.HasPrefix(line, "#"):
			head = line
		case head == together:
			e.together = append(e.together, line)
		case head == loads:
			e.loads = append(e.loads, line)
		case head == limits:
			e.limits = append(e.limits, line)
		default:
			cells := strings.Split(line+" ", " | ")
			if len(cells) != 4 {
				t.Fatalf("%s: %q has not four columns", path, line)
			}
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			e.rows = append(e.rows, row{cells[0], cells[1], cells[2], cells[3]})
		}
	}
	return e
}

// expect compares what a case came to with expected.txt or, for big-endian
// ones where that is not the same, expected.eb.txt; -update rewrites them.
func (c *testCase) expect(t *testing.T, got *expected) {
	t.Helper()
	path := c.expectedPath()
	if flag.Lookup("update").Value.String() != "true" || !c.big {
		testfiles.Golden(t, path, got.format())
		return
	}
	own, common := filepath.Join(c.dir, bigExpected), filepath.Join(c.dir, littleExpected)
	if string(testfiles.Read(t, common)) != string(got.format()) {
		testfiles.Golden(t, own, got.format())
	} else if err := os.Remove(own); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

const littleExpected, bigExpected = "expected.txt", "expected.eb.txt"

func (c *testCase) expectedPath() string {
	if own := filepath.Join(c.dir, bigExpected); c.big && exists(own) {
		return own
	}
	return filepath.Join(c.dir, littleExpected)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
