/*
 * Trap 14. Bitfields of old compilers: kind_flag is 0, and the integer itself has an
 * offset and a number of bits. libbpf and cilium/ebpf read them differently, the latter
 * differently again if a typedef stands between, and must go on doing so.
 * bpftool 7.1 leaves out what libbpf does not match, and cilium/ebpf poisons it.
 */
struct legacy {
	u32 a : 5;
	u32 b : 3;
	u32 behind_typedef : 4;
	u32 plain;
};

struct legacy___integers {
	u32 a;
	u32 plain;
};

PROGRAM(bitfields)
{
	return all_of(struct legacy, a) + all_of(struct legacy, b) + all_of(struct legacy, behind_typedef) +
	       three_of(struct legacy, plain);
}

PROGRAM(integers)
{
	return three_of(struct legacy___integers, a) + three_of(struct legacy___integers, plain);
}
