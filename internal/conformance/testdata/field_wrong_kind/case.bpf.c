/*
 * The name is there, what it stands for is of another kind. Integers go together whatever
 * their size, so do floats, pointers, enums of equal names, and structs with unions.
 */
enum color { RED };

struct s {
	void *pointer_now_int;
	int int_now_pointer;
	int int_now_enum;
	enum color enum_now_int;
	int int_now_struct;
	struct {
		int a;
	} struct_now_union;
	int int_now_array;
	char array_now_int[4];
	int int_now_float;
	double double_now_float;
	u64 long_now_short;
	enum color enum_now_other_enum;
};

PROGRAM(differ)
{
	return field_exists(struct s, pointer_now_int) + field_exists(struct s, int_now_pointer) +
	       field_exists(struct s, int_now_struct) + field_exists(struct s, struct_now_union) +
	       field_exists(struct s, struct_now_union.a) + field_exists(struct s, int_now_array) +
	       field_exists(struct s, array_now_int) + field_exists(struct s, array_now_int[2]) +
	       field_exists(struct s, int_now_float) + byte_off(struct s, int_now_struct);
}

PROGRAM(agree)
{
	return field_exists(struct s, int_now_enum) + field_exists(struct s, enum_now_int) +
	       three_of(struct s, double_now_float) + three_of(struct s, long_now_short) +
	       field_exists(struct s, enum_now_other_enum);
}
