/*
 * The other side of trap 2: arrays that are flexible, as they are last, have every index,
 * whether the object's is flexible or not. An array of one element is not flexible.
 */
struct upid {
	int nr;
	void *ns;
};

struct pid {
	int level;
	struct upid numbers[4];
};

struct pid___flexible {
	int level;
	struct upid numbers[];
};

struct no_longer_flexible {
	int len;
	char name[];
};

struct one_element {
	int values[4];
};

PROGRAM(arrays)
{
	return byte_off(struct pid, numbers[3].nr) + byte_off(struct pid___flexible, numbers[7].ns) +
	       field_exists(struct pid, numbers[0]) + byte_size(struct pid, numbers) +
	       field_exists(struct no_longer_flexible, name[9]) + field_exists(struct no_longer_flexible, name[3]) +
	       field_exists(struct one_element, values[1]) + field_exists(struct one_element, values[0]);
}
