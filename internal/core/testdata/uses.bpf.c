/* SPDX-License-Identifier: Apache-2.0 */
/* Every use of the running kernel's BTF, and next to each what looks like one
 * and is none: the programs called none_* and what they refer to. What only
 * libbpf knows, not cilium/ebpf, is there with LIBBPF. */

typedef unsigned int u32;

#define SEC(s) __attribute__((section(s), used))
#define NOINLINE __attribute__((noinline))
#define WEAK __attribute__((weak))
#define ksym __attribute__((section(".ksyms")))
#define TAG(t) __attribute__((btf_type_tag(t)))
#define KERNEL_ID(type) __builtin_btf_type_id(*(type *)0, 1)
#define LOCAL_ID(type) __builtin_btf_type_id(*(type *)0, 0)

struct task_struct { int pid; } __attribute__((preserve_access_index));
struct file;
enum pid_type { PIDTYPE_PID };
typedef struct { int counter; } atomic_t;

/* As compilers leave them: calls by number. */
#define HELPER(n) ((long (*)(void *))n##L)
#define GET_CURRENT_TASK HELPER(35)
#define TASK_HELPERS(c) (HELPER(158)(c) + HELPER(175)(c) + HELPER(162)(c))
#define SOCKET_HELPERS(c) \
	(HELPER(136)(c) + HELPER(137)(c) + HELPER(138)(c) + HELPER(139)(c) + HELPER(140)(c) + HELPER(178)(c) + HELPER(196)(c))
#define LOOKUP_HELPERS(c) (HELPER(149)(c) + HELPER(150)(c) + HELPER(167)(c))

extern struct task_struct *bpf_task_acquire(struct task_struct *) ksym;
extern int bpf_may_be_there(int) WEAK ksym;
extern void *bpf_rdonly_cast(const void *, u32) ksym;
extern void untyped ksym;

/* Type ids, in programs and in subprograms. */

static NOINLINE long subprogram(long x) { return x + KERNEL_ID(struct task_struct); }

SEC("kprobe/ids") int ids(void *ctx) { return KERNEL_ID(struct task_struct) + KERNEL_ID(struct task_struct) + KERNEL_ID(atomic_t) + subprogram((long)ctx); }
SEC("?kprobe/ids") int optional_id(void *ctx) { (void)ctx; return KERNEL_ID(enum pid_type); }
SEC("kprobe/cast") int cast(void *ctx) { return ((struct task_struct *)bpf_rdonly_cast(ctx, KERNEL_ID(struct task_struct)))->pid; }
SEC("kprobe/none") int none_id(void *ctx) { (void)ctx; return LOCAL_ID(struct task_struct); }

/* Programs that attach by BTF. */

SEC("fentry/open") int fentry(void *ctx) { (void)ctx; return 0; }
SEC("fentry/open") int fentry_twice(void *ctx) { (void)ctx; return 0; }
SEC("?fexit.s/open") int fexit(void *ctx) { (void)ctx; return 0; }
SEC("fmod_ret/open") int fmod_ret(void *ctx) { (void)ctx; return 0; }
SEC("fsession") int session(void *ctx) { (void)ctx; return 0; }
SEC("tp_btf/sched_switch") int tp_btf(void *ctx) { (void)ctx; return 0; }
SEC("lsm/file_open") int lsm(void *ctx) { (void)ctx; return 0; }
SEC("lsm.s/file_open") int lsm_sleepable(void *ctx) { (void)ctx; return 0; }
SEC("?lsm_cgroup/socket_bind") int lsm_cgroup(void *ctx) { (void)ctx; return 0; }
SEC("iter/task") int iter(void *ctx) { (void)ctx; return 0; }
SEC("iter.s/bpf_map_elem") int iter_sleepable(void *ctx) { (void)ctx; return 0; }
SEC("struct_ops/init") int ops_init(void *ctx) { (void)ctx; return 0; }
SEC("struct_ops.s") int ops_sleepable(void *ctx) { (void)ctx; return 0; }
SEC("freplace/f") int none_freplace(void *ctx) { (void)ctx; return 0; }
SEC("syscall") int none_syscall(void *ctx) { (void)ctx; return 0; }
SEC("iterate") int none_iterate(void *ctx) { (void)ctx; return 0; }
SEC("raw_tp/fentry/open") int none_raw_tp(void *ctx) { (void)ctx; return 0; }
SEC("tp/lsm") int none_tp(void *ctx) { (void)ctx; return 0; }

struct tcp_congestion_ops { int (*init)(void *); };
SEC(".struct_ops.link") struct tcp_congestion_ops ops = { .init = ops_init };
#ifdef LIBBPF
SEC(".struct_ops") struct tcp_congestion_ops unlinked_ops = { .init = ops_init };
#endif
SEC("?.struct_ops.link") struct tcp_congestion_ops optional_ops = { .init = ops_init };

/* The kernel's functions and variables. */

static NOINLINE int calls_kfunc(struct task_struct *t) { return bpf_task_acquire(t) != 0; }

SEC("kprobe/kfunc") int kfunc(void *ctx) { return calls_kfunc(ctx) + (bpf_may_be_there ? bpf_may_be_there(1) : 0); }
#ifdef LIBBPF
extern const int typed ksym;
extern const void none_const ksym;
extern const struct task_struct typed_and_weak WEAK ksym;

SEC("kprobe/ksym") int variables(void *ctx) { (void)ctx; return typed + (&typed_and_weak != 0) + ((long)&none_const >> 1); }
#endif
SEC("kprobe/none") int none_ksym(void *ctx) { (void)ctx; return (long)&untyped >> 1; }

/* Helpers. */

SEC("?kprobe/helper") int tasks(void *ctx) { return TASK_HELPERS(ctx); }
SEC("tc") int sockets(void *ctx) { return SOCKET_HELPERS(ctx); }
SEC("tc") int none_helper(void *ctx) { return GET_CURRENT_TASK(ctx); }
SEC("tc") int lookups(void *ctx) { return LOOKUP_HELPERS(ctx); }

/* Pointers to the kernel's objects in maps. */

struct value {
	struct { struct task_struct TAG("kptr_untrusted") *task; } in;
	struct task_struct TAG("kptr") *several[4];
	struct file TAG("percpu_kptr") *const file;
};
struct none_value { struct file TAG("rcu") *file; struct task_struct *task; };
struct {
	int (*type)[1];
	struct value *value;
} map SEC(".maps");
struct {
	int (*type)[1];
	struct none_value *value;
} none_map SEC(".maps");
struct task_struct TAG("kptr") *global SEC(".bss.tasks");

char LICENSE[] SEC("license") = "GPL";
