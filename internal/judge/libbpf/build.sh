#!/bin/sh
# Builds the libbpf judges into OUTDIR:
#
#	calc-VERSION	for the static library of the installed libbpf-dev
#	calc-new	for a newer libbpf, built here from source
#	prepare		the same libbpf's whole loader, if it is 1.6 or newer
#
# The newer libbpf is the folder or .tar.gz in LIBBPF_SRC, or, with --fetch, the source
# package of Debian's suite SUITE (sid) from the mirror that apt is configured for; it is
# checked by apt against its signature and kept in CACHE. Nothing is installed unless --install is
# given: then libbpf-dev, libelf-dev, zlib1g-dev, gcc and make are, by apt-get.
#
# Exit status: 0 something was built, 77 nothing could be (what is missing is said), 1 an error.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
CC=${CC:-gcc}
SUITE=${SUITE:-sid}
CACHE=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/btf-judge}
src=${LIBBPF_SRC:-}
install= fetch= out=

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
	apt-get install -y --no-install-recommends libbpf-dev libelf-dev zlib1g-dev gcc make
fi

command -v "$CC" >/dev/null || { echo "skipped: no C compiler ($CC)" >&2; exit 77; }
printf '#include <gelf.h>\n#include <zlib.h>\n' | "$CC" -E - >/dev/null 2>&1 ||
	{ echo "skipped: libelf-dev or zlib1g-dev not installed" >&2; exit 77; }

mkdir -p "$out"
built=

compile() { # NAME SOURCE FLAGS...
	name=$1 source=$2
	shift 2
	"$CC" -O2 -g -Wall -Wextra -o "$out/$name.tmp" "$here/$source" "$@" -lelf -lz
	mv "$out/$name.tmp" "$out/$name"
	echo "built $out/$name"
	built=1
}

static=$("$CC" -print-file-name=libbpf.a)
if [ -e "$static" ] && printf '#include <bpf/libbpf.h>\n' | "$CC" -E - >/dev/null 2>&1; then
	version=$(printf '#include <bpf/libbpf_version.h>\nV LIBBPF_MAJOR_VERSION.LIBBPF_MINOR_VERSION\n' |
		"$CC" -E -P - | sed -n 's/^V *//; T; s/ //g; p')
	compile "calc-$version" calc.c "$static"
else
	echo "skipped: libbpf-dev not installed" >&2
fi

# The newest source package, in a private apt state: the machine's own lists stay as they are.
fetch_source() {
	apt=$CACHE/apt
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/etc" "$CACHE/source"
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | sed '/security/d; q')
	[ -n "$uri" ] || { echo "skipped: --fetch: apt knows no mirror of Debian" >&2; exit 77; }
	printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$SUITE" >"$apt/etc/source.sources"
	set -- -q -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$apt/etc" -o "Dir::State::Lists=$apt/lists" \
		-o "Dir::Cache=$apt/cache" -o "APT::Sandbox::User=$(id -un)"
	apt-get "$@" update >&2 || return 1
	(cd "$CACHE/source" && apt-get "$@" source --download-only libbpf >&2) || return 1
	src=$(ls "$CACHE"/source/libbpf_*.orig.tar.gz | sort -V | tail -n 1)
}

if [ -z "$src" ] && [ -n "$fetch" ]; then
	fetch_source || exit 1
fi
if [ -z "$src" ]; then
	echo "skipped: calc-new and prepare: no newer libbpf (set LIBBPF_SRC, or pass --fetch)" >&2
else
	command -v make >/dev/null || { echo "skipped: calc-new and prepare: make not installed" >&2; exit 77; }
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
		UAPIDIR=/include "CFLAGS=-O2 -g" install install_uapi_headers >/dev/null
	compile calc-new calc.c "-I$lib/root/include" "$lib/root/lib/libbpf.a"
	if "$CC" "-I$lib/root/include" -fsyntax-only "$here/prepare.c" 2>/dev/null; then
		wrap=-Wl
		for f in syscall btf__parse btf__free btf__load_vmlinux_btf bpf_core_calc_relo_insn; do
			wrap=$wrap,--wrap=$f
		done
		compile prepare prepare.c "-I$lib/root/include" "$wrap" "$lib/root/lib/libbpf.a"
	else
		echo "skipped: prepare: needs libbpf 1.6 or newer" >&2
	fi
fi

[ -n "$built" ] || exit 77
