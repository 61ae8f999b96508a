/*
 * A pointer is a pointer: what it leads to is not looked at, be it another type, a
 * forward declaration or nothing at all. So none of that is kept.
 */
struct left;

struct pointers {
	struct left *same;
	int *other;
	void *was_void;
	struct left *forward;
	struct left **level;
	int (*function)(int);
	struct left *array[4];
};

PROGRAM(pointers)
{
	return three_of(struct pointers, same) + three_of(struct pointers, other) + three_of(struct pointers, was_void) +
	       three_of(struct pointers, forward) + three_of(struct pointers, level) + three_of(struct pointers, function) +
	       three_of(struct pointers, array[2]);
}
