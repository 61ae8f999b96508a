/*
 * Plain accesses: the instruction's offset changes, and its size where that of an integer
 * has. libbpf poisons loads of signed integers of another size, and refuses the instruction
 * where the offset does not fit.
 */
struct packet {
	u32 now_long;
	u64 now_short;
	u32 same;
	s32 now_long_signed;
	struct packet *next;
	u32 stored;
	u32 gone;
} RELOCATED;

struct huge {
	u32 far;
} RELOCATED;

PROGRAM(loads)
{
	struct packet *p = ctx;

	return p->now_long + p->now_short + p->same;
}

PROGRAM(more_loads)
{
	struct packet *p = ctx;

	p->stored = 7;
	return p->now_long_signed + p->next->next->same;
}

PROGRAM(poisoned)
{
	struct packet *p = ctx;

	if (field_exists(struct packet, gone))
		return p->gone;
	return 0;
}

OPTIONAL(too_far)
{
	struct huge *h = ctx;

	return h->far;
}
