#!/usr/bin/env bash
# Measures how packs grow with the number of kernels. See README.md.
set -euo pipefail

usage() {
	cat >&2 <<-END
		usage: bench/growth.sh [-n RUNS] [--sizes "1 10 100"] [--series FLAGS] [--origin KERNEL]...
		                       [--archive DIR] [--minbtf PROGRAM] [--bpftool PROGRAM] [--keep DIR]
		                       [OBJECT...]

		Prints tables in Markdown. The kernels are a series made by bench/series with
		FLAGS from each KERNEL, by default the example's, or those below DIR, sorted by
		version. The OBJECTs are taken together; by default it is a large one. bpftool, if
		there is one, does ten of the kernels. With --keep what is made stays, and a series
		that is there is used again.
	END
	exit 2
}

# program NAME: its path, or the name if there is none.
program() { if command -v "$1" >/dev/null; then realpath -s "$(command -v "$1")"; else echo "$1"; fi; }

repo=$(realpath "$(dirname "$0")/..")
runs=3 sizes='1 10 100 1000 5000' series='' origins=() archive='' minbtf='' bpftool=bpftool work='' objects=()
while (($#)); do
	case $1 in
	-n | --sizes | --series | --origin | --archive | --minbtf | --bpftool | --keep) (($# > 1)) || usage ;;&
	-n) runs=$2 && shift 2 ;;
	--sizes) sizes=$2 && shift 2 ;;
	--series) series=$2 && shift 2 ;;
	--origin) origins+=("$(realpath -e "$2")"); shift 2 ;;
	--archive) archive=$(realpath -e "$2"); shift 2 ;;
	--minbtf) minbtf=$(realpath -e "$2"); shift 2 ;;
	--bpftool) bpftool=$(program "$2"); shift 2 ;;
	--keep) mkdir -p "$2"; work=$(realpath "$2"); shift 2 ;;
	-*) usage ;;
	*) objects+=("$(realpath -e "$1")"); shift ;;
	esac
done
cd "$repo"
read -ra series_flags <<<"$series"
((${#origins[@]})) || origins=(examples/tracee/archive/debian/*/*/*.btf.tar.xz)
if [[ -z $work ]]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
fi
programs=(./bench/compare ./bench/largeobject ./bench/series)
if [[ -z $minbtf ]]; then
	programs+=(./tools/minbtf) minbtf=$work/minbtf
fi
CGO_ENABLED=0 go build -o "$work" "${programs[@]}"

# The kernels, and nine more than the largest size. Lines of 120 kernels do not
# end at a size, so that the next nine kernels go on with one.
more=9
if [[ $archive ]]; then
	mkdir -p "$work/kernels"
	(cd "$archive" && find . -type f -name '*.btf*' -printf '%P\n' | sort -V | tee "$work/names" | xargs cp --parents -t "$work/kernels")
elif [[ ! -e $work/names ]]; then
	largest=$(tr ' ' '\n' <<<"$sizes" | sort -n | tail -1)
	"$work/series" -format btf.zst -line 120 "${series_flags[@]}" -n $((largest + more)) -o "$work/kernels" "${origins[@]}" >"$work/names.new"
	mv "$work/names.new" "$work/names"
fi
mapfile -t names <"$work/names"
if ((${#objects[@]} == 0)); then
	"$work/largeobject" examples/tracee/archive/debian/13/x86_64/*-amd64.btf.tar.xz "$work/large.bpf.o"
	objects=("$work/large.bpf.o")
fi
flags=()
for object in "${objects[@]}"; do flags+=(-o "$object"); done

pack() { echo "$work/$1.btfpack"; }
imports=() tailors=()
for n in $sizes; do
	if ((n >= ${#names[@]})); then
		echo "bench/growth.sh: only ${#names[@]} kernels, not $n and one more" >&2
		exit 1
	fi
	rm -rf "$work/first-$n"
	mkdir "$work/first-$n"
	(cd "$work/kernels" && printf '%s\0' "${names[@]:0:n}" | xargs -0 cp --link --parents -t "$work/first-$n")
	imports+=(-- "$n" "$(pack "$n")" "$n" "$minbtf" pack -o "$(pack "$n")" "$work/first-$n")
	tailors+=(-- "$n, to a pack" "$work/min-$n.btfpack" "$n" "$minbtf" tailor "${flags[@]}" --archive "$(pack "$n")" --out "$work/min-$n.btfpack"
		-- "$n, to a folder" "$work/min-$n" "$n" "$minbtf" tailor "${flags[@]}" --archive "$(pack "$n")" --out "$work/min-$n")
done

echo "### Import"
echo
"$work/compare" -rows -cold -n 1 "${imports[@]}"
echo
echo "### One more kernel"
echo
echo "| kernels | bytes of the pack | a kernel | bytes of one more: median | mean | largest |"
echo "|---|---|---|---|---|---|"
for n in $sizes; do
	cp "$(pack "$n")" "$work/one-more.btfpack"
	before=$(stat -c %s "$work/one-more.btfpack")
	row="| $n | $before | $((before / n)) |"
	sizes_of_more=()
	for name in "${names[@]:n:more}"; do
		mv "$work/one-more.btfpack" "$work/so-far.btfpack"
		"$minbtf" pack -q -o "$work/new.btfpack" --name "${name%%.btf*}" "$work/kernels/$name"
		"$minbtf" pack -q -o "$work/one-more.btfpack" "$work/so-far.btfpack" "$work/new.btfpack"
		after=$(stat -c %s "$work/one-more.btfpack")
		sizes_of_more+=($((after - before)))
		before=$after
	done
	mean=$(((before - $(stat -c %s "$(pack "$n")")) / ${#sizes_of_more[@]}))
	mapfile -t sorted < <(printf '%s\n' "${sizes_of_more[@]}" | sort -n)
	echo "$row ${sorted[${#sorted[@]} / 2]} | $mean | ${sorted[-1]} |"
done
# Ten of the kernels for bpftool: raw ones of as many distributions, or as the archive has them.
if bpftool=$(command -v "$bpftool"); then
	rm -rf "$work/ten"
	if [[ $archive ]]; then
		mkdir "$work/ten"
		(cd "$work/kernels" && printf '%s\n' "${names[@]}" | awk -v all="${#names[@]}" 'NR % int((all + 9) / 10) == 0' | xargs cp --parents -t "$work/ten")
	else
		"$work/series" "${series_flags[@]}" -n 10 -line 1 -flavours 1 -o "$work/ten" "${origins[@]}" >"$work/ten.names"
	fi
	ten=$(find "$work/ten" -type f | wc -l)
	tailors+=(-- "bpftool, $ten of them" "$work/min-bpftool" "$ten" bench/howto.sh "$bpftool" 1 "$work/ten" "$work/min-bpftool" "${objects[@]}")
fi
echo
echo "### Tailor"
echo
"$work/compare" -rows -n "$runs" "${tailors[@]}"
