/*
 * Trap 1 again: the same structs, asked for in another order, by programs that are loaded
 * or not, and where they only have to exist.
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

PROGRAM(name_then_pos)
{
	return byte_off(struct getdents_callback, name) + byte_off(struct getdents_callback, ctx.pos);
}

PROGRAM(pos_alone)
{
	return byte_off(struct getdents_callback, ctx.pos);
}

OPTIONAL(pos_then_found)
{
	return byte_off(struct getdents_callback, ctx.pos) + byte_off(struct getdents_callback, found);
}

PROGRAM(exist)
{
	return field_exists(struct getdents_callback, name) + field_exists(struct getdents_callback, found) +
	       field_exists(struct getdents_callback, ctx);
}
