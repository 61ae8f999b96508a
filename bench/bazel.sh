#!/usr/bin/env bash
# Measures "bazel build" of many kernels after changes of an object. See README.md.
set -euo pipefail

usage() {
	cat >&2 <<-END
		usage: bench/bazel.sh [-n RUNS] [--kernels N] [--series FLAGS] [--minbtf PROGRAM] [--keep DIR]
		                      [BAZEL FLAG...]

		Prints a table in Markdown. The N kernels are a series made by bench/series with
		FLAGS from the example's. With --keep the workspace stays, and one that is there
		is used again.
	END
	exit 2
}

repo=$(realpath "$(dirname "$0")/..")
runs=5 kernels=5000 series='-keep 0.1 -with task_struct' minbtf='' work='' options=()
while (($#)); do
	case $1 in
	-n | --kernels | --series | --minbtf | --keep) (($# > 1)) || usage ;;&
	-n) runs=$2 && shift 2 ;;
	--kernels) kernels=$2 && shift 2 ;;
	--series) series=$2 && shift 2 ;;
	--minbtf) minbtf=$(realpath -e "$2"); shift 2 ;;
	--keep) mkdir -p "$2"; work=$(realpath "$2"); shift 2 ;;
	-h | --help) usage ;;
	-*) options+=("$1") && shift ;;
	*) usage ;;
	esac
done
cd "$repo"
if [[ -z $work ]]; then
	work=$(mktemp -d)
	trap 'bazel shutdown; rm -rf "$work"' EXIT
fi

# bazel COMMAND ARGUMENT...; what it says is shown if it fails.
bazel() {
	(cd "$work" && "$repo/bazelw" "$@") >"$work/bazel.log" 2>&1 || {
		cat "$work/bazel.log" >&2
		return 1
	}
}

CGO_ENABLED=0 go build -o "$work" ./bench/series
if [[ $minbtf ]]; then
	cp "$minbtf" "$work/minbtf"
else
	CGO_ENABLED=0 go build -o "$work" ./tools/minbtf
fi
if [[ ! -e $work/names ]]; then
	read -ra flags <<<"$series"
	"$work/series" -line 120 "${flags[@]}" -n "$kernels" -o "$work/archive" examples/tracee/archive/debian/*/*/*.btf.tar.xz >"$work/names.new"
	mv "$work/names.new" "$work/names"
fi

# The workspace is that of a test, in which an object is made of a file.
cp e2e/incremental/{.bazelrc,BUILD.bazel,object.bzl} "$work"
sed "s|\"../..\"|\"$repo\"|" e2e/incremental/MODULE.bazel >"$work/MODULE.bazel"

# measure LABEL OBJECT OTHER FLAG...: builds with one object, then the other, and
# prints a row of what the builds behind the first one took. A disk cache would have
# the results of the one before the last.
measure() {
	local label=$1 objects=("$2" "$3") seconds=() before i
	shift 3
	for ((i = 0; i <= runs; i++)); do
		cp "e2e/probe/${objects[i % 2]}" "$work/object.bin"
		before=$EPOCHREALTIME
		bazel build --disk_cache= "${options[@]}" "$@" //:btfs
		((i == 0)) || seconds+=("$(awk -v a="$before" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }')")
	done
	mapfile -t seconds < <(printf '%s\n' "${seconds[@]}" | sort -n)
	echo "| $label | ${seconds[runs / 2]} | ${seconds[0]} | ${seconds[-1]} | $(sed -n 's/^INFO: \([0-9]*\) process.*/\1/p' "$work/bazel.log") |"
}

before=$SECONDS
cp e2e/probe/base.bpf.o "$work/object.bin"
bazel build --disk_cache= "${options[@]}" --output_groups=+pack //:btfs
echo "$(wc -l <"$work/names") kernels; $(nproc) CPUs; medians of $runs builds. The first one took $((SECONDS - before)) s."
echo
echo "| what changed, what is asked for | wall s | fastest | slowest | processes |"
echo "|---|---|---|---|---|"
measure "a relocation, files" base.bpf.o new_field.bpf.o
measure "a relocation, the pack" base.bpf.o new_field.bpf.o --output_groups=pack
measure "code alone, files" base.bpf.o code_only.bpf.o
measure "nothing, files" base.bpf.o base.bpf.o
