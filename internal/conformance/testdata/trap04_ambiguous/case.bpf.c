/*
 * Trap 4. A relocation that no loader resolves, as two candidates disagree, in programs
 * that nobody needs to load: the kernel is still of use to the others. The refusal must be
 * the same with the minimal BTF, and so must be what else those programs come to.
 * bpftool 7.1 fails the whole kernel.
 */
struct slot {
	int number;
	void *bus;
};

struct state {
	int value;
};

struct task {
	int pid;
	void *no_longer;
};

enum mode { MODE_ON };

PROGRAM(good)
{
	return byte_off(struct task, pid) + type_exists(struct slot) + type_size(struct slot);
}

OPTIONAL(offset)
{
	return byte_off(struct slot, bus) + byte_size(struct slot, number) + byte_off(struct task, no_longer);
}

OPTIONAL(size)
{
	return type_size(struct state) + field_exists(struct state, value);
}

OPTIONAL(enumerator)
{
	return enumval_value(enum mode, MODE_ON);
}

PROGRAM(good_again)
{
	return byte_off(struct task, pid) + type_exists(struct state);
}
