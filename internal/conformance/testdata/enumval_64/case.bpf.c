/*
 * Enums of 64 bits: the same kind as those of 32 to both loaders, in each direction, with
 * values above 32 bits and below zero.
 */
enum big { BIG_A = 1ull << 62, BIG_B = 1 };
enum big_negative { NEG_A = -(1ll << 40), NEG_B = 1 };
enum now_big { SMALL_HERE = 1 };
enum now_small { BIG_HERE = 1ull << 40 };

PROGRAM(values)
{
	return enumval_value(enum big, BIG_A) + enumval_value(enum big, BIG_B) + enumval_value(enum big_negative, NEG_A) +
	       enumval_exists(enum big_negative, NEG_B);
}

PROGRAM(changed)
{
	return enumval_value(enum now_big, SMALL_HERE) + enumval_value(enum now_small, BIG_HERE) +
	       type_size(enum now_big) + type_exists(enum now_small) + type_matches(enum big) + type_matches(enum now_big);
}
