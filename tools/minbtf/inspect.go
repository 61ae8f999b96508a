package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/pack"
	"github.com/khulnasoft/rules_btf/internal/packfile"
	"github.com/khulnasoft/rules_btf/internal/report"
)

func inspectCommand() *cobra.Command {
	var asJSON bool
	var base string
	c := &cobra.Command{
		Use:   "inspect [--json] [--base VMLINUX] FILE",
		Short: "Say what is in a file",
		Long: `inspect says what is in a kernel's BTF (in any form that gen reads), a pack of
kernels, a BPF object, or a relocations file: byte order, types, relocations,
sizes, and what needs the running kernel's own BTF, by program. A module's BTF
is read with --base, and without what it shares with vmlinux.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			facts, err := inspect(args[0], base)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(facts)
			}
			return facts.print(c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&base, "base", "", "the kernel's `VMLINUX`, if FILE is a module")
	return c
}

// facts is what inspect found in one file.
type facts struct {
	File        string            `json:"file"`
	What        string            `json:"what"`
	Bytes       int               `json:"bytes"`
	ByteOrder   string            `json:"byte_order,omitempty"`
	BTF         *btfFacts         `json:"btf,omitempty"`
	Relocations *relocationsFacts `json:"relocations,omitempty"`
	Uses        []report.Use      `json:"uses,omitempty"` // of the running kernel's BTF
	Pack        *packFacts        `json:"pack,omitempty"`
}

type packFacts struct {
	Kernels int `json:"kernels"`
	Types   int `json:"types"` // different ones
}

type btfFacts struct {
	Bytes      int            `json:"bytes"`
	Types      int            `json:"types"`
	Kinds      map[string]int `json:"kinds"`
	Duplicates int            `json:"duplicate_names"` // names of several structs or of several unions
}

type relocationsFacts struct {
	Records   int            `json:"records,omitempty"` // in the object
	Distinct  int            `json:"distinct"`
	RootTypes int            `json:"root_types"`
	Sections  int            `json:"sections,omitempty"`
	Kinds     map[string]int `json:"kinds"` // of distinct ones
}

func inspect(path, base string) (*facts, error) {
	file, err := readFile(path, maxKernel)
	if err != nil {
		return nil, err
	}
	object := base == "" && core.IsObject(file)
	relocations := base == "" && bytes.HasPrefix(file, []byte("{"))
	if (object || relocations) && len(file) > maxObject {
		return nil, tooLarge(path, maxObject)
	}
	f := &facts{File: path, Bytes: len(file)}
	switch {
	case base == "" && packfile.IsPack(file):
		p, err := pack.Read(file)
		if err == nil {
			f.What, f.Pack, err = inspectPack(p)
		}
		if err != nil {
			return nil, in(path, err)
		}
	case relocations:
		rs, err := core.Unmarshal(file)
		if err != nil {
			return nil, in(path, err)
		}
		f.What, f.ByteOrder, f.Relocations = "relocations", string(rs.ByteOrder), inspectRelocations(rs)
	case object:
		o, err := core.ReadObject(file)
		if err != nil {
			return nil, in(path, err)
		}
		rs, err := o.Relocations()
		if err != nil {
			return nil, in(path, err)
		}
		f.What, f.ByteOrder = "BPF object", string(rs.ByteOrder)
		f.BTF = inspectBTF(o.BTF)
		f.Relocations = inspectRelocations(rs)
		sections := map[string]bool{}
		for _, r := range o.Records() {
			f.Relocations.Records++
			sections[r.Section] = true
		}
		f.Relocations.Sections = len(sections)
		f.Uses = report.UsesOf(o)
	default:
		raw, err := rawBTF(new(archive.Reader), path, file)
		if err != nil {
			return nil, err
		}
		b, err := parseOn(path, raw, base)
		if err != nil {
			return nil, err
		}
		f.What, f.ByteOrder = "BTF", "little"
		if b.BigEndian() {
			f.ByteOrder = "big"
		}
		f.BTF = inspectBTF(b)
		f.BTF.Bytes = len(raw)
	}
	return f, nil
}

// inspectPack reads all of a pack, and so finds what is damaged.
func inspectPack(p *packfile.Pack) (what string, f *packFacts, err error) {
	for _, err := range p.Kernels(true) {
		if err != nil {
			return "", nil, err
		}
	}
	what = "pack of full kernels"
	if p.Tailored {
		what = "pack of tailored kernels"
	}
	return what, &packFacts{Kernels: p.Len(), Types: p.Store.Len() - 1}, nil
}

// parseOn reads a module's BTF, or without a base a vmlinux'.
func parseOn(path string, raw []byte, base string) (*btf.File, error) {
	if base == "" {
		return parseVmlinux(path, raw)
	}
	vmlinux, err := readKernel(base)
	if err != nil {
		return nil, err
	}
	return parseModule(path, raw, base, vmlinux.File)
}

func inspectBTF(b *btf.File) *btfFacts {
	f := &btfFacts{Bytes: b.Size(), Types: int(b.NumTypes() - b.FirstOwn()), Kinds: map[string]int{}}
	type named struct {
		kind btf.Kind
		name string
	}
	seen := map[named]int{}
	for id := b.FirstOwn(); id < b.NumTypes(); id++ {
		kind, name := b.Head(id)
		f.Kinds[kind.String()]++
		if s := b.String(name); kind.IsComposite() && s != "" {
			if seen[named{kind, s}]++; seen[named{kind, s}] == 2 {
				f.Duplicates++
			}
		}
	}
	return f
}

func inspectRelocations(rs *core.Relocations) *relocationsFacts {
	f := &relocationsFacts{Distinct: len(rs.Relocations), Kinds: map[string]int{}}
	roots := map[string]bool{}
	for i := range rs.Relocations {
		r := &rs.Relocations[i]
		f.Kinds[r.Kind.String()]++
		roots[r.TypeKind.String()+" "+r.Type] = true
	}
	f.RootTypes = len(roots)
	return f
}

func (f *facts) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %d bytes", f.File, f.What, f.Bytes)
	if f.ByteOrder != "" {
		fmt.Fprintf(&b, ", %s-endian", f.ByteOrder)
	}
	b.WriteByte('\n')
	if t := f.BTF; t != nil {
		fmt.Fprintf(&b, "BTF: %d bytes, %d types, %d names of several structs or unions\n", t.Bytes, t.Types, t.Duplicates)
		printCounts(&b, t.Kinds)
	}
	if r := f.Relocations; r != nil {
		fmt.Fprintf(&b, "CO-RE relocations: ")
		if r.Records > 0 {
			fmt.Fprintf(&b, "%d in %d sections, ", r.Records, r.Sections)
		}
		fmt.Fprintf(&b, "%d distinct ones of %d root types\n", r.Distinct, r.RootTypes)
		printCounts(&b, r.Kinds)
	}
	if p := f.Pack; p != nil {
		fmt.Fprintf(&b, "%s with %s\n", count(p.Kernels, "kernel"), count(p.Types, "different type"))
	}
	printUses(&b, f.Uses)
	_, err := io.WriteString(w, b.String())
	return err
}

// printCounts prints the most frequent first.
func printCounts(b *strings.Builder, counts map[string]int) {
	var names []string
	for n := range counts {
		names = append(names, n)
	}
	slices.SortFunc(names, func(x, y string) int {
		if counts[x] != counts[y] {
			return counts[y] - counts[x]
		}
		return strings.Compare(x, y)
	})
	for _, n := range names {
		fmt.Fprintf(b, "%10d  %s\n", counts[n], n)
	}
}
