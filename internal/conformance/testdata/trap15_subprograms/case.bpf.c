/*
 * Trap 15. Relocations in .text: cilium/ebpf takes a subprogram for a part of each program
 * that calls it, libbpf relocates it whatever is loaded. Its relocations have their part in
 * which of two candidates is the one.
 * bpftool 7.1 keeps what is ambiguous in one candidate alone: offsets of the other, and poison.
 */
struct task {
	int pid;
	struct task *parent;
};

struct twice {
	int shared;
	int in_first;
	int in_second;
};

static __attribute__((noinline)) u64 leaf(void *p)
{
	return (u64)p + byte_off(struct task, parent);
}

static __attribute__((noinline)) u64 second(void *p)
{
	return leaf(p) + byte_off(struct twice, in_second);
}

__attribute__((noinline)) int global(void *p)
{
	return field_exists(struct task, pid) + (p != 0);
}

PROGRAM(calls_one)
{
	return leaf(ctx) + byte_off(struct task, pid);
}

PROGRAM(calls_two)
{
	return second(ctx) + leaf(ctx) + byte_off(struct twice, shared);
}

PROGRAM(calls_global)
{
	return global(ctx) + byte_off(struct twice, in_first);
}

OPTIONAL(calls_none)
{
	return byte_off(struct twice, shared) + byte_off(struct twice, in_first);
}
