/*
 * Trap 8 at the other end: a struct of 2 GiB and more, whose size libbpf takes for an
 * error. It refuses all that asks for a field of it, even for one that is not there, so
 * the struct must stay. cilium/ebpf has no such limit.
 * bpftool 7.1 fails the whole kernel, as libbpf does the programs that are not loaded by default.
 */
struct almost {
	int a;
	int gone;
};

struct huge {
	int a;
};

struct huge_too {
	int gone;
};

struct outer {
	struct huge in;
	int gone;
};

PROGRAM(almost)
{
	return three_of(struct almost, a) + field_exists(struct almost, gone) + type_size(struct almost);
}

OPTIONAL(there)
{
	return three_of(struct huge, a);
}

OPTIONAL(gone)
{
	return field_exists(struct huge_too, gone);
}

OPTIONAL(types)
{
	return type_exists(struct huge) + type_matches(struct huge);
}

OPTIONAL(size)
{
	return type_size(struct huge);
}

OPTIONAL(outer)
{
	return three_of(struct outer, in.a) + field_exists(struct outer, gone);
}

OPTIONAL(in)
{
	return byte_size(struct outer, in);
}
