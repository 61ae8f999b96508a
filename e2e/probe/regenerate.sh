#!/bin/bash
# Makes the objects and the kernels of the e2e workspaces anew. Needs clang 16 or
# newer, llvm-strip, libbpf-dev, and Go. What is committed came of Debian's clang 16.0.6.
#   objects   three compilations of probe.bpf.c
#   kernels   a few types of real kernels: the example's, cut down by minbtf itself,
#             so that they are small enough to stand in several workspaces
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
clang=${CLANG:-clang-16} strip=${LLVM_STRIP:-llvm-strip-16}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

compile() { # OUTPUT FLAG...
    "$clang" -g -O2 -target bpfel -ffile-prefix-map="$here"=. -I"/usr/include/$(uname -m)-linux-gnu" "${@:2}" -c probe.bpf.c -o "$1"
    "$strip" -g "$1"
}
compile base.bpf.o
compile code_only.bpf.o -DCODE_ONLY
compile new_field.bpf.o -DNEW_FIELD
compile "$tmp/wide.bpf.o" -DWIDE

archive=$here/../../examples/tracee/archive
(cd "$archive" && find debian/1? -name '*.btf.tar.xz') | while read -r kernel; do
    out=$here/archive/${kernel%.tar.xz}
    mkdir -p "${out%/*}"
    (cd "$here/../.." && go run ./tools/minbtf gen "$archive/$kernel" "$out" "$tmp/wide.bpf.o")
done
