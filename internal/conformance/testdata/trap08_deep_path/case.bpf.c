/*
 * Trap 8. A path of as many steps as libbpf has room for (BPF_CORE_SPEC_MAX_LEN, 64 with
 * the root's index), and ones of more, which libbpf refuses.
 * bpftool 7.1 fails the whole kernel.
 */
struct path_61 {
	struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { int leaf; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m;
};

struct path_62 {
	struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { int leaf; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m;
};

struct path_63 {
	struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { int leaf; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m;
};

struct path_64 {
	struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { struct { int leaf; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m; } m;
};

/* m.m.…: a step for each m */
#define m4 m.m.m.m
#define m16 m4.m4.m4.m4
#define m60 m16.m16.m16.m4.m4.m4

PROGRAM(steps_63)
{
	return field_exists(struct path_61, m60.m.leaf) + byte_off(struct path_61, m60.m.leaf);
}

PROGRAM(steps_64)
{
	return field_exists(struct path_62, m60.m.m.leaf) + byte_off(struct path_62, m60.m.m.leaf);
}

OPTIONAL(steps_65)
{
	return field_exists(struct path_63, m60.m.m.m.leaf) + byte_off(struct path_63, m60.m.m.m.leaf);
}

OPTIONAL(steps_66)
{
	return field_exists(struct path_64, m60.m.m.m.m.leaf) + byte_off(struct path_64, m60.m.m.m.m.leaf);
}
