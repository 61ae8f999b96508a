/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the tracer puts into its ring buffer. */
#ifndef TRACER_EVENTS_H
#define TRACER_EVENTS_H

#define COMM_LEN 16
#define NAME_LEN 64
#define PATH_PARTS 8
#define CGROUP_PARTS 4

enum event_kind {
	EVENT_EXEC = 1,
	EVENT_FORK,
	EVENT_EXIT,
	EVENT_OPEN,
	EVENT_CONNECTION,
	EVENT_RETRANSMIT,
	EVENT_SIGNAL,
	EVENT_CGROUP,
	EVENT_MODULE,
	EVENT_BLOCK,
	EVENT_SWITCH,
	EVENT_CRED,
	EVENT_RENAME,
	EVENT_SYSCALL,
};

/* Who did it. */
struct task_context {
	u64 time;
	u32 kind;
	u32 type_id; /* BTF id of the event's struct, as the loader sets it */
	u64 start_time;
	u64 cgroup_id;
	u32 tgid;
	u32 tid;
	u32 host_parent;
	u32 ns_tgid;
	u32 ns_tid;
	u32 ns_level;
	u32 uid;
	u32 gid;
	u32 mnt_ns;
	u32 pid_ns;
	u32 net_ns;
	u32 user_ns;
	char comm[COMM_LEN];
	char host[COMM_LEN];
};

struct file_info {
	u64 inode;
	u64 ctime;
	u64 magic;
	u64 mount;
	u32 device;
	u32 node;
	u32 links;
	u32 owner;
	u32 mode;
	u32 inline_name;
	u32 depth; /* how many names path has */
	char fs[COMM_LEN];
	char path[PATH_PARTS][NAME_LEN]; /* innermost name first */
};

struct cred_info {
	u32 uid;
	u32 gid;
	u32 euid;
	u32 egid;
	u32 fsuid;
	u32 securebits;
	u32 user_level;
	u64 permitted;
	u64 effective;
	u64 bounding;
};

struct exec_event {
	struct task_context task;
	struct cred_info cred;
	struct file_info file;
	u64 arg_start;
	u64 arg_end;
	u64 env_start;
	u64 env_end;
	u32 argc;
	u32 envc;
	u32 secure;
	u32 from_fd;
	u32 in_execve;
	u32 login_uid;
	u32 session;
	u32 personality;
	u32 seccomp;
	char filename[NAME_LEN];
	char interpreter[NAME_LEN];
};

struct fork_event {
	struct task_context task;
	u32 child;
	u32 child_ns;
	u32 group;
	u32 session;
	u32 subreaper;
	u32 resets_on_fork;
	u64 child_start;
	u64 task_size;
};

struct exit_event {
	struct task_context task;
	u64 rss_file;
	u64 rss_anon;
	u64 rss_shmem;
	u64 read;
	u64 written;
	u32 code;
	u32 group_code;
	u32 threads_left;
	u32 group_dead;
	s64 state;
	s32 oom_score_adj;
};

struct open_event {
	struct task_context task;
	struct file_info file;
	u64 flags;
	u64 user_flags;
	s64 fd;
	s64 position;
	u32 opener;
};

struct connection {
	u64 cookie;
	u64 net_cookie;
	u32 source4;
	u32 target4;
	u8 source6[16];
	u8 target6[16];
	u16 source_port;
	u16 target_port;
	u16 family;
	u16 protocol;
	u32 type;
	u32 mark;
	u32 uid;
	u32 net_ns;
	u32 reuse;
	u32 v6only;
	u32 kernel;
	u32 gso;
	s32 error;
	s32 device;
};

struct connection_event {
	struct task_context task;
	struct connection conn;
	s32 old_state;
	s32 new_state;
	u32 options;
};

struct retransmit_event {
	struct task_context task;
	struct connection conn;
	u64 received;
	u64 sent;
	u64 acked;
	u32 rtt;
	u32 min_rtt;
	u32 window;
	u32 mss;
	u32 retransmits;
	u32 backoff;
	u32 congestion;
	u32 total;
	u32 nagle;
	u32 repair;
	u32 limited;
	u32 fast_open;
	u32 usec;
	u32 ce;
	u32 packet;
	u32 packet_kind;
};

struct signal_event {
	struct task_context task;
	s32 number;
	s32 code;
	s32 error;
	u32 sender;
	u32 sender_uid;
	u32 target;
	u32 target_ns;
	u32 target_group;
	s32 syscall;
	u64 address;
};

struct cgroup_event {
	struct task_context task;
	u64 id;
	u64 top_id;
	u64 memory_id;
	u32 level;
	u32 mode;
	u32 moved;
	u32 misc;
	char path[CGROUP_PARTS][NAME_LEN]; /* innermost name first */
};

struct module_event {
	struct task_context task;
	u64 base;
	u64 taints;
	u32 size;
	u32 coming;
	u32 is_signed;
	char name[NAME_LEN];
};

struct block_event {
	struct task_context task;
	u64 sector;
	u64 started;
	u32 bytes;
	u32 flags;
	u32 major;
	u32 minor;
	u32 part;
	char disk[32];
};

struct switch_event {
	struct task_context task;
	s64 state;
	u32 next;
	u32 waits;
};

struct cred_event {
	struct task_context task;
	struct cred_info before;
	struct cred_info after;
};

struct rename_event {
	struct task_context task;
	u64 process;
	char name[COMM_LEN];
};

struct syscall_event {
	struct task_context task;
	s64 number;
	u32 flags;
	u32 waits;
	u32 parent;
};

#endif
