// SPDX-License-Identifier: Apache-2.0
/*
 * calc: does relocating an object against a cut-down BTF give what the full BTF
 * gives? The matching is libbpf's own; this program supplies what libbpf's loader
 * does around it: parse the object, find candidates, keep one candidate list per
 * local type that shrinks in record order, patch the instructions.
 *
 *	calc [options] FULL MIN OBJECT...
 *	calc [options] --outcomes FULL OBJECT...
 *	calc [options] --batch          lines of FULL, MIN and OBJECT, or of FULL and OBJECT, on standard input
 *
 * --outcomes says what each relocation comes to against FULL, by itself. Else each is judged
 *   - by itself, with a fresh candidate list;
 *   - in simulated loads of the object: every program, the default set, each program
 *     alone, random sets. libbpf stops at the first error; the judge then takes the
 *     failing program out of the set and loads again, so that what follows is judged too.
 *
 * Exit status: 0 no difference, 1 differences, 2 the judge could not judge.
 */
#include <errno.h>
#include <elf.h>
#include <stdarg.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "drive.h"
#include "relo.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "written for little-endian hosts"
#endif

/* ---- small helpers ---- */

static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("calc: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

static void *zalloc(size_t n, size_t size)
{
	return must(calloc(n ? n : 1, size));
}

/* ---- the last warning of libbpf, by class: -EINVAL alone says too little ---- */

enum why {
	WHY_NONE,
	WHY_OFFSET_AMBIGUOUS,
	WHY_VALUE_AMBIGUOUS,
	WHY_CANDIDATE,
	WHY_SPEC,
	WHY_TYPE,	/* the local type has no name, or is none: libbpf says nothing */
	WHY_INSN,
	WHY_OTHER,
};

static const char *const why_names[] = {
	"", "offset-ambiguity", "value-ambiguity", "candidate-error", "local-spec", "local-type", "instruction", "other",
};

static enum why last_why;

static int on_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level != LIBBPF_WARN)
		return 0;
	if (verbose)
		vfprintf(stderr, fmt, ap);
	if (strstr(fmt, "field offset ambiguity"))
		last_why = WHY_OFFSET_AMBIGUOUS;
	else if (strstr(fmt, "decision ambiguity"))
		last_why = WHY_VALUE_AMBIGUOUS;
	else if (strstr(fmt, "error matching candidate"))
		last_why = WHY_CANDIDATE;
	else if (strstr(fmt, "parsing ["))
		last_why = WHY_SPEC;
	else if (strstr(fmt, "insn #"))
		last_why = WHY_INSN;
	else
		last_why = WHY_OTHER;
	return 0;
}

/* ---- the object: just enough ELF, in either byte order ---- */

struct prog {
	const char *name;
	const char *sec_name;
	int sec;		/* index into obj.secs */
	uint32_t first, count;	/* instructions */
	bool subprog;		/* in .text: libbpf relocates it whatever is loaded */
	bool optional;		/* SEC("?...") */
};

struct sec {
	const char *name;
	uint32_t type;
	uint64_t flags;
	const uint8_t *data;	/* NULL: no bytes in the file */
	uint64_t size;
	uint32_t link;
	struct bpf_insn *insns;	/* executable sections, in host order */
	uint32_t insn_cnt;
};

struct rec {
	struct bpf_core_relo relo;
	int sec;		/* -1: no such section */
	const char *sec_name;
	uint32_t idx;		/* within its section's records, as libbpf numbers them */
	int prog;		/* -1: belongs to no program */
};

struct obj {
	const char *path;
	uint8_t *file;
	size_t size;
	bool swap;
	struct sec *secs;
	int sec_cnt;
	struct prog *progs;
	int prog_cnt;
	struct rec *recs;
	int rec_cnt;
	struct btf *btf;
};

static uint16_t r16(const struct obj *o, const void *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return o->swap ? __builtin_bswap16(v) : v;
}

static uint32_t r32(const struct obj *o, const void *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return o->swap ? __builtin_bswap32(v) : v;
}

static uint64_t r64(const struct obj *o, const void *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return o->swap ? __builtin_bswap64(v) : v;
}

static const char *sec_str(const struct obj *o, const struct sec *tab, uint32_t off)
{
	if (!tab->data || off >= tab->size || !memchr(tab->data + off, 0, tab->size - off))
		die("%s: bad string offset in ELF", o->path);
	return (const char *)tab->data + off;
}

static int find_sec(const struct obj *o, const char *name)
{
	for (int i = 1; i < o->sec_cnt; i++)
		if (!strcmp(o->secs[i].name, name))
			return i;
	return -1;
}

static void parse_sections(struct obj *o)
{
	const Elf64_Ehdr *eh = (void *)o->file;
	uint64_t shoff;
	int shstr;

	if (o->size < sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG) || eh->e_ident[EI_CLASS] != ELFCLASS64)
		die("%s: not a 64-bit ELF file", o->path);
	o->swap = eh->e_ident[EI_DATA] == ELFDATA2MSB;
	if (r16(o, &eh->e_machine) != EM_BPF)
		die("%s: not a BPF object", o->path);
	shoff = r64(o, &eh->e_shoff);
	o->sec_cnt = r16(o, &eh->e_shnum);
	shstr = r16(o, &eh->e_shstrndx);
	if (shoff > o->size || (o->size - shoff) / sizeof(Elf64_Shdr) < (size_t)o->sec_cnt || shstr >= o->sec_cnt)
		die("%s: section headers are outside of the file", o->path);
	o->secs = zalloc(o->sec_cnt, sizeof(*o->secs));
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < o->sec_cnt; i++) {
			const Elf64_Shdr *sh = (void *)(o->file + shoff + i * sizeof(*sh));
			struct sec *s = &o->secs[i];
			uint64_t off = r64(o, &sh->sh_offset);

			if (pass) {
				s->name = sec_str(o, &o->secs[shstr], r32(o, &sh->sh_name));
				continue;
			}
			s->type = r32(o, &sh->sh_type);
			s->flags = r64(o, &sh->sh_flags);
			s->link = r32(o, &sh->sh_link);
			s->size = r64(o, &sh->sh_size);
			if (s->type == SHT_NOBITS || s->type == SHT_NULL)
				continue;
			if (off > o->size || s->size > o->size - off)
				die("%s: section %d is outside of the file", o->path, i);
			s->data = o->file + off;
		}
	}
}

static struct bpf_insn host_insn(const struct obj *o, const uint8_t *p)
{
	struct bpf_insn in;

	memcpy(&in, p, sizeof(in));
	if (o->swap) {
		/* the nibbles of the register byte change places, too */
		in.dst_reg = p[1] >> 4;
		in.src_reg = p[1] & 15;
		in.off = r16(o, p + 2);
		in.imm = r32(o, p + 4);
	}
	return in;
}

static int by_place(const void *a, const void *b)
{
	const struct prog *x = a, *y = b;

	if (x->sec != y->sec)
		return x->sec < y->sec ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

/* As libbpf: every function symbol of an executable section is a program. */
static void parse_programs(struct obj *o)
{
	for (int i = 1; i < o->sec_cnt; i++) {
		struct sec *s = &o->secs[i];

		if (s->type != SHT_PROGBITS || !(s->flags & SHF_EXECINSTR) || !s->data)
			continue;
		s->insn_cnt = s->size / 8;
		s->insns = zalloc(s->insn_cnt, sizeof(*s->insns));
		for (uint32_t k = 0; k < s->insn_cnt; k++)
			s->insns[k] = host_insn(o, s->data + 8ull * k);
	}
	for (int i = 1; i < o->sec_cnt; i++) {
		const struct sec *tab = &o->secs[i];
		uint64_t n;

		if (tab->type != SHT_SYMTAB)
			continue;
		if (tab->link >= (uint32_t)o->sec_cnt)
			die("%s: bad link of the symbol table", o->path);
		n = tab->size / sizeof(Elf64_Sym);
		o->progs = zalloc(n, sizeof(*o->progs));
		for (uint64_t k = 0; k < n; k++) {
			const Elf64_Sym *sym = (void *)(tab->data + k * sizeof(*sym));
			uint16_t shndx = r16(o, &sym->st_shndx);
			struct prog *p;

			if (ELF64_ST_TYPE(sym->st_info) != STT_FUNC || shndx >= o->sec_cnt || !o->secs[shndx].insns)
				continue;
			p = &o->progs[o->prog_cnt++];
			p->name = sec_str(o, &o->secs[tab->link], r32(o, &sym->st_name));
			p->sec = shndx;
			p->sec_name = o->secs[shndx].name;
			p->first = r64(o, &sym->st_value) / 8;
			p->count = r64(o, &sym->st_size) / 8;
			if (p->first > o->secs[shndx].insn_cnt || p->count > o->secs[shndx].insn_cnt - p->first)
				die("%s: function %s is outside of its section", o->path, p->name);
			p->subprog = !strcmp(p->sec_name, ".text");
			p->optional = p->sec_name[0] == '?';
		}
		break;
	}
	if (o->prog_cnt)
		qsort(o->progs, o->prog_cnt, sizeof(*o->progs), by_place);
	if (o->prog_cnt == 1)
		o->progs[0].subprog = false;
}

static int find_prog(const struct obj *o, int sec, uint32_t insn)
{
	for (int lo = 0, hi = o->prog_cnt; lo < hi;) {
		int mid = (lo + hi) / 2;
		const struct prog *p = &o->progs[mid];

		if (p->sec < sec || (p->sec == sec && p->first + p->count <= insn))
			lo = mid + 1;
		else if (p->sec > sec || p->first > insn)
			hi = mid;
		else
			return mid;
	}
	return -1;
}

/*
 * .BTF.ext is read here and not by libbpf: 1.1 refuses the foreign byte order, and
 * no version exports its CO-RE records.
 */
static void parse_relos(struct obj *o)
{
	int ext = find_sec(o, ".BTF.ext"), raw = find_sec(o, ".BTF");
	const uint8_t *p, *end;
	uint32_t hdr_len, off, len, rec_size;
	int cap = 0;

	if (raw < 0)
		return;
	o->btf = btf__new(o->secs[raw].data, o->secs[raw].size);
	if (!o->btf)
		die("%s: .BTF: %s", o->path, strerror(errno));
	btf__set_pointer_size(o->btf, 8);	/* as libbpf does for an object */
	if (ext < 0)
		return;
	p = o->secs[ext].data;
	if (o->secs[ext].size < 32)
		return;				/* a header that is too short to have CO-RE records */
	if (r16(o, p) != 0xeb9f)
		die("%s: .BTF.ext: bad magic", o->path);
	hdr_len = r32(o, p + 4);
	if (hdr_len < 32)
		return;
	off = r32(o, p + 24);
	len = r32(o, p + 28);
	if (!len)
		return;
	if (hdr_len > o->secs[ext].size || off > o->secs[ext].size - hdr_len ||
	    len > o->secs[ext].size - hdr_len - off || len < 4)
		die("%s: .BTF.ext: CO-RE records are outside of the section", o->path);
	p += hdr_len + off;
	end = p + len;
	rec_size = r32(o, p);
	if (rec_size < sizeof(struct bpf_core_relo))
		die("%s: .BTF.ext: CO-RE record of %u bytes", o->path, rec_size);
	for (p += 4; end - p >= 8;) {
		const char *name = btf__name_by_offset(o->btf, r32(o, p));
		uint32_t n = r32(o, p + 4);
		int sec;

		p += 8;
		if (!name || !*name || (uint64_t)n * rec_size > (uint64_t)(end - p))
			die("%s: .BTF.ext: damaged CO-RE section", o->path);
		sec = find_sec(o, name);
		if (o->rec_cnt + (int)n > cap) {
			cap = (o->rec_cnt + n) * 2;
			o->recs = must(realloc(o->recs, cap * sizeof(*o->recs)));
		}
		for (uint32_t i = 0; i < n; i++, p += rec_size) {
			struct rec *r = &o->recs[o->rec_cnt++];

			r->relo.insn_off = r32(o, p);
			r->relo.type_id = r32(o, p + 4);
			r->relo.access_str_off = r32(o, p + 8);
			r->relo.kind = r32(o, p + 12);
			r->sec = sec;
			r->sec_name = name;
			r->idx = i;
			r->prog = sec < 0 ? -1 : find_prog(o, sec, r->relo.insn_off / 8);
		}
	}
}

static void open_obj(struct obj *o, const char *path)
{
	memset(o, 0, sizeof(*o));
	o->path = path;
	o->file = read_file(path, &o->size);
	if (!o->file)
		die("%s: %s", path, strerror(errno));
	parse_sections(o);
	parse_programs(o);
	parse_relos(o);
}

static void close_obj(struct obj *o)
{
	for (int i = 0; i < o->sec_cnt; i++)
		free(o->secs[i].insns);
	btf__free(o->btf);
	free(o->secs);
	free(o->progs);
	free(o->recs);
	free(o->file);
}

/* ---- a target: a kernel's BTF, and candidates by (kind, essential name) ---- */

struct cands {
	struct cands *next;
	uint32_t hash;
	uint16_t kind;
	char *name;
	struct bpf_core_cand_list list;
};

struct target {
	char *path;
	struct btf *btf;
	struct cands *tab[4096];
};

static void close_target(struct target *t)
{
	if (!t->path)
		return;
	for (size_t i = 0; i < sizeof(t->tab) / sizeof(*t->tab); i++) {
		for (struct cands *c = t->tab[i], *next; c; c = next) {
			next = c->next;
			free(c->name);
			free(c->list.cands);
			free(c);
		}
	}
	btf__free(t->btf);
	free(t->path);
	memset(t, 0, sizeof(*t));
}

/* A target stays open while the lines of a batch name the same file. */
static bool open_target(struct target *t, const char *path)
{
	if (t->path && !strcmp(t->path, path))
		return true;
	close_target(t);
	t->btf = btf__parse(path, NULL);	/* as for bpf_object_open_opts.btf_custom_path */
	if (!t->btf) {
		printf("UNJUDGED\t%s: not BTF that libbpf reads: %s\n", path, strerror(errno));
		return false;
	}
	t->path = must(strdup(path));
	return true;
}

/*
 * The list that bpf_core_find_cands would make. Its contents depend on the local
 * type's kind and essential name only, so it is computed once for each.
 */
static int find_cands(struct target *t, const struct btf *local, uint32_t id, struct cands **res)
{
	const struct btf_type *lt = btf__type_by_id(local, id);
	struct bpf_core_cand lc = { local, id };
	const char *name;
	uint16_t kind;
	uint32_t hash = 2166136261u;
	struct cands *c;
	size_t len;
	int err;

	if (!lt)
		return -EINVAL;
	name = btf__name_by_offset(local, lt->name_off);
	if (!name || !*name)
		return -EINVAL;
	len = bpf_core_essential_name_len(name);
	kind = btf_kind(lt) == BTF_KIND_ENUM64 ? BTF_KIND_ENUM : btf_kind(lt);
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	hash = (hash ^ kind) * 16777619u;
	for (c = t->tab[hash % 4096]; c; c = c->next)
		if (c->hash == hash && c->kind == kind && strlen(c->name) == len && !memcmp(c->name, name, len))
			break;
	if (!c) {
		c = zalloc(1, sizeof(*c));
		c->hash = hash;
		c->kind = kind;
		c->name = must(strndup(name, len));
		err = bpf_core_add_cands(&lc, len, t->btf, "vmlinux", 1, &c->list);
		if (err)
			die("bpf_core_add_cands: %d", err);
		c->next = t->tab[hash % 4096];
		t->tab[hash % 4096] = c;
	}
	*res = c;
	return 0;
}

/* One cached list per local type id, as libbpf has during one load; NULL tab: a fresh list. */
struct lists {
	struct bpf_core_cand_list *tab;
	uint32_t cnt;
};

static void lists_reset(struct lists *l, uint32_t cnt)
{
	for (uint32_t i = 0; i < l->cnt; i++)
		free(l->tab[i].cands);
	free(l->tab);
	l->tab = cnt ? zalloc(cnt, sizeof(*l->tab)) : NULL;
	l->cnt = cnt;
}

static void copy_list(struct bpf_core_cand_list *dst, const struct bpf_core_cand_list *src)
{
	dst->len = src->len;
	dst->cands = zalloc(src->len, sizeof(*dst->cands));
	if (src->len)
		memcpy(dst->cands, src->cands, src->len * sizeof(*dst->cands));
}

/* ---- one relocation against one target ---- */

struct outcome {
	int rc;
	enum why why;
	int patch_rc;
	enum why patch_why;
	bool undefined;			/* see below */
	int cands, matching;		/* how many candidates there were, and how many matched */
	uint64_t value;			/* res.new_val, also where that must not be compared */
	struct bpf_core_relo_res res;
	struct bpf_insn insn[2];
	int insn_cnt;
};

/*
 * libbpf before 1.7 reads, for FIELD_SIGNED of what is neither integer nor enum, or of
 * an enum without enumerators, the word behind the type: whatever type comes next. Nobody can give the same.
 */
static bool reads_behind(const struct bpf_core_relo *relo, const struct bpf_core_spec *spec)
{
	const struct bpf_core_accessor *acc;
	const struct btf_type *t;

	if (relo->kind != BPF_CORE_FIELD_SIGNED || spec->len < 1 || libbpf_major_version() > 1 || libbpf_minor_version() >= 7)
		return false;
	acc = &spec->spec[spec->len - 1];
	if (!acc->name)
		return false;
	t = btf__type_by_id(spec->btf, acc->type_id);
	if (!t || !btf_is_composite(t) || acc->idx >= btf_vlen(t))
		return false;
	t = btf__type_by_id(spec->btf, btf_members(t)[acc->idx].type);
	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = btf__type_by_id(spec->btf, t->type);
	return t && !btf_is_int(t) && !(btf_is_any_enum(t) && btf_vlen(t));
}

static char spec_text[512];

/* insns: the section's instructions, patched in place; NULL: work on a copy. */
static void resolve(const struct obj *o, const struct rec *r, const struct bpf_core_relo *relo, struct target *t,
		    struct lists *lists, struct bpf_insn *insns, struct outcome *out)
{
	static struct bpf_core_spec scratch[3];
	struct bpf_core_cand_list fresh = {}, *list = &fresh;
	const struct btf_type *lt = btf__type_by_id(o->btf, relo->type_id);
	struct cands *c;
	uint32_t idx = relo->insn_off / 8, avail;
	struct bpf_insn *insn;

	memset(out, 0, sizeof(*out));
	last_why = WHY_NONE;
	scratch[0].btf = scratch[2].btf = NULL;
	strcpy(spec_text, "<unparsed>");
	if (!lt) {
		out->rc = -EINVAL;
		out->why = WHY_TYPE;
		return;
	}
	if (relo->kind != BPF_CORE_TYPE_ID_LOCAL) {
		struct bpf_core_cand_list *cached = lists ? &lists->tab[relo->type_id] : NULL;

		if (!cached || !cached->cands) {
			out->rc = find_cands(t, o->btf, relo->type_id, &c);
			if (out->rc) {
				out->why = WHY_TYPE;
				return;
			}
			copy_list(cached ? cached : &fresh, &c->list);
		}
		if (cached)
			list = cached;
	}
	out->cands = list->len;
	out->rc = bpf_core_calc_relo_insn("prog", relo, r->idx, o->btf, list, scratch, &out->res);
	out->why = out->rc ? last_why : WHY_NONE;
	/* the list is left as it was where no candidate matches; the third spec is the first that does */
	out->matching = !out->rc && scratch[2].btf ? list->len : 0;
	free(fresh.cands);
	if (scratch[0].btf) {
		out->undefined = reads_behind(relo, &scratch[0]) || (scratch[2].btf && reads_behind(relo, &scratch[2]));
		bpf_core_format_spec(spec_text, sizeof(spec_text), &scratch[0]);
	}
	if (out->rc)
		return;
	out->value = out->res.new_val;
	/* An id of the cut BTF cannot be that of the full one: only found or not is compared. */
	if (relo->kind == BPF_CORE_TYPE_ID_TARGET && out->res.new_val)
		out->res.new_val = 1;

	if (r->sec < 0 || !o->secs[r->sec].insns || idx >= o->secs[r->sec].insn_cnt || relo->insn_off % 8)
		return;
	avail = o->secs[r->sec].insn_cnt - idx;
	out->insn_cnt = avail > 1 ? 2 : 1;
	insn = out->insn;
	memcpy(insn, insns ? insns + idx : o->secs[r->sec].insns + idx, out->insn_cnt * sizeof(*insn));
	last_why = WHY_NONE;
	out->patch_rc = bpf_core_patch_insn("prog", insn, idx, relo, r->idx, &out->res);
	out->patch_why = out->patch_rc ? last_why : WHY_NONE;
	if (!out->patch_rc && insns)
		memcpy(insns + idx, insn, out->insn_cnt * sizeof(*insn));
}

static bool same_insns(const struct outcome *a, const struct outcome *b)
{
	return a->rc == b->rc && a->why == b->why && a->patch_rc == b->patch_rc && a->patch_why == b->patch_why &&
	       (a->rc || a->patch_rc || !memcmp(a->insn, b->insn, sizeof(a->insn)));
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	const struct bpf_core_relo_res *x = &a->res, *y = &b->res;

	if (a->rc != b->rc || a->why != b->why)
		return false;
	if (a->rc)
		return true;
	return x->poison == y->poison && x->validate == y->validate && x->fail_memsz_adjust == y->fail_memsz_adjust &&
	       x->orig_val == y->orig_val && x->new_val == y->new_val && x->orig_sz == y->orig_sz &&
	       x->new_sz == y->new_sz && same_insns(a, b);
}

static void show(const struct outcome *o, char *buf, size_t n)
{
	const struct bpf_core_relo_res *r = &o->res;
	int k;

	if (o->rc) {
		snprintf(buf, n, "error %s %s", strerror(-o->rc), why_names[o->why]);
		return;
	}
	k = snprintf(buf, n, "%s%llu->%llu size %u->%u%s%s", r->poison ? "poison " : "", (unsigned long long)r->orig_val,
		     (unsigned long long)r->new_val, r->orig_sz, r->new_sz, r->validate ? "" : " unvalidated",
		     r->fail_memsz_adjust ? " memsz-mismatch" : "");
	if (o->patch_rc && k > 0 && (size_t)k < n)
		snprintf(buf + k, n - k, " patch-error %s", strerror(-o->patch_rc));
}

/* ---- judging one triple ---- */

struct tally {
	long triples, relocs, same, diff, typeid, undefined, errors, loads, sets, mixed, load_diff, unjudged;
};

struct judging {
	const struct obj *o;
	struct target *full, *min;
	struct tally *t;
	char *state;		/* per record: 0 same, 1 differs, 2 differs where libbpf's own result is undefined */
	struct lists full_lists, min_lists;
	bool *sets;		/* the different sets of programs that were loaded, one after the other */
};

/* section, program, instruction, number of the record */
static void put_place(const struct obj *o, const struct rec *r, int i)
{
	put(r->sec_name);
	putchar('\t');
	put(r->prog >= 0 ? o->progs[r->prog].name : "");
	printf("\t%u\t%d\t", r->relo.insn_off / 8, i);
}

static void differs(struct judging *j, int i, const char *mode, const struct outcome *a, const struct outcome *b)
{
	const struct rec *r = &j->o->recs[i];
	char x[200], y[200];

	if (a->undefined) {
		if (!j->state[i])
			j->state[i] = 2;
		return;
	}
	if (j->state[i] == 1)
		return;		/* said already, for another mode */
	j->state[i] = 1;
	if (quiet)
		return;
	show(a, x, sizeof(x));
	show(b, y, sizeof(y));
	printf("DIFF\t%s\t", j->o->path);
	put_place(j->o, r, i);
	put(spec_text);
	putchar('\t');
	put(mode);
	printf("\t%s\t%s\tinsn %s\n", x, y, same_insns(a, b) ? "same" : "differs");
}

/* Counts a set of programs, if it was not loaded yet; mixed ones are of some programs, not one and not all. */
static void count_set(struct judging *j, const bool *on)
{
	int n = j->o->prog_cnt, programs = 0, loaded = 0;
	bool *set = must(realloc(j->sets, (j->t->sets + 1) * n + 1));

	j->sets = set;
	set += j->t->sets * n;
	for (int i = 0; i < n; i++) {
		bool program = !j->o->progs[i].subprog;

		set[i] = on[i] && program;
		programs += program;
		loaded += set[i];
	}
	for (long i = 0; i < j->t->sets; i++)
		if (!memcmp(j->sets + i * n, set, n))
			return;
	j->t->sets++;
	j->t->mixed += loaded > 1 && loaded < programs;
}

/*
 * One load. Returns the program at whose relocation both loads stopped, -1 where
 * the load went through, -2 where it cannot be continued.
 */
static int load(void *ctx, const bool *on, const char *mode)
{
	struct judging *j = ctx;
	const struct obj *o = j->o;
	struct bpf_insn **fi = zalloc(o->sec_cnt, sizeof(*fi)), **mi = zalloc(o->sec_cnt, sizeof(*mi));
	uint32_t cnt = btf__type_cnt(o->btf);
	bool bad = false;
	int ret = -1;

	count_set(j, on);
	lists_reset(&j->full_lists, cnt);
	lists_reset(&j->min_lists, cnt);
	for (int i = 0; i < o->sec_cnt; i++) {
		size_t n = o->secs[i].insn_cnt * sizeof(struct bpf_insn);

		if (!o->secs[i].insns)
			continue;
		fi[i] = memcpy(zalloc(1, n), o->secs[i].insns, n);
		mi[i] = memcpy(zalloc(1, n), o->secs[i].insns, n);
	}
	for (int i = 0; i < o->rec_cnt; i++) {
		const struct rec *r = &o->recs[i];
		struct outcome a, b;

		if (r->prog < 0)
			continue;	/* of an eliminated weak function: libbpf skips it */
		if (!on[r->prog] && !o->progs[r->prog].subprog)
			continue;
		resolve(o, r, &r->relo, j->full, &j->full_lists, fi[r->sec], &a);
		resolve(o, r, &r->relo, j->min, &j->min_lists, mi[r->sec], &b);
		if (!same(&a, &b)) {
			differs(j, i, mode, &a, &b);
			bad |= !a.undefined;
		}
		if (a.rc || a.patch_rc || b.rc || b.patch_rc) {
			ret = o->progs[r->prog].subprog ? -2 : r->prog;
			break;
		}
	}
	for (int i = 0; i < o->sec_cnt; i++) {
		free(fi[i]);
		free(mi[i]);
	}
	free(fi);
	free(mi);
	j->t->loads++;
	j->t->load_diff += bad;
	return ret;
}

static void judge_loads(struct judging *j)
{
	const struct obj *o = j->o;
	struct part *parts = zalloc(o->prog_cnt, sizeof(*parts));

	for (int i = 0; i < o->prog_cnt; i++)
		parts[i] = (struct part){ o->progs[i].name, o->progs[i].optional, o->progs[i].subprog };
	load_sets(parts, o->prog_cnt, first_random(o->file, o->size), load, j);
	free(parts);
}

/*
 * The left shift of a big-endian kernel is computed by libbpf for the host's order.
 * Offset, size and right shift of the same field determine it.
 */
static bool same_shift(struct judging *j, const struct rec *r, struct outcome *a, struct outcome *b)
{
	static const int kinds[] = { BPF_CORE_FIELD_BYTE_OFFSET, BPF_CORE_FIELD_BYTE_SIZE, BPF_CORE_FIELD_RSHIFT_U64 };

	for (int k = 0; k < 3; k++) {
		struct bpf_core_relo relo = r->relo;

		relo.kind = kinds[k];
		resolve(j->o, r, &relo, j->full, NULL, NULL, a);
		resolve(j->o, r, &relo, j->min, NULL, NULL, b);
		if (!same(a, b))
			return false;
	}
	return true;
}

static struct target full, min;
static struct tally sum;

static bool open_all(struct obj *o, const char *full_path, const char *min_path, const char *obj_path)
{
	if (access(obj_path, R_OK)) {
		printf("UNJUDGED\t%s: %s\n", obj_path, strerror(errno));
		sum.unjudged++;
		return false;
	}
	if (!open_target(&full, full_path) || (min_path && !open_target(&min, min_path))) {
		sum.unjudged++;
		return false;
	}
	open_obj(o, obj_path);
	return true;
}

static int compare(const char *full_path, const char *min_path, const char *obj_path)
{
	struct tally t = { .triples = 1 };
	struct judging j = { .full = &full, .min = &min, .t = &t };
	struct obj o;

	if (!open_all(&o, full_path, min_path, obj_path))
		return 2;
	j.o = &o;
	j.state = zalloc(o.rec_cnt, 1);
	for (int i = 0; i < o.rec_cnt; i++) {
		const struct rec *r = &o.recs[i];
		struct outcome a, b;

		resolve(&o, r, &r->relo, &full, NULL, NULL, &a);
		resolve(&o, r, &r->relo, &min, NULL, NULL, &b);
		t.typeid += r->relo.kind == BPF_CORE_TYPE_ID_TARGET;
		t.errors += !!a.rc;
		if (!same(&a, &b))
			differs(&j, i, "fresh", &a, &b);
		else if (o.swap && r->relo.kind == BPF_CORE_FIELD_LSHIFT_U64 && !same_shift(&j, r, &a, &b))
			differs(&j, i, "fresh, big-endian shift", &a, &b);
	}
	if (o.rec_cnt)
		judge_loads(&j);
	for (int i = 0; i < o.rec_cnt; i++) {
		t.diff += j.state[i] == 1;
		t.undefined += j.state[i] == 2;
	}
	t.relocs = o.rec_cnt;
	t.same = t.relocs - t.diff - t.undefined;
	if (!quiet || t.diff)
		printf("JUDGED\t%s\t%s\t%s\trelocs=%ld\tsame=%ld\tdiff=%ld\ttypeid=%ld\tundefined=%ld\terrors=%ld\tloads=%ld\tsets=%ld\tmixed=%ld\tload_diff=%ld\n",
		       obj_path, full_path, min_path, t.relocs, t.same, t.diff, t.typeid, t.undefined, t.errors, t.loads,
		       t.sets, t.mixed, t.load_diff);
	add(&sum, &t, sizeof(t));
	lists_reset(&j.full_lists, 0);
	lists_reset(&j.min_lists, 0);
	free(j.state);
	free(j.sets);
	close_obj(&o);
	return t.diff ? 1 : 0;
}

static const char *insn_state(const struct outcome *out)
{
	if (out->rc || !out->insn_cnt)
		return "none";
	if (out->patch_rc)
		return "refused";
	/* what libbpf writes where a program must not get to */
	return out->insn[0].code == (BPF_JMP | BPF_CALL) && out->insn[0].imm == 195896080 ? "poisoned" : "patched";
}

static void put_outcome(const struct obj *o, int i, const struct outcome *out)
{
	const struct rec *r = &o->recs[i];
	const char *access = btf__name_by_offset(o->btf, r->relo.access_str_off);

	put_place(o, r, i);
	printf("%u\t%u\t", r->relo.kind, r->relo.type_id);
	put(access ? access : "");
	putchar('\t');
	put(spec_text);
	printf("\t%d\t%s\t%d\t%d\t%llu\t%d\t%u\t%d\t%s\n", -out->rc, out->rc ? why_names[out->why] : "", out->cands,
	       out->matching, (unsigned long long)out->value, out->res.poison, out->res.new_sz, out->res.fail_memsz_adjust,
	       insn_state(out));
}

/* What each relocation comes to by itself, and in a load of each program alone, up to the first error. */
static int outcomes(const char *full_path, const char *obj_path)
{
	struct lists lists = {};
	struct outcome out;
	struct obj o;

	if (!open_all(&o, full_path, NULL, obj_path))
		return 2;
	for (int i = 0; i < o.rec_cnt; i++) {
		resolve(&o, &o.recs[i], &o.recs[i].relo, &full, NULL, NULL, &out);
		printf("OUTCOME\t\t");
		put_outcome(&o, i, &out);
	}
	for (int p = 0; p < o.prog_cnt && o.rec_cnt; p++) {
		if (o.progs[p].subprog)
			continue;
		lists_reset(&lists, btf__type_cnt(o.btf));
		out.rc = out.patch_rc = 0;
		for (int i = 0; i < o.rec_cnt && !out.rc && !out.patch_rc; i++) {
			const struct rec *r = &o.recs[i];

			if (r->prog != p && (r->prog < 0 || !o.progs[r->prog].subprog))
				continue;
			resolve(&o, r, &r->relo, &full, &lists, NULL, &out);
			printf("OUTCOME\t");
			put(o.progs[p].name);
			putchar('\t');
			put_outcome(&o, i, &out);
		}
	}
	lists_reset(&lists, 0);
	printf("JUDGED\t%s\t%s\trelocs=%d\n", obj_path, full_path, o.rec_cnt);
	close_obj(&o);
	return 0;
}

/*
 * The structs in relo.h are not public: relocate a type made here, and look whether the
 * answer stands where it is expected.
 */
static void check_layout(void)
{
	struct btf *b = btf__new_empty();
	struct bpf_core_relo relo = { .kind = BPF_CORE_FIELD_BYTE_OFFSET };
	struct bpf_core_cand_list list = {};
	struct bpf_core_relo_res res;
	struct bpf_core_spec scratch[3];
	struct bpf_core_cand lc;
	int i, s, err;

	i = btf__add_int(b, "u32", 4, 0);
	s = btf__add_struct(b, "layout", 16);
	btf__add_field(b, "a", i, 32, 0);
	btf__add_field(b, "b", i, 96, 0);
	relo.type_id = s;
	relo.access_str_off = btf__add_str(b, "0:1");
	lc = (struct bpf_core_cand){ b, s };
	err = bpf_core_add_cands(&lc, 6, b, "layout", 1, &list);
	memset(&res, 0x55, sizeof(res));
	if (!err)
		err = bpf_core_calc_relo_insn("layout", &relo, 0, b, &list, scratch, &res);
	if (err || list.len != 1 || list.cands[0].id != (__u32)s || res.orig_val != 12 || res.new_val != 12 || res.poison ||
	    !res.validate || res.fail_memsz_adjust || res.orig_sz != 4 || res.new_sz != 4 ||
	    res.new_type_id != (__u32)i || scratch[0].len != 2 || scratch[0].bit_offset != 96 ||
	    scratch[0].root_type_id != (__u32)s || strcmp(scratch[0].spec[1].name, "b"))
		die("libbpf %s has another layout of its CO-RE structs than relo.h", libbpf_version_string());
	free(list.cands);
	btf__free(b);
}

static void forget(void)
{
	close_target(&min);
}

static void total(void)
{
	printf("TOTAL\tlibbpf %s\ttriples=%ld\trelocs=%ld\tsame=%ld\tdiff=%ld\ttypeid=%ld\tundefined=%ld\terrors=%ld\tloads=%ld\tsets=%ld\tmixed=%ld\tload_diff=%ld\tunjudged=%ld\n",
	       libbpf_version_string(), sum.triples, sum.relocs, sum.same, sum.diff, sum.typeid, sum.undefined, sum.errors,
	       sum.loads, sum.sets, sum.mixed, sum.load_diff, sum.unjudged);
}

int main(int argc, char **argv)
{
	static const struct judge calc = { "calc", compare, outcomes, forget, total };
	int ret;

	libbpf_set_print(on_print);
	check_layout();
	ret = drive(&calc, argc, argv);
	close_target(&full);
	close_target(&min);
	return ret;
}
