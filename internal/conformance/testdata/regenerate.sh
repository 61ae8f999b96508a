#!/bin/sh
# Compiles the cases' objects, for both byte orders: testdata/CASE/case.{el,eb}.bpf.o. Needs clang,
# llvm-strip and, for linked objects, bpftool. With arguments, only those cases.
set -eu
cd "$(dirname "$0")"
CLANG=${CLANG:-clang-16}
STRIP=${STRIP:-llvm-strip-16}

compile() { # CASE SOURCE ORDER OBJECT
	case $1 in
	trap10_no_btf) debug=-g0 ;;
	*) debug=-g ;;
	esac
	# The folder's path must not be in the object, and DWARF is of no use.
	(cd "$1" && "$CLANG" -target "bpf$3" -mcpu=v3 -O2 "$debug" -Wall -Wextra -Werror -Wno-unused-parameter \
		-ffile-prefix-map="$PWD"=. -include ../case.h -c "$2" -o "$4" && "$STRIP" -g "$4")
}

if [ $# = 0 ]; then
	set -- */
fi
for path; do
	name=${path%%/*}
	if [ -e "$name/object.txt" ]; then
		continue # the test makes it
	elif [ -e "$name/case.bpf.c" ]; then
		for order in el eb; do
			compile "$name" case.bpf.c "$order" "case.$order.bpf.o"
		done
	else # linked, which bpftool 7.1 does in the host's byte order only
		tmp=$(mktemp -d)
		for source in first second; do
			compile "$name" "$source.bpf.c" el "$tmp/$source.bpf.o"
		done
		bpftool gen object "$name/case.el.bpf.o" "$tmp/first.bpf.o" "$tmp/second.bpf.o"
		rm -r "$tmp"
	fi
	echo "$name"
done
