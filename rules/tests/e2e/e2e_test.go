// Package e2e builds the workspaces of //e2e with Bazel, as their users would,
// in a copy of the repository.
package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
)

// copyOfRepo copies what the workspaces need of the repository.
func copyOfRepo(t *testing.T, name string) string {
	t.Helper()
	if os.Getenv("TEST_SRCDIR") == "" {
		t.Skip("runs with bazel test alone")
	}
	marker, err := filepath.EvalSymlinks(runfile("REPO_MARKER"))
	if err != nil {
		t.Fatal(err)
	}
	repo, dir := filepath.Dir(marker), filepath.Join(os.Getenv("TEST_TMPDIR"), name)
	err = filepath.WalkDir(repo, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(repo, path)
		to := filepath.Join(dir, rel)
		switch {
		case rel == ".git", strings.HasPrefix(d.Name(), "bazel-"), rel == "examples/tracee/archive":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(to, 0o777)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, to)
		}
		return copyFile(path, to)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// runfile returns the path of the file that an environment variable names,
// relative to Bazel's runfiles or, to run the test without Bazel, absolute.
func runfile(variable string) string {
	path := os.Getenv(variable)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(os.Getenv("TEST_SRCDIR"), os.Getenv("TEST_WORKSPACE"), path)
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode().Perm()|0o200)
}

// A workspace is a folder to run Bazel in.
type workspace struct {
	t   *testing.T
	dir string
}

func open(t *testing.T, dir string) *workspace {
	w := &workspace{t, dir}
	t.Cleanup(func() { _, _ = w.try("shutdown") })
	return w
}

func (w *workspace) try(args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(w.dir, "bazelw"), args...)
	if _, err := os.Stat(cmd.Path); err != nil {
		cmd = exec.Command(filepath.Join(w.dir, "../../bazelw"), args...)
	}
	cmd.Dir = w.dir
	// This Bazel is a user's, and none of a test.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TEST_") || strings.HasPrefix(v, "RUNFILES_") })
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (w *workspace) bazel(args ...string) string {
	w.t.Helper()
	out, err := w.try(args...)
	if err != nil {
		w.t.Fatalf("bazel %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// outputs returns the digests of the files below a folder of bazel-bin.
func (w *workspace) outputs(folder string) map[string]string {
	w.t.Helper()
	root, err := filepath.EvalSymlinks(filepath.Join(w.dir, "bazel-bin", folder))
	if err != nil {
		w.t.Fatal(err)
	}
	found := map[string]string{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		data, err := os.ReadFile(path)
		if err != nil { // an alias leads to a folder
			found[rel] = "link"
			return nil
		}
		if len(data) < 24 || data[0] != 0x9f || data[1] != 0xeb {
			return fmt.Errorf("%s is no BTF", path)
		}
		found[rel] = fmt.Sprintf("%x", sha256.Sum256(data))
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// kernels returns the kernels of a pack in bazel-bin, as the paths of their files in a tree.
func (w *workspace) kernels(pack string) []string {
	w.t.Helper()
	out, err := exec.Command(runfile("MINBTF"), "ls", filepath.Join(w.dir, "bazel-bin", pack)).Output()
	if err != nil {
		w.t.Fatalf("minbtf ls %s: %v", pack, err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		names = append(names, name+".btf")
	}
	return names
}

// file returns a file in bazel-bin.
func (w *workspace) file(path string) []byte {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, "bazel-bin", path))
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

func (w *workspace) write(path, from string) {
	w.t.Helper()
	if err := copyFile(from, filepath.Join(w.dir, path)); err != nil {
		w.t.Fatal(err)
	}
}

// actions runs a command, such as build, and returns how many actions of each mnemonic Bazel
// ran, or took from a cache that it shares with other builds, by its execution log.
func (w *workspace) actions(command string, args ...string) map[string]int {
	w.t.Helper()
	log := filepath.Join(w.t.TempDir(), "log.json")
	w.bazel(append([]string{command, "--execution_log_json_file=" + log}, args...)...)
	f, err := os.Open(log)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	count := map[string]int{}
	for dec := json.NewDecoder(bufio.NewReader(f)); ; {
		var spawn struct{ Mnemonic string }
		if err := dec.Decode(&spawn); errors.Is(err, io.EOF) {
			return count
		} else if err != nil {
			w.t.Fatal(err)
		}
		count[spawn.Mnemonic]++
	}
}

// check builds //:btfs, or what the first argument names, and compares what Bazel ran.
func (w *workspace) check(what string, want map[string]int, args ...string) {
	w.t.Helper()
	if len(args) == 0 || !strings.HasPrefix(args[0], "//") {
		args = append([]string{"//:btfs"}, args...)
	}
	if got := w.actions("build", args...); !maps.Equal(got, want) {
		w.t.Errorf("%s: ran %v, want %v", what, got, want)
	}
}

var probeOutputs = []string{
	"debian/11/arm64/5.10.0-32-cloud-arm64.btf",
	"debian/11/x86_64/5.10.0-30-amd64.btf",
	"debian/12/x86_64/6.1.0-47-cloud-amd64.btf",
	"debian/13/arm64/6.12.94+deb13-cloud-arm64.btf",
	"debian/13/x86_64/6.12.107+deb13-amd64.btf",
	"debian/bookworm",
}

// testConsumer is what the consumers for MODULE.bazel and for WORKSPACE have in common.
func testConsumer(t *testing.T, w *workspace) {
	info := strings.Fields(w.bazel("info", "bazel-bin"))
	for _, folder := range []string{"probe_btfs", "filtered"} { // of an earlier run of this test
		if err := os.RemoveAll(filepath.Join(info[len(info)-1], folder)); err != nil {
			t.Fatal(err)
		}
	}
	w.bazel("test", "//...")
	if got := slices.Sorted(maps.Keys(w.outputs("probe_btfs"))); !slices.Equal(got, probeOutputs) {
		t.Errorf("outputs: got %q, want %q", got, probeOutputs)
	}
	if link, err := os.Readlink(filepath.Join(w.dir, "bazel-bin/probe_btfs/debian/bookworm")); err != nil || link != "12" {
		t.Errorf("alias: got %q, %v, want a link to 12", link, err)
	}
	want := []string{probeOutputs[2], probeOutputs[4], "debian/bookworm"}
	if got := slices.Sorted(maps.Keys(w.outputs("filtered"))); !slices.Equal(got, want) {
		t.Errorf("filtered: got %q, want %q", got, want)
	}
	w.bazel("build", "//:probe_pack")
	if got := w.kernels("probe_btfs.btfpack"); !slices.Equal(got, probeOutputs[:5]) {
		t.Errorf("pack: has %q, want %q", got, probeOutputs[:5])
	}
	dir := filepath.Join(t.TempDir(), "custom-archive")
	w.bazel("run", "//:probe_btfs.export", "--", dir)
	for _, path := range append(probeOutputs[:5:5], "debian/bookworm/x86_64/6.1.0-47-cloud-amd64.btf") {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Errorf("export: %v", err)
		}
	}
}

func TestBzlmod(t *testing.T) {
	repo := copyOfRepo(t, "bzlmod")
	testConsumer(t, open(t, filepath.Join(repo, "e2e/bzlmod")))

	// docs/packs.md shows the package that embeds a pack, and what else that needs.
	read := func(path string) string {
		text, err := os.ReadFile(filepath.Join(repo, path))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	blocks := strings.Split(read("docs/packs.md"), "\n```starlark\n")[1:]
	for i, path := range []string{"agent/BUILD.bazel", "MODULE.bazel"} {
		if i >= len(blocks) {
			t.Fatalf("docs/packs.md shows %d files", len(blocks))
		}
		text := read("e2e/bzlmod/" + path)
		if block, _, _ := strings.Cut(blocks[i], "```"); !strings.HasSuffix(text, block) {
			t.Errorf("docs/packs.md shows\n%s\nand e2e/bzlmod/%s ends with something else", block, path)
		}
	}
}

// TestWorkspace also builds minbtf in the repository itself by its WORKSPACE.
func TestWorkspace(t *testing.T) {
	repo := copyOfRepo(t, "workspace")
	w := open(t, filepath.Join(repo, "e2e/workspace"))
	if out := w.bazel("--version"); !strings.Contains(out, "bazel 7.") {
		t.Skipf("%s has no WORKSPACE any more", strings.TrimSpace(out))
	}
	testConsumer(t, w)
	if _, err := w.try("shutdown"); err != nil {
		t.Fatal(err)
	}
	root := open(t, repo)
	root.bazel("build", "--noenable_bzlmod", "--enable_workspace", "//tools/minbtf")
	if out, err := exec.Command(filepath.Join(repo, "bazel-bin/tools/minbtf/minbtf_/minbtf"), "--help").CombinedOutput(); err != nil {
		t.Errorf("minbtf --help: %v\n%s", err, out)
	}
}

// incremental prepares a copy of the workspace of that name.
func incremental(t *testing.T, name string, kernels []string) *workspace {
	t.Helper()
	w := open(t, filepath.Join(copyOfRepo(t, name), "e2e/incremental"))
	w.write("minbtf", runfile("MINBTF"))
	w.write("object.bin", w.probe("base.bpf.o"))
	w.write("arm64_object.bin", w.probe("base.bpf.o"))
	for _, k := range kernels {
		w.write("archive/"+k, w.probe("archive/"+k))
	}
	w.bazel("clean") // what an earlier run of this test has left
	return w
}

// addModule puts a module beside a kernel of the archive.
func (w *workspace) addModule(kernel string) {
	w.t.Helper()
	path := filepath.Join(w.dir, "archive", kernel)
	raw, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	base, err := btf.Parse(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	folder := strings.TrimSuffix(path, ".btf")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		w.t.Fatal(err)
	}
	module := btftest.Module(w.t, base, "struct of_module 8 { task *struct task_struct @0 }")
	if err := os.WriteFile(filepath.Join(folder, "probe.btf"), module, 0o666); err != nil {
		w.t.Fatal(err)
	}
}

func (w *workspace) probe(path string) string { return filepath.Join(w.dir, "../probe", path) }

// report returns what relocations the report has findings of.
func (w *workspace) report() []string {
	w.t.Helper()
	file, err := os.ReadFile(filepath.Join(w.dir, "bazel-bin/btfs.report.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	var report struct {
		Kernels  []string
		Findings []struct {
			Relocation map[string]any
			Outcome    string
		}
	}
	if err := json.Unmarshal(file, &report); err != nil {
		w.t.Fatal(err)
	}
	if len(report.Kernels) != 4 || report.Kernels[0]+".btf" != probeOutputs[0] {
		w.t.Errorf("the report's kernels are %q", report.Kernels)
	}
	var found []string
	for _, f := range report.Findings {
		found = append(found, fmt.Sprint(f.Outcome, f.Relocation))
	}
	return found
}

func TestIncremental(t *testing.T) {
	w := incremental(t, "incremental", probeOutputs[:4])
	check := w.check
	// Each kernel is a chunk of its own.
	check("first build", map[string]int{"BpfCompile": 1, "CoreRelocations": 1, "BtfImport": 4, "BtfPack": 4, "BtfTailor": 4, "BtfUnpack": 4})
	first := w.outputs("btfs")
	check("nothing changed", map[string]int{})
	check("the pack", map[string]int{"BtfMerge": 1}, "--output_groups=pack")
	check("a report", map[string]int{"BtfFindings": 4, "CoreReport": 1}, "--output_groups=+report")
	before := w.report()

	// Findings know nothing of code; the report joins them with it.
	w.write("object.bin", w.probe("code_only.bpf.o"))
	check("object changed in code only", map[string]int{"BpfCompile": 1, "CoreRelocations": 1, "CoreReport": 1}, "--output_groups=+report,+pack")
	if after := w.report(); len(before) == 0 || !slices.Equal(before, after) {
		t.Errorf("object changed in code only: findings were\n%q\nand are\n%q", before, after)
	}
	if got := w.outputs("btfs"); !maps.Equal(got, first) {
		t.Errorf("object changed in code only: outputs changed, too")
	}

	w.write("object.bin", w.probe("new_field.bpf.o"))
	check("a new field accessed", map[string]int{"BpfCompile": 1, "CoreRelocations": 1, "BtfTailor": 4, "BtfUnpack": 4, "BtfMerge": 1}, "--output_groups=+pack")
	wider := w.outputs("btfs")
	for k := range first {
		if first[k] == wider[k] {
			t.Errorf("a new field accessed: %s is the same", k)
		}
	}

	w.write("archive/"+probeOutputs[4], w.probe("archive/"+probeOutputs[4]))
	one := map[string]int{"BtfImport": 1, "BtfPack": 1, "BtfTailor": 1, "BtfUnpack": 1}
	check("a kernel added", one)
	const sameChunk = "debian/11/x86_64/5.10.0-31-amd64.btf"
	w.write("archive/"+sameChunk, w.probe("archive/"+probeOutputs[1]))
	check("a kernel added to a chunk", one)
	w.addModule(probeOutputs[2])
	// Nothing of it is asked for, so that what is tailored stays the same.
	check("a module added", map[string]int{"BtfImport": 1, "BtfPack": 1, "BtfTailor": 1})
	check("the pack of all", map[string]int{"BtfMerge": 1}, "--output_groups=pack")
	all := append(slices.Clone(probeOutputs[:5]), sameChunk)
	slices.Sort(all)
	if got := w.kernels("btfs.btfpack"); !slices.Equal(got, all) {
		t.Errorf("the pack has %q, want %q", got, all)
	}
	// Another min_core_btf takes the same packs, and its share of them.
	check("a part", map[string]int{"CoreRelocations": 1, "BtfTailor": 5, "BtfUnpack": 5}, "//:part_btfs")
	part := w.outputs("btfs")
	delete(part, probeOutputs[1])
	if got := w.outputs("part_btfs"); !maps.Equal(got, part) || len(got) != 5 {
		t.Errorf("a part: got %v, want %v", got, part)
	}

	// Nothing is imported or tailored again in another configuration. Files are
	// unpacked again where Bazel has another folder for its outputs.
	check("-c opt", map[string]int{"BtfUnpack": 5}, "-c", "opt")
	check("the pack with -c opt", map[string]int{"BtfMerge": 1}, "-c", "opt", "--output_groups=pack")
	butUnpacking := func(args ...string) map[string]int {
		ran := w.actions("build", append([]string{"//:btfs"}, args...)...)
		delete(ran, "BtfUnpack")
		return ran
	}
	if ran := butUnpacking("--copt=-O3"); len(ran) != 0 {
		t.Errorf("--copt: ran %v", ran)
	}
	// The object is built for that platform, too, to see that its relocations are the same.
	want := map[string]int{"BpfCompile": 1, "CoreRelocationsCheck": 1}
	if ran := butUnpacking("--platforms=//:arm64"); !maps.Equal(ran, want) {
		t.Errorf("another platform: ran %v, want %v", ran, want)
	}
	w.bazel("build", "//:btfs")
	check("the first platform again", map[string]int{})

	testPublished(t, w)

	if out, err := w.try("build", "//:arch_btfs", "--platforms=//:arm64"); err == nil || !strings.Contains(out, "attribute platform") {
		t.Errorf("relocations that depend on the platform: want an error that names the attribute platform, got %v\n%s", err, out)
	}
	w.bazel("build", "//:arch_btfs", "//:arm64_btfs")
	if maps.Equal(w.outputs("arch_btfs"), w.outputs("arm64_btfs")) {
		t.Error("platform = :arm64 made no difference")
	}
}

// testPublished takes the pack of an archive for an archive.
func testPublished(t *testing.T, w *workspace) {
	check := w.check
	check("the archive's pack", map[string]int{"BtfMerge": 1}, "//:kernels", "--output_groups=pack")
	w.write("published.btfpack", filepath.Join(w.dir, "bazel-bin/kernels.btfpack"))
	w.bazel("build", "//:btfs", "--output_groups=+pack")
	want := w.outputs("btfs")
	check("a published pack", map[string]int{"CoreRelocations": 1, "BtfTailor": 1, "BtfUnpack": 1, "BtfMerge": 1}, "//:published_btfs", "--output_groups=+pack")
	if got := w.outputs("published_btfs"); !maps.Equal(got, want) {
		t.Errorf("a published pack: got %v, want %v", got, want)
	}
	if !bytes.Equal(w.file("published_btfs.btfpack"), w.file("btfs.btfpack")) {
		t.Error("a published pack gives another pack than the kernels in it")
	}
	check("a published pack with -c opt", map[string]int{"BtfUnpack": 1}, "//:published_btfs", "-c", "opt")
	check("kernels and a published pack", map[string]int{"CoreRelocations": 1, "BtfPack": 1, "BtfTailor": 1, "BtfUnpack": 1}, "//:both_btfs")
	if got := w.outputs("both_btfs"); !maps.Equal(got, want) {
		t.Errorf("kernels and a published pack: got %v, want %v", got, want)
	}
	w.bazel("build", "//:arm64_published_btfs")
	arm64 := maps.Clone(want)
	maps.DeleteFunc(arm64, func(path, _ string) bool { return !strings.Contains(path, "/arm64/") })
	if got := w.outputs("arm64_published_btfs"); !maps.Equal(got, arm64) || len(got) != 2 {
		t.Errorf("a published pack's arm64: got %v, want %v", got, arm64)
	}

	// Each kernel is verified once, by some shard, against what the full pack has of it, and its own BTF if
	// that is there.
	for target, own := range map[string]int{"published_btfs_test": 0, "both_btfs_test": 1} {
		out := w.bazel("test", "//:"+target, "--test_output=all")
		for path := range want {
			if name := strings.TrimSuffix(path, ".btf"); strings.Count(out, name+": 1 program, ") != 1 || strings.Count(out, path+": 1 program, ") != own {
				t.Errorf("%s: %s was not verified once\n%s", target, name, out)
			}
		}
		if out := w.bazel("test", "//:"+target); !strings.Contains(out, "(cached) PASSED") {
			t.Errorf("%s: nothing changed, but it is not cached\n%s", target, out)
		}
	}
	dir := t.TempDir()
	w.bazel("run", "//:published_btfs.export", "--", dir)
	for path := range want {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Errorf("export: %v", err)
		}
	}
}

// TestChunks has more kernels in one folder than fit a chunk, and one in another.
func TestChunks(t *testing.T) {
	w := incremental(t, "chunks", probeOutputs[:1])
	release := func(abi int) string { return fmt.Sprintf("archive/debian/11/x86_64/5.10.0-%d-amd64.btf", abi) }
	const kernels = 71
	for abi := range kernels - 1 {
		w.write(release(abi), w.probe("archive/"+probeOutputs[1]))
	}
	pack := "--output_groups=+pack"
	w.check("first build", map[string]int{"BpfCompile": 1, "CoreRelocations": 1, "BtfImport": kernels, "BtfPack": 3, "BtfTailor": 3, "BtfUnpack": 3, "BtfMerge": 1}, pack)

	w.write(release(kernels), w.probe("archive/"+probeOutputs[1]))
	w.check("a kernel added", map[string]int{"BtfImport": 1, "BtfPack": 1, "BtfTailor": 1, "BtfUnpack": 1, "BtfMerge": 1}, pack)
	for _, abi := range []int{0, kernels} {
		if err := os.Remove(filepath.Join(w.dir, release(abi))); err != nil {
			t.Fatal(err)
		}
		w.check("a kernel removed", map[string]int{"BtfPack": 1, "BtfTailor": 1, "BtfUnpack": 1, "BtfMerge": 1}, pack)
	}
	if got := len(w.kernels("btfs.btfpack")); got != kernels-1 {
		t.Errorf("the pack has %d kernels, want %d", got, kernels-1)
	}

	// The promise is checked once, by two shards.
	const shards = 2
	w.bazel("test", "//:btfs_test")
	verified := 0
	for shard := range shards {
		log, err := os.ReadFile(filepath.Join(w.dir, fmt.Sprintf("bazel-testlogs/btfs_test/shard_%d_of_%d/test.log", shard+1, shards)))
		if err != nil {
			t.Fatal(err)
		}
		share := strings.Count(string(log), " program")
		if verified += share; share < kernels/shards-1 {
			t.Errorf("shard %d verified %d of %d kernels", shard+1, share, kernels-1)
		}
	}
	if verified != kernels-1 {
		t.Errorf("%d kernels were verified, want %d", verified, kernels-1)
	}
	if out := w.bazel("test", "//:btfs_test"); !strings.Contains(out, "(cached) PASSED") {
		t.Errorf("nothing changed: the test is not cached\n%s", out)
	}
	if ran := w.actions("test", "//:btfs_test"); len(ran) > 0 {
		t.Errorf("nothing changed: ran %v", ran)
	}
	w.write("object.bin", w.probe("code_only.bpf.o"))
	if ran := w.actions("test", "//:btfs_test"); ran["TestRunner"] == 0 || ran["BtfTailor"] > 0 {
		t.Errorf("object changed in code only: ran %v", ran)
	}
}

// TestReproducible builds the same with paths that do not tell the configuration,
// and at another path, without a sandbox, with the sources the other way about.
func TestReproducible(t *testing.T) {
	build := func(w *workspace, args ...string) map[string]string {
		t.Helper()
		w.bazel(append([]string{"build", "--modify_execution_info=^(Btf|Core)[A-Z].*$=+no-cache", "--output_groups=+report,+pack", "//:btfs"}, args...)...)
		found := w.outputs("btfs")
		for _, path := range []string{"btfs.report.json", "btfs.btfpack"} {
			found[path] = fmt.Sprintf("%x", sha256.Sum256(w.file(path)))
		}
		return found
	}
	a := incremental(t, "here", probeOutputs[:5])
	want := build(a)
	if len(want) != 7 {
		t.Errorf("got %v", want)
	}
	if got := build(a, "--experimental_output_paths=strip"); !maps.Equal(got, want) {
		t.Errorf("with path mapping: got %v, want %v", got, want)
	}
	b := incremental(t, "somewhere/else", probeOutputs[:5])
	path := filepath.Join(b.dir, "BUILD.bazel")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reversed := strings.Replace(string(text), `glob(["archive/**/*.btf"])`, `reversed(glob(["archive/**/*.btf"]))`, 1)
	if err := os.WriteFile(path, []byte(reversed), 0o666); err != nil || reversed == string(text) {
		t.Fatalf("cannot reverse the sources: %v", err)
	}
	if got := build(b, "--spawn_strategy=local"); !maps.Equal(got, want) {
		t.Errorf("elsewhere: got %v, want %v", got, want)
	}
}
