/*
 * A kernel may have several structs of a name, and a pointer leads to one of them. Which one it is
 * may be told by what that one's pointers lead to: the second top leads to the second leaf.
 * bpftool 7.1 leaves out what pointers lead to, and to cilium/ebpf they match no more.
 */
struct leaf {
	int wide;
};

struct node {
	struct leaf *l;
};

struct top {
	struct node *n;
};

struct near_first {
	struct leaf *l;
};

struct near_second {
	struct leaf *l;
};

struct far_first {
	struct top *t;
};

struct far_second {
	struct top *t;
};

/* Without this use clang would have forward declarations of them in the object. */
PROGRAM(defined)
{
	return type_exists(struct leaf) + type_exists(struct node) + type_exists(struct top);
}

PROGRAM(near)
{
	return type_matches(struct near_first) + type_matches(struct near_second);
}

PROGRAM(far)
{
	return type_matches(struct far_first) + type_matches(struct far_second);
}
