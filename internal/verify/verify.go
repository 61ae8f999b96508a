// Package verify judges a minimal BTF by cilium/ebpf's own relocation
// (btf.CORERelocate), which knows nothing of how we match and prune: relocating
// an object against the minimal BTF must give what the full BTF gives.
package verify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// A Result is what Compare found.
type Result struct {
	Programs    int `json:"programs"`
	Relocations int `json:"relocations"`
	Same        int `json:"same"`
	// TypeIDs counts relocations for the id of a kernel's type (type_id_target),
	// which no other BTF than the running kernel's can serve.
	TypeIDs     int          `json:"type_ids"`
	Differences []Difference `json:"differences"`
	// Limits are relocations at which cilium/ebpf gives up against the full BTF
	// alone, because of members that the minimal BTF does not have.
	Limits []Difference `json:"limits"`
	// Remarks say what could not be judged as the loader would.
	Remarks []string `json:"remarks,omitempty"`
}

// A Difference is a relocation with two outcomes.
type Difference struct {
	Object     string `json:"object,omitempty"`
	Program    string `json:"program"`
	Relocation string `json:"relocation"`
	Full       string `json:"full"`
	Min        string `json:"min"`
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: program %s: %s: full %s, min %s", d.Object, d.Program, d.Relocation, d.Full, d.Min)
}

// OK reports whether there is no difference.
func (r *Result) OK() bool { return len(r.Differences) == 0 }

// Add adds the findings of o to r.
func (r *Result) Add(o *Result) {
	r.Programs += o.Programs
	r.Relocations += o.Relocations
	r.Same += o.Same
	r.TypeIDs += o.TypeIDs
	r.Differences = append(r.Differences, o.Differences...)
	r.Limits = append(r.Limits, o.Limits...)
	r.Remarks = append(r.Remarks, o.Remarks...)
}

// A Kernel is BTF to relocate against.
type Kernel struct {
	spec  *btf.Spec
	order binary.ByteOrder
}

// Parse reads raw BTF.
func Parse(raw []byte) (*Kernel, error) {
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("cilium/ebpf does not read it: %w", err)
	}
	k := &Kernel{spec, binary.LittleEndian}
	if raw[0] == 0xeb { // the magic is 0xeb9f
		k.order = binary.BigEndian
	}
	return k, nil
}

// An Object is a BPF object as cilium/ebpf loads it.
type Object struct {
	name     string
	order    binary.ByteOrder
	programs []program
	remarks  []string
}

// A program is what a loader relocates at once: a program with its flattened subprograms.
type program struct {
	name  string
	relos []*btf.CORERelocation
}

// ReadObject reads the ELF file of an object, whose name is for reports. An
// object that cilium/ebpf cannot load is judged by its sections.
func ReadObject(name string, file []byte) (*Object, error) {
	o := &Object{name: name}
	spec, loadErr := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(file))
	if loadErr == nil {
		o.order = spec.ByteOrder
		for _, name := range slices.Sorted(maps.Keys(spec.Programs)) {
			p := program{name: name}
			for i := range spec.Programs[name].Instructions {
				if r := btf.CORERelocationMetadata(&spec.Programs[name].Instructions[i]); r != nil {
					p.relos = append(p.relos, r)
				}
			}
			o.programs = append(o.programs, p)
		}
		return o, nil
	}
	_, infos, err := btf.LoadSpecAndExtInfosFromReader(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("cilium/ebpf does not read it: %w", loadErr)
	}
	o.order = binary.LittleEndian
	if len(file) > 5 && file[5] == 2 { // EI_DATA: ELFDATA2MSB
		o.order = binary.BigEndian
	}
	if infos != nil {
		for _, section := range slices.Sorted(maps.Keys(infos.CORERelos)) {
			p := program{name: "section " + section}
			for _, r := range infos.CORERelos[section] {
				p.relos = append(p.relos, r.Relo)
			}
			o.programs = append(o.programs, p)
		}
	}
	o.remarks = append(o.remarks, fmt.Sprintf("%s: judged by section, as cilium/ebpf does not load it: %v", name, loadErr))
	return o, nil
}

// Fits returns an error if the object cannot be loaded on the kernel at all:
// if their byte orders differ.
func (o *Object) Fits(k *Kernel) error {
	if o.order != k.order {
		return fmt.Errorf("byte order is %v, the object's %v", k.order, o.order)
	}
	return nil
}

// Compare relocates each program of an object against both kernels.
func Compare(full, min *Kernel, o *Object) *Result {
	res := &Result{Remarks: o.remarks}
	for _, p := range o.programs {
		res.Programs++
		res.Relocations += len(p.relos)
		for _, relos := range byType(p.relos) {
			o.compare(res, p.name, relos, full, min)
		}
	}
	return res
}

// byType divides a program's relocations as btf.CORERelocate does: those of
// one local type are matched together, and those of others have no part in it.
// It does so in random order, so of two types that it refuses it names either.
func byType(relos []*btf.CORERelocation) [][]*btf.CORERelocation {
	var groups [][]*btf.CORERelocation
	number := map[string]int{}
	for _, r := range relos {
		s := r.String() // the only way to the type: "CORERelocation(…, local_id=12)"
		id := s[strings.LastIndex(s, "="):]
		n, ok := number[id]
		if !ok {
			n = len(groups)
			number[id] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], r)
	}
	return groups
}

func (o *Object) compare(res *Result, program string, relos []*btf.CORERelocation, full, min *Kernel) {
	ff, fullErr := relocate(relos, full, o.order)
	mf, minErr := relocate(relos, min, o.order)
	if fullErr == nil && minErr == nil {
		for i, r := range relos {
			switch {
			case ff[i] == mf[i]:
				res.Same++
				if isTypeID(ff[i]) {
					res.TypeIDs++
				}
			case isTypeID(ff[i]) && isPoison(ff[i]) == isPoison(mf[i]):
				res.Same++
				res.TypeIDs++
			default:
				res.Differences = append(res.Differences, Difference{o.name, program, r.String(), ff[i].String(), mf[i].String()})
			}
		}
		return
	}
	if len(relos) > 1 {
		// One refused relocation refuses all. Both must, and the relocations
		// must agree one by one, too.
		if class(fullErr) != class(minErr) && !isLimit(fullErr) {
			res.Differences = append(res.Differences, Difference{o.name, program, "all relocations of a type together", text(fullErr), text(minErr)})
		}
		for _, r := range relos {
			o.compare(res, program, []*btf.CORERelocation{r}, full, min)
		}
		return
	}
	d := Difference{o.name, program, relos[0].String(), text(fullErr), text(minErr)}
	switch {
	case class(fullErr) == class(minErr):
		res.Same++
	case isLimit(fullErr):
		res.Limits = append(res.Limits, d)
	default:
		res.Differences = append(res.Differences, d)
	}
}

// relocate is the loader's step, with ids for local types that depend on nothing but the relocations.
func relocate(relos []*btf.CORERelocation, k *Kernel, order binary.ByteOrder) ([]btf.COREFixup, error) {
	ids := map[btf.Type]btf.TypeID{}
	local := func(t btf.Type) (btf.TypeID, error) {
		if _, ok := ids[t]; !ok {
			ids[t] = btf.TypeID(len(ids) + 1)
		}
		return ids[t], nil
	}
	return btf.CORERelocate(relos, []*btf.Spec{k.spec}, order, local)
}

func isTypeID(f btf.COREFixup) bool { return strings.HasPrefix(f.String(), "target_type_id=") }

func isPoison(f btf.COREFixup) bool { return strings.HasSuffix(f.String(), "=poison") }

func text(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

var noise = regexp.MustCompile(`^type .*: |[0-9]+|"[^"]*"`)

// class is what an error says without the types, names and numbers of its case.
func class(err error) string {
	if err == nil {
		return ""
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return noise.ReplaceAllString(err.Error(), "")
}

// isLimit reports whether cilium/ebpf gave up on its own account: it searches
// no more than 32 nested composites, and no unnamed member that is none.
func isLimit(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "type is nested too deep") ||
		strings.Contains(err.Error(), "anonymous non-composite type"))
}
