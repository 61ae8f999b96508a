/*
 * Trap 15 again: two objects linked by bpftool gen object, which merges their types and
 * relocations. Each knows another part of struct task, and both have a program in one section.
 */
struct task {
	int pid;
	void *mm;
};

SEC("kprobe/shared") u64 first(void *ctx)
{
	return (u64)ctx + byte_off(struct task, pid) + field_exists(struct task, mm);
}

char gpl[] SEC("license") = "GPL";
