/*
 * Trap 15 again: several programs in one section, and sections of several types, one of
 * which cannot be loaded without the type that it attaches to.
 */
struct task {
	int pid;
	int tgid;
};

struct packet {
	u32 len;
};

SEC("tracepoint/one/two") u64 first_of_two(void *ctx)
{
	return (u64)ctx + byte_off(struct task, pid);
}

SEC("tracepoint/one/two") u64 second_of_two(void *ctx)
{
	return (u64)ctx + byte_off(struct task, tgid) + byte_size(struct packet, len);
}

SEC("xdp") u64 packets(void *ctx)
{
	return (u64)ctx + byte_off(struct packet, len);
}

SEC("?kretprobe/tasks") u64 optional(void *ctx)
{
	return (u64)ctx + byte_off(struct task, tgid) + type_size(struct packet);
}
