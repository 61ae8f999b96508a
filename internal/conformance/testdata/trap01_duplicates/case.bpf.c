/*
 * Trap 1. Two structs of one name and of different layouts, the way nearly every kernel
 * has struct getdents_callback. Both have ctx.pos, the second one alone has name.
 * bpftool 7.1 keeps a member in the first candidate that has it: then none has both, and
 * libbpf poisons what the program asks for second.
 */
struct dir_context {
	void *actor;
	s64 pos;
};

struct getdents_callback {
	struct dir_context ctx;
	char *name;
	u64 ino;
	int found;
};

PROGRAM(pos_then_name)
{
	return byte_off(struct getdents_callback, ctx.pos) + byte_off(struct getdents_callback, name);
}
