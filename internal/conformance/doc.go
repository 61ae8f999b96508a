// Package conformance shows the promise (package core) case by case: a folder
// in testdata has a program in C, the kernel's types as text, and what
// cilium/ebpf and libbpf make of each relocation. Its test prunes the kernel's
// types for the program and lets both loaders judge. README.md lists the cases.
package conformance
