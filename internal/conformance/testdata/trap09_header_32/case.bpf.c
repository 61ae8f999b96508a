/*
 * Trap 9. The kernel's BTF has a header of 32 bytes and a section that tells the layout of
 * each kind, as newest kernels have: the test adds both. What comes out is the same as
 * without them, a header of 24 bytes, which every loader reads.
 */
struct task {
	int pid;
};

enum mode { MODE_ON };

PROGRAM(task)
{
	return three_of(struct task, pid) + type_size(struct task) + enumval_value(enum mode, MODE_ON);
}
