package core

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/khulnasoft/rules_btf/internal/jsonfile"
)

// A FindingsFile is what kernels do not serve of the same relocations.
type FindingsFile struct {
	Kernels []string // sorted
	// Findings are in the order of their relocations, those of one relocation
	// by their first kernels.
	Findings []KernelsFinding
}

// A KernelsFinding is a Finding that some kernels have.
type KernelsFinding struct {
	Finding
	Kernels []Range // of FindingsFile.Kernels, ascending
}

// A Range is a first and a last index.
type Range [2]int

// Ranges returns where a list is true.
func Ranges(list []bool) []Range {
	var ranges []Range
	for i, is := range list {
		switch {
		case !is:
		case i > 0 && list[i-1]:
			ranges[len(ranges)-1][1] = i
		default:
			ranges = append(ranges, Range{i, i})
		}
	}
	return ranges
}

// UnmarshalJSON reads a pair.
func (r *Range) UnmarshalJSON(b []byte) error {
	var pair []int
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("range %s of kernels is not a first and a last one", b)
	}
	*r = Range(pair)
	return nil
}

// A Collector makes one file of the findings of kernels. The zero Collector is ready
// for use, and not by several goroutines at once.
type Collector struct {
	kernels []string
	on      map[*Finding][]Range // of kernels as they came
}

// Add adds the findings of one kernel. It is cheapest where equal findings are the
// same pointer, as those of one Finder are.
func (c *Collector) Add(kernel string, findings []*Finding) {
	if c.on == nil {
		c.on = map[*Finding][]Range{}
	}
	n := len(c.kernels)
	c.kernels = append(c.kernels, kernel)
	for _, f := range findings {
		ranges := c.on[f]
		if last := len(ranges) - 1; last >= 0 && ranges[last][1] == n-1 {
			ranges[last][1] = n
			continue
		}
		c.on[f] = append(ranges, Range{n, n})
	}
}

// File returns the findings of all kernels. In which order they came does not matter.
func (c *Collector) File() (*FindingsFile, error) {
	order := make([]int, len(c.kernels))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(c.kernels[a], c.kernels[b]) })
	var file FindingsFile
	place := make([]int, len(order))
	for i, n := range order {
		name := c.kernels[n]
		switch {
		case i > 0 && name == file.Kernels[i-1]:
			return nil, fmt.Errorf("two kernels are named %s", name)
		case !utf8.ValidString(name):
			return nil, fmt.Errorf("a kernel's name, %q, is not UTF-8", name)
		}
		place[n] = i
		file.Kernels = append(file.Kernels, name)
	}
	list := slices.SortedFunc(maps.Keys(c.on), (*Finding).compare)
	on := make([]bool, len(order))
	for i, f := range list {
		for _, r := range c.on[f] {
			for n := r[0]; n <= r[1]; n++ {
				on[place[n]] = true
			}
		}
		if i+1 < len(list) && f.compare(list[i+1]) == 0 {
			continue // another Finder's
		}
		file.Findings = append(file.Findings, KernelsFinding{*f, Ranges(on)})
		clear(on)
	}
	slices.SortStableFunc(file.Findings, func(a, b KernelsFinding) int {
		return cmp.Or(a.Relocation.compare(&b.Relocation), cmp.Compare(a.Kernels[0][0], b.Kernels[0][0]))
	})
	return &file, nil
}

// findingJSON is a finding as it is written: one line each.
type findingJSON struct {
	Relocation relocationJSON `json:"relocation"`
	Outcome    Outcome        `json:"outcome"`
	Effect     Effect         `json:"effect"`
	Candidates int            `json:"candidates,omitempty"`
	Results    []Result       `json:"results,omitempty"`
	Kernels    []Range        `json:"kernels"`
}

// ErrFindings is wrapped by every error about a findings file.
var ErrFindings = errors.New("not a usable findings file")

// Marshal returns the file.
func (f *FindingsFile) Marshal() ([]byte, error) {
	return jsonfile.Marshal(FormatVersion,
		jsonfile.Field{Name: "kernels", Value: jsonfile.List[string](f.Kernels)},
		jsonfile.Field{Name: "findings", Value: jsonfile.List[KernelsFinding](f.Findings)})
}

// MarshalJSON writes the finding with its effect.
func (f KernelsFinding) MarshalJSON() ([]byte, error) {
	r, err := f.Relocation.json()
	if err != nil {
		return nil, err
	}
	return jsonfile.Line(findingJSON{r, f.Outcome, f.Effect(), f.Candidates, f.Results, f.Kernels})
}

// UnmarshalFindings reads a findings file.
func UnmarshalFindings(file []byte) (*FindingsFile, error) {
	f, err := unmarshalFindings(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFindings, err)
	}
	return f, nil
}

func unmarshalFindings(file []byte) (*FindingsFile, error) {
	var body struct {
		Version  int           `json:"version"`
		Kernels  []string      `json:"kernels"`
		Findings []findingJSON `json:"findings"`
	}
	if err := jsonfile.Unmarshal(file, FormatVersion, &body); err != nil {
		return nil, err
	}
	for i, name := range body.Kernels {
		if i > 0 && name <= body.Kernels[i-1] {
			return nil, fmt.Errorf("kernel %q stands behind %q: they are not sorted", name, body.Kernels[i-1])
		}
	}
	f := &FindingsFile{Kernels: body.Kernels}
	for i, j := range body.Findings {
		r, err := j.Relocation.relocation()
		finding := KernelsFinding{Finding{r, j.Outcome, j.Candidates, j.Results}, j.Kernels}
		switch {
		case err != nil:
		case j.Outcome == 0 || finding.Effect() != j.Effect:
			err = errors.New("outcome and effect do not go together")
		default:
			err = checkRanges(j.Kernels, len(body.Kernels))
		}
		if err != nil {
			return nil, fmt.Errorf("finding %d: %w", i, err)
		}
		f.Findings = append(f.Findings, finding)
	}
	return f, nil
}

// checkRanges checks the ranges of a finding, of so many kernels.
func checkRanges(ranges []Range, kernels int) error {
	if len(ranges) == 0 {
		return errors.New("no kernel has it")
	}
	next := 0
	for _, r := range ranges {
		if r[0] < next || r[1] < r[0] || r[1] >= kernels {
			return fmt.Errorf("range [%d,%d] of kernels is out of order, or goes beyond the %d that there are", r[0], r[1], kernels)
		}
		next = r[1] + 1
	}
	return nil
}
