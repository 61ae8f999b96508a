/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The kernel types that this tracer reads, and of each only the members that
 * it reads. The loader looks every access up by name in the BTF of the kernel
 * it runs on, so order, offsets and sizes here are of no importance.
 *
 * A name's part from "___" on is a flavor: loaders ignore it when they look
 * for the kernel's type. Flavors describe the same type as other kernels have
 * it, and which one fits is asked with bpf_core_field_exists and its like.
 */
#ifndef TRACER_KERNEL_H
#define TRACER_KERNEL_H

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;

typedef int pid_t;
typedef u16 umode_t;
typedef u32 dev_t;
typedef u64 sector_t;

/* What the tracer itself needs of the kernel's UAPI. */
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	s64 counter;
} atomic64_t;

typedef atomic64_t atomic_long_t;

typedef struct {
	u32 val;
} kuid_t;

typedef struct {
	u32 val;
} kgid_t;

/* Namespaces. */

struct ns_common {
	unsigned int inum;
};

struct new_utsname {
	char nodename[65];
};

struct uts_namespace {
	struct new_utsname name;
	struct ns_common ns;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct pid_namespace {
	unsigned int level;
	struct pid_namespace *parent;
	struct ns_common ns;
};

struct ipc_namespace {
	struct ns_common ns;
};

struct cgroup_namespace {
	struct ns_common ns;
};

struct time_namespace {
	struct ns_common ns;
};

struct user_namespace {
	int level;
	struct ns_common ns;
};

struct net {
	struct ns_common ns;
	u64 net_cookie;
};

/* Before 5.12 a counter, since then a plain number. */
struct net___atomic_cookie {
	atomic64_t net_cookie;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct cgroup_namespace *cgroup_ns;
	struct time_namespace *time_ns; /* since 5.6 */
};

/* Process ids. */

enum pid_type {
	PIDTYPE_PID,
	PIDTYPE_TGID,
	PIDTYPE_PGID,
	PIDTYPE_SID,
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

/* numbers has one element in older kernels, and none, being flexible, in newer ones. */
struct pid {
	unsigned int level;
	struct upid numbers[];
};

/* Since 6.9 every process has an inode number of its own. */
struct pid___pidfs {
	u64 ino;
};

/* Credentials. */

/* Since 6.3 capabilities are one number. */
struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t euid;
	kgid_t egid;
	kuid_t fsuid;
	unsigned int securebits;
	struct {
		u64 val;
	} cap_permitted, cap_effective, cap_bset;
	struct user_namespace *user_ns;
};

/* Before that, an array of two. */
struct kernel_cap_struct {
	u32 cap[2];
};

struct cred___pre63 {
	struct kernel_cap_struct cap_permitted;
	struct kernel_cap_struct cap_effective;
	struct kernel_cap_struct cap_bset;
};

/* Memory. The kernel's mm_struct keeps all of it in an anonymous struct. */

struct percpu_counter {
	s64 count;
};

struct mm_rss_stat {
	atomic_long_t count[4];
};

struct file;

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long env_start;
	unsigned long env_end;
	unsigned long start_brk;
	struct file *exe_file;
};

/* Since 6.2. */
struct mm_struct___percpu {
	struct percpu_counter rss_stat[4];
};

/* Before that. */
struct mm_struct___counts {
	struct mm_rss_stat rss_stat;
};

/* Files. */

struct qstr {
	union {
		struct {
			u32 hash;
			u32 len;
		};
		u64 hash_len;
	};
	const unsigned char *name;
};

struct file_system_type {
	const char *name;
};

struct super_block {
	dev_t s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	struct file_system_type *s_type;
	char s_id[32];
};

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};

struct inode {
	umode_t i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	struct super_block *i_sb;
	unsigned long i_ino; /* u64 in 7.2 */
	union {
		const unsigned int i_nlink;
		unsigned int __i_nlink;
	};
	dev_t i_rdev;
	u32 i_generation;
	/* Since 6.11. */
	s64 i_ctime_sec;
	u32 i_ctime_nsec;
};

/* 6.6 to 6.10. */
struct inode___hidden_ctime {
	struct timespec64 __i_ctime;
};

/* Before 6.6. */
struct inode___pre66 {
	struct timespec64 i_ctime;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	unsigned char d_iname[32];
	struct super_block *d_sb;
};

/* In newer kernels the short name is a union. */
union shortname_store {
	unsigned char string[40];
};

struct dentry___shortname {
	union shortname_store d_shortname;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	int mnt_flags;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	int mnt_id;
	u64 mnt_id_unique; /* since 6.8 */
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_flags;
	unsigned int f_mode;
	s64 f_pos;
	const struct cred *f_cred;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct linux_binprm {
	unsigned int have_execfd : 1;
	unsigned int secureexec : 1;
	struct file *file;
	struct file *interpreter;
	int argc;
	int envc;
	const char *filename;
	const char *interp;
};

/* Control groups. */

enum cgroup_subsys_id {
	cpu_cgrp_id,
	memory_cgrp_id,
	pids_cgrp_id,
	misc_cgrp_id, /* since 5.13 */
};

struct kernfs_node {
	struct kernfs_node *parent;
	const char *name;
	u64 id;
	umode_t mode;
};

/* Since 6.15. */
struct kernfs_node___rcu {
	struct kernfs_node *__parent;
};

/* Before 5.5. */
union kernfs_node_id {
	struct {
		u32 ino;
		u32 generation;
	};
	u64 id;
};

struct kernfs_node___old {
	union kernfs_node_id id;
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup *ancestors[]; /* since 6.1 */
};

/* Before 6.1. */
struct cgroup___pre61 {
	int level;
	u64 ancestor_ids[];
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	int id;
};

struct css_set {
	struct cgroup_subsys_state *subsys[1];
	struct cgroup *dfl_cgrp;
};

/* Signals. */

struct kernel_siginfo {
	struct {
		int si_signo;
		int si_errno;
		int si_code;
		union {
			struct {
				pid_t _pid;
				u32 _uid;
			} _kill;
			struct {
				void *_addr;
			} _sigfault;
			struct {
				void *_call_addr;
				int _syscall;
				unsigned int _arch;
			} _sigsys;
		} _sifields;
	};
};

struct task_io_accounting {
	u64 rchar;
	u64 wchar;
};

struct signal_struct {
	atomic_t live;
	int nr_threads;
	int group_exit_code;
	unsigned int is_child_subreaper : 1; /* bool in 7.2 */
	unsigned int has_child_subreaper : 1;
	struct pid *pids[4];
	int leader;
	struct task_io_accounting ioac;
	short oom_score_adj;
};

/* Tasks. */

struct seccomp {
	int mode;
};

struct task_struct {
	unsigned int __state;
	unsigned int flags;
	int exit_code;
	unsigned int personality;
	unsigned int sched_reset_on_fork : 1;
	unsigned int in_execve : 1;
	unsigned int in_iowait : 1;
	unsigned int no_cgroup_migration : 1;
	unsigned long atomic_flags;
	pid_t pid;
	pid_t tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	u64 start_time;
	u64 start_boottime;
	const struct cred *real_cred;
	const struct cred *cred;
	char comm[16];
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct files_struct *files;
	struct mm_struct *mm;
	struct css_set *cgroups;
	struct seccomp seccomp;
	kuid_t loginuid;
	unsigned int sessionid;
};

/* Before 5.14. */
struct task_struct___pre514 {
	volatile long state;
};

/* Before 5.5. */
struct task_struct___pre55 {
	u64 real_start_time;
};

/* Sockets. */

struct in6_addr {
	union {
		u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	union {
		u64 skc_addrpair;
		struct {
			__be32 skc_daddr;
			__be32 skc_rcv_saddr;
		};
	};
	union {
		u32 skc_portpair;
		struct {
			__be16 skc_dport;
			u16 skc_num;
		};
	};
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_reuse : 4;
	unsigned char skc_reuseport : 1;
	unsigned char skc_ipv6only : 1;
	int skc_bound_dev_if;
	struct {
		struct net *net;
	} skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_type;
	u16 sk_protocol; /* a bitfield before 5.6 */
	u32 sk_mark;
	int sk_err;
	int sk_gso_type; /* u16 in newer kernels */
	unsigned char sk_kern_sock : 1;
	kuid_t sk_uid;
};

struct inet_sock {
	struct sock sk;
	__be32 inet_saddr;
	__be16 inet_sport;
	u8 tos;
	unsigned long inet_flags; /* since 6.6 */
};

/* Before 6.6 each flag was a bitfield. */
struct inet_sock___pre66 {
	u8 is_icsk : 1;
	u8 freebind : 1;
	u8 transparent : 1;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	u8 icsk_ca_state : 5;
	u8 icsk_retransmits;
	u8 icsk_backoff;
};

struct minmax_sample {
	u32 t;
	u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u64 bytes_received;
	u64 bytes_sent;
	u64 bytes_acked;
	u32 srtt_us;
	u32 snd_cwnd;
	u32 mss_cache;
	u32 total_retrans;
	struct minmax rtt_min;
	u8 nonagle : 4;
	u8 repair : 1;
	u8 is_cwnd_limited : 1;
	u8 syn_data_acked : 1;
	u8 tcp_usec_ts : 1; /* since 6.7 */
};

/* With accurate ECN. */
struct tcp_sock___accecn {
	u8 received_ce_pending : 4;
};

struct sk_buff {
	unsigned int len;
	unsigned int data_len;
	u8 pkt_type : 3;
	__be16 protocol;
};

/* Block devices. */

struct gendisk {
	int major;
	int first_minor;
	char disk_name[32];
};

struct block_device {
	dev_t bd_dev;
	struct gendisk *bd_disk;
	atomic_t __bd_flags; /* since 6.10, the partition's number in its low byte */
};

struct block_device___pre610 {
	u8 bd_partno;
};

struct hd_struct {
	int partno;
};

struct bvec_iter {
	sector_t bi_sector;
	unsigned int bi_size;
};

struct bio {
	struct block_device *bi_bdev;
	unsigned int bi_opf;
	struct bvec_iter bi_iter;
};

/* Before 5.12. */
struct bio___pre512 {
	struct gendisk *bi_disk;
	u8 bi_partno;
};

struct request_queue {
	struct gendisk *disk; /* since 5.15 */
};

struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
	unsigned int __data_len;
	sector_t __sector;
	struct bio *bio;
	struct block_device *part;
	u64 start_time_ns;
};

/* Before 5.17. */
struct request___pre517 {
	struct gendisk *rq_disk;
};

/* Before 5.11 a partition was not a block_device. */
struct request___hd {
	struct hd_struct *part;
};

/* Modules. */

enum module_state {
	MODULE_STATE_LIVE,
	MODULE_STATE_COMING,
};

enum mod_mem_type {
	MOD_TEXT,
};

struct module_memory {
	void *base;
	unsigned int size;
};

struct module {
	enum module_state state;
	char name[56];
	bool sig_ok; /* CONFIG_MODULE_SIG */
	unsigned long taints;
	struct module_memory mem[1]; /* since 6.4 */
};

struct module_layout {
	void *base;
	unsigned int size;
	unsigned int text_size;
};

struct module___pre64 {
	struct module_layout core_layout;
};

/* Records of the tracepoints that are read through their own context. */

struct trace_entry {
	int pid;
};

struct trace_event_raw_sys_enter {
	struct trace_entry ent;
	long id;
	unsigned long args[6];
};

struct trace_event_raw_sys_exit {
	struct trace_entry ent;
	long id;
	long ret;
};

struct trace_event_raw_inet_sock_set_state {
	const void *skaddr;
	int oldstate;
	int newstate;
	u16 sport;
	u16 dport;
	u16 family;
	u16 protocol; /* u8 before 5.6 */
};

struct bpf_ringbuf {
	u64 mask;
};

#pragma clang attribute pop

/*
 * What tracepoints pass. Loaders compare these with the kernel's typedefs of
 * the same name (bpf_core_type_matches). The pointees are only declared here,
 * so that nothing but their kind and name is compared.
 */
struct task_struct___opaque;
struct request___opaque;
struct bio___opaque;

typedef void (*btf_trace_sched_switch___state)(void *, bool, struct task_struct___opaque *,
					       struct task_struct___opaque *, unsigned int);
typedef void (*btf_trace_block_rq_issue___alone)(void *, struct request___opaque *);
typedef void (*btf_trace_block_bio_queue___alone)(void *, struct bio___opaque *);
typedef void (*btf_trace_sched_process_exit___dead)(void *, struct task_struct___opaque *, bool);

struct vfsmount___opaque;
struct dentry___opaque;

struct path___pair {
	struct vfsmount___opaque *mnt;
	struct dentry___opaque *dentry;
};

enum pid_type___named {
	PIDTYPE_PGID___named,
	PIDTYPE_SID___named,
};

/* Helpers are numbered by an enum, in which BTF knows them by name. */
enum bpf_func_id {
	BPF_FUNC_ktime_get_boot_ns = 125,
	BPF_FUNC_ringbuf_output = 130,
	BPF_FUNC_get_current_task_btf = 158,
};

#endif
