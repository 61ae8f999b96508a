/*
 * Trap 8. Between a member and its type, and between a root and its type, stand more
 * typedefs than loaders follow: cilium/ebpf gives up after 32, libbpf does where it needs
 * a size. What they refuse with the full BTF they must refuse with the minimal one, so
 * long chains stay as they are.
 * bpftool 7.1 fails the whole kernel.
 */
struct chains {
	int of_16;
	int of_31;
	int of_33;
	int of_40;
};

typedef int root_16;
typedef int root_40;

PROGRAM(short_enough)
{
	return three_of(struct chains, of_16) + type_exists(root_16) + type_size(root_16);
}

OPTIONAL(almost)
{
	return three_of(struct chains, of_31);
}

OPTIONAL(too_long)
{
	return three_of(struct chains, of_33) + three_of(struct chains, of_40);
}

OPTIONAL(root)
{
	return type_exists(root_40) + type_size(root_40);
}
