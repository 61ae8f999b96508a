// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * A small security tracer: who executes, opens, connects, signals, loads and
 * moves what. It is written for this example, so that it has CO-RE relocations
 * of every kind that a minimal BTF can serve, each where such a tracer has it.
 *
 * No program looks at registers, hence one object serves x86_64 and arm64.
 * Programs in a section "?..." are optional: user space switches them on where
 * the kernel has what they read.
 */
#include "kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "events.h"

#define AF_INET 2
#define AF_INET6 10

char LICENSE[] SEC("license") = "GPL";

/* Set by user space before it loads the programs: 0 means everybody. */
const volatile u32 only_uid = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

/* The flags of an open call that has not returned yet, by thread. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u64);
} opening SEC(".maps");

/* Room for an event, which names its type in the BTF that was loaded with the program. */
#define new_event(type)                                                       \
	({                                                                    \
		struct type *event_ = bpf_ringbuf_reserve(&events, sizeof(*event_), 0); \
		if (event_)                                                   \
			event_->task.type_id = bpf_core_type_id_local(struct type); \
		event_;                                                       \
	})

static __always_inline bool skipped(void)
{
	return only_uid && (u32)bpf_get_current_uid_gid() != only_uid;
}

/*
 * An argument of a raw tracepoint. The barrier keeps the compiler from making
 * one load of two in different branches: the verifier wants constant offsets.
 */
static __always_inline u64 argument(u64 *ctx, int n)
{
	u64 value = ctx[n];

	barrier_var(value);
	return value;
}

/* The number of a process as its own namespace, the innermost one, has it. */
static __noinline u32 inner_number(struct pid *pid)
{
	u32 level = BPF_CORE_READ(pid, level);
	void *slot;
	u32 nr = 0;

	/* Most processes are in the first namespace, or in one below it. */
	if (level == 0)
		return BPF_CORE_READ(pid, numbers[0].nr);
	if (level == 1 && bpf_core_field_exists(pid->numbers[1].nr))
		return BPF_CORE_READ(pid, numbers[1].nr);

	if (level > 32 || !bpf_core_type_matches(struct upid))
		return 0;
	slot = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       level * bpf_core_type_size(struct upid);
	bpf_probe_read_kernel(&nr, sizeof(nr), slot + bpf_core_field_offset(struct upid, nr));
	return nr;
}

/* The process group or session of a task: signal->pids[type]. */
static __always_inline struct pid *pid_of(struct task_struct *task, u32 type)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct pid *pid = 0;

	bpf_probe_read_kernel(&pid, sizeof(pid),
			      (void *)signal + bpf_core_field_offset(struct signal_struct, pids) +
				      type * sizeof(pid));
	return pid;
}

static __always_inline u64 start_time(struct task_struct *task)
{
	struct task_struct___pre55 *old = (void *)task;

	if (bpf_core_field_exists(task->start_boottime))
		return BPF_CORE_READ(task, start_boottime);
	if (bpf_core_field_exists(old->real_start_time))
		return BPF_CORE_READ(old, real_start_time);
	return BPF_CORE_READ(task, start_time);
}

static __always_inline u64 node_id(struct kernfs_node *node)
{
	struct kernfs_node___old *old = (void *)node;

	if (bpf_core_type_exists(union kernfs_node_id))
		return BPF_CORE_READ(old, id.id);
	return BPF_CORE_READ(node, id);
}

static __always_inline struct kernfs_node *node_parent(struct kernfs_node *node)
{
	struct kernfs_node___rcu *new = (void *)node;

	if (bpf_core_field_exists(new->__parent))
		return BPF_CORE_READ(new, __parent);
	return BPF_CORE_READ(node, parent);
}

/* The control group of a task in one of the old hierarchies. */
static __noinline u64 subsystem_group(struct task_struct *task, u32 subsystem)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *state = 0;

	if (subsystem >= bpf_core_field_size(struct css_set, subsys) / sizeof(state))
		return 0;
	bpf_probe_read_kernel(&state, sizeof(state),
			      (void *)set + bpf_core_field_offset(struct css_set, subsys) +
				      subsystem * sizeof(state));
	return node_id(BPF_CORE_READ(state, cgroup, kn));
}

static __noinline int fill_task(struct task_context *out, struct task_struct *task, u32 kind)
{
	struct nsproxy *ns = BPF_CORE_READ(task, nsproxy);

	out->time = bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ktime_get_boot_ns) ?
			    bpf_ktime_get_boot_ns() :
			    bpf_ktime_get_ns();
	out->kind = kind;
	out->start_time = start_time(task);
	out->cgroup_id = node_id(BPF_CORE_READ(task, cgroups, dfl_cgrp, kn));
	out->tgid = BPF_CORE_READ(task, tgid);
	out->tid = BPF_CORE_READ(task, pid);
	out->host_parent = BPF_CORE_READ(task, real_parent, tgid);
	out->ns_tid = inner_number(BPF_CORE_READ(task, thread_pid));
	out->ns_tgid = inner_number(BPF_CORE_READ(task, group_leader, thread_pid));
	out->ns_level = BPF_CORE_READ(task, thread_pid, level);
	out->uid = BPF_CORE_READ(task, cred, uid.val);
	out->gid = BPF_CORE_READ(task, cred, gid.val);
	out->mnt_ns = BPF_CORE_READ(ns, mnt_ns, ns.inum);
	out->pid_ns = BPF_CORE_READ(ns, pid_ns_for_children, ns.inum);
	out->net_ns = BPF_CORE_READ(ns, net_ns, ns.inum);
	out->user_ns = BPF_CORE_READ(task, cred, user_ns, ns.inum);
	BPF_CORE_READ_STR_INTO(&out->comm, task, comm);
	BPF_CORE_READ_STR_INTO(&out->host, ns, uts_ns, name.nodename);
	return 0;
}

#define CAPABILITIES(cred, set)                                               \
	({                                                                    \
		struct cred___pre63 *old_ = (void *)(cred);                   \
		u64 value_;                                                   \
		if (bpf_core_type_exists(struct kernel_cap_struct))           \
			value_ = BPF_CORE_READ(old_, set.cap[0]) |            \
				 (u64)BPF_CORE_READ(old_, set.cap[1]) << 32;  \
		else                                                          \
			value_ = BPF_CORE_READ(cred, set.val);                \
		value_;                                                       \
	})

static __noinline int fill_cred(struct cred_info *out, const struct cred *cred)
{
	out->uid = BPF_CORE_READ(cred, uid.val);
	out->gid = BPF_CORE_READ(cred, gid.val);
	out->euid = BPF_CORE_READ(cred, euid.val);
	out->egid = BPF_CORE_READ(cred, egid.val);
	out->fsuid = BPF_CORE_READ(cred, fsuid.val);
	out->securebits = BPF_CORE_READ(cred, securebits);
	out->user_level = BPF_CORE_READ(cred, user_ns, level);
	out->permitted = CAPABILITIES(cred, cap_permitted);
	out->effective = CAPABILITIES(cred, cap_effective);
	out->bounding = CAPABILITIES(cred, cap_bset);
	return 0;
}

static __always_inline u64 change_time(struct inode *inode)
{
	struct inode___hidden_ctime *hidden = (void *)inode;
	struct inode___pre66 *old = (void *)inode;

	if (bpf_core_field_exists(inode->i_ctime_sec))
		return BPF_CORE_READ(inode, i_ctime_sec) * 1000000000ull +
		       BPF_CORE_READ(inode, i_ctime_nsec);
	if (bpf_core_field_exists(hidden->__i_ctime))
		return BPF_CORE_READ(hidden, __i_ctime.tv_sec) * 1000000000ull +
		       BPF_CORE_READ(hidden, __i_ctime.tv_nsec);
	return BPF_CORE_READ(old, i_ctime.tv_sec) * 1000000000ull +
	       BPF_CORE_READ(old, i_ctime.tv_nsec);
}

/* Whether a name is short enough to stand in the dentry itself. */
static __always_inline bool inline_name(struct dentry *dentry)
{
	struct dentry___shortname *new = (void *)dentry;
	const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
	u32 offset, size;

	if (bpf_core_field_exists(new->d_shortname)) {
		offset = bpf_core_field_offset(new->d_shortname.string);
		size = bpf_core_field_size(new->d_shortname.string);
	} else {
		offset = bpf_core_field_offset(dentry->d_iname);
		size = bpf_core_field_size(dentry->d_iname);
	}
	return (void *)name >= (void *)dentry + offset &&
	       (void *)name < (void *)dentry + offset + size;
}

/* Names from a file upwards, across mounts, to the root of the namespace. */
static __noinline u32 fill_path(struct file_info *out, struct vfsmount *mnt, struct dentry *dentry)
{
	struct mount *mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	u32 depth = 0;

	for (int i = 0; i < PATH_PARTS * 2; i++) {
		struct dentry *root = BPF_CORE_READ(mount, mnt.mnt_root);
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);

		if (dentry == root || dentry == parent) {
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above == mount)
				break;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = above;
			continue;
		}
		if (depth >= PATH_PARTS)
			break;
		bpf_probe_read_kernel_str(out->path[depth & (PATH_PARTS - 1)], NAME_LEN,
					  BPF_CORE_READ(dentry, d_name.name));
		depth++;
		dentry = parent;
	}
	return depth;
}

static __noinline int fill_file(struct file_info *out, struct file *file)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);
	struct mount *mount;

	/* An inode's number is of one size or the other. */
	out->inode = 0;
	if (bpf_core_field_size(inode->i_ino) == 8)
		bpf_core_read(&out->inode, 8, &inode->i_ino);
	else
		bpf_core_read(&out->inode, 4, &inode->i_ino);
	out->ctime = change_time(inode);
	out->magic = BPF_CORE_READ(sb, s_magic);
	out->device = BPF_CORE_READ(sb, s_dev);
	out->node = BPF_CORE_READ(inode, i_rdev);
	out->links = BPF_CORE_READ(inode, i_nlink);
	out->owner = BPF_CORE_READ(inode, i_uid.val);
	out->mode = BPF_CORE_READ(inode, i_mode);
	out->inline_name = inline_name(dentry);
	bpf_probe_read_kernel_str(out->fs, sizeof(out->fs), BPF_CORE_READ(sb, s_type, name));

	mount = (void *)BPF_CORE_READ(file, f_path.mnt) - bpf_core_field_offset(struct mount, mnt);
	if (bpf_core_field_exists(mount->mnt_id_unique))
		out->mount = BPF_CORE_READ(mount, mnt_id_unique);
	else
		out->mount = BPF_CORE_READ(mount, mnt_id);

	out->depth = 0;
	if (bpf_core_type_matches(struct path___pair))
		out->depth = fill_path(out, BPF_CORE_READ(file, f_path.mnt), dentry);
	return 0;
}

/* Processes. */

SEC("raw_tp/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct exec_event *event;
	struct mm_struct *mm;

	if (skipped())
		return 0;
	event = new_event(exec_event);
	if (!event)
		return 0;
	fill_task(&event->task, task, EVENT_EXEC);
	fill_cred(&event->cred, BPF_CORE_READ(task, cred));
	fill_file(&event->file, BPF_CORE_READ(bprm, file));

	mm = BPF_CORE_READ(task, mm);
	event->arg_start = BPF_CORE_READ(mm, arg_start);
	event->arg_end = BPF_CORE_READ(mm, arg_end);
	event->env_start = BPF_CORE_READ(mm, env_start);
	event->env_end = BPF_CORE_READ(mm, env_end);
	event->argc = BPF_CORE_READ(bprm, argc);
	event->envc = BPF_CORE_READ(bprm, envc);
	event->secure = BPF_CORE_READ_BITFIELD_PROBED(bprm, secureexec);
	event->from_fd = 0;
	if (bpf_core_field_exists(bprm->have_execfd))
		event->from_fd = BPF_CORE_READ_BITFIELD_PROBED(bprm, have_execfd);
	event->in_execve = BPF_CORE_READ_BITFIELD_PROBED(task, in_execve);
	event->personality = BPF_CORE_READ(task, personality);
	event->login_uid = -1;
	event->session = -1;
	if (bpf_core_field_exists(task->loginuid)) { /* CONFIG_AUDIT */
		event->login_uid = BPF_CORE_READ(task, loginuid.val);
		event->session = BPF_CORE_READ(task, sessionid);
	}
	event->seccomp = 0;
	if (bpf_core_field_exists(task->seccomp.mode)) /* CONFIG_SECCOMP */
		event->seccomp = BPF_CORE_READ(task, seccomp.mode);
	bpf_probe_read_kernel_str(event->filename, NAME_LEN, BPF_CORE_READ(bprm, filename));
	bpf_probe_read_kernel_str(event->interpreter, NAME_LEN, BPF_CORE_READ(bprm, interp));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("raw_tp/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct signal_struct *signal = BPF_CORE_READ(child, signal);
	struct fork_event *event;

	if (skipped())
		return 0;
	event = new_event(fork_event);
	if (!event)
		return 0;
	fill_task(&event->task, parent, EVENT_FORK);
	event->child = BPF_CORE_READ(child, pid);
	event->child_ns = inner_number(BPF_CORE_READ(child, thread_pid));
	event->child_start = start_time(child);
	event->group = 0;
	event->session = 0;
	if (bpf_core_type_matches(enum pid_type___named)) {
		event->group = inner_number(
			pid_of(child, bpf_core_enum_value(enum pid_type, PIDTYPE_PGID)));
		event->session = inner_number(
			pid_of(child, bpf_core_enum_value(enum pid_type, PIDTYPE_SID)));
	}
	event->subreaper = BPF_CORE_READ_BITFIELD_PROBED(signal, is_child_subreaper) ||
			   BPF_CORE_READ_BITFIELD_PROBED(signal, has_child_subreaper);
	event->resets_on_fork = BPF_CORE_READ_BITFIELD_PROBED(child, sched_reset_on_fork);
	event->task_size = bpf_core_type_size(struct task_struct);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

static __always_inline s64 task_state(struct task_struct *task)
{
	struct task_struct___pre514 *old = (void *)task;

	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state);
	return BPF_CORE_READ(old, state);
}

/* Pages that a process has in memory: of files, anonymous, of shared memory. */
static __noinline int fill_memory(struct exit_event *out, struct mm_struct *mm)
{
	struct mm_struct___percpu *new = (void *)mm;
	struct mm_struct___counts *old = (void *)mm;

	if (bpf_core_type_exists(struct mm_rss_stat)) {
		out->rss_file = BPF_CORE_READ(old, rss_stat.count[0].counter);
		out->rss_anon = BPF_CORE_READ(old, rss_stat.count[1].counter);
		out->rss_shmem = BPF_CORE_READ(old, rss_stat.count[3].counter);
	} else if (bpf_core_field_exists(new->rss_stat[3].count)) {
		out->rss_file = BPF_CORE_READ(new, rss_stat[0].count);
		out->rss_anon = BPF_CORE_READ(new, rss_stat[1].count);
		out->rss_shmem = BPF_CORE_READ(new, rss_stat[3].count);
	} else {
		out->rss_file = out->rss_anon = out->rss_shmem = 0;
	}
	return 0;
}

SEC("raw_tp/sched_process_exit")
int on_exit(u64 *ctx)
{
	struct task_struct *task = (void *)argument(ctx, 0);
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct exit_event *event;

	if (skipped())
		return 0;
	event = new_event(exit_event);
	if (!event)
		return 0;
	fill_task(&event->task, task, EVENT_EXIT);
	fill_memory(event, BPF_CORE_READ(task, mm));
	event->code = BPF_CORE_READ(task, exit_code);
	event->group_code = BPF_CORE_READ(signal, group_exit_code);
	event->threads_left = BPF_CORE_READ(signal, live.counter);
	event->oom_score_adj = BPF_CORE_READ(signal, oom_score_adj);
	event->state = task_state(task);
	event->read = 0;
	event->written = 0;
	if (bpf_core_field_exists(signal->ioac.rchar)) { /* CONFIG_TASK_XACCT */
		event->read = BPF_CORE_READ(signal, ioac.rchar);
		event->written = BPF_CORE_READ(signal, ioac.wchar);
	}
	/* Newer kernels say it, in older ones nobody else may be left. */
	if (bpf_core_type_matches(btf_trace_sched_process_exit___dead))
		event->group_dead = (bool)argument(ctx, 1);
	else
		event->group_dead = event->threads_left == 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Files: what was opened is known once the call has returned its number. */

SEC("tp/syscalls/sys_enter_openat")
int on_open(struct trace_event_raw_sys_enter *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	u64 flags = ctx->args[2];

	if (!skipped())
		bpf_map_update_elem(&opening, &tid, &flags, BPF_ANY);
	return 0;
}

SEC("tp/syscalls/sys_exit_openat")
int on_opened(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct file *file = 0, **table;
	struct open_event *event;
	u64 *flags;
	s64 fd = ctx->ret;

	flags = bpf_map_lookup_elem(&opening, &tid);
	if (!flags)
		return 0;
	if (fd < 0 || fd >= BPF_CORE_READ(task, files, fdt, max_fds))
		goto out;
	table = BPF_CORE_READ(task, files, fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), &table[fd]);
	if (!file)
		goto out;
	event = new_event(open_event);
	if (!event)
		goto out;
	fill_task(&event->task, task, EVENT_OPEN);
	fill_file(&event->file, file);
	event->fd = fd;
	event->user_flags = *flags;
	event->flags = BPF_CORE_READ(file, f_flags);
	event->position = BPF_CORE_READ(file, f_pos);
	event->opener = BPF_CORE_READ(file, f_cred, fsuid.val);
	bpf_ringbuf_submit(event, 0);
out:
	bpf_map_delete_elem(&opening, &tid);
	return 0;
}

/* Sockets. */

static __noinline int fill_connection(struct connection *out, struct sock *sk)
{
	struct net *net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
	struct net___atomic_cookie *old_net = (void *)net;

	out->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	out->source_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	out->target_port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	out->source4 = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	out->target4 = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	if (out->family == AF_INET6 && bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		BPF_CORE_READ_INTO(&out->source6, sk,
				   __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		BPF_CORE_READ_INTO(&out->target6, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	} else {
		__builtin_memset(out->source6, 0, sizeof(out->source6));
		__builtin_memset(out->target6, 0, sizeof(out->target6));
	}
	out->device = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	out->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	out->reuse = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_reuse) |
		     BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_reuseport) << 4;
	out->v6only = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only);

	/* Bitfields before 5.6, numbers of their own since then: this reads both. */
	out->protocol = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_protocol);
	out->type = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_type);
	/* As it does a number that has changed its width. */
	out->gso = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_gso_type);
	out->kernel = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock);
	out->mark = BPF_CORE_READ(sk, sk_mark);
	out->error = BPF_CORE_READ(sk, sk_err);
	out->uid = BPF_CORE_READ(sk, sk_uid.val);
	out->net_ns = BPF_CORE_READ(net, ns.inum);
	if (bpf_core_field_exists(old_net->net_cookie.counter))
		out->net_cookie = BPF_CORE_READ(old_net, net_cookie.counter);
	else if (bpf_core_field_exists(net->net_cookie))
		out->net_cookie = BPF_CORE_READ(net, net_cookie);
	else
		out->net_cookie = 0;
	return 0;
}

/* What of a socket used to be three bits and has become a set of flags. */
static __always_inline u32 socket_options(struct inet_sock *inet)
{
	struct inet_sock___pre66 *old = (void *)inet;

	if (bpf_core_field_exists(inet->inet_flags))
		return BPF_CORE_READ(inet, inet_flags);
	return BPF_CORE_READ_BITFIELD_PROBED(old, is_icsk) |
	       BPF_CORE_READ_BITFIELD_PROBED(old, freebind) << 1 |
	       BPF_CORE_READ_BITFIELD_PROBED(old, transparent) << 2;
}

SEC("tp/sock/inet_sock_set_state")
int on_connection(struct trace_event_raw_inet_sock_set_state *ctx)
{
	struct sock *sk = (void *)ctx->skaddr;
	struct connection_event *event;

	if (ctx->family != AF_INET && ctx->family != AF_INET6)
		return 0;
	event = new_event(connection_event);
	if (!event)
		return 0;
	fill_task(&event->task, (void *)bpf_get_current_task(), EVENT_CONNECTION);
	fill_connection(&event->conn, sk);
	event->old_state = ctx->oldstate;
	event->new_state = ctx->newstate;
	event->options = socket_options((void *)sk);
	/* The socket may not have its ports any more. */
	if (!event->conn.source_port)
		event->conn.source_port = ctx->sport;
	if (!event->conn.target_port)
		event->conn.target_port = ctx->dport;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("raw_tp/tcp_retransmit_skb")
int BPF_PROG(on_retransmit, struct sock *sk, struct sk_buff *skb)
{
	struct tcp_sock *tcp = (void *)sk;
	struct tcp_sock___accecn *accecn = (void *)sk;
	struct retransmit_event *event;

	event = new_event(retransmit_event);
	if (!event)
		return 0;
	fill_task(&event->task, (void *)bpf_get_current_task(), EVENT_RETRANSMIT);
	fill_connection(&event->conn, sk);
	event->received = BPF_CORE_READ(tcp, bytes_received);
	event->acked = BPF_CORE_READ(tcp, bytes_acked);
	event->sent = 0;
	if (bpf_core_field_exists(tcp->bytes_sent))
		event->sent = BPF_CORE_READ(tcp, bytes_sent);
	event->rtt = BPF_CORE_READ(tcp, srtt_us) >> 3;
	event->min_rtt = BPF_CORE_READ(tcp, rtt_min.s[0].v);
	event->window = BPF_CORE_READ(tcp, snd_cwnd);
	event->mss = BPF_CORE_READ(tcp, mss_cache);
	event->total = BPF_CORE_READ(tcp, total_retrans);
	event->retransmits = BPF_CORE_READ(tcp, inet_conn.icsk_retransmits);
	event->backoff = BPF_CORE_READ(tcp, inet_conn.icsk_backoff);
	event->congestion = BPF_CORE_READ_BITFIELD_PROBED(tcp, inet_conn.icsk_ca_state);
	event->nagle = BPF_CORE_READ_BITFIELD_PROBED(tcp, nonagle);
	event->repair = BPF_CORE_READ_BITFIELD_PROBED(tcp, repair);
	event->limited = BPF_CORE_READ_BITFIELD_PROBED(tcp, is_cwnd_limited);
	event->fast_open = BPF_CORE_READ_BITFIELD_PROBED(tcp, syn_data_acked);
	event->usec = 0;
	if (bpf_core_field_exists(tcp->tcp_usec_ts))
		event->usec = BPF_CORE_READ_BITFIELD_PROBED(tcp, tcp_usec_ts);
	event->ce = 0;
	if (bpf_core_field_exists(accecn->received_ce_pending))
		event->ce = BPF_CORE_READ_BITFIELD_PROBED(accecn, received_ce_pending);
	event->packet = BPF_CORE_READ(skb, len) - BPF_CORE_READ(skb, data_len);
	event->packet_kind = BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Signals. */

SEC("raw_tp/signal_generate")
int BPF_PROG(on_signal, int number, struct kernel_siginfo *info, struct task_struct *task)
{
	struct signal_event *event;

	if (skipped())
		return 0;
	event = new_event(signal_event);
	if (!event)
		return 0;
	fill_task(&event->task, (void *)bpf_get_current_task(), EVENT_SIGNAL);
	event->number = number;
	event->target = BPF_CORE_READ(task, tgid);
	event->target_ns = inner_number(BPF_CORE_READ(task, group_leader, thread_pid));
	event->target_group = BPF_CORE_READ(
		pid_of(task, bpf_core_enum_value(enum pid_type, PIDTYPE_PGID)), level);
	event->code = 0;
	event->error = 0;
	event->sender = 0;
	event->sender_uid = 0;
	event->syscall = 0;
	event->address = 0;
	/* 0 and 1 stand for a signal without particulars. */
	if ((u64)info > 1) {
		event->code = BPF_CORE_READ(info, si_code);
		event->error = BPF_CORE_READ(info, si_errno);
		event->sender = BPF_CORE_READ(info, _sifields._kill._pid);
		event->sender_uid = BPF_CORE_READ(info, _sifields._kill._uid);
		event->address = (u64)BPF_CORE_READ(info, _sifields._sigfault._addr);
		event->syscall = BPF_CORE_READ(info, _sifields._sigsys._syscall);
	}
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Control groups. */

static __noinline int fill_cgroup(struct cgroup_event *out, struct cgroup *group)
{
	struct cgroup___pre61 *old = (void *)group;
	struct kernfs_node *node = BPF_CORE_READ(group, kn);

	out->id = node_id(node);
	out->mode = BPF_CORE_READ(node, mode);
	out->level = BPF_CORE_READ(group, level);
	out->top_id = 0;
	if (out->level > 0) {
		if (bpf_core_field_exists(group->ancestors[1]))
			out->top_id = node_id(BPF_CORE_READ(group, ancestors[1], kn));
		else if (bpf_core_field_exists(old->ancestor_ids[1]))
			out->top_id = BPF_CORE_READ(old, ancestor_ids[1]);
	}
	out->misc = bpf_core_enum_value_exists(enum cgroup_subsys_id, misc_cgrp_id);
	for (int i = 0; i < CGROUP_PARTS; i++) {
		out->path[i][0] = 0;
		if (!node)
			continue;
		bpf_probe_read_kernel_str(out->path[i], NAME_LEN, BPF_CORE_READ(node, name));
		node = node_parent(node);
	}
	return 0;
}

SEC("raw_tp/cgroup_mkdir")
int BPF_PROG(on_cgroup, struct cgroup *group)
{
	struct cgroup_event *event = new_event(cgroup_event);

	if (!event)
		return 0;
	fill_task(&event->task, (void *)bpf_get_current_task(), EVENT_CGROUP);
	fill_cgroup(event, group);
	event->moved = 0;
	event->memory_id = 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("raw_tp/cgroup_attach_task")
int BPF_PROG(on_cgroup_moved, struct cgroup *group, const char *path, struct task_struct *task)
{
	struct cgroup_event *event = new_event(cgroup_event);

	if (!event)
		return 0;
	fill_task(&event->task, task, EVENT_CGROUP);
	fill_cgroup(event, group);
	event->moved = 1;
	event->memory_id = 0;
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		event->memory_id = subsystem_group(
			task, bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Modules. */

SEC("raw_tp/module_load")
int BPF_PROG(on_module, struct module *module)
{
	struct module___pre64 *old = (void *)module;
	struct module_event *event = new_event(module_event);
	struct module_memory *text;
	u32 state = 0;

	if (!event)
		return 0;
	fill_task(&event->task, (void *)bpf_get_current_task(), EVENT_MODULE);
	event->taints = BPF_CORE_READ(module, taints);
	event->is_signed = 0;
	if (bpf_core_field_exists(module->sig_ok))
		event->is_signed = BPF_CORE_READ(module, sig_ok);
	bpf_core_read(&state, sizeof(state), &module->state);
	event->coming = state == bpf_core_enum_value(enum module_state, MODULE_STATE_COMING);
	event->base = 0;
	event->size = 0;
	if (bpf_core_type_exists(enum mod_mem_type)) {
		text = (void *)module + bpf_core_field_offset(struct module, mem) +
		       bpf_core_enum_value(enum mod_mem_type, MOD_TEXT) *
			       bpf_core_type_size(struct module_memory);
		event->base = (u64)BPF_CORE_READ(text, base);
		event->size = BPF_CORE_READ(text, size);
	} else if (bpf_core_field_exists(old->core_layout)) {
		event->base = (u64)BPF_CORE_READ(old, core_layout.base);
		event->size = BPF_CORE_READ(old, core_layout.text_size);
	}
	bpf_core_read_str(event->name, bpf_core_field_size(module->name) < NAME_LEN ?
					       bpf_core_field_size(module->name) :
					       NAME_LEN,
			  &module->name);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Block devices. */

static __always_inline int fill_disk(struct block_event *out, struct gendisk *disk)
{
	out->major = BPF_CORE_READ(disk, major);
	out->minor = BPF_CORE_READ(disk, first_minor);
	BPF_CORE_READ_STR_INTO(&out->disk, disk, disk_name);
	return 0;
}

/* The number of a partition, from the three places where it has been. */
static __always_inline u32 partition(struct request *rq)
{
	struct block_device___pre610 *older;
	struct block_device *device;
	struct request___hd *oldest = (void *)rq;

	if (bpf_core_type_exists(struct hd_struct))
		return BPF_CORE_READ(oldest, part, partno);
	device = BPF_CORE_READ(rq, part);
	older = (void *)device;
	if (bpf_core_field_exists(device->__bd_flags))
		return BPF_CORE_READ(device, __bd_flags.counter) & 0xff;
	return BPF_CORE_READ(older, bd_partno);
}

SEC("raw_tp/block_rq_issue")
int on_block(u64 *ctx)
{
	struct request___pre517 *old;
	struct block_event *event;
	struct request *rq;

	/* A stable kernel may have changed it too: a version tells nothing. */
	if (bpf_core_type_matches(btf_trace_block_rq_issue___alone))
		rq = (void *)argument(ctx, 0);
	else
		rq = (void *)argument(ctx, 1);
	event = new_event(block_event);
	if (!event)
		return 0;
	fill_task(&event->task, (void *)bpf_get_current_task(), EVENT_BLOCK);
	event->sector = BPF_CORE_READ(rq, __sector);
	event->bytes = BPF_CORE_READ(rq, __data_len);
	event->flags = BPF_CORE_READ(rq, cmd_flags);
	event->started = BPF_CORE_READ(rq, start_time_ns);
	event->part = partition(rq);
	old = (void *)rq;
	if (bpf_core_field_exists(old->rq_disk))
		fill_disk(event, BPF_CORE_READ(old, rq_disk));
	else
		fill_disk(event, BPF_CORE_READ(rq, q, disk));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Optional: each bio before it is merged into a request, of which there are many. */
SEC("?raw_tp/block_bio_queue")
int on_bio(u64 *ctx)
{
	struct bio___pre512 *old;
	struct block_event *event;
	struct bio *bio;

	if (bpf_core_type_matches(btf_trace_block_bio_queue___alone))
		bio = (void *)argument(ctx, 0);
	else
		bio = (void *)argument(ctx, 1);
	event = new_event(block_event);
	if (!event)
		return 0;
	fill_task(&event->task, (void *)bpf_get_current_task(), EVENT_BLOCK);
	event->sector = BPF_CORE_READ(bio, bi_iter.bi_sector);
	event->bytes = BPF_CORE_READ(bio, bi_iter.bi_size);
	event->flags = BPF_CORE_READ(bio, bi_opf);
	event->started = 0;
	event->part = 0;
	old = (void *)bio;
	if (bpf_core_field_exists(bio->bi_bdev)) {
		fill_disk(event, BPF_CORE_READ(bio, bi_bdev, bd_disk));
		event->minor = BPF_CORE_READ(bio, bi_bdev, bd_dev) & 0xfffff;
	} else {
		fill_disk(event, BPF_CORE_READ(old, bi_disk));
		event->part = BPF_CORE_READ(old, bi_partno);
	}
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Optional: every change of the running task. */
SEC("?raw_tp/sched_switch")
int on_switch(u64 *ctx)
{
	struct task_struct *from = (void *)argument(ctx, 1);
	struct task_struct *to = (void *)argument(ctx, 2);
	struct switch_event *event;

	event = new_event(switch_event);
	if (!event)
		return 0;
	fill_task(&event->task, from, EVENT_SWITCH);
	event->next = BPF_CORE_READ(to, pid);
	event->waits = BPF_CORE_READ_BITFIELD_PROBED(from, in_iowait);
	/* By now the task's own state may be another one than it was switched for. */
	if (bpf_core_type_matches(btf_trace_sched_switch___state))
		event->state = (u32)argument(ctx, 3);
	else
		event->state = task_state(from);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Optional: a function that the compiler may have inlined. */
SEC("?kprobe/commit_creds")
int on_cred(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct cred_event *event = new_event(cred_event);

	if (!event)
		return 0;
	fill_task(&event->task, task, EVENT_CRED);
	fill_cred(&event->before, BPF_CORE_READ(task, real_cred));
	fill_cred(&event->after, BPF_CORE_READ(task, cred));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/*
 * Optional: only kernels from 6.9 on number processes so. The access is not
 * guarded, and on an older kernel this program does not load.
 */
SEC("?raw_tp/task_rename")
int BPF_PROG(on_rename, struct task_struct *task, const char *name)
{
	struct rename_event *event = new_event(rename_event);
	struct pid___pidfs *pid;

	if (!event)
		return 0;
	fill_task(&event->task, task, EVENT_RENAME);
	pid = (void *)BPF_CORE_READ(task, thread_pid);
	event->process = BPF_CORE_READ(pid, ino);
	bpf_probe_read_kernel_str(event->name, sizeof(event->name), name);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/*
 * Optional: every system call. Where the kernel gives the current task with
 * its type, the program reads it directly, as one dereferences a pointer in C.
 */
SEC("?raw_tp/sys_enter")
int on_syscall(u64 *ctx)
{
	struct syscall_event *event = new_event(syscall_event);
	struct task_struct *task;

	if (!event)
		return 0;
	fill_task(&event->task, (void *)bpf_get_current_task(), EVENT_SYSCALL);
	event->number = argument(ctx, 1);
	event->flags = 0;
	event->waits = 0;
	event->parent = 0;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		task = (void *)bpf_get_current_task_btf();
		event->flags = task->flags;
		event->waits = BPF_CORE_READ_BITFIELD(task, in_iowait);
		event->parent = task->real_parent->tgid;
	}
	bpf_ringbuf_submit(event, 0);
	return 0;
}
