/*
 * One name for a struct, a union, an enum, a typedef and a forward declaration: libbpf's
 * candidates are of the local type's kind, cilium/ebpf's of any, in the kernel's order.
 */
struct thing {
	int in_struct;
	int in_both;
};

union thing___u {
	int in_union;
	int in_both;
};

typedef struct {
	int in_typedef;
	int in_both;
} thing___t;

enum thing___e { THING = 1 };

PROGRAM(struct_thing)
{
	return three_of(struct thing, in_struct) + field_exists(struct thing, in_both);
}

PROGRAM(union_thing)
{
	return three_of(union thing___u, in_union) + field_exists(union thing___u, in_both);
}

PROGRAM(typedef_thing)
{
	return three_of(thing___t, in_typedef) + field_exists(thing___t, in_both);
}

PROGRAM(types)
{
	return type_exists(struct thing) + type_exists(union thing___u) + type_exists(thing___t) + type_exists(enum thing___e) +
	       enumval_value(enum thing___e, THING);
}

OPTIONAL(sizes)
{
	return type_size(struct thing) + type_size(union thing___u) + type_size(thing___t) +
	       byte_off(struct thing, in_both);
}
