// Package judge relocates BPF objects with libbpf's own code: two small C
// programs around Debian's static libbpf, built when a test asks for them,
// answer whether a minimal BTF gives what the full BTF gives, and what each
// relocation comes to. None of them shares a line with the code that prunes.
//
//	func TestX(t *testing.T) {
//		libbpf := judge.Libbpf(t) // skips where it cannot be built
//		res, err := libbpf.Compare(full, min, object)
//		…
//		for _, d := range res.Differences {
//			t.Error(d)
//		}
//	}
//
// Where the compiler or libbpf-dev is missing the test is skipped, unless the
// variable RULES_BTF_REQUIRE has the word libbpf (libbpf-loader for
// LibbpfLoader): then it fails. RULES_BTF_LEAVE_OUT, with the same words, skips
// it in any case. LIBBPF_SRC names the sources of a libbpf, a
// folder or a .tar.gz, to use instead of the installed one.
//
// README.md says what exactly is compared, and build.sh builds the programs for use by hand.
package judge

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/needs"
)

// A Judge is a running judge. It works on one thing at a time, and may be used
// from several goroutines; tests that want to judge in parallel each ask for their own.
type Judge struct {
	// Version is that of libbpf: "1.1".
	Version string

	path   string
	dir    string
	mu     sync.Mutex
	full   []byte // content of the last full BTF,
	fulls  int    // which is the one of this number
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

// Libbpf returns a judge that runs libbpf's matcher on each relocation, fresh
// and in simulated loads.
func Libbpf(tb testing.TB) *Judge {
	tb.Helper()
	return start(tb, "calc", "libbpf")
}

// LibbpfLoader returns a judge that runs libbpf's whole loader up to the
// finished instructions, which needs libbpf 1.6 or newer. It only compares.
func LibbpfLoader(tb testing.TB) *Judge {
	tb.Helper()
	return start(tb, "prepare", "libbpf-loader")
}

func start(tb testing.TB, program, word string) *Judge {
	tb.Helper()
	needs.Skip(tb, word)
	path, err := built(program)
	if missing := (*missingError)(nil); errors.As(err, &missing) {
		needs.Missing(tb, word, err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	_, version, _ := strings.Cut(filepath.Base(path), "-")
	j := &Judge{Version: version, path: path, dir: tb.TempDir()}
	tb.Cleanup(func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.stop()
	})
	return j
}

// A Result is what a comparison found.
type Result struct {
	Relocations int
	// TypeIDs are relocations for the id of a kernel's type. Of their values it
	// is only compared whether there is one.
	TypeIDs int
	// Undefined are relocations whose results differ where libbpf's own is not
	// defined: before 1.7 it reads field_signed of a struct from behind the struct.
	Undefined int
	// Errors are relocations (LibbpfLoader: loads) that fail against the full
	// BTF, and so must fail against the minimal one.
	Errors int
	// Loads are the simulated loads: of one set of autoloaded programs each, and
	// of what is left of it where one of them fails.
	Loads int
	// Sets are the different sets that were loaded, Mixed those of them with
	// several programs but not all (not of LibbpfLoader).
	Sets, Mixed int
	Differences []Difference
}

// A Difference is a relocation, or of LibbpfLoader an instruction or a load, with two outcomes.
type Difference struct {
	Section, Program string
	Instruction      int
	// Record is the number of the relocation in the object.
	Record int
	// Relocation is what libbpf says it is, or of LibbpfLoader what differs.
	Relocation string
	// Mode is "fresh" if the relocation by itself shows the difference, else the set of programs.
	Mode      string
	Full, Min string
}

func (d Difference) String() string {
	return fmt.Sprintf("libbpf: %s, program %s, instruction %d: %s (%s): full %s, min %s", d.Section, d.Program, d.Instruction, d.Relocation, d.Mode, d.Full, d.Min)
}

// Compare relocates an object against a kernel's full BTF and a minimal one,
// all given as the content of files. An error says that there is no judgement:
// libbpf does not read one of them.
func (j *Judge) Compare(full, min, object []byte) (*Result, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	paths, err := j.write(full, min, object)
	if err != nil {
		return nil, err
	}
	return j.compare(paths[0], paths[1], paths[2])
}

// CompareFiles is Compare of files. The full BTF stays parsed as long as
// consecutive calls name the same file, whose content must not change.
func (j *Judge) CompareFiles(full, min, object string) (*Result, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.compare(full, min, object)
}

func (j *Judge) compare(full, min, object string) (*Result, error) {
	lines, err := j.ask(full, min, object)
	if err != nil {
		return nil, err
	}
	res := &Result{}
	for _, l := range lines {
		switch l.word {
		case "DIFF":
			l.text() // the object
			res.Differences = append(res.Differences, Difference{
				Section: l.text(), Program: l.text(), Instruction: l.number(), Record: l.number(),
				Relocation: l.text(), Mode: l.text(), Full: l.text(), Min: l.text() + ", " + l.text(),
			})
		case "JUDGED":
			for _, f := range l.fields[3:] {
				name, value, _ := strings.Cut(f, "=")
				n, err := strconv.Atoi(value)
				if err != nil {
					return nil, fmt.Errorf("%s: field %q", j.path, f)
				}
				switch name {
				case "relocs":
					res.Relocations = n
				case "typeid":
					res.TypeIDs = n
				case "undefined":
					res.Undefined = n
				case "errors":
					res.Errors = n
				case "loads":
					res.Loads = n
				case "sets":
					res.Sets = n
				case "mixed":
					res.Mixed = n
				}
			}
		}
		if l.err != nil {
			return nil, fmt.Errorf("%s: %w", j.path, l.err)
		}
	}
	return res, nil
}

// A Class says how a relocation ended.
type Class string

// The classes. Value is success, poison included.
const (
	Value           Class = "value"
	OffsetAmbiguity Class = "offset-ambiguity" // matching candidates disagree about where a field is
	ValueAmbiguity  Class = "value-ambiguity"  // matching candidates disagree about the value, or the poison
	CandidateError  Class = "candidate-error"  // a candidate is such that libbpf gives up on all
	LocalSpec       Class = "local-spec"       // the object's own access string is one that libbpf refuses
	LocalType       Class = "local-type"       // the object's own type has no name, or there is none
	OtherError      Class = "other"
)

// An Instruction says what becomes of the instruction.
type Instruction string

// What becomes of instructions.
const (
	Patched  Instruction = "patched"
	Poisoned Instruction = "poisoned" // also where a load's size does not fit
	Refused  Instruction = "refused"  // libbpf does not expect this instruction, or the value does not fit
	None     Instruction = "none"     // the relocation failed, or stands at none
)

// An Outcome is what one relocation comes to against one kernel.
type Outcome struct {
	// Load is the program in whose load it is so, of LoadOutcomes.
	Load             string
	Section, Program string // Program is empty where no function symbol covers the instruction
	Instruction      int    // number within the section
	Record           int    // number in the object's .BTF.ext
	Kind             int    // enum bpf_core_relo_kind
	TypeID           int    // the local root type
	Access           string // "0:1:2"
	// Relocation is libbpf's description: "<byte_off> [5] struct s.x (0:1 @ offset 16)".
	Relocation string
	Class      Class
	Errno      int // 0 for Value
	// Candidates have the local type's kind and essential name; Matching are
	// those of them that matched, of which an error says nothing.
	Candidates, Matching int
	// Value is the new value, where there is one. The left shift of a bitfield
	// is that of a little-endian host.
	Value  uint64
	Poison bool
	Size   int // of the target's field, where that matters
	// BadSize says that a load or store cannot be made to fit the field, and is poisoned for that.
	BadSize bool
	Result  Instruction
}

// String is the outcome without the place: "16", "poison", "offset-ambiguity".
func (o Outcome) String() string {
	s := strconv.FormatUint(o.Value, 10)
	switch {
	case o.Class != Value:
		return string(o.Class)
	case o.Poison:
		s = "poison"
	case o.BadSize && o.Result == Poisoned:
		s += ", poison for its size"
	}
	if o.Result == Refused {
		s += ", instruction refused"
	}
	return s
}

// Outcomes returns what each relocation of the object comes to by itself: with
// all candidates, whatever other relocations say. They have the order of .BTF.ext.
func (j *Judge) Outcomes(full, object []byte) ([]Outcome, error) {
	_, alone, err := j.both(full, object)
	return alone, err
}

// OutcomesFiles is Outcomes of files; see CompareFiles.
func (j *Judge) OutcomesFiles(full, object string) ([]Outcome, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, alone, err := j.outcomes(full, object)
	return alone, err
}

// LoadOutcomes returns what each relocation comes to when each program is
// loaded alone, with the object's subprograms: a candidate that does not match
// is none for the relocations behind it, and the first error ends a load.
func (j *Judge) LoadOutcomes(full, object []byte) ([]Outcome, error) {
	loads, _, err := j.both(full, object)
	return loads, err
}

func (j *Judge) both(full, object []byte) (loads, alone []Outcome, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	paths, err := j.write(full, nil, object)
	if err != nil {
		return nil, nil, err
	}
	return j.outcomes(paths[0], paths[2])
}

func (j *Judge) outcomes(full, object string) (loads, alone []Outcome, err error) {
	lines, err := j.ask(full, object)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range lines {
		if l.word != "OUTCOME" {
			continue
		}
		o := Outcome{
			Load:    l.text(),
			Section: l.text(), Program: l.text(), Instruction: l.number(), Record: l.number(),
			Kind: l.number(), TypeID: l.number(), Access: l.text(), Relocation: l.text(),
			Errno: l.number(), Class: Class(l.text()), Candidates: l.number(), Matching: l.number(),
			Value: l.uint64(), Poison: l.number() != 0, Size: l.number(), BadSize: l.number() != 0, Result: Instruction(l.text()),
		}
		switch {
		case o.Class == "" && o.Errno == 0:
			o.Class = Value
		case o.Class == "": // libbpf says nothing but the number
			o.Class = OtherError
		}
		if l.err != nil {
			return nil, nil, fmt.Errorf("%s: %w", j.path, l.err)
		}
		if o.Load == "" {
			alone = append(alone, o)
		} else {
			loads = append(loads, o)
		}
	}
	return loads, alone, nil
}

// write puts contents into files. Each full BTF has a name of its own, as the
// process keeps it parsed by name.
func (j *Judge) write(full, min, object []byte) (paths [3]string, err error) {
	if j.fulls == 0 || !bytes.Equal(full, j.full) {
		os.Remove(j.fullPath()) // that of the one before, if any
		j.fulls++
		j.full = bytes.Clone(full)
		if err := os.WriteFile(j.fullPath(), full, 0o666); err != nil {
			return paths, err
		}
	}
	paths = [...]string{j.fullPath(), filepath.Join(j.dir, "min"), filepath.Join(j.dir, "object")}
	if err := os.WriteFile(paths[1], min, 0o666); err != nil {
		return paths, err
	}
	return paths, os.WriteFile(paths[2], object, 0o666)
}

func (j *Judge) fullPath() string { return filepath.Join(j.dir, fmt.Sprintf("full-%d", j.fulls)) }

// ask sends one line and returns the lines of the answer.
func (j *Judge) ask(paths ...string) ([]*line, error) {
	if strings.ContainsAny(strings.Join(paths, ""), "\t\n") {
		return nil, fmt.Errorf("judge: a tab or a line break in a name of %q", paths)
	}
	if j.cmd == nil {
		if err := j.run(); err != nil {
			return nil, err
		}
	}
	if _, err := io.WriteString(j.in, strings.Join(paths, "\t")+"\n"); err != nil {
		return nil, j.failed(err)
	}
	var lines []*line
	for {
		text, err := j.out.ReadString('\n')
		if err != nil {
			return nil, j.failed(err)
		}
		l := &line{fields: strings.Split(strings.TrimSuffix(text, "\n"), "\t")}
		l.word = l.text()
		switch l.word {
		case "UNJUDGED":
			return nil, fmt.Errorf("libbpf: %s", l.text())
		case "JUDGED":
			return append(lines, l), nil
		}
		lines = append(lines, l)
	}
}

func (j *Judge) run() (err error) {
	j.stderr.Reset()
	cmd := exec.Command(j.path, "--batch")
	cmd.Stderr = &j.stderr
	if j.in, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	j.out = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		return err
	}
	j.cmd = cmd
	return nil
}

// failed returns why the process ended, which it does on objects that are
// none. The next question starts another.
func (j *Judge) failed(err error) error {
	if end := j.stop(); end != nil {
		err = end
	}
	if said := strings.TrimSpace(j.stderr.String()); said != "" {
		return fmt.Errorf("libbpf: %s (%w)", said, err)
	}
	return fmt.Errorf("libbpf: %s: %w", filepath.Base(j.path), err)
}

func (j *Judge) stop() error {
	if j.cmd == nil {
		return nil
	}
	j.in.Close()
	err := j.cmd.Wait()
	j.cmd = nil
	return err
}

// A line of a judge's output, whose fields are taken one by one.
type line struct {
	word   string
	fields []string
	err    error
}

func (l *line) text() string {
	if len(l.fields) == 0 {
		l.err = errors.New("a line of its output ends too early")
		return ""
	}
	s := l.fields[0]
	l.fields = l.fields[1:]
	return s
}

// number is signed: an errno may be a large size that libbpf took for one.
func (l *line) number() int {
	n, err := strconv.Atoi(l.text())
	l.fail(err)
	return n
}

func (l *line) uint64() uint64 {
	n, err := strconv.ParseUint(l.text(), 10, 64)
	l.fail(err)
	return n
}

func (l *line) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}
