/*
 * Trap 13. A kernel of 32 bits: libbpf gives pointers the size of long, which is 4 there,
 * and that of its host if there is no integer named long or unsigned long. Nobody asks for
 * it here, but it must stay. To cilium/ebpf a pointer has 8 bytes.
 * bpftool 7.1 leaves it out, and pointers have 8 bytes.
 */
struct task {
	int pid;
	struct task *parent;
	void *stack[4];
	unsigned long state;
};

typedef struct task *pointer;

PROGRAM(pointers)
{
	return three_of(struct task, parent) + three_of(struct task, stack[2]) + byte_size(struct task, stack) +
	       three_of(struct task, state) + three_of(struct task, pid);
}

PROGRAM(types)
{
	return type_size(pointer) + type_size(struct task);
}
