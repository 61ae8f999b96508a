/*
 * Trap 3 again: a type tag behind a pointer, as __user and __rcu are in newer kernels, and
 * on what the pointer points from.
 * bpftool 7.1 fails the whole kernel: "unsupported kind".
 */
#define tagged(name) __attribute__((btf_type_tag(#name)))

typedef int tagged(user) *user_pointer;
typedef int *untagged_here;
typedef void (*handler)(void tagged(user) *);

struct task {
	struct task tagged(rcu) *parent;
	int tagged(user) *clear_tid;
};

PROGRAM(types)
{
	return type_exists(user_pointer) + type_exists(untagged_here) + type_exists(handler) + type_size(user_pointer);
}

PROGRAM(match)
{
	return type_matches(user_pointer) + type_matches(untagged_here) + type_matches(handler) + type_matches(struct task);
}

PROGRAM(fields)
{
	return three_of(struct task, parent) + three_of(struct task, clear_tid);
}
