#!/bin/sh
# Tailors an archive kernel by kernel with tar and bpftool, as BTFHub tells users to.
set -eu

# tailor KERNEL OBJECT...
tailor() {
	kernel=$1 unpacked=''
	shift
	case $kernel in
	*.tar.xz)
		unpacked=$work/$$.btf
		tar -xJf "$kernel" -O >"$unpacked"
		;;
	esac
	"$bpftool" gen min_core_btf "${unpacked:-$kernel}" "$out/${kernel%.tar.xz}" "$@" || {
		echo "$kernel: bpftool failed" >&2
		rm -f "$out/${kernel%.tar.xz}"
	}
	if [ "$unpacked" ]; then rm "$unpacked"; fi
}

if [ "${1-}" = --kernel ]; then
	bpftool=$2 out=$3 work=$4
	shift 4
	tailor "$@"
	exit
fi
if [ $# -lt 5 ]; then
	cat >&2 <<-END
		usage: bench/howto.sh BPFTOOL JOBS ARCHIVE OUT OBJECT...

		Writes to OUT what BPFTOOL makes of each .btf.tar.xz and .btf below ARCHIVE.
		All paths are absolute.
	END
	exit 2
fi
self=$(realpath "$0") bpftool=$1 jobs=$2 archive=$3 out=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$archive"
find . -type d | (mkdir -p "$out" && cd "$out" && xargs mkdir -p)
find . -type f \( -name '*.btf.tar.xz' -o -name '*.btf' \) | sort >"$work/kernels"
if [ "$jobs" = 1 ]; then
	while read -r kernel; do
		tailor "$kernel" "$@"
	done <"$work/kernels"
else
	xargs -P "$jobs" -I '{}' "$self" --kernel "$bpftool" "$out" "$work" '{}' "$@" <"$work/kernels"
fi
