#!/usr/bin/env bash
# Measures minbtf over a whole archive against bpftool and tar. See README.md.
set -euo pipefail

usage() {
	cat >&2 <<-END
		usage: bench/pack.sh [-n RUNS] [--corpus DIR] [--exclude GLOB]... [--bpftool PROGRAM]...
		                     [--minbtf PROGRAM] [--keep DIR] [OBJECT|FOLDER...]

		Prints tables in Markdown. The kernels are every .btf.tar.xz below DIR, or the
		example's. Each OBJECT is measured by itself, and all of a FOLDER's together; by
		default the example's object and two large ones, with and without type_matches.
	END
	exit 2
}

# program NAME: its path, or the name if there is none.
program() { if command -v "$1" >/dev/null; then realpath -s "$(command -v "$1")"; else echo "$1"; fi; }

repo=$(realpath "$(dirname "$0")/..")
runs=3 corpus=examples/tracee/archive excluded=() bpftools=() minbtf='' work='' sets=()
while (($#)); do
	case $1 in
	-n | --corpus | --exclude | --bpftool | --minbtf | --keep) (($# > 1)) || usage ;;&
	-n) runs=$2 && shift 2 ;;
	--corpus) corpus=$(realpath -e "$2"); shift 2 ;;
	--exclude) excluded+=(! -path "./$2.btf.tar.xz") && shift 2 ;;
	--bpftool) bpftools+=("$(program "$2")"); shift 2 ;;
	--minbtf) minbtf=$(realpath -e "$2"); shift 2 ;;
	--keep) mkdir -p "$2"; work=$(realpath "$2"); shift 2 ;;
	-*) usage ;;
	*) sets+=("$(realpath -e "$1")"); shift ;;
	esac
done
cd "$repo"
((${#bpftools[@]})) || bpftools=("$(program bpftool)")
versions=()
for bpftool in "${bpftools[@]}"; do
	if ! version=$("$bpftool" version); then
		echo "bench/pack.sh: no $bpftool; install it, or name one with --bpftool" >&2
		exit 1
	fi
	version=$(head -1 <<<"$version")
	versions+=("${version##*/}")
done
if [[ -z $work ]]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
fi

programs=(./bench/compare ./bench/largeobject ./bench/unxz)
if [[ -z $minbtf ]]; then
	programs+=(./tools/minbtf) minbtf=$work/minbtf
fi
CGO_ENABLED=0 go build -o "$work" "${programs[@]}"

# The kernels in one folder without aliases, and the same unpacked.
rm -rf "$work/archive" "$work/raw"
mkdir -p "$work/archive" "$work/raw"
(cd "$corpus" && find . -type f -name '*.btf.tar.xz' "${excluded[@]}" -exec cp --parents -t "$work/archive" {} +)
packed=0 raw=0 kernels=0
while IFS= read -r archive; do
	btf=$work/raw/${archive%.tar.xz}
	mkdir -p "$(dirname "$btf")"
	tar -xJf "$work/archive/$archive" -O >"$btf"
	packed=$((packed + $(stat -c %s "$work/archive/$archive"))) raw=$((raw + $(stat -c %s "$btf"))) kernels=$((kernels + 1))
done < <(cd "$work/archive" && find . -type f | sort)
if ((kernels == 0)); then
	echo "bench/pack.sh: $corpus: no .btf.tar.xz to measure" >&2
	exit 1
fi
if ((${#sets[@]} == 0)); then
	kernel=(examples/tracee/archive/debian/13/x86_64/*-amd64.btf.tar.xz)
	"$work/largeobject" -type_matches=false "${kernel[0]}" "$work/large.bpf.o"
	"$work/largeobject" "${kernel[0]}" "$work/large-type_matches.bpf.o"
	sets=(examples/tracee/tracee.bpf.o "$work"/large{,-type_matches}.bpf.o)
fi

# The part of A that B is, as 1/n.
part() { awk -v a="$1" -v b="$2" 'BEGIN { printf "1/%.1f", a / b }'; }
table() { "$work/compare" -rows -n "$runs" "$@"; }

echo "$kernels kernels, $packed bytes as .tar.xz, $raw bytes raw; $(nproc) CPUs; medians of $runs turns"
echo
echo "### Import"
echo
table -- "decoding xz alone, in Go" - "$kernels" "$work/unxz" "$work/archive" \
	-- "minbtf pack" "$work/full.btfpack" "$kernels" "$minbtf" pack -o "$work/full.btfpack" "$work/archive"
pack=$(stat -c %s "$work/full.btfpack")
echo
echo "The pack is $(part "$packed" "$pack") of the .tar.xz files."

for set in "${sets[@]}"; do
	if [[ -d $set ]]; then
		mapfile -t objects < <(find "$set" -maxdepth 1 -type f -name '*.o' | sort)
		name="$(basename "$set"), ${#objects[@]} objects together"
	else
		objects=("$(realpath "$set")") name=$(basename "$set" .bpf.o)
	fi
	flags=()
	for object in "${objects[@]}"; do flags+=(-o "$object"); done

	rows=(
		-- "minbtf tailor, pack to pack" "$work/min.btfpack" "$kernels" "$minbtf" tailor "${flags[@]}" --archive "$work/full.btfpack" --out "$work/min.btfpack"
		-- "minbtf tailor, pack to folder" "$work/from-pack" "$kernels" "$minbtf" tailor "${flags[@]}" --archive "$work/full.btfpack" --out "$work/from-pack"
		-- "minbtf tailor, .tar.xz to folder" "$work/from-archive" "$kernels" "$minbtf" tailor "${flags[@]}" --archive "$work/archive" --out "$work/from-archive"
	)
	for i in "${!bpftools[@]}"; do
		out=$work/bpftool-$i
		howto() { rows+=(-- "$1" "$out" "$kernels" bench/howto.sh "${bpftools[i]}" "$2" "$3" "$out" "${objects[@]}"); }
		howto "${versions[i]}, raw BTF" 1 "$work/raw"
		howto "${versions[i]} and tar" 1 "$work/archive"
		howto "${versions[i]} and tar, \`xargs -P$(nproc)\`" "$(nproc)" "$work/archive"
	done
	echo
	echo "### Tailor for $name"
	echo
	table "${rows[@]}"
	if ! diff -r "$work/from-pack" "$work/from-archive" >&2; then
		echo "bench/pack.sh: $name: other files from the pack than from the archive" >&2
		exit 1
	fi
	tailored=$(stat -c %s "$work/min.btfpack")
	echo
	echo "The tailored pack has $tailored bytes."
	for i in "${!bpftools[@]}"; do
		files=$(tar -C "$work/bpftool-$i" --sort=name --owner=0 --group=0 --mtime=@0 -c . | xz -9 | wc -c)
		echo "The files of ${versions[i]} have $files bytes as one .tar.xz; the tailored pack is $(part "$files" "$tailored") of that."
	done
done
