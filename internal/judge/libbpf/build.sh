#!/bin/sh
# Builds the libbpf judges into OUTDIR:
#
#	calc-VERSION	judges relocation by relocation
#	prepare-VERSION	judges whole loads; from libbpf 1.6 on
#
# libbpf is the installed libbpf-dev's static library; or the folder or .tar.gz in LIBBPF_SRC,
# built here; or, with --fetch, the source package of Debian's suite SUITE (sid) from the mirror
# that apt is configured for, which apt checks against its signature, kept in CACHE. Nothing is
# installed unless --install is given: then gcc, make and libbpf-dev are, by apt-get.
#
# Exit status: 0 something was built, 77 nothing could be (what is missing is said), 1 an error.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
CC=${CC:-gcc}
SUITE=${SUITE:-sid}
CACHE=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/btf-judge}
src=${LIBBPF_SRC:-}
install=''
fetch=''
out=''

usage() {
	echo "usage: build.sh [--install] [--fetch] OUTDIR" >&2
	exit 1
}

for arg; do
	case $arg in
	--install) install=1 ;;
	--fetch) fetch=1 ;;
	-*) usage ;;
	*) [ -z "$out" ] || usage; out=$arg ;;
	esac
done
[ -n "$out" ] || usage

if [ -n "$install" ]; then
	apt-get install -y --no-install-recommends gcc libc6-dev make libbpf-dev
fi

command -v "$CC" >/dev/null || { echo "skipped: no C compiler ($CC)" >&2; exit 77; }
printf '#include <gelf.h>\n#include <zlib.h>\n' | "$CC" -E - >/dev/null 2>&1 ||
	{ echo "skipped: libelf-dev, zlib1g-dev or libc6-dev not installed" >&2; exit 77; }

# The newest source package, in a private apt state: the machine's own lists stay as they are.
fetch_source() {
	apt=$CACHE/apt
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/etc" "$CACHE/source"
	# shellcheck disable=SC2016 # apt expands it
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | sed '/security/d; q')
	[ -n "$uri" ] || { echo "skipped: --fetch: apt knows no mirror of Debian" >&2; exit 77; }
	printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$SUITE" >"$apt/etc/source.sources"
	set -- -q -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$apt/etc" -o "Dir::State::Lists=$apt/lists" \
		-o "Dir::Cache=$apt/cache" -o "APT::Sandbox::User=$(id -un)"
	apt-get "$@" update >&2 || return 1
	(cd "$CACHE/source" && apt-get "$@" source --download-only libbpf >&2) || return 1
	src=$(printf '%s\n' "$CACHE"/source/libbpf_*.orig.tar.gz | sort -V | tail -n 1)
}

if [ -z "$src" ] && [ -n "$fetch" ]; then
	fetch_source || exit 1
fi
if [ -n "$src" ]; then
	command -v make >/dev/null || { echo "skipped: make not installed" >&2; exit 77; }
	if [ -f "$src" ]; then
		mkdir -p "$CACHE/tree"
		tar -xzf "$src" -C "$CACHE/tree"
		src=$CACHE/tree/$(tar -tzf "$src" | sed -n '1s|/.*||p')
	fi
	[ -e "$src/src/libbpf.c" ] || { echo "build.sh: $src: not a source tree of libbpf" >&2; exit 1; }
	src=$(cd "$src" && pwd)
	lib=$CACHE/build/$(basename "$src")
	mkdir -p "$lib"
	lib=$(cd "$lib" && pwd)
	make -s -C "$src/src" BUILD_STATIC_ONLY=1 "OBJDIR=$lib/obj" "DESTDIR=$lib/root" INCLUDEDIR=/include LIBDIR=/lib \
		UAPIDIR=/include "CC=$CC" "CFLAGS=-O2 -g" install install_uapi_headers >/dev/null
	include=-I$lib/root/include
	static=$lib/root/lib/libbpf.a
else
	include=-I$here
	static=$("$CC" -print-file-name=libbpf.a)
	if [ ! -e "$static" ] || ! printf '#include <bpf/libbpf.h>\n' | "$CC" -E - >/dev/null 2>&1; then
		echo "skipped: libbpf-dev not installed" >&2
		exit 77
	fi
fi

version=$(printf '#include <bpf/libbpf_version.h>\nV LIBBPF_MAJOR_VERSION.LIBBPF_MINOR_VERSION\n' |
	"$CC" "$include" -E -P - | sed -n 's/^V *//; T; s/ //g; p')
mkdir -p "$out"

compile() { # NAME FLAGS...
	name=$1
	shift
	"$CC" -O2 -g -Wall -Wextra "$include" -o "$out/$name-$version.tmp" "$here/$name.c" "$@" "$static" -lelf -lz
	mv "$out/$name-$version.tmp" "$out/$name-$version"
	echo "built $out/$name-$version"
}

compile calc
case $version in
0.* | 1.[0-5]) echo "skipped: prepare: libbpf $version is older than 1.6" >&2 ;;
*)
	wrap=-Wl
	for f in syscall btf__parse btf__free btf__load_vmlinux_btf bpf_core_calc_relo_insn; do
		wrap=$wrap,--wrap=$f
	done
	compile prepare "$wrap"
	;;
esac
