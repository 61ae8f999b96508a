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
// kind that a loader may look at. Cutting is lenient: it follows names and
// leaves compatibility to the loader, which sees the same types and decides
// the same. Keeping more never changes a result, with one exception, which
// is why a member behind an indexed array of no elements is kept (libbpf
// takes such an array for a flexible one if it is the last member).
//
// What is left of a type depends on the type and on what is asked of it where it
// stands, and on nothing else: not on ids, not on other types, not on the way
// there. So it is found once for all kernels that have the type, and a struct that
// is looked at in two places may be left as two, of which neither has a name: no
// candidate is added. An enum has its name everywhere, as loaders compare
// it, and so it is the same everywhere.
//
// type_matches alone looks through pointers, at types by their names. A type whose
// name is compared is a candidate if relocations are about that name, so it is left
// once, with all that is asked of any type of its kind and name in the kernel.
// Of several such types each pointer leads to its own, as far as anything tells
// them apart: what they hold, or what their pointers lead to.
//
// Left out without a trace, as no loader looks at them: functions, variables,
// data sections, declaration tags, parameter names, the names of structs and
// unions that no relocation asks for, typedefs and modifiers between a
// member and its type, and all but the first of equal candidates. Two of these leave
// a trace. A chain so long that loaders may give up stays as long, but with CONSTs in
// place of typedefs, which would be candidates. And where ids are asked for, which tell
// equal candidates apart, the second one stays, in its place.
//
// It is an error if what is looked at leads back to itself, but to no struct or union
// with a name: there is nothing to refer to, and no loader that would come to an end.
package core
