package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/objgen"
)

// largeObject chooses what to ask for, declares the types and writes the code.
func largeObject(kernel *btf.File, s size, seed uint64) ([]byte, error) {
	rng := rand.New(rand.NewPCG(seed, 0))
	wants, err := choose(kernel, s, rng)
	if err != nil {
		return nil, err
	}
	if s.relocations < len(wants) || s.programs < 1 || s.subprograms < 1 {
		return nil, fmt.Errorf("%d relocations in %d programs and %d subprograms cannot hold %d different ones",
			s.relocations, s.programs, s.subprograms, len(wants))
	}
	o := objgen.New(binary.LittleEndian)
	if kernel.BigEndian() {
		o = objgen.New(binary.BigEndian)
	}
	types, err := declare(kernel, wants, rng, o.Types)
	if err != nil {
		return nil, err
	}

	// Each want once, then the popular ones again and again, in any order.
	asked := make([]*want, s.relocations)
	for i := range asked {
		n := i
		if i >= len(wants) {
			n = rng.IntN(rng.IntN(len(wants)) + 1)
		}
		asked[i] = &wants[n]
	}
	rng.Shuffle(len(asked), func(i, j int) { asked[i], asked[j] = asked[j], asked[i] })

	functions := s.programs + s.subprograms
	take := func(i int) []*want {
		return asked[i*len(asked)/functions : (i+1)*len(asked)/functions]
	}
	var subs []*objgen.Func
	for i := range s.subprograms {
		f := o.Func(objgen.Text, fmt.Sprintf("sub_%03d", i))
		body(f, types, take(i))
		subs = append(subs, f)
	}
	attach := []string{"kprobe/hook_%03d", "raw_tracepoint/event_%03d", "kretprobe/hook_%03d", "tracepoint/syscalls/event_%03d"}
	for i := range s.programs {
		f := o.Func(fmt.Sprintf(attach[i%len(attach)], i), fmt.Sprintf("program_%03d", i))
		f.Call(subs[i%len(subs)])
		body(f, types, take(s.subprograms+i))
	}
	return o.Bytes()
}

const (
	result  = 0
	scratch = 1
	context = 6 // a pointer to a kernel object
	sum     = 7 // what the function returns
	frame   = 10

	probeReadKernel = 113
)

// body reads one thing after the other and adds up what it read.
func body(f *objgen.Func, types *local, wants []*want) {
	f.Emit(objgen.Move(context, scratch), objgen.MoveImm(sum, 0))
	for i, w := range wants {
		root, access := types.id(w.root), types.access(w)
		switch {
		case w.kind != core.FieldByteOffset:
			f.Move(scratch, w.kind, root, access)
		case w.load && i%8 == 0: // as with BTF-typed pointers
			f.Load(scratch, context, root, access)
		default: // BPF_CORE_READ
			f.Move(scratch, w.kind, root, access)
			f.Emit(
				objgen.Move(3, context), objgen.Add(3, scratch),
				objgen.Move(1, frame), objgen.AddImm(1, -8),
				objgen.MoveImm(2, 8), objgen.CallHelper(probeReadKernel),
				objgen.Load64(scratch, frame, -8),
			)
		}
		// What a program does with what it read is most of its code.
		for n := range int32(6) {
			f.Emit(objgen.Move(3, scratch), objgen.AddImm(3, n), objgen.Add(sum, 3))
		}
	}
	f.Emit(objgen.Move(result, sum), objgen.Exit())
}
