/*
 * Trap 11. A kernel and two modules, as one BTF: the kernel's types, then each module's.
 * Each module has a static struct driver_state of its own, and one of them a struct that
 * refers to the kernel's.
 * bpftool 7.1 keeps members in one of the two alone: what was ambiguous becomes the wrong
 * module's offset.
 */
struct device {
	int id;
};

struct driver_state {
	int users;
	int of_first;
	int of_second;
};

struct first_port {
	struct device dev;
	struct driver_state *state;
};

PROGRAM(first)
{
	return three_of(struct driver_state, of_first) + byte_off(struct driver_state, users);
}

PROGRAM(second)
{
	return three_of(struct driver_state, of_second) + byte_off(struct driver_state, users);
}

OPTIONAL(either)
{
	return byte_off(struct driver_state, users) + type_size(struct driver_state);
}

PROGRAM(on_the_kernel)
{
	return byte_off(struct first_port, dev.id) + three_of(struct first_port, state);
}
