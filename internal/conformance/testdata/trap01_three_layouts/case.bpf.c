/*
 * Trap 1 again, with three layouts of one struct, and with a fourth one that is equal to
 * the first. Which of them a program sees depends on what else it asks for: to cilium/ebpf
 * on all of that, to libbpf on what it asked for before.
 * bpftool 7.1 fails the whole kernel, as some of it is ambiguous.
 */
struct node {
	int one;
	int two;
	int three;
	int moved;
	int only;
};

struct holder {
	struct node n;
};

PROGRAM(one_two)
{
	return byte_off(struct node, one) + byte_off(struct node, two);
}

PROGRAM(three_two)
{
	return byte_off(struct node, three) + byte_off(struct node, two);
}

OPTIONAL(two)
{
	return byte_off(struct node, two);
}

OPTIONAL(moved)
{
	return field_exists(struct node, moved) + byte_off(struct node, moved) + type_size(struct node);
}

PROGRAM(only_then_three)
{
	return byte_off(struct node, only) + byte_off(struct node, three);
}

OPTIONAL(three_then_only)
{
	return byte_off(struct node, three) + byte_off(struct node, only);
}

PROGRAM(by_value)
{
	return byte_off(struct holder, n.two) + field_exists(struct holder, n.one);
}
