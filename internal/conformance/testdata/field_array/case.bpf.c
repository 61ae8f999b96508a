/*
 * Elements of arrays: inside and outside of the kernel's, of arrays of arrays and of
 * structs, and of the root itself, as in p[3].
 */
struct point {
	int x, y;
};

struct arrays {
	int longer[2];
	int shorter[8];
	int matrix[4][4];
	struct point points[4];
	int no_array[2];
	struct {
		char bytes[16];
	} in;
};

struct root {
	int a;
	void *b;
} RELOCATED;

PROGRAM(inside)
{
	return byte_off(struct arrays, longer[1]) + byte_off(struct arrays, shorter[3]) +
	       byte_off(struct arrays, matrix[1][2]) + byte_size(struct arrays, matrix[1]) +
	       byte_off(struct arrays, points[2].y) + byte_size(struct arrays, longer) +
	       byte_off(struct arrays, in.bytes[5]);
}

PROGRAM(outside)
{
	return field_exists(struct arrays, shorter[4]) + field_exists(struct arrays, matrix[2][3]) +
	       field_exists(struct arrays, matrix[1][3]) + field_exists(struct arrays, points[3].x) +
	       field_exists(struct arrays, no_array[0]) + field_exists(struct arrays, in.bytes[8]);
}

PROGRAM(of_root)
{
	struct root *r = ctx;

	return (u64)&r[3].b + (u64)&r[2];
}
