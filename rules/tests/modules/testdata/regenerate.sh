#!/bin/bash
# Makes the object and the modules' BTF anew. Needs clang 16 or newer,
# llvm-strip and llvm-objcopy, libbpf-dev, apt, dpkg-deb, and xz. What is
# committed came of Debian's clang 16.0.6 and of the package named here, whose
# vmlinux is one of ../../../../examples/tracee/archive.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
clang=${CLANG:-clang-16} strip=${LLVM_STRIP:-llvm-strip-16} objcopy=${LLVM_OBJCOPY:-llvm-objcopy-16}
release=6.1.0-47-cloud-amd64
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cd "$here"
"$clang" -g -O2 -target bpfel -ffile-prefix-map="$here"=. -I"/usr/include/$(uname -m)-linux-gnu" -c modules.bpf.c -o modules.bpf.o
"$strip" -g modules.bpf.o

out=$here/../archive/debian/12/x86_64/$release
mkdir -p "$out"
cd "$tmp"
apt-get download "linux-image-$release=6.1.170-3"
dpkg-deb -x linux-image-*.deb image
find image -name nf_conntrack.ko -o -name camellia_generic.ko -o -name camellia-x86_64.ko | while read -r module; do
    name=$(basename "$module" .ko)
    "$objcopy" --dump-section ".BTF=$name.btf" "$module" /dev/null
    xz -9e -c "$name.btf" > "$out/$name.btf.xz"
done
