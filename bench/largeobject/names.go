package main

// roots are structs that tracers read, the most popular first. No kernel has all.
var roots = []string{
	"task_struct", "cred", "file", "inode", "dentry", "super_block", "path", "qstr", "mm_struct",
	"vm_area_struct", "sock", "sock_common", "sk_buff", "socket", "inet_sock", "tcp_sock", "net_device", "net",
	"nsproxy", "pid", "pid_namespace", "upid", "signal_struct", "sighand_struct", "files_struct", "fdtable",
	"fs_struct", "linux_binprm", "module", "kset", "kobject", "kernfs_node", "css_set", "cgroup",
	"cgroup_subsys_state", "uts_namespace", "mnt_namespace", "mount", "vfsmount", "ipc_namespace",
	"user_namespace", "ns_common", "bpf_map", "bpf_prog", "bpf_prog_aux", "bpf_attr", "perf_event",
	"trace_event_call", "file_operations", "inode_operations", "seq_operations", "super_operations",
	"file_system_type", "address_space", "page", "folio", "bio", "request", "request_queue", "gendisk",
	"block_device", "hd_struct", "iov_iter", "kiocb", "msghdr", "iovec", "sockaddr", "sockaddr_in",
	"sockaddr_in6", "sockaddr_un", "unix_sock", "unix_address", "in6_addr", "ipv6_pinfo", "iphdr",
	"ipv6hdr", "tcphdr", "udphdr", "icmphdr", "ethhdr", "request_sock", "inet_connection_sock",
	"inet_request_sock", "tcp_request_sock", "tcp_skb_cb", "neighbour", "dst_entry", "rtable", "flowi4", "proto",
	"proto_ops", "sk_filter", "pt_regs", "thread_info", "thread_struct", "kernel_siginfo", "siginfo", "sigaction",
	"k_sigaction", "timespec64", "rlimit", "rusage", "list_head", "hlist_node", "hlist_head", "rb_node",
	"rb_root", "work_struct", "delayed_work", "timer_list", "hrtimer", "wait_queue_head", "completion", "mutex",
	"rw_semaphore", "kref", "callback_head", "device", "device_driver", "bus_type", "class", "cdev",
	"char_device_struct", "usb_device", "pci_dev", "tty_struct", "tty_driver", "key",
	"security_hook_list", "security_hook_heads", "seccomp", "seccomp_filter", "audit_context", "user_struct",
	"group_info", "kernel_cap_struct", "ucounts", "rq", "sched_entity", "cfs_rq", "task_group", "sched_class",
	"sched_statistics", "mem_cgroup", "zone", "pglist_data", "kmem_cache", "slab", "swap_info_struct",
	"shmid_kernel", "msg_queue", "sem_array", "kern_ipc_perm", "io_kiocb", "io_ring_ctx", "binfmt_misc",
	"linux_binfmt", "ftrace_ops", "kprobe", "uprobe", "tracepoint", "trace_array", "ring_buffer", "nf_conn",
	"nf_hook_state", "xdp_buff", "xdp_md", "bpf_verifier_env", "bpf_link", "btf", "btf_type",
	"notifier_block", "fown_struct", "file_lock", "fsnotify_mark", "posix_acl",
	"fuse_inode",
}

// enums are what tracers compare with.
var enums = []string{
	"pid_type", "bpf_func_id", "bpf_prog_type", "bpf_map_type", "bpf_attach_type", "sock_type", "sk_rst_reason",
	"zone_type", "hrtimer_restart", "kmalloc_cache_type", "node_stat_item", "tcp_ca_state", "perf_type_id",
	"cgroup_subsys_id", "migratetype",
}
