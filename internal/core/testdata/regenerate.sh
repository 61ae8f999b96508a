#!/bin/sh
# Builds the objects of kinds.bpf.c: little-endian, the same with other code,
# and big-endian; and those of uses.bpf.c. Needs clang and llvm-strip 16 (CLANG,
# LLVM_STRIP); the committed ones are from Debian clang 16.0.6. The goldens
# follow with
#
#     go test ./internal/core -update
set -eu
cd "$(dirname "$0")"

build() { # TARGET SOURCE OUTPUT FLAGS...
	target=$1 source=$2 out=$3
	shift 3
	"${CLANG:-clang-16}" -target "$target" -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter "$@" \
		-fdebug-compilation-dir=. -c "$source" -o "$out"
	"${LLVM_STRIP:-llvm-strip-16}" -g "$out"
}

build bpfel kinds.bpf.c kinds.bpf.o
build bpfel kinds.bpf.c kinds.edited.bpf.o -DEDITED
build bpfeb kinds.bpf.c kinds.eb.bpf.o
build bpfel uses.bpf.c uses.bpf.o
build bpfel uses.bpf.c uses.libbpf.bpf.o -DLIBBPF
build bpfeb uses.bpf.c uses.eb.bpf.o
