/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of relocation, in programs and in a subprogram. With EDITED it is
 * the same requirements on the kernel in other code: other programs and
 * sections, another order, other types and strings besides. */

typedef unsigned int u32;
typedef unsigned long long u64;

#define CORE __attribute__((preserve_access_index))
#define SEC(s) __attribute__((section(s), used))
#define INFO(field, info) __builtin_preserve_field_info(field, info)
#define TYPE(type, info) __builtin_preserve_type_info(*(type *)0, info)
#define ENUM(type, value, info) __builtin_preserve_enum_value(*(type *)value, info)
#define ID(type, info) __builtin_btf_type_id(*(type *)0, info)

enum { OFFSET, SIZE, EXISTS, SIGNED, LSHIFT, RSHIFT };

struct list_head { struct list_head *next, *prev; } CORE;

struct task_struct___v6 {
	u32 flags : 3;
	int signed_flags : 5;
	int pid;
	struct list_head children;
	union {
		struct { char comm[16]; };
		u64 start_time;
	};
	struct task_struct___v6 *parent;
} CORE;

struct bio;
typedef void (*work_func_t)(struct bio *, int);
typedef struct { int counter; } atomic_t;
enum pid_type { PIDTYPE_PID, PIDTYPE_TGID };
enum wide { WIDE = 0x123456789aULL };
struct gone___x { int field; } CORE;

#ifdef EDITED
struct unrelated { int here; char *there[7]; };
static volatile u64 state;
struct unrelated unrelated;
#define EDIT (state += unrelated.here)
#else
#define EDIT 0
#endif

static __attribute__((noinline)) u64 subprogram(struct task_struct___v6 *t)
{
	return EDIT + t->pid + INFO(t->children.next, OFFSET) + INFO(t->comm[3], OFFSET);
}

#define FIELDS(t) \
	(INFO(t->flags, OFFSET) + INFO(t->flags, SIZE) + INFO(t->flags, LSHIFT) + INFO(t->flags, RSHIFT) + \
	 INFO(t->signed_flags, SIGNED) + INFO(t->parent, EXISTS) + INFO(t->start_time, EXISTS) + INFO(t[1], OFFSET))
#define TYPES \
	(TYPE(struct list_head, 0) + TYPE(work_func_t, 0) + TYPE(atomic_t, 1) + TYPE(struct list_head, 2) + \
	 ID(struct list_head, 0) + ID(struct list_head, 1))
#define ENUMS (ENUM(enum pid_type, PIDTYPE_TGID, 0) + ENUM(enum pid_type, PIDTYPE_TGID, 1) + ENUM(enum wide, WIDE, 1))
#define GONE(g) (INFO(g->field, EXISTS) + TYPE(struct gone___x, 0))

#ifdef EDITED
SEC("?fentry/other") int last(struct gone___x *g) { return GONE(g) + ENUMS * 3; }
SEC("tp/new") int added(void *ctx) { state = (long)ctx; return 0; }
SEC("kprobe/types") int types(void *ctx) { EDIT; return ENUMS + TYPES; }
SEC("kprobe/types2") int fields(struct task_struct___v6 *t) { return subprogram(t) - FIELDS(t) + (long)t->parent->parent; }
#else
SEC("kprobe/fields") int fields(struct task_struct___v6 *t) { return FIELDS(t) + (long)t->parent + subprogram(t); }
SEC("kprobe/types") int types(void *ctx) { return TYPES + ENUMS; }
SEC("?kprobe/optional") int optional(struct gone___x *g) { return GONE(g); }
#endif

char LICENSE[] SEC("license") = "GPL";
