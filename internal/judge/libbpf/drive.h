/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the judges have in common: options, triples from the command line or from a
 * batch, and which programs are loaded together. What they print are lines of fields that
 * tabs separate; the first field is a word, and each triple ends with JUDGED or UNJUDGED.
 */
#ifndef JUDGE_DRIVE_H
#define JUDGE_DRIVE_H

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool verbose, quiet;
static uint64_t seed = 1;
static int random_sets = 8;

static void *must(void *p)
{
	if (!p) {
		fputs("judge: out of memory\n", stderr);
		exit(2);
	}
	return p;
}

/* Returns NULL and sets errno where that fails. */
static uint8_t *read_file(const char *path, size_t *size)
{
	struct stat st;
	uint8_t *buf = NULL;
	size_t n = 0;
	ssize_t k;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st)) {
		buf = must(malloc(st.st_size + 1));
		while (n < (size_t)st.st_size && (k = read(fd, buf + n, st.st_size - n)) > 0)
			n += k;
		*size = n;
	}
	close(fd);
	return buf;
}

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Each object has sets of its own, and has the same sets each time. */
static uint64_t first_random(const uint8_t *object, size_t size)
{
	uint64_t h = 14695981039346656037ull;

	for (size_t i = 0; i < size; i++)
		h = (h ^ object[i]) * 1099511628211ull;
	return (h ^ seed * 0x9e3779b97f4a7c15ull) | 1;
}

/* A program of an object, as far as it is loaded or not. */
struct part {
	const char *name;
	bool optional;		/* not loaded unless asked for */
	bool subprog;		/* loaded with others, and not alone */
};

/* Loads the programs that are on. Returns the one at which that stopped, or a negative number. */
typedef int load_fn(void *ctx, const bool *on, const char *mode);

/* libbpf stops at the first failing relocation: take its program out, and go on with the rest. */
static void load_on(load_fn *load, void *ctx, bool *on, const char *mode)
{
	int p;

	while ((p = load(ctx, on, mode)) >= 0)
		on[p] = false;
}

/* Loads all programs, those that are loaded by default, each alone, and random sets. */
static void load_sets(const struct part *parts, int cnt, uint64_t random, load_fn *load, void *ctx)
{
	bool *on = must(calloc(cnt + 1, sizeof(*on))), optional = false;
	char mode[160];

	memset(on, true, cnt);
	load_on(load, ctx, on, "all");
	for (int i = 0; i < cnt; i++) {
		on[i] = !parts[i].optional;
		optional |= parts[i].optional;
	}
	if (optional)
		load_on(load, ctx, on, "default");
	for (int i = 0; i < cnt && cnt > 1; i++) {
		if (parts[i].subprog)
			continue;
		memset(on, false, cnt);
		on[i] = true;
		snprintf(mode, sizeof(mode), "alone:%s", parts[i].name);
		load(ctx, on, mode);
	}
	for (int k = 0; k < random_sets && cnt > 2; k++) {
		for (int i = 0; i < cnt; i++)
			on[i] = next_random(&random) >> 40 & 1;
		snprintf(mode, sizeof(mode), "random:%d", k);
		load_on(load, ctx, on, mode);
	}
	free(on);
}

/* Adds a tally, which is nothing but longs, to the sum of all. */
static void add(void *sum, const void *tally, size_t size)
{
	for (size_t i = 0; i < size / sizeof(long); i++)
		((long *)sum)[i] += ((const long *)tally)[i];
}

/* Names come from files that may be damaged: a control character would end the field. */
static void put(const char *s)
{
	for (; *s; s++)
		putchar((unsigned char)*s < ' ' ? '?' : *s);
}

struct judge {
	const char *name;
	/* 0: no difference, 1: differences, 2: not judged */
	int (*compare)(const char *full, const char *min, const char *object);
	/* prints what each relocation of the object comes to; NULL: this judge cannot */
	int (*outcomes)(const char *full, const char *object);
	/* called between triples: files may be written anew under the names of earlier ones, but for FULL */
	void (*forget)(void);
	void (*total)(void);
};

static int usage(const struct judge *j)
{
	fprintf(stderr, "usage: %s [-q] [-v] [-s SEED] [-n RANDOM_SETS] FULL MIN OBJECT...\n", j->name);
	if (j->outcomes)
		fprintf(stderr, "       %s [-v] --outcomes FULL OBJECT...\n", j->name);
	fprintf(stderr, "       %s [-q] [-v] [-s SEED] [-n RANDOM_SETS] --batch < lines of FULL<tab>MIN<tab>OBJECT%s\n",
		j->name, j->outcomes ? " or FULL<tab>OBJECT" : "");
	return 2;
}

static int worse(int a, int b)
{
	return a == 1 || b == 1 ? 1 : a > b ? a : b;
}

static int drive_batch(const struct judge *j)
{
	char line[3 * PATH_MAX];
	int ret = 0;

	while (fgets(line, sizeof(line), stdin)) {
		char *f, *m, *o;

		line[strcspn(line, "\n")] = 0;
		f = strtok(line, "\t");
		m = strtok(NULL, "\t");
		o = strtok(NULL, "\t");
		if (!f)
			continue;
		if (o)
			ret = worse(ret, j->compare(f, m, o));
		else if (m && j->outcomes)
			ret = worse(ret, j->outcomes(f, m));
		else
			return usage(j);
		j->forget();
		fflush(stdout);
	}
	return ret;
}

static int drive(const struct judge *j, int argc, char **argv)
{
	bool batch = false, outcomes = false;
	int i, ret = 0;

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
		else if (!strcmp(argv[i], "--outcomes") && j->outcomes)
			outcomes = true;
		else
			return usage(j);
	}
	if (batch) {
		if (i != argc || outcomes)
			return usage(j);
		ret = drive_batch(j);
	} else if (outcomes) {
		if (argc - i < 2)
			return usage(j);
		for (int k = i + 1; k < argc; k++)
			ret = worse(ret, j->outcomes(argv[i], argv[k]));
		return ret;
	} else {
		if (argc - i < 3)
			return usage(j);
		for (int k = i + 2; k < argc; k++)
			ret = worse(ret, j->compare(argv[i], argv[i + 1], argv[k]));
	}
	j->total();
	return ret;
}

#endif
