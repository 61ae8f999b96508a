#!/bin/sh
# Builds the objects of kinds.bpf.c: little-endian, the same with other code,
# and big-endian. Needs clang and llvm-strip 16 (CLANG, LLVM_STRIP); the
# committed ones are from Debian clang 16.0.6. The goldens follow with
#
#     go test ./internal/core -update
set -eu
cd "$(dirname "$0")"

build() { # TARGET OUTPUT FLAGS...
	target=$1 out=$2
	shift 2
	"${CLANG:-clang-16}" -target "$target" -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter "$@" \
		-fdebug-compilation-dir=. -c kinds.bpf.c -o "$out"
	"${LLVM_STRIP:-llvm-strip-16}" -g "$out"
}

build bpfel kinds.bpf.o
build bpfel kinds.edited.bpf.o -DEDITED
build bpfeb kinds.eb.bpf.o
