// Package core is BPF CO-RE as data: it reads the relocations of BPF objects,
// brings them into a canonical form, matches them against a kernel's types and
// cuts those types down to what the relocations look at.
//
// # The promise
//
// For a kernel K, any objects O and M = Prune(K, Relocations(O)): whatever set
// of programs of O is loaded, relocating them against M gives the same
// instructions, the same poisoned instructions and the same refusals as
// against K, under libbpf (relo_core.c) and under cilium/ebpf (btf/core.go).
//
// # The policy
//
// M is K with things left out. What is left out, nobody looks at:
//
//	relocation                  kept of each candidate
//	field_*                     every member that bears a name of the path, however deep in anonymous
//	                            members, up to where the path ends or leads nowhere; for each its type:
//	                            arrays whole, structs as shells with their size, pointers to void;
//	                            and what has libbpf refuse before it finds anything: a root of 2 GiB,
//	                            anonymous members deep within each other
//	type_exists, type_size,     the root; through pointers, arrays and functions down to shells
//	type_id_target
//	type_matches                all members, enumerators and parameters of each type that the local
//	                            type leads to, pointees included
//	enumval_*                   the enumerators of that essential name
//	type_id_local               nothing
//
// Candidates are all types whose essential name is the local type's, of any
// kind that a loader may look at. Marking is lenient: it follows names and
// leaves compatibility to the loader, which sees the same types and decides
// the same. Keeping more never changes a result, with one exception, which
// is why a member behind an indexed array of no elements is kept (libbpf
// takes such an array for a flexible one if it is the last member).
//
// Left out without a trace, as no loader looks at them: functions, variables,
// data sections, declaration tags, parameter names, the names of structs and
// unions that no relocation asks for, typedefs and modifiers between a
// member and its type (unless the chain is so long that loaders give up), and
// all but the first of identical types (unless their ids are asked for).
package core
