/*
 * Bitfields: as they were, moved, wider, across a word, become integers, and integers
 * become bitfields. Offsets and shifts depend on the byte order.
 */
struct flags {
	u32 first : 3;
	u32 second : 7;
	s32 negative : 5;
	u64 wide : 40;
	u8 now_integer : 1;
	u32 now_bitfield;
	u32 plain;
};

PROGRAM(bitfields)
{
	return all_of(struct flags, first) + all_of(struct flags, second) + all_of(struct flags, negative) +
	       all_of(struct flags, wide);
}

PROGRAM(changed)
{
	return all_of(struct flags, now_integer) + all_of(struct flags, now_bitfield) + all_of(struct flags, plain);
}
