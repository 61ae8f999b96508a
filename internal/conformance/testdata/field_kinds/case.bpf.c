/*
 * The six field relocations, of members that are there but elsewhere: integers, a pointer,
 * an array, structs by value, and what stands behind typedefs and modifiers.
 */
struct list {
	struct list *next, *prev;
};

typedef struct {
	int counter;
} atomic;

enum state { RUNNING };

struct task {
	int pid;
	u32 flags;
	s64 time;
	enum state state;
	struct list tasks;
	char comm[16];
	struct task *parent;
	atomic usage;
	const volatile u16 bits;
};

PROGRAM(integers)
{
	return all_of(struct task, pid) + all_of(struct task, flags) + all_of(struct task, time) + all_of(struct task, state);
}

PROGRAM(others)
{
	return three_of(struct task, tasks) + three_of(struct task, comm) + three_of(struct task, parent) +
	       three_of(struct task, usage) + all_of(struct task, usage.counter) + all_of(struct task, bits) +
	       lshift(struct task, parent) + rshift(struct task, parent);
}
