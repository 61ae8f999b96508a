/* The second half of the case: see first.bpf.c. */
struct task {
	int tgid;
	int pid;
};

SEC("kprobe/shared") u64 second(void *ctx)
{
	return (u64)ctx + byte_off(struct task, tgid) + byte_size(struct task, pid);
}

SEC("kprobe/own") u64 own(void *ctx)
{
	return (u64)ctx + type_size(struct task);
}
