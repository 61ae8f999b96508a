// Package report joins what kernels do not serve (core.Finding) with the
// programs of the objects that ask for it. Findings know nothing of programs,
// so that they stay the same when only code changes.
package report

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/jsonfile"
)

// Version is the version of the report's JSON form.
const Version = 1

// A Report is about some objects and kernels.
type Report struct {
	Objects     []Object
	Relocations int      // how many different ones the objects have
	Kernels     []string // sorted
	Findings    []Entry
}

// An Object is a BPF object, and what in it no BTF but the running kernel's serves.
type Object struct {
	File string `json:"file"`
	Uses []Use  `json:"uses,omitempty"`
}

// A Use is a core.Use as it is written.
type Use struct {
	Kind     core.UseKind `json:"kind"`
	Section  string       `json:"section,omitempty"`
	Program  string       `json:"program,omitempty"`
	What     string       `json:"what,omitempty"`
	Optional bool         `json:"optional,omitempty"`
}

// UsesOf returns an object's uses.
func UsesOf(o *core.Object) []Use {
	var uses []Use
	for _, u := range o.Uses() {
		uses = append(uses, Use{u.Kind, u.Section, u.Program, u.What(), u.Optional})
	}
	return uses
}

// An Entry is a relocation that some kernels do not serve, for one reason.
type Entry struct {
	Relocation core.Relocation `json:"relocation"`
	Outcome    core.Outcome    `json:"outcome"`
	Effect     core.Effect     `json:"effect"`
	// Checked, of what is poisoned: each function that has the relocation also
	// checks whether there is something of that type, and so probably does not
	// reach it. (That it does not, the verifier alone can tell.)
	Checked bool `json:"checked,omitempty"`
	// Kernels are ranges of Report.Kernels.
	Kernels  []core.Range `json:"kernels"`
	Programs []Program    `json:"programs"`
}

// A Program has a relocation. A subprogram (section .text) stands for all programs that call it.
type Program struct {
	Object  string `json:"object"`
	Section string `json:"section"`
	Name    string `json:"program,omitempty"` // empty if the object's symbols do not say
}

func (p Program) compare(o Program) int {
	return cmp.Or(cmp.Compare(p.Object, o.Object), cmp.Compare(p.Section, o.Section), cmp.Compare(p.Name, o.Name))
}

func (p Program) String() string { return cmp.Or(p.Name, p.Section) }

// A Builder makes a report. Add all objects before the first findings.
type Builder struct {
	report   Report
	all      core.Relocations
	programs []map[Program]bool // by relocation in all
	files    []*core.FindingsFile
	kernels  map[string]bool // of files
}

// AddObject adds an object. In the report the end of its path stands for it,
// as much as tells it from the others.
func (b *Builder) AddObject(path string, o *core.Object) error {
	path = filepath.ToSlash(filepath.Clean(path))
	if slices.ContainsFunc(b.report.Objects, func(o Object) bool { return o.File == path }) {
		return errors.New("is named twice among the objects")
	}
	rs, err := o.Relocations()
	if err != nil {
		return err
	}
	all, err := core.Union(&b.all, rs)
	if err != nil {
		return err
	}
	programs := make([]map[Program]bool, len(all.Relocations))
	for i := range b.programs {
		n, _ := all.Find(&b.all.Relocations[i])
		programs[n] = b.programs[i]
	}
	file := Object{path, UsesOf(o)}
	functions := o.Functions()
	number := map[core.Record]int{} // in all, of what a record asks wherever it stands; -1: nothing
	for _, rec := range o.Records() {
		what := core.Record{TypeID: rec.TypeID, Access: rec.Access, Kind: rec.Kind}
		n, ok := number[what]
		if !ok {
			r, asks, err := o.Relocation(rec)
			if err != nil {
				return err
			}
			n = -1
			if asks {
				n, _ = all.Find(&r)
			}
			number[what] = n
		}
		if n < 0 {
			continue
		}
		if programs[n] == nil {
			programs[n] = map[Program]bool{}
		}
		programs[n][Program{path, rec.Section, functions.At(rec.Section, uint64(rec.InsnOffset))}] = true
	}
	b.all, b.programs = *all, programs
	b.report.Objects = append(b.report.Objects, file)
	return nil
}

// AddFindings adds the findings of one kernel or many.
func (b *Builder) AddFindings(file *core.FindingsFile) error {
	for i := range file.Findings {
		if r := &file.Findings[i].Relocation; !b.has(r) {
			return fmt.Errorf("%s is a relocation of none of the objects; the findings were made for others", r)
		}
	}
	for _, name := range file.Kernels {
		if b.kernels[name] {
			return fmt.Errorf("another kernel is named %s, too", name)
		}
	}
	if b.kernels == nil {
		b.kernels = map[string]bool{}
	}
	for _, name := range file.Kernels {
		b.kernels[name] = true
	}
	b.files = append(b.files, file)
	return nil
}

func (b *Builder) has(r *core.Relocation) bool {
	_, ok := b.all.Find(r)
	return ok
}

// Report returns the report, in an order that does not depend on that of the calls.
func (b *Builder) Report() *Report {
	r := b.report
	r.Kernels = slices.Sorted(maps.Keys(b.kernels))
	r.Relocations = len(b.all.Relocations)
	names := shortest(b.report.Objects)
	r.Objects = slices.Clone(b.report.Objects)
	for i := range r.Objects {
		r.Objects[i].File = names[r.Objects[i].File]
	}
	slices.SortFunc(r.Objects, func(x, y Object) int { return cmp.Compare(x.File, y.File) })
	type key struct {
		relocation int
		outcome    core.Outcome
	}
	found := map[key][]kernels{}
	for _, file := range b.files {
		place := make([]int, len(file.Kernels))
		for i, name := range file.Kernels {
			place[i], _ = slices.BinarySearch(r.Kernels, name)
		}
		for i := range file.Findings {
			f := &file.Findings[i]
			at, _ := b.all.Find(&f.Relocation)
			k := key{at, f.Outcome}
			found[k] = append(found[k], kernels{f, place})
		}
	}
	on := make([]bool, len(r.Kernels))
	checks := b.checks()
	for at := range b.all.Relocations {
		for _, outcome := range []core.Outcome{core.NoCandidate, core.NoMatch, core.Ambiguous, core.Refused} {
			list := found[key{at, outcome}]
			if len(list) == 0 {
				continue
			}
			clear(on)
			for _, k := range list {
				k.mark(on)
			}
			f := list[0].finding
			e := Entry{Relocation: f.Relocation, Outcome: outcome, Effect: f.Effect(), Kernels: core.Ranges(on)}
			e.Checked = e.Effect == core.Poison
			for p := range b.programs[at] {
				e.Checked = e.Checked && checks[check{p, graph.Stem(e.Relocation.Type)}]
				p.Object = names[p.Object]
				e.Programs = append(e.Programs, p)
			}
			slices.SortFunc(e.Programs, Program.compare)
			r.Findings = append(r.Findings, e)
		}
	}
	return &r
}

// kernels are those of a finding in one file, and where the file's are in the report.
type kernels struct {
	finding *core.KernelsFinding
	place   []int
}

func (k *kernels) mark(on []bool) {
	for _, r := range k.finding.Kernels {
		for _, at := range k.place[r[0] : r[1]+1] {
			on[at] = true
		}
	}
}

// shortest returns for the path of each object its shortest end that is no
// other's; ends are what stays the same wherever Bazel puts a file.
func shortest(objects []Object) map[string]string {
	ends := func(path string) []string { // the shortest first
		list := []string{path}
		for i := range len(path) {
			if path[i] == '/' {
				list = append(list, path[i+1:])
			}
		}
		slices.Reverse(list)
		return list
	}
	have := map[string]int{}
	for _, o := range objects {
		for _, end := range ends(o.File) {
			have[end]++
		}
	}
	names := map[string]string{}
	for _, o := range objects {
		names[o.File] = o.File // is another's end, too, but that has a longer name
		all := ends(o.File)
		if i := slices.IndexFunc(all, func(end string) bool { return have[end] == 1 }); i >= 0 {
			names[o.File] = all[i]
		}
	}
	return names
}

// A check says that a program checks for something of a type, whatever its flavor.
type check struct {
	program Program
	stem    string
}

func (b *Builder) checks() map[check]bool {
	checks := map[check]bool{}
	for i := range b.all.Relocations {
		if r := &b.all.Relocations[i]; r.Kind.IsCheck() {
			for p := range b.programs[i] {
				checks[check{p, graph.Stem(r.Type)}] = true
			}
		}
	}
	return checks
}

// JSON is the report for programs.
func (r *Report) JSON() ([]byte, error) {
	return jsonfile.Marshal(Version,
		jsonfile.Field{Name: "objects", Value: jsonfile.List[Object](r.Objects)},
		jsonfile.Field{Name: "relocations", Value: r.Relocations},
		jsonfile.Field{Name: "kernels", Value: jsonfile.List[string](r.Kernels)},
		jsonfile.Field{Name: "findings", Value: jsonfile.List[Entry](r.Findings)})
}

// Count is on how many kernels the entry is.
func (e *Entry) Count() int {
	n := 0
	for _, r := range e.Kernels {
		n += r[1] - r[0] + 1
	}
	return n
}

// Text is the report for people: what can stop a program first.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %s\n", count(len(r.Objects), "object"), count(r.Relocations, "relocation"), count(len(r.Kernels), "kernel"))
	for _, o := range r.Objects {
		for _, u := range o.Uses {
			optional := ""
			if u.Optional {
				optional = " (optional)"
			}
			fmt.Fprintf(&b, "%s: %s %s: %s%s: %s\n", o.File, u.Kind, u.What, cmp.Or(u.Program, u.Section), optional, u.Kind.Meaning())
		}
	}
	for _, about := range []struct {
		effect  core.Effect
		checked bool
		head    string
	}{
		{core.Refusal, false, "Refused by loaders, unless other relocations of the program rule candidates out:"},
		{core.Poison, false, "Poisoned: the verifier refuses these instructions unless they are never reached."},
		{core.Poison, true, "Poisoned, in functions that check for something of the type, and so probably do not get there:"},
		{core.Zero, false, "Checks that find nothing:"},
	} {
		head := about.head + "\n"
		for i := range r.Findings {
			e := &r.Findings[i]
			if e.Effect != about.effect || e.Checked != about.checked {
				continue
			}
			b.WriteString(head)
			head = ""
			fmt.Fprintf(&b, "  %s: %s on %s\n    in %s\n", &e.Relocation, e.Outcome, r.on(e), programs(e.Programs))
		}
	}
	if len(r.Findings) == 0 {
		b.WriteString("Every kernel serves every relocation.\n")
	}
	return b.String()
}

// on names the kernels of an entry.
func (r *Report) on(e *Entry) string {
	first, last := r.Kernels[e.Kernels[0][0]], r.Kernels[e.Kernels[len(e.Kernels)-1][1]]
	switch n := e.Count(); {
	case n == len(r.Kernels):
		return "all kernels"
	case n == 1:
		return first
	default:
		return fmt.Sprintf("%s, %s to %s", count(n, "kernel"), first, last)
	}
}

func count(n int, of string) string {
	if n != 1 {
		of += "s"
	}
	return fmt.Sprintf("%d %s", n, of)
}

// programs names a few.
func programs(list []Program) string {
	var names []string
	for _, p := range list {
		names = append(names, p.String())
	}
	return strings.Join(Few(slices.Compact(names), 5), ", ")
}

// Few returns the first of some names, and how many more there are, unless that is one.
func Few(names []string, most int) []string {
	if more := len(names) - most; more > 1 {
		return append(slices.Clone(names[:most]), fmt.Sprintf("%d more", more))
	}
	return names
}
