package conformance

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/khulnasoft/rules_btf/internal/judge"
)

// A relocation of an object as cilium/ebpf reads it.
type relocation struct {
	where string // section and instruction
	what  string // in C's words
	relo  *btf.CORERelocation
}

// kinds are those of enum bpf_core_relo_kind, with cilium/ebpf's names for them.
var kinds = []struct{ name, cilium string }{
	{"field_byte_offset", "byte_off"}, {"field_byte_size", "byte_sz"}, {"field_exists", "field_exists"},
	{"field_signed", "signed"}, {"field_lshift_u64", "lshift_u64"}, {"field_rshift_u64", "rshift_u64"},
	{"type_id_local", "local_type_id"}, {"type_id_target", "target_type_id"}, {"type_exists", "type_exists"},
	{"type_size", "type_size"}, {"enumval_exists", "enumval_exists"}, {"enumval_value", "enumval_value"},
	{"type_matches", "type_matches"},
}

// relocations returns an object's relocations by section and instruction.
func relocations(t *testing.T, object []byte) []relocation {
	t.Helper()
	spec, infos, err := btf.LoadSpecAndExtInfosFromReader(bytes.NewReader(object))
	if errors.Is(err, btf.ErrNotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if infos == nil {
		return nil
	}
	var all []relocation
	for _, section := range slices.Sorted(maps.Keys(infos.CORERelos)) {
		for _, r := range infos.CORERelos[section] {
			where := fmt.Sprintf("%s+%d", section, r.Offset)
			all = append(all, relocation{where, describe(t, spec, r.Relo), r.Relo})
		}
	}
	return all
}

var coreRelocation = regexp.MustCompile(`^CORERelocation\(([^,]+), .*\[([0-9:]+)\], local_id=([0-9]+)\)$`)

// describe returns "field_exists struct task.comm[3]".
func describe(t *testing.T, spec *btf.Spec, r *btf.CORERelocation) string {
	t.Helper()
	parts := coreRelocation.FindStringSubmatch(r.String()) // the only way to what is in it
	if parts == nil {
		t.Fatalf("unknown form of a relocation: %s", r)
	}
	id, _ := strconv.Atoi(parts[3])
	root, err := spec.TypeByID(btf.TypeID(id))
	if err != nil {
		t.Fatal(err)
	}
	kind := slices.IndexFunc(kinds, func(k struct{ name, cilium string }) bool { return k.cilium == parts[1] })
	if kind < 0 {
		t.Fatalf("unknown kind of relocation: %s", r)
	}
	s := kinds[kind].name + " " + typeName(root)
	var access []int
	for a := range strings.SplitSeq(parts[2], ":") {
		n, _ := strconv.Atoi(a)
		access = append(access, n)
	}
	if strings.HasPrefix(parts[1], "enumval") {
		if e, ok := btf.As[*btf.Enum](root); ok && access[0] < len(e.Values) {
			return s + "::" + e.Values[access[0]].Name
		}
	}
	if access[0] > 0 {
		s += fmt.Sprintf("[%d]", access[0])
	}
	typ := root
	for _, n := range access[1:] {
		var members []btf.Member
		switch v := btf.UnderlyingType(typ).(type) {
		case *btf.Struct:
			members = v.Members
		case *btf.Union:
			members = v.Members
		case *btf.Array:
			s += fmt.Sprintf("[%d]", n)
			typ = v.Type
			continue
		}
		if n >= len(members) {
			return s + fmt.Sprintf(" (access %s)", parts[2])
		}
		if members[n].Name != "" {
			s += "." + members[n].Name
		}
		typ = members[n].Type
	}
	return longPath.ReplaceAllStringFunc(s, func(path string) string {
		return fmt.Sprintf(".m{%d}", len(path)/2)
	})
}

// longPath is more than a line has room for.
var longPath = regexp.MustCompile(`(\.m){10,}`)

func typeName(t btf.Type) string {
	name := t.TypeName()
	if name == "" {
		name = "(no name)"
	}
	switch t.(type) {
	case *btf.Struct:
		return "struct " + name
	case *btf.Union:
		return "union " + name
	case *btf.Enum:
		return "enum " + name
	case *btf.Fwd:
		return "fwd " + name
	}
	return name
}

// A kernel is BTF as cilium/ebpf reads it.
type kernel struct {
	spec  *btf.Spec
	order binary.ByteOrder
}

// cilium returns what cilium/ebpf makes of relocations of one program.
func (k *kernel) relocate(relos []*btf.CORERelocation) []string {
	local := func(btf.Type) (btf.TypeID, error) { return 1, nil }
	fixups, err := btf.CORERelocate(relos, []*btf.Spec{k.spec}, k.order, local)
	results := make([]string, len(relos))
	for i := range relos {
		if err != nil {
			results[i] = failure(err)
			continue
		}
		kind, value, _ := strings.Cut(fixups[i].String(), "=")
		if _, target, ok := strings.Cut(value, "->"); ok {
			value = target
		}
		results[i] = rendered(kind, value)
	}
	return results
}

var noise = regexp.MustCompile(`^target .*?: |[0-9]+|"[^"]*"`)

// failure is what an error says without the names and numbers of its case.
func failure(err error) string {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return "error: " + strings.TrimSpace(noise.ReplaceAllString(err.Error(), ""))
}

// rendered is a value as a reader of a case understands it: types' ids say nothing.
func rendered(kind, value string) string {
	switch {
	case kind == "local_type_id", kind == "type_id_local":
		return "id"
	case (kind == "target_type_id" || kind == "type_id_target") && value != "poison" && value != "0":
		return "id"
	}
	return value
}

// together returns what cilium/ebpf makes of relocations in their program,
// where that is not what it makes of each by itself.
func (k *kernel) together(t *testing.T, object []byte) []string {
	t.Helper()
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	types, err := btf.LoadSpecFromReader(bytes.NewReader(object))
	if err != nil {
		return nil // no BTF
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(spec.Programs)) {
		groups := map[string][]*btf.CORERelocation{} // by local type: the others have no part in it
		for i := range spec.Programs[name].Instructions {
			if r := btf.CORERelocationMetadata(&spec.Programs[name].Instructions[i]); r != nil {
				id := coreRelocation.FindStringSubmatch(r.String())[3]
				groups[id] = append(groups[id], r)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(groups)) {
			results := k.relocate(groups[id])
			for i, r := range groups[id] {
				if alone := k.relocate([]*btf.CORERelocation{r})[0]; alone != results[i] {
					lines = append(lines, fmt.Sprintf("%s: %s: %s", name, describe(t, types, r), results[i]))
				}
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// libbpf returns what libbpf makes of each relocation by itself, by place, and
// what else it makes of them in the load of a program.
func libbpf(t *testing.T, j *judge.Judge, kernel, object []byte) (alone map[string]string, loads []string) {
	t.Helper()
	outcomes, err := j.Outcomes(kernel, object)
	if err != nil {
		t.Fatal(err)
	}
	alone = map[string]string{}
	for _, o := range outcomes {
		alone[place(o)] = result(o)
	}
	outcomes, err = j.LoadOutcomes(kernel, object)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if result(o) != alone[place(o)] {
			loads = append(loads, fmt.Sprintf("%s: %s: %s", o.Load, place(o), result(o)))
		}
	}
	slices.Sort(loads)
	return alone, loads
}

func place(o judge.Outcome) string { return fmt.Sprintf("%s+%d", o.Section, o.Instruction) }

func result(o judge.Outcome) string {
	kind, value := kinds[o.Kind].name, o.String()
	if o.Class != judge.Value {
		return "error: " + value
	}
	if o.Poison {
		return value
	}
	number := strconv.FormatUint(o.Value, 10)
	return strings.Replace(value, number, rendered(kind, number), 1)
}
