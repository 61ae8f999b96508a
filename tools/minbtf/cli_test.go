package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// TestMain makes the test binary minbtf itself if asked to.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_IS_MINBTF") != "" {
		main()
		return
	}
	for _, name := range []string{"MINBTF_ARGS_FILE", "BUILD_WORKING_DIRECTORY"} {
		os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

// The cases are transcripts. A part "run" has commands behind "$ ", and behind
// each what comes out: stdout behind "> ", stderr behind "! ", an exit status
// other than 0 behind "= ". The other parts are files: kernels (*.btf) and
// objects (*.bpf.o) as text of package btftest, big-endian if they are called *.eb.*,
// and modules (*.mod.btf) of the kernel k.btf or k.eb.btf. They may be in folders.
func TestCommandLine(t *testing.T) {
	for _, c := range testfiles.Cases(t, "testdata") {
		t.Run(c.Name, func(t *testing.T) {
			dir := t.TempDir()
			for _, p := range c.Parts {
				if p.Name == "run" {
					continue
				}
				put(t, map[string][]byte{filepath.Join(dir, p.Name): content(t, c, p)})
			}
			s := shell{t: t, examples: filepath.Dir(testfiles.TraceeObject(t))}
			func() { // the cases' own paths are of here
				wd, err := os.Getwd()
				if err != nil {
					t.Fatal(err)
				}
				defer os.Chdir(wd)
				if err := os.Chdir(dir); err != nil {
					t.Fatal(err)
				}
				for line := range strings.Lines(c.Part("run")) {
					if cmd, ok := strings.CutPrefix(line, "$ "); ok {
						s.out.WriteString(line)
						s.command(strings.Fields(cmd))
					} else if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
						s.out.WriteString(line)
					}
				}
				// No command leaves a temporary file behind.
				for _, path := range files(t, ".") {
					if strings.Contains(path, ".minbtf-") {
						t.Errorf("left behind: %s", path)
					}
				}
			}()
			c.Expect(t, "run", s.out.String())
		})
	}
}

// put writes files, and the folders that they need.
func put(t *testing.T, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// files returns the paths of all files in a folder, sorted.
func files(t *testing.T, dir string) []string {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// content is a file of a case.
func content(t *testing.T, c *testfiles.Case, p testfiles.Part) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	if strings.Contains(p.Name, ".eb.") {
		order = binary.BigEndian
	}
	switch {
	case strings.HasSuffix(p.Name, ".bpf.o"):
		return btftest.Object(t, order, p.Text)
	case strings.HasSuffix(p.Name, ".eb.mod.btf"):
		return btftest.Module(t, btftest.Parse(t, order, c.Part("k.eb.btf")), p.Text)
	case strings.HasSuffix(p.Name, ".mod.btf"):
		return btftest.Module(t, btftest.Parse(t, order, c.Part("k.btf")), p.Text)
	case strings.HasSuffix(p.Name, ".btf"):
		return btftest.Compile(t, order, p.Text)
	}
	return []byte(p.Text)
}

// packSize finds the sizes of packs, which a better compressor may change.
var packSize = regexp.MustCompile(`(types?: (?:.* became )?|btfpack: (?:.* became |.* distinct: )|pack of .* kernels, )\d+( bytes)`)

// A shell knows minbtf and a few commands more.
type shell struct {
	t        *testing.T
	examples string
	out      strings.Builder
}

func (s *shell) command(words []string) {
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "$EXAMPLE", s.examples)
		words[i] = strings.ReplaceAll(words[i], "''", "")
	}
	var to string
	if n := len(words); n > 2 && words[n-2] == ">" {
		to, words = words[n-1], words[:n-2]
	}
	var stdout, stderr bytes.Buffer
	status := 0
	args := words[1:]
	read := func(path string) []byte { return testfiles.Read(s.t, path) }
	write := func(path string, b []byte) { put(s.t, map[string][]byte{path: b}) }
	switch words[0] {
	case "minbtf": // as main does it
		if err := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr); err != nil {
			fmt.Fprintln(&stderr, "minbtf:", err)
			status = exitCode(err)
		}
	case "ls":
		entries, err := os.ReadDir(strings.Join(append(args, "."), "/"))
		if err != nil {
			s.t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		fmt.Fprintln(&stdout, strings.Join(names, " "))
	case "ln": // TARGET LINK
		if err := os.Symlink(args[0], args[1]); err != nil {
			s.t.Fatal(err)
		}
	case "link": // where one points to
		target, err := os.Readlink(args[0])
		if err != nil {
			s.t.Fatal(err)
		}
		fmt.Fprintln(&stdout, target)
	case "cat":
		stdout.Write(read(args[0]))
	case "types": // of a BTF file
		f, err := btf.Parse(read(args[0]))
		if err != nil {
			s.t.Fatal(err)
		}
		stdout.WriteString(btftest.Format(f))
	case "find":
		for _, path := range files(s.t, args[0]) {
			fmt.Fprintln(&stdout, path)
		}
	case "cmp": // files or folders
		a, b := files(s.t, args[0]), files(s.t, args[1])
		differ := len(a) != len(b)
		for i := 0; !differ && i < len(a); i++ {
			differ = strings.TrimPrefix(a[i], args[0]) != strings.TrimPrefix(b[i], args[1]) || !bytes.Equal(read(a[i]), read(b[i]))
		}
		if differ {
			fmt.Fprintln(&stderr, "differ")
			status = 1
		}
	case "cp":
		write(args[1], read(args[0]))
	case "head": // FILE BYTES TO
		n, err := strconv.Atoi(args[1])
		if err != nil {
			s.t.Fatal(err)
		}
		write(args[2], read(args[0])[:n])
	case "gzip": // FILE TO
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write(read(args[0]))
		w.Close()
		write(args[1], b.Bytes())
	case "ko": // FILE TO, and other sections' names
		e := btftest.ELF{Order: binary.LittleEndian}
		e.Add(".BTF", elf.SHT_PROGBITS, 0, read(args[0]))
		for _, name := range args[2:] {
			e.Add(name, elf.SHT_PROGBITS, 0, nil)
		}
		write(args[1], e.Bytes())
	case "tar": // FILE TO
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		data := read(args[0])
		w.WriteHeader(&tar.Header{Name: args[0], Size: int64(len(data)), Mode: 0o644})
		w.Write(data)
		w.Close()
		write(args[1], b.Bytes())
	case "mkdir":
		if err := os.MkdirAll(args[0], 0o755); err != nil {
			s.t.Fatal(err)
		}
	case "rm":
		if err := os.RemoveAll(args[0]); err != nil {
			s.t.Fatal(err)
		}
	default:
		s.t.Fatalf("no command %q", words)
	}
	if to != "" {
		write(to, stdout.Bytes())
		stdout.Reset()
	}
	for line := range strings.Lines(stdout.String()) {
		s.out.WriteString("> " + packSize.ReplaceAllString(line, "${1}N${2}"))
	}
	for line := range strings.Lines(stderr.String()) {
		s.out.WriteString("! " + packSize.ReplaceAllString(strings.ReplaceAll(line, s.examples, "$EXAMPLE"), "${1}N${2}"))
	}
	if status != 0 {
		fmt.Fprintf(&s.out, "= %d\n", status)
	}
}

// main prints what run returns and exits with its status.
func TestMainFunction(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args           []string
		stdout, stderr string
		status         int
	}{
		{[]string{}, "", "minbtf: no command; see minbtf --help\n", 2},
		{[]string{"--a\nb"}, "", "minbtf: unknown flag: --a?b; see minbtf --help\n", 2},
		{[]string{"a\x1b"}, "", "minbtf: unknown command \"a\\x1b\" for \"minbtf\"; see minbtf --help\n", 2},
		{[]string{"relocs", "no/such.bpf.o"}, "", "minbtf: open no/such.bpf.o: no such file or directory\n", 1},
		{[]string{"relocs", os.DevNull}, "", "minbtf: " + os.DevNull + ": not a usable BPF object: the file is empty\n", 1},
		{[]string{"relocs", testfiles.TraceeObject(t)}, "{\n  \"version\": 1,\n", "minbtf: note: " + testfiles.TraceeObject(t) +
			": only the running kernel's own BTF serves 1 helper (bpf_get_current_task_btf in on_syscall, optional); where it has none, they fail (minbtf inspect says more)\n", 0},
	} {
		cmd := exec.Command(self, c.args...)
		cmd.Env = append(os.Environ(), "TEST_IS_MINBTF=1")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if status := cmd.ProcessState.ExitCode(); status != c.status || !strings.HasPrefix(stdout.String(), c.stdout) || stderr.String() != c.stderr || c.stdout == "" && stdout.Len() > 0 {
			t.Errorf("minbtf %q: status %d, stdout %.100q, stderr %q", c.args, status, stdout.String(), stderr.String())
		}
	}
}

// "-" is where /dev/stdout leads to, which may be a file.
func TestStdoutTwice(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	put(t, map[string][]byte{
		"k.btf":   btftest.Compile(t, binary.LittleEndian, "int int 4"),
		"o.bpf.o": btftest.Object(t, binary.LittleEndian, "int int 4"),
	})
	for _, findings := range []string{"stdout", "/dev/stdout"} {
		cmd := exec.Command(self, "gen", "--findings", findings, "k.btf", "-", "o.bpf.o")
		cmd.Env = append(os.Environ(), "TEST_IS_MINBTF=1")
		stdout, err := os.Create("stdout")
		if err != nil {
			t.Fatal(err)
		}
		defer stdout.Close()
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = stdout, &stderr
		err = cmd.Run()
		if want := "minbtf: " + findings + ": is the same file as the output -; name another\n"; err == nil || stderr.String() != want {
			t.Errorf("%s: %v, %q", findings, err, stderr.String())
		}
		if info, err := stdout.Stat(); err != nil || info.Size() != 0 {
			t.Errorf("%s: %d bytes are written (%v)", findings, info.Size(), err)
		}
	}
}

// A note is one line, whatever the names in it.
func TestNotesAreLines(t *testing.T) {
	t.Chdir(t.TempDir())
	const vmlinux, module = "struct a_b 4 { }\n", "struct a_b 8 { }\n"
	k := btftest.Compile(t, binary.LittleEndian, vmlinux)
	for name, data := range map[string][]byte{
		"k.btf": k,
		"m.btf": btftest.Module(t, btftest.Parse(t, binary.LittleEndian, vmlinux), module),
		"o.bpf.o": btftest.Object(t, binary.LittleEndian, `
struct a_b 4 { }
reloc fentry/a_b type_size struct a_b 0
`),
	} {
		put(t, map[string][]byte{name: bytes.ReplaceAll(data, []byte("a_b"), []byte("a\nb"))})
	}
	var stdout, stderr bytes.Buffer
	err := run(context.Background(), []string{"gen", "--module", "m.btf", "k.btf", "out", "o.bpf.o"}, nil, &stdout, &stderr)
	const want = "minbtf: note: struct a?b has differing layouts in k.btf and m.btf; a relocation that they answer differently is ambiguous\n" +
		"minbtf: note: o.bpf.o: only the running kernel's own BTF serves 1 fentry (a?b in fentry_a?b); where it has none, they fail (minbtf inspect says more)\n"
	if err != nil || stderr.String() != want {
		t.Errorf("%v, %q", err, stderr.String())
	}
}

// A target that Bazel runs has its first arguments in a file, and its share of
// a test in the environment.
func TestBazelArgs(t *testing.T) {
	dir := t.TempDir()
	file, status := filepath.Join(dir, "args"), filepath.Join(dir, "status")
	if err := os.WriteFile(file, []byte("verify\n--pairs\na file\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_TOTAL_SHARDS", "")
	t.Setenv("TEST_SHARD_INDEX", "1")
	t.Setenv("TEST_SHARD_STATUS_FILE", status)
	expect := func(want ...string) {
		t.Helper()
		if got, err := bazelArgs([]string{"x"}); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v, expected %q", got, err, want)
		}
	}
	expect("x")
	t.Setenv("MINBTF_ARGS_FILE", file)
	expect("verify", "--pairs", "a file", "x")
	if _, err := os.Stat(status); err == nil {
		t.Error("says that it knows about shards, though there are none")
	}
	t.Setenv("TEST_TOTAL_SHARDS", "3")
	expect("verify", "--pairs", "a file", "--shard=1/3", "x")
	if _, err := os.Stat(status); err != nil {
		t.Error(err)
	}
	t.Setenv("MINBTF_ARGS_FILE", filepath.Join(dir, "no"))
	var out bytes.Buffer
	err := run(context.Background(), nil, nil, &out, &out)
	if err == nil || exitCode(err) != 1 || !strings.HasSuffix(err.Error(), "; run this target with bazel run or bazel test") {
		t.Errorf("%v", err)
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"gen", "--help"}, {"relocs", "-h"}, {"verify", "--help"}, {"help", "gen"},
		{"pack", "--help"}, {"tailor", "--help"}, {"unpack", "--help"}, {"ls", "--help"}} {
		var stdout, stderr bytes.Buffer
		err := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr)
		if err != nil || stderr.Len() > 0 || !strings.Contains(stdout.String(), "Usage:\n  minbtf") {
			t.Errorf("minbtf %q: %v, stdout %q, stderr %q", args, err, stdout.String(), stderr.String())
		}
	}
}

// Every error is one line, and begins with the file that it is about. Before it
// there may be lines on single kernels.
func TestErrorsAreLines(t *testing.T) {
	for _, c := range testfiles.Cases(t, "testdata") {
		lines := strings.Split(c.Part("run"), "\n")
		for i, line := range lines {
			if !strings.HasPrefix(line, "= ") {
				continue
			}
			before := i - 2
			for strings.HasPrefix(lines[max(before, 0)], "! minbtf: failed: ") || strings.HasPrefix(lines[max(before, 0)], "! minbtf: note: ") {
				before--
			}
			if !strings.HasPrefix(lines[i-1], "! ") || before > 0 && strings.HasPrefix(lines[before], "! ") {
				t.Errorf("%s: the error before %q is not one line:\n%s", c.Name, line, strings.Join(lines[max(0, i-3):i+1], "\n"))
			}
		}
		if !slices.ContainsFunc(c.Parts, func(p testfiles.Part) bool { return p.Name == "run" }) || c.Comment == "" {
			t.Errorf("%s: runs nothing, or does not say why", c.Name)
		}
	}
}
