package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/report"
)

// fileUses are what in some files asks for the running kernel's own BTF.
type fileUses []usesOf

type usesOf struct {
	path   string
	object bool // as against a relocations file, where no program is known
	uses   []core.Use
}

// add adds the uses of a file, which has an object or relocations alone.
func (f fileUses) add(path string, rs *core.Relocations, o *core.Object) fileUses {
	u := usesOf{path, o != nil, rs.Uses()}
	if o != nil {
		u.uses = o.Uses()
	}
	if len(u.uses) == 0 {
		return f
	}
	return append(f, u)
}

// refuseTypeIDs returns an error if a file asks for ids of kernel types.
func (f fileUses) refuseTypeIDs() error {
	for _, file := range f {
		programs := map[string][]string{} // what each asks for
		for _, u := range file.uses {
			if u.Kind.IsTypeID() {
				program := cmp.Or(u.Program, u.Section)
				programs[program] = append(programs[program], u.What())
			}
		}
		var places []string
		for program, types := range programs {
			slices.Sort(types)
			place := few(slices.Compact(types))
			if file.object {
				place = program + " (" + place + ")"
			}
			places = append(places, place)
		}
		if len(places) > 0 {
			slices.Sort(places)
			return in(file.path, errors.New("asks for type ids of the kernel (bpf_core_type_id_kernel, bpf_core_cast), and those of a minimal BTF are not the running kernel's: "+
				few(places)+"; take them out, or load them by the kernel's own BTF alone and allow it (gen --allow-type-id, or allow_type_id of the rule)"))
		}
	}
	return nil
}

// note says in a line what the objects need besides. For relocations files that
// was said when they were made.
func (f fileUses) note(w io.Writer) {
	f = slices.DeleteFunc(slices.Clone(f), func(u usesOf) bool { return !u.object })
	if len(f) == 0 {
		return
	}
	var paths, kinds []string
	byKind := map[core.UseKind][]core.Use{}
	for _, file := range f {
		paths = append(paths, file.path)
		for _, u := range file.uses {
			byKind[u.Kind] = append(byKind[u.Kind], u)
		}
	}
	for k := core.UseTypeID; k <= core.UseHelper; k++ {
		uses := byKind[k]
		if len(uses) == 0 {
			continue
		}
		u := uses[max(0, slices.IndexFunc(uses, func(u core.Use) bool { return !u.Optional }))]
		example := u.What()
		if place := cmp.Or(u.Program, u.Section); place != "" {
			example = strings.TrimSpace(example + " in " + place)
		}
		if u.Optional {
			example += ", optional"
		}
		kinds = append(kinds, fmt.Sprintf("%d %s (%s)", len(uses), k, example))
	}
	note(w, "%s: only the running kernel's own BTF serves %s; where it has none, they fail (minbtf inspect says more)",
		few(paths), strings.Join(kinds, ", "))
}

// few joins the first of some names.
func few(names []string) string { return strings.Join(report.Few(names, 4), ", ") }

// printUses prints uses by program, and what each kind means.
func printUses(b *strings.Builder, uses []report.Use) {
	if len(uses) == 0 {
		return
	}
	type place struct{ section, program string }
	at := map[place][]string{}
	var places []place
	means := map[core.UseKind]bool{}
	for _, u := range uses {
		p := place{u.Section, u.Program}
		if at[p] == nil {
			places = append(places, p)
		}
		what := strings.TrimSpace(u.Kind.String() + " " + u.What)
		if u.Optional && !strings.HasPrefix(u.Section, "?") {
			what += " (weak)"
		}
		at[p] = append(at[p], what)
		means[u.Kind] = true
	}
	slices.SortFunc(places, func(x, y place) int {
		return cmp.Or(cmp.Compare(x.section, y.section), cmp.Compare(x.program, y.program))
	})
	b.WriteString("needs the running kernel's own BTF:\n")
	for _, p := range places {
		name := cmp.Or(p.program, "(unnamed)")
		if p.section != "" {
			name += " (" + p.section + ")"
		}
		fmt.Fprintf(b, "%12s%s: %s\n", "", name, strings.Join(at[p], ", "))
	}
	for k := core.UseTypeID; k <= core.UseHelper; k++ {
		if means[k] {
			fmt.Fprintf(b, "%10s  %s\n", k, k.Meaning())
		}
	}
}
