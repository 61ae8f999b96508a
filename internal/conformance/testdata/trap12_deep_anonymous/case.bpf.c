/*
 * Trap 12 again: a member below 12 anonymous structs, and one in the last of 40. cilium/ebpf
 * gives up after 32, and gets further with the minimal BTF.
 */
struct nest {
	int deep;
	int gone;
};

struct many {
	int first;
	int in_last;
};

PROGRAM(nest)
{
	return three_of(struct nest, deep) + field_exists(struct nest, gone);
}

PROGRAM(first)
{
	return three_of(struct many, first);
}

OPTIONAL(last)
{
	return three_of(struct many, in_last);
}
