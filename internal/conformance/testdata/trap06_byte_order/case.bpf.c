/*
 * Trap 6. Numbers whose bytes say in which order they are, in a kernel for little-endian
 * and one for big-endian machines (s390x). An object of the other order is refused, which
 * TestTrap06ByteOrder has for all cases.
 * bpftool 7.1 does not read objects of another byte order than its host's.
 */
struct numbers {
	u32 far;
	u32 bits : 9;
	u64 array[3];
};

enum number { SMALL };
enum big_number { BIG = 1ull << 40 };

PROGRAM(numbers)
{
	return all_of(struct numbers, far) + all_of(struct numbers, bits) + byte_off(struct numbers, array[2]) +
	       type_size(struct numbers);
}

PROGRAM(enums)
{
	return enumval_value(enum number, SMALL) + enumval_value(enum big_number, BIG);
}
