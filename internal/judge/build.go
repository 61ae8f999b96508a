package judge

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

//go:embed libbpf
var sources embed.FS

// A missingError says what has to be installed.
type missingError struct{ what string }

func (e *missingError) Error() string {
	return "no judgement by libbpf: " + e.what
}

const remedy = "; on Debian: apt-get install gcc libc6-dev libbpf-dev"

var programs = sync.OnceValues(build)

// built returns the path of a program, which is built at most once for the
// same sources and libbpf.
func built(program string) (string, error) {
	dir, err := programs()
	if err != nil {
		return "", err
	}
	paths, err := filepath.Glob(filepath.Join(dir, program+"-*"))
	if err != nil {
		return "", err
	}
	if len(paths) != 1 {
		return "", &missingError{program + " needs libbpf 1.6 or newer; set LIBBPF_SRC to its sources"}
	}
	return paths[0], nil
}

// build returns the folder of the programs. Processes that build at the same
// time do so aside, and the first one's result is taken.
func build() (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	key, err := buildKey()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o777); err != nil {
		return "", err
	}
	aside, err := os.MkdirTemp(cache, "building-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(aside)
	if err := os.CopyFS(filepath.Join(aside, "src"), sources); err != nil {
		return "", err
	}
	out := filepath.Join(aside, "out")
	cmd := exec.Command("sh", filepath.Join(aside, "src", "libbpf", "build.sh"), out)
	cmd.Env = append(os.Environ(), "CACHE="+filepath.Join(aside, "cache"))
	if said, err := cmd.CombinedOutput(); err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 77 {
			return "", &missingError{strings.TrimSpace(string(said)) + remedy}
		}
		return "", fmt.Errorf("internal/judge/libbpf/build.sh: %w\n%s", err, said)
	}
	if err := os.Rename(out, dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			return "", err
		}
	}
	return dir, nil
}

// cacheDir is Bazel's folder for the test, or one that stays.
func cacheDir() (string, error) {
	if tmp := os.Getenv("TEST_TMPDIR"); tmp != "" {
		return filepath.Join(tmp, "judge"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "rules_btf", "judge"), nil
}

// buildKey is a digest of all that the programs are built of.
func buildKey() (string, error) {
	h := sha256.New()
	add := func(path string, content []byte) { fmt.Fprintf(h, "%s %d\n%s", path, len(content), content) }
	entries, err := sources.ReadDir("libbpf")
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		content, err := sources.ReadFile("libbpf/" + e.Name())
		if err != nil {
			return "", err
		}
		add(e.Name(), content)
	}
	files, err := libbpfFiles()
	if err != nil {
		return "", err
	}
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		add(path, content)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:16]), nil
}

// libbpfFiles are the files of which another version of libbpf has others.
func libbpfFiles() ([]string, error) {
	if src := os.Getenv("LIBBPF_SRC"); src != "" {
		info, err := os.Stat(src)
		if err != nil {
			return nil, fmt.Errorf("LIBBPF_SRC: %w", err)
		}
		if !info.IsDir() {
			return []string{src}, nil
		}
		return filepath.Glob(filepath.Join(src, "src", "*.[ch]"))
	}
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "gcc"
	}
	path, err := exec.Command(cc, "-print-file-name=libbpf.a").Output()
	if err != nil {
		return nil, &missingError{fmt.Sprintf("no C compiler (%v)%s", err, remedy)}
	}
	lib := string(bytes.TrimSpace(path))
	if !filepath.IsAbs(lib) {
		return nil, &missingError{"no libbpf.a" + remedy}
	}
	return []string{lib}, nil
}
