/*
 * Pointers match if what they lead to does: to cilium/ebpf member by member, to libbpf a
 * struct behind a pointer by its name alone. A forward declaration on either side stands
 * for a struct or a union, to cilium/ebpf of any name.
 * bpftool 7.1 leaves out what pointers lead to, and to cilium/ebpf they match no more.
 */
struct target {
	int a;
	int b;
};

struct smaller {
	int a;
};

struct forward;
struct forward_union;

struct holds {
	struct target *t;
};

struct holds_less {
	struct smaller *s;
};

struct holds_other {
	struct target *t;
};

struct holds_forward {
	struct forward *f;
};

struct holds_now_forward {
	struct target *t;
};

struct holds_other_forward {
	struct forward *f;
};

struct holds_union {
	struct forward_union *u;
};

struct holds_void {
	void *v;
};

struct levels {
	int ***p;
	const char *const *argv;
};

/* Without this use clang would have forward declarations of them in the object. */
PROGRAM(defined)
{
	return type_exists(struct target) + type_exists(struct smaller);
}

PROGRAM(to_types)
{
	return type_matches(struct holds) + type_matches(struct holds_less) + type_matches(struct holds_other) +
	       type_matches(struct holds_void) + type_matches(struct levels);
}

PROGRAM(to_forward_declarations)
{
	return type_matches(struct holds_forward) + type_matches(struct holds_now_forward) +
	       type_matches(struct holds_other_forward) + type_matches(struct holds_union);
}
