/*
 * Paths through structs and unions by value, where the kernel has typedefs, const,
 * volatile, restrict and type tags in between, and members moved.
 * bpftool 7.1 fails the whole kernel for the type tags: "unsupported kind".
 */
struct deep {
	struct {
		union {
			struct {
				int a;
				int b;
			} s;
			u64 whole;
		} u;
	} in;
	struct {
		int a;
	} tagged;
};

PROGRAM(paths)
{
	return three_of(struct deep, in) + three_of(struct deep, in.u) + three_of(struct deep, in.u.s) +
	       three_of(struct deep, in.u.s.b) + three_of(struct deep, in.u.whole) + three_of(struct deep, tagged.a);
}
