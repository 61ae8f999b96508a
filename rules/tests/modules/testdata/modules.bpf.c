// SPDX-License-Identifier: Apache-2.0
// A BPF object that looks into types of modules. See regenerate.sh.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define FROM_KERNEL __attribute__((preserve_access_index))

typedef struct refcount_struct {
} refcount_t;

struct nf_conntrack {
	refcount_t use;
} FROM_KERNEL;

struct nf_conn {
	struct nf_conntrack ct_general; // of vmlinux
	unsigned long status;
	unsigned int mark;
} FROM_KERNEL;

struct task_struct {
	int tgid;
} FROM_KERNEL;

struct camellia_ctx { // two modules have one each
	unsigned int key_length;
} FROM_KERNEL;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("kprobe/nf_conntrack_confirm")
int connection(struct nf_conn *ct)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	bpf_printk("%d: mark %x status %lx", BPF_CORE_READ(task, tgid), BPF_CORE_READ(ct, mark), BPF_CORE_READ(ct, status));
	return bpf_core_field_exists(ct->ct_general.use) + bpf_core_type_size(struct nf_conn);
}

SEC("?kprobe/camellia_setkey")
int ambiguous(struct camellia_ctx *cctx)
{
	return BPF_CORE_READ(cctx, key_length);
}
