/*
 * The id of a kernel's type, which a minimal BTF cannot know: of these it is only
 * compared whether there is one. Two candidates have two ids, which is ambiguous, even if
 * they are equal in all else.
 * bpftool 7.1 fails the whole kernel for that.
 */
struct there {
	int a;
};

struct no_such_struct {
	int a;
};

struct twice {
	int a;
};

struct equal {
	int a;
};

enum color { RED };
typedef int number;

PROGRAM(ids)
{
	return type_id_target(struct there) + type_id_target(struct no_such_struct) + type_id_target(enum color) +
	       type_id_target(number) + type_exists(struct there);
}

OPTIONAL(ambiguous)
{
	return type_id_target(struct twice);
}

OPTIONAL(ambiguous_though_equal)
{
	return type_id_target(struct equal) + type_size(struct equal);
}
