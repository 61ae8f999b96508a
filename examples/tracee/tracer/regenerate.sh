#!/bin/sh
# Builds ../tracee.bpf.o from tracee.bpf.c:
#
#     ./regenerate.sh           # rewrites the committed object
#     ./regenerate.sh FILE      # writes another file
#     BPF_TARGET=bpfeb ./regenerate.sh FILE   # big-endian, as s390x has it
#
# Needs clang and llvm-strip 16 or newer and libbpf's headers (on Debian:
# clang-16 llvm-16 libbpf-dev), and nothing else of the machine: the source
# brings its own types. CLANG, LLVM_STRIP and LIBBPF_INCLUDE (the folder that
# has bpf/bpf_helpers.h) say where they are, if not where one looks first.
#
# The same compiler and headers give the same bytes in whichever folder and
# whenever one builds. The committed object is from Debian clang 16.0.6
# (1:16.0.6-15~deb12u1) with libbpf 1.1.2 (1:1.1.2-0+deb12u1); another version
# gives another object, and the tests' expectations change with it.
set -eu

cd "$(dirname "$0")"
out=${1:-../tracee.bpf.o}
case $out in
/* | ../tracee.bpf.o) ;;
*) out=$OLDPWD/$out ;;
esac

# The first tool that is new enough; the version of the committed object first.
tool() {
	for name in "$1-16" "$1" "$1-17" "$1-18" "$1-19" "$1-20" "$1-21" "$1-22"; do
		command -v "$name" >/dev/null 2>&1 || continue
		version=$("$name" --version | sed -n 's/.*version \([0-9][0-9]*\).*/\1/p' | head -n 1)
		if [ "${version:-0}" -ge 16 ]; then
			echo "$name"
			return
		fi
	done
	echo "regenerate.sh: no $1 16 or newer; install it, or name one in $2" >&2
	exit 1
}
clang=${CLANG:-$(tool clang CLANG)}
strip=${LLVM_STRIP:-$(tool llvm-strip LLVM_STRIP)}

trap 'rm -f "$out.tmp"' EXIT

# -g makes the BTF; the DWARF that comes with it is stripped again.
"$clang" -target "${BPF_TARGET:-bpfel}" -mcpu=v3 -O2 -g \
	-Wall -Wextra -Werror -Wno-unused-parameter \
	-fdebug-compilation-dir=. -ffile-prefix-map="$PWD=." \
	${LIBBPF_INCLUDE:+-isystem "$LIBBPF_INCLUDE" -ffile-prefix-map="$LIBBPF_INCLUDE=/usr/include"} \
	-c tracee.bpf.c -o "$out.tmp"
"$strip" -g "$out.tmp" -o "$out"
