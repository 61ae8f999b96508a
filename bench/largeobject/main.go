// Command largeobject writes a BPF object like that of a large tracer: tens of
// thousands of relocations in hundreds of programs, which ask for a few
// hundred different things of well-known types. It takes the types from a
// kernel's BTF and declares them as a CO-RE program does, with the members
// that it uses and a few more. The same kernel and flags give the same bytes.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/btf"
)

// A size is how large the object shall be.
type size struct {
	relocations int // in all
	different   int // at least; more if the roots need them
	roots       int // structs whose fields are read
	programs    int
	subprograms int
	matches     bool // type_matches among the relocations
}

func main() {
	// Tracee's object has 34,752 relocations, 371 different ones of 118 types.
	var s size
	flag.IntVar(&s.relocations, "relocations", 34752, "relocations in all")
	flag.IntVar(&s.different, "different", 371, "different relocations")
	flag.IntVar(&s.roots, "roots", 100, "structs whose fields are read")
	flag.IntVar(&s.programs, "programs", 300, "programs")
	flag.IntVar(&s.subprograms, "subprograms", 40, "subprograms in .text")
	flag.BoolVar(&s.matches, "type_matches", true, "ask for type_matches of some structs")
	seed := flag.Uint64("seed", 1, "what differs in the choice of members and order")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: largeobject [flags] KERNEL OUTPUT\nKERNEL is BTF in any form that minbtf reads.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), s, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "largeobject:", err)
		os.Exit(1)
	}
}

func run(input, output string, s size, seed uint64) error {
	file, err := os.ReadFile(input)
	if err != nil {
		return err
	}
	raw, err := archive.ReadBTF(input, file)
	if err != nil {
		return fmt.Errorf("%s: %w", input, err)
	}
	kernel, err := btf.Parse(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", input, err)
	}
	object, err := largeObject(kernel, s, seed)
	if err != nil {
		return fmt.Errorf("%s: %w", input, err)
	}
	return os.WriteFile(output, object, 0o666)
}
