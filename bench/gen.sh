#!/usr/bin/env bash
# Measures "minbtf gen" against "bpftool gen min_core_btf". See README.md.
set -euo pipefail

usage() {
	cat >&2 <<-END
		usage: bench/gen.sh [-n RUNS] [--corpus DIR] [--bpftool PROGRAM] [--keep DIR] [OBJECT...]

		Prints a table in Markdown. The objects are the example's and a large one, or
		those given. The kernels are the example's, and every one below DIR.
	END
	exit 2
}

# program NAME: its path, or the name if there is none.
program() { if command -v "$1" >/dev/null; then realpath -s "$(command -v "$1")"; else echo "$1"; fi; }

repo=$(realpath "$(dirname "$0")/..")
runs=11 bpftool=bpftool work='' archives=(examples/tracee/archive) objects=()
while (($#)); do
	case $1 in
	-n | --corpus | --bpftool | --keep) (($# > 1)) || usage ;;&
	-n) runs=$2 && shift 2 ;;
	--corpus) archives+=("$(realpath -e "$2")"); shift 2 ;;
	--bpftool) bpftool=$(program "$2"); shift 2 ;;
	--keep) mkdir -p "$2"; work=$(realpath "$2"); shift 2 ;;
	-*) usage ;;
	*) objects+=("$(realpath -e "$1")"); shift ;;
	esac
done
cd "$repo"
if ! version=$("$bpftool" version); then
	echo "bench/gen.sh: no $bpftool; install it, or name one with --bpftool" >&2
	exit 1
fi
if [[ -z $work ]]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work/kernels"

CGO_ENABLED=0 go build -o "$work" ./tools/minbtf ./bench/compare ./bench/largeobject

# Both programs read raw BTF, so that neither is measured unpacking.
while IFS= read -r archive; do
	btf=$work/kernels/$(basename "$archive" .tar.xz)
	[[ -e $btf ]] || tar -xJf "$archive" -O >"$btf"
done < <(find "${archives[@]}" -type f -name '*.btf.tar.xz' | sort)

if ((${#objects[@]} == 0)); then
	"$work/largeobject" examples/tracee/archive/debian/13/x86_64/*-amd64.btf.tar.xz "$work/large.bpf.o"
	objects=(examples/tracee/tracee.bpf.o "$work/large.bpf.o")
fi

echo "A: $(head -1 <<<"$version"); B: minbtf; medians of $runs pairs of runs"
echo
"$work/compare" -header
status=0
for object in "${objects[@]}"; do
	for kernel in "$work"/kernels/*.btf; do
		label="$(basename "$object" .bpf.o) × $(basename "$kernel" .btf)"
		"$work/compare" -n "$runs" -label "$label" -outputs "$work/a.btf,$work/b.btf" \
			-- "$bpftool" gen min_core_btf "$kernel" "$work/a.btf" "$object" \
			-- "$work/minbtf" gen "$kernel" "$work/b.btf" "$object" ||
			{
				echo "| $label | failed | | | | | | |"
				status=1
			}
	done
done
exit "$status"
