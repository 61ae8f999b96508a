// SPDX-License-Identifier: Apache-2.0
/*
 * prepare: libbpf's whole loader, up to the finished instructions, against FULL and
 * against MIN as btf_custom_path; the instructions of every program must be the same
 * bytes. Needs libbpf 1.6 or newer (bpf_object__prepare).
 *
 *	prepare [options] FULL MIN OBJECT...
 *	prepare [options] --batch	lines of FULL, MIN and OBJECT on standard input
 *
 * No kernel takes part and no permission is needed: the linker's --wrap puts the
 * functions below between libbpf and the system.
 *	syscall			bpf(2) is answered here: files stand in for maps, BTF, programs
 *	btf__parse, btf__free	the two targets are parsed once, not once a load
 *	btf__load_vmlinux_btf	the "running" kernel is FULL, in both loads
 *	bpf_core_calc_relo_insn	counts, remembers the failing relocation, and replaces the value
 *				of TYPE_ID_TARGET, which cannot be equal, by found or not found
 *
 * Exit status: 0 no difference, 1 differences, 2 the judge could not judge.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "drive.h"
#include "relo.h"

#if LIBBPF_MAJOR_VERSION == 1 && LIBBPF_MINOR_VERSION < 6
#error "bpf_object__prepare came with libbpf 1.6"
#endif

/* ---- between libbpf and the system ---- */

long __real_syscall(long nr, ...);
struct btf *__real_btf__parse(const char *path, struct btf_ext **ext);
void __real_btf__free(struct btf *btf);
int __real_bpf_core_calc_relo_insn(const char *prog_name, const struct bpf_core_relo *relo, int relo_idx,
				   const struct btf *local_btf, struct bpf_core_cand_list *cands,
				   struct bpf_core_spec *specs_scratch, struct bpf_core_relo_res *targ_res);

/* libbpf maps the memory of global data from the map's file descriptor: give it a file of some size. */
static long stand_in(void)
{
	int fd = __real_syscall(__NR_memfd_create, "judge", 0);

	if (fd >= 0 && ftruncate(fd, 1L << 32))
		return -1;
	return fd;
}

long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr != __NR_bpf)
		return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	switch (a[0]) {
	case BPF_MAP_CREATE:
	case BPF_PROG_LOAD:
	case BPF_BTF_LOAD:
		return stand_in();
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_FREEZE:
	case BPF_PROG_BIND_MAP:
	case BPF_OBJ_GET_INFO_BY_FD:
		return 0;
	case BPF_BTF_GET_NEXT_ID:
	case BPF_BTF_GET_FD_BY_ID:
		errno = ENOENT;
		return -1;
	default:
		errno = EINVAL;
		return -1;
	}
}

struct target {
	char *path;
	struct btf *btf;
};

static struct target full, min;

static void close_target(struct target *t)
{
	if (t->btf)
		__real_btf__free(t->btf);
	free(t->path);
	t->btf = NULL;
	t->path = NULL;
}

static bool open_target(struct target *t, const char *path)
{
	if (t->path && !strcmp(t->path, path))
		return true;
	close_target(t);
	t->btf = __real_btf__parse(path, NULL);
	if (!t->btf) {
		printf("UNJUDGED\t%s: not BTF that libbpf reads: %s\n", path, strerror(errno));
		return false;
	}
	t->path = must(strdup(path));
	return true;
}

static const struct target *loading;

struct btf *__wrap_btf__parse(const char *path, struct btf_ext **ext)
{
	if (!ext && loading && !strcmp(path, loading->path))
		return loading->btf;
	return __real_btf__parse(path, ext);
}

void __wrap_btf__free(struct btf *btf)
{
	if (btf && (btf == full.btf || btf == min.btf))
		return;
	__real_btf__free(btf);
}

struct btf *__wrap_btf__load_vmlinux_btf(void)
{
	return full.btf;
}

static struct {
	long relocs, typeid;
	char prog[128];		/* of the relocation that failed */
	int idx, rc;
} seen;

int __wrap_bpf_core_calc_relo_insn(const char *prog_name, const struct bpf_core_relo *relo, int relo_idx,
				   const struct btf *local_btf, struct bpf_core_cand_list *cands,
				   struct bpf_core_spec *specs_scratch, struct bpf_core_relo_res *targ_res)
{
	int rc = __real_bpf_core_calc_relo_insn(prog_name, relo, relo_idx, local_btf, cands, specs_scratch, targ_res);

	seen.relocs++;
	snprintf(seen.prog, sizeof(seen.prog), "%s", prog_name);
	seen.idx = relo_idx;
	seen.rc = rc;
	if (relo->kind == BPF_CORE_TYPE_ID_TARGET) {
		seen.typeid++;
		if (!rc && targ_res->new_val)
			targ_res->new_val = 1;
	}
	return rc;
}

/* libbpf goes on without .BTF.ext where it does not read it, and so without relocations. */
static bool ext_ignored;

static int on_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (strstr(fmt, "Ignored and continue"))
		ext_ignored = true;
	if (verbose && level != LIBBPF_DEBUG)
		return vfprintf(stderr, fmt, ap);
	return 0;
}

/* ---- a load ---- */

struct code {
	char *name;
	struct bpf_insn *insns;
	size_t cnt;
};

struct outcome {
	int rc;			/* of bpf_object__prepare */
	bool core;		/* it failed at a CO-RE relocation: that of prog, number idx */
	char prog[128];
	int idx, relo_rc;
	long relocs, typeid;
	struct code *progs;
	int cnt;
};

static void free_outcome(struct outcome *o)
{
	for (int i = 0; i < o->cnt; i++) {
		free(o->progs[i].name);
		free(o->progs[i].insns);
	}
	free(o->progs);
	memset(o, 0, sizeof(*o));
}

static struct bpf_object *open_obj(const char *path, const char *btf_path)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = btf_path, .bpf_token_path = "");

	return bpf_object__open_file(path, &opts);
}

/* on: by number of the program; NULL: as the object says. Returns an error of opening. */
static int load(const char *path, const struct target *t, const bool *on, struct outcome *out)
{
	struct bpf_object *obj = open_obj(path, t->path);
	struct bpf_program *p;
	int i = 0;

	memset(out, 0, sizeof(*out));
	if (!obj)
		return -errno;
	memset(&seen, 0, sizeof(seen));
	if (on)
		bpf_object__for_each_program(p, obj)
			bpf_program__set_autoload(p, on[i++]);
	loading = t;
	out->rc = bpf_object__prepare(obj);
	loading = NULL;
	out->relocs = seen.relocs;
	out->typeid = seen.typeid;
	if (out->rc && seen.relocs) {
		/* the last relocation that was looked at, and whether it was the reason */
		snprintf(out->prog, sizeof(out->prog), "%s", seen.prog);
		out->idx = seen.idx;
		out->relo_rc = seen.rc;
		out->core = seen.rc != 0;
	}
	if (!out->rc) {
		bpf_object__for_each_program(p, obj) {
			struct code *c;

			if (!bpf_program__autoload(p))
				continue;
			out->progs = must(realloc(out->progs, (out->cnt + 1) * sizeof(*out->progs)));
			c = &out->progs[out->cnt++];
			c->name = must(strdup(bpf_program__name(p)));
			c->cnt = bpf_program__insn_cnt(p);
			c->insns = must(malloc(c->cnt * sizeof(*c->insns) + 1));
			memcpy(c->insns, bpf_program__insns(p), c->cnt * sizeof(*c->insns));
		}
	}
	bpf_object__close(obj);
	return 0;
}

/* ---- judging one triple ---- */

struct tally {
	long triples, programs, loads, same, diff, relocs, typeid, errors, unjudged;
};

static void put_rc(const struct outcome *o)
{
	printf("\t%s at ", o->rc ? strerror(-o->rc) : "ok");
	put(o->prog);
	printf(" #%d (%d)", o->idx, o->relo_rc);
}

/* As calc's: object, section (unknown here), program, instruction, number of the record, what, mode, FULL, MIN. */
static void report(const char *path, const char *mode, const struct outcome *a, const struct outcome *b)
{
	if (quiet)
		return;
	if (a->rc || b->rc) {
		printf("DIFF\t%s\t\t", path);
		put(a->rc ? a->prog : b->prog);
		printf("\t0\t%d\tload\t", a->rc ? a->idx : b->idx);
		put(mode);
		put_rc(a);
		put_rc(b);
		printf("\tinsn differs\n");
		return;
	}
	for (int i = 0; i < a->cnt && i < b->cnt; i++) {
		const struct code *x = &a->progs[i], *y = &b->progs[i];
		size_t k = 0;

		while (k < x->cnt && k < y->cnt && !memcmp(&x->insns[k], &y->insns[k], 8))
			k++;
		if (k == x->cnt && k == y->cnt)
			continue;
		printf("DIFF\t%s\t\t", path);
		put(x->name);
		printf("\t%zu\t-1\tinstruction of %zu or %zu\t", k, x->cnt, y->cnt);
		put(mode);
		for (int side = 0; side < 2; side++) {
			const struct code *c = side ? y : x;

			if (k < c->cnt)
				printf("\tcode %#x off %d imm %d", c->insns[k].code, c->insns[k].off, c->insns[k].imm);
			else
				printf("\tnone");
		}
		printf("\tinsn differs\n");
	}
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	if (a->rc != b->rc || a->core != b->core || a->cnt != b->cnt)
		return false;
	if (a->rc)
		return a->relo_rc == b->relo_rc && a->idx == b->idx && !strcmp(a->prog, b->prog);
	for (int i = 0; i < a->cnt; i++) {
		const struct code *x = &a->progs[i], *y = &b->progs[i];

		if (x->cnt != y->cnt || strcmp(x->name, y->name) || memcmp(x->insns, y->insns, x->cnt * sizeof(*x->insns)))
			return false;
	}
	return true;
}

/* One object, with the programs that it has. */
struct judging {
	const char *path;
	struct part *parts;
	int cnt;
	bool failed;		/* the object did not open for a load */
	struct tally t;
};

/* Loads against both. */
static int load_both(void *ctx, const bool *on, const char *mode)
{
	struct judging *j = ctx;
	struct outcome a, b;
	int ra = load(j->path, &full, on, &a), rb = load(j->path, &min, on, &b), ret = -1;

	if (ra || rb) {
		j->failed = true;
	} else {
		j->t.loads++;
		j->t.relocs += a.relocs;
		j->t.typeid += a.typeid;
		j->t.errors += a.rc != 0;
		if (same(&a, &b)) {
			j->t.same++;
		} else {
			j->t.diff++;
			report(j->path, mode, &a, &b);
		}
		for (int i = 0; i < j->cnt && ret < 0 && (a.rc || b.rc); i++)
			if (on[i] && !strcmp(j->parts[i].name, a.rc ? a.prog : b.prog))
				ret = i;
	}
	free_outcome(&a);
	free_outcome(&b);
	return ret;
}

static struct tally sum;

static int judge(const char *full_path, const char *min_path, const char *path)
{
	struct judging j = { .path = path, .t.triples = 1 };
	struct bpf_object *obj;
	struct bpf_program *p;
	struct outcome warm;
	uint8_t *file;
	size_t size;

	if (!open_target(&full, full_path) || !open_target(&min, min_path)) {
		sum.unjudged++;
		return 2;
	}
	ext_ignored = false;
	obj = open_obj(path, full.path);
	file = read_file(path, &size);
	if (!obj || !file || ext_ignored) {
		printf("UNJUDGED\t%s: libbpf does not open it: %s\n", path, ext_ignored ? "bad .BTF.ext" : strerror(errno));
		sum.unjudged++;
		return 2;
	}
	bpf_object__for_each_program(p, obj) {
		j.parts = must(realloc(j.parts, (j.cnt + 1) * sizeof(*j.parts)));
		j.parts[j.cnt++] = (struct part){ must(strdup(bpf_program__name(p))), !bpf_program__autoload(p), false };
	}
	bpf_object__close(obj);
	j.t.programs = j.cnt;

	/* the first load asks for the kernel's features; let it not be the one that counts */
	load(path, &full, NULL, &warm);
	free_outcome(&warm);

	load_sets(j.parts, j.cnt, first_random(file, size), load_both, &j);
	free(file);
	if (j.failed)
		printf("UNJUDGED\t%s: libbpf did not open it for each load\n", path);
	else if (!quiet || j.t.diff)
		printf("JUDGED\t%s\t%s\t%s\tprograms=%ld\tloads=%ld\tsame=%ld\tload_diff=%ld\trelocs=%ld\ttypeid=%ld\terrors=%ld\n", path,
		       full_path, min_path, j.t.programs, j.t.loads, j.t.same, j.t.diff, j.t.relocs, j.t.typeid, j.t.errors);
	j.t.unjudged = j.failed;
	add(&sum, &j.t, sizeof(j.t));
	for (int i = 0; i < j.cnt; i++)
		free((char *)j.parts[i].name);
	free(j.parts);
	return j.t.diff ? 1 : j.failed ? 2 : 0;
}

static void forget(void)
{
	close_target(&min);
}

static void total(void)
{
	printf("TOTAL\tlibbpf %s prepare\ttriples=%ld\tprograms=%ld\tloads=%ld\tsame=%ld\tload_diff=%ld\trelocs=%ld\ttypeid=%ld\terrors=%ld\tunjudged=%ld\n",
	       libbpf_version_string(), sum.triples, sum.programs, sum.loads, sum.same, sum.diff, sum.relocs, sum.typeid,
	       sum.errors, sum.unjudged);
}

int main(int argc, char **argv)
{
	static const struct judge prepare = { "prepare", judge, NULL, forget, total };
	int ret;

	random_sets = 4;
	libbpf_set_print(on_print);
	ret = drive(&prepare, argc, argv);
	close_target(&full);
	close_target(&min);
	return ret;
}
