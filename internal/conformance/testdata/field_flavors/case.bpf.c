/*
 * Flavors: what follows ___ in a type's name is not part of it, on both sides. A program
 * asks which of several layouts the kernel has. The last ___ counts.
 */
struct task___old {
	s64 state;
};

struct task___new {
	u32 __state;
};

struct task___never {
	int no_such_member;
};

struct task___a___b {
	int pid;
};

struct only_flavored {
	int a;
};

enum mode___old { MODE_ON___old = 1, MODE_OFF___old };

PROGRAM(either)
{
	if (field_exists(struct task___new, __state))
		return byte_off(struct task___new, __state) + byte_size(struct task___new, __state);
	return byte_off(struct task___old, state) + byte_size(struct task___old, state);
}

PROGRAM(never)
{
	return field_exists(struct task___never, no_such_member) + byte_off(struct task___never, no_such_member);
}

PROGRAM(twice)
{
	return field_exists(struct task___a___b, pid) + type_exists(struct task___a___b);
}

PROGRAM(on_the_other_side)
{
	return byte_off(struct only_flavored, a) + type_exists(struct only_flavored);
}

PROGRAM(enums)
{
	return enumval_value(enum mode___old, MODE_ON___old) + enumval_exists(enum mode___old, MODE_OFF___old);
}
