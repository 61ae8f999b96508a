//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	dir := t.TempDir()
	file, folder := filepath.Join(dir, "file"), filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "old"), 0o777); err != nil {
		t.Fatal(err)
	}
	commands, ok := parseRows([]string{
		"one", file, "1", "sh", "-c", "echo abc >" + file, "--",
		"two", folder, "2", "sh", "-c", "mkdir " + folder + "; echo 1 >" + folder + "/a; echo 22 >" + folder + "/b", "--",
		"child", "-", "1", "sh", "-c", "true | head -c 100000000 /dev/zero | tail -c 60000000 | wc -c", "--",
		"bad", "-", "1", "false",
	})
	if !ok {
		t.Fatal("not parsed")
	}
	var out, errs bytes.Buffer
	if err := (table{commands: commands, runs: 2}).print(&out, &errs); err == nil || err.Error() != "1 of 4 commands failed" {
		t.Error(err)
	}
	cells := map[string][]string{}
	for line := range strings.Lines(out.String()) {
		part := strings.Split(line, " | ")
		cells[strings.TrimPrefix(part[0], "| ")] = part
	}
	for label, want := range map[string]string{"one": "1 4 |\n", "two": "2 5 |\n"} {
		if got := strings.Join(cells[label][6:], " "); got != want {
			t.Errorf("%s: files and bytes %q, want %q", label, got, want)
		}
	}
	if cells["one"][2] != "1" {
		t.Errorf("the ratio of the first row to itself is %s", cells["one"][2])
	}
	if peak, err := strconv.ParseFloat(cells["child"][5], 64); err != nil || peak < 57 {
		t.Errorf("peak of %g MiB (%v) where a child has 57 or more", peak, err)
	}
	if cells["bad"][1] != "failed" || !strings.Contains(errs.String(), "false: exit status 1") {
		t.Errorf("of a command that fails: %q, %q", cells["bad"], errs.String())
	}
}

func TestParseRows(t *testing.T) {
	for _, args := range []string{"", "label - 1", "label - none cmd", "label - 0 cmd", "a - 1 cmd -- b - 1"} {
		if commands, ok := parseRows(strings.Fields(args)); ok {
			t.Errorf("%q: %v", args, commands)
		}
	}
}
