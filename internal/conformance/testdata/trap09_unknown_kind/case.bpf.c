/*
 * Trap 9 again: the kernel's BTF also has a type of a kind that comes after all known ones.
 * The layout says how long it is, so that it can be skipped. The test adds it; loaders do
 * not know it either, and are judged without it.
 * bpftool 7.1 does not read it, either.
 */
struct task {
	int pid;
};

PROGRAM(task)
{
	return three_of(struct task, pid) + type_size(struct task);
}
