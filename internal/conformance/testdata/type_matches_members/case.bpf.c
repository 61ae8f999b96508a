/*
 * A struct matches if each of its members has one of that name and a type that matches
 * in the kernel's, wherever it is. The kernel's may have more members; integers must have
 * their name, size and sign, and arrays their length.
 */
struct ok {
	int b;
	unsigned long a;
};

struct nested {
	struct ok in;
	int tail;
};

struct member_gone {
	int a;
	int gone;
};

struct member_resized {
	int a;
};

/* The name of this type is "unsigned long" to clang, and "long unsigned int" to gcc. */
struct member_renamed_type {
	unsigned long a;
};

struct member_unsigned {
	int a;
};

struct array_longer {
	int a[4];
};

struct in_anonymous {
	int a;
	int inner;
};

struct array {
	int a[4];
};

union u {
	int a;
	char c[8];
};

struct now_union {
	int a;
};

struct recursive {
	struct recursive *next;
	int a;
};

PROGRAM(match)
{
	return type_matches(struct ok) + type_matches(struct nested) + type_matches(struct array) + type_matches(union u) +
	       type_matches(struct recursive);
}

PROGRAM(match_not)
{
	return type_matches(struct member_gone) + type_matches(struct member_resized) +
	       type_matches(struct member_renamed_type) + type_matches(struct member_unsigned) +
	       type_matches(struct array_longer) + type_matches(struct in_anonymous) + type_matches(struct now_union);
}
