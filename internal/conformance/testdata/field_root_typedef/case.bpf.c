/*
 * The root is a typedef of a struct without a name, or of one with another name. A struct
 * that bears the typedef's name is no candidate to libbpf, but one to cilium/ebpf.
 * bpftool 7.1 fails the whole kernel, as libbpf does for the program without_size.
 */
typedef struct {
	int a, b;
} anonymous;

struct named {
	int a, b;
};

typedef struct named other_name;
typedef other_name twice;
typedef int no_struct;

typedef struct {
	int a;
} now_forward;

PROGRAM(typedefs)
{
	return three_of(anonymous, b) + three_of(other_name, b) + three_of(twice, b);
}

/* libbpf asks for the size of what a typedef stands for, though it has no such member, and fails. */
OPTIONAL(without_size)
{
	return field_exists(now_forward, a) + byte_off(now_forward, a);
}

PROGRAM(roots)
{
	return byte_size(anonymous, a) + type_size(anonymous) + type_size(no_struct);
}
