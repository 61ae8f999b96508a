// SPDX-License-Identifier: Apache-2.0
// The BPF object of the e2e workspaces. See regenerate.sh.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	unsigned long long start_time;
} __attribute__((preserve_access_index));

// A flavor with a field that no kernel has: something to report.
struct task_struct___never {
	int no_such_field;
} __attribute__((preserve_access_index));

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("raw_tp/sched_process_exec")
int on_exec(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	int pid = BPF_CORE_READ(task, pid);

	if (bpf_core_field_exists(struct task_struct___never, no_such_field))
		pid = BPF_CORE_READ((struct task_struct___never *)task, no_such_field);

#if defined(CODE_ONLY) // other instructions, the same relocations
	for (int i = 0; i < 3; i++)
		bpf_printk("exec %d %d", pid, i);
#else
	bpf_printk("exec %d", pid);
#endif
#if defined(NEW_FIELD) || defined(WIDE)
	bpf_printk("tgid %d", BPF_CORE_READ(task, tgid));
#endif
#if defined(WIDE) // what the kernels of the workspaces keep
	char comm[16];
	bpf_core_read(comm, sizeof(comm), &task->comm);
	bpf_printk("%s since %llu", comm, BPF_CORE_READ(task, start_time));
#endif
	return 0;
}
