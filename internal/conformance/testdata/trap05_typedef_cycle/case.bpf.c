/*
 * Trap 5. In damaged BTF two typedefs stand for each other: an error that names one.
 * bpftool 7.1 does not come back.
 */
typedef int number;

struct counter {
	int value;
};

PROGRAM(any)
{
	return type_exists(number) + byte_off(struct counter, value);
}
