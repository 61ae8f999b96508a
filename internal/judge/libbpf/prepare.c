// SPDX-License-Identifier: Apache-2.0
/*
 * prepare: libbpf's whole loader, up to the finished instructions, against FULL and
 * against MIN as btf_custom_path; the instructions of every program must be the same
 * bytes. Needs libbpf 1.6 or newer (bpf_object__prepare).
 *
 *	prepare [options] FULL MIN OBJECT...
 *	prepare [options] --batch	lines "FULL MIN OBJECT" on standard input
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
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "relo.h"

#if LIBBPF_MAJOR_VERSION == 1 && LIBBPF_MINOR_VERSION < 6
#error "bpf_object__prepare came with libbpf 1.6"
#endif

static bool verbose, quiet;
static uint64_t seed = 1;
static int random_sets = 4;

static void *must(void *p)
{
	if (!p) {
		fputs("prepare: out of memory\n", stderr);
		exit(2);
	}
	return p;
}

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
		fprintf(stderr, "prepare: %s: not BTF that libbpf reads: %s\n", path, strerror(errno));
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

static int on_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
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

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void report(const char *path, const char *mode, const struct outcome *a, const struct outcome *b)
{
	if (quiet)
		return;
	if (a->rc || b->rc) {
		printf("DIFF %s [%s] full: %s at %s #%d (%d) | min: %s at %s #%d (%d)\n", path, mode, a->rc ? strerror(-a->rc) : "ok",
		       a->prog, a->idx, a->relo_rc, b->rc ? strerror(-b->rc) : "ok", b->prog, b->idx, b->relo_rc);
		return;
	}
	for (int i = 0; i < a->cnt && i < b->cnt; i++) {
		const struct code *x = &a->progs[i], *y = &b->progs[i];
		size_t k = 0;

		while (k < x->cnt && k < y->cnt && !memcmp(&x->insns[k], &y->insns[k], 8))
			k++;
		if (k == x->cnt && k == y->cnt)
			continue;
		printf("DIFF %s [%s] %s insn %zu of %zu/%zu:", path, mode, x->name, k, x->cnt, y->cnt);
		if (k < x->cnt && k < y->cnt) {
			const struct bpf_insn *p = &x->insns[k], *q = &y->insns[k];

			printf(" full: code %#x off %d imm %d | min: code %#x off %d imm %d", p->code, p->off, p->imm, q->code,
			       q->off, q->imm);
		}
		putchar('\n');
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

/* Loads against both; returns false where the object does not open. failed: the failing program's name. */
static bool compare(const char *path, const bool *on, const char *mode, struct tally *t, char *failed)
{
	struct outcome a, b;
	int ra = load(path, &full, on, &a), rb = load(path, &min, on, &b);

	*failed = 0;
	if (ra || rb) {
		free_outcome(&a);
		free_outcome(&b);
		return false;
	}
	t->loads++;
	t->relocs += a.relocs;
	t->typeid += a.typeid;
	t->errors += a.rc != 0;
	if (same(&a, &b)) {
		t->same++;
	} else {
		t->diff++;
		report(path, mode, &a, &b);
	}
	if (a.rc || b.rc)
		strcpy(failed, a.rc ? a.prog : b.prog);
	free_outcome(&a);
	free_outcome(&b);
	return true;
}

/* libbpf stops at the first failing relocation: take its program out, and go on with the rest. */
static bool compare_on(const char *path, char **names, int cnt, bool *on, const char *mode, struct tally *t)
{
	char failed[128];

	for (;;) {
		bool again = false;

		if (!compare(path, on, mode, t, failed))
			return false;
		for (int i = 0; i < cnt && *failed; i++) {
			if (on[i] && !strcmp(names[i], failed)) {
				on[i] = false;
				again = true;
			}
		}
		if (!again)
			return true;
	}
}

static int judge(const char *full_path, const char *min_path, const char *path, struct tally *sum)
{
	struct tally t = { .triples = 1 };
	struct bpf_object *obj;
	struct bpf_program *p;
	struct outcome warm;
	char **names = NULL, failed[128], mode[160];
	bool *on, ok, optional = false, *byself;
	uint64_t s = seed * 0x9e3779b97f4a7c15ull | 1;
	int cnt = 0;

	if (!open_target(&full, full_path) || !open_target(&min, min_path)) {
		sum->unjudged++;
		return 2;
	}
	obj = open_obj(path, full.path);
	if (!obj) {
		fprintf(stderr, "prepare: %s: libbpf does not open it: %s\n", path, strerror(errno));
		sum->unjudged++;
		return 2;
	}
	bpf_object__for_each_program(p, obj)
		cnt++;
	names = must(calloc(cnt + 1, sizeof(*names)));
	on = must(calloc(cnt + 1, 1));
	byself = must(calloc(cnt + 1, 1));
	cnt = 0;
	bpf_object__for_each_program(p, obj) {
		byself[cnt] = bpf_program__autoload(p);
		optional |= !byself[cnt];
		names[cnt++] = must(strdup(bpf_program__name(p)));
	}
	bpf_object__close(obj);
	t.programs = cnt;

	/* the first load asks for the kernel's features; let it not be the one that counts */
	load(path, &full, NULL, &warm);
	free_outcome(&warm);

	memset(on, 1, cnt);
	ok = compare_on(path, names, cnt, on, "all", &t);
	if (optional)
		ok &= compare_on(path, names, cnt, byself, "default", &t);
	for (int i = 0; i < cnt && cnt > 1; i++) {
		memset(on, 0, cnt);
		on[i] = true;
		snprintf(mode, sizeof(mode), "alone:%s", names[i]);
		ok &= compare(path, on, mode, &t, failed);
	}
	for (int k = 0; k < random_sets && cnt > 2; k++) {
		for (int i = 0; i < cnt; i++)
			on[i] = next_random(&s) >> 40 & 1;
		snprintf(mode, sizeof(mode), "random:%d", k);
		ok &= compare_on(path, names, cnt, on, mode, &t);
	}
	if (!quiet || t.diff || !ok)
		printf("%s %s %s programs=%ld loads=%ld same=%ld diff=%ld relocs=%ld typeid=%ld errors=%ld%s\n", path, full_path,
		       min_path, t.programs, t.loads, t.same, t.diff, t.relocs, t.typeid, t.errors, ok ? "" : " UNJUDGED");
	sum->triples++;
	sum->programs += t.programs;
	sum->loads += t.loads;
	sum->same += t.same;
	sum->diff += t.diff;
	sum->relocs += t.relocs;
	sum->typeid += t.typeid;
	sum->errors += t.errors;
	sum->unjudged += !ok;
	for (int i = 0; i < cnt; i++)
		free(names[i]);
	free(names);
	free(on);
	free(byself);
	return t.diff ? 1 : ok ? 0 : 2;
}

static int usage(void)
{
	fputs("usage: prepare [-q] [-v] [-s SEED] [-n RANDOM_SETS] FULL MIN OBJECT...\n"
	      "       prepare [-q] [-v] [-s SEED] [-n RANDOM_SETS] --batch < lines of FULL MIN OBJECT\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct tally sum = {};
	bool batch = false, bad = false, diff = false;
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "-q"))
			quiet = true;
		else if (!strcmp(argv[i], "-v"))
			verbose = true;
		else if (!strcmp(argv[i], "-s") && i + 1 < argc)
			seed = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "-n") && i + 1 < argc)
			random_sets = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--batch"))
			batch = true;
		else
			return usage();
	}
	libbpf_set_print(on_print);
	if (batch) {
		char line[3 * PATH_MAX], f[PATH_MAX], m[PATH_MAX], o[PATH_MAX];

		if (i != argc)
			return usage();
		while (fgets(line, sizeof(line), stdin)) {
			int n = sscanf(line, "%4095s %4095s %4095s", f, m, o), r;

			if (n <= 0)
				continue;
			if (n != 3) {
				fprintf(stderr, "prepare: a line of a batch has three words: %s", line);
				return 2;
			}
			r = judge(f, m, o, &sum);
			diff |= r == 1;
			bad |= r == 2;
			/* a MIN may be written anew under the same name between two lines */
			close_target(&min);
			fflush(stdout);
		}
	} else {
		if (argc - i < 3)
			return usage();
		for (int k = i + 2; k < argc; k++) {
			int r = judge(argv[i], argv[i + 1], argv[k], &sum);

			diff |= r == 1;
			bad |= r == 2;
		}
	}
	printf("libbpf %s prepare: triples=%ld programs=%ld loads=%ld same=%ld diff=%ld relocs=%ld typeid=%ld errors=%ld unjudged=%ld\n",
	       libbpf_version_string(), sum.triples, sum.programs, sum.loads, sum.same, sum.diff, sum.relocs, sum.typeid,
	       sum.errors, sum.unjudged);
	close_target(&full);
	close_target(&min);
	return diff ? 1 : bad ? 2 : 0;
}
