/*
 * Functions match if their parameters, in number and one by one, and what they return do.
 * Names of parameters do not count.
 * bpftool 7.1 leaves out what parameters lead to, and to cilium/ebpf they match no more.
 */
struct arg {
	int a;
};

typedef int (*same)(struct arg *, long);
typedef int (*more_parameters)(struct arg *);
typedef void (*other_result)(struct arg *);
typedef int (*other_parameter)(struct arg *);
typedef int proto(int);
typedef int (*of_function)(int (*)(struct arg *));

struct operations {
	int (*open)(struct arg *, int);
	void (*close)(struct arg *);
};

struct operations_changed {
	int (*open)(struct arg *, int);
};

/* Without this use clang would have a forward declaration of it in the object. */
PROGRAM(defined)
{
	return type_exists(struct arg);
}

PROGRAM(functions)
{
	return type_matches(same) + type_matches(more_parameters) + type_matches(other_result) +
	       type_matches(other_parameter) + type_matches(proto) + type_matches(of_function) +
	       type_matches(struct operations) + type_matches(struct operations_changed);
}
