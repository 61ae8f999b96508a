/*
 * Traps 8 and 12. A member is sought in anonymous structs within each other, of which a path
 * has room for 64 steps: of more, libbpf refuses the relocation, even if the member stands
 * behind them, deep in them beside others, or is not there at all. So nests stay, though
 * nothing in them is asked for.
 * bpftool 7.1 fails the whole kernel, as libbpf does the programs that are not loaded by default.
 */
struct deep_8 {
	int deep;
};

struct behind_8 {
	int behind;
};

struct gone_8 {
	int gone;
};

struct deep_62 {
	int deep;
};

struct behind_62 {
	int behind;
};

struct gone_62 {
	int gone;
};

struct deep_63 {
	int deep;
};

struct behind_63 {
	int behind;
};

struct gone_63 {
	int gone;
};

struct deep_70 {
	int deep;
};

struct behind_70 {
	int behind;
};

struct gone_70 {
	int gone;
};

struct beside_61 {
	int beside;
};

struct beside_64 {
	int beside;
};

PROGRAM(deep_8)
{
	return three_of(struct deep_8, deep);
}

PROGRAM(behind_8)
{
	return three_of(struct behind_8, behind);
}

PROGRAM(gone_8)
{
	return field_exists(struct gone_8, gone);
}

PROGRAM(deep_62)
{
	return three_of(struct deep_62, deep);
}

PROGRAM(behind_62)
{
	return three_of(struct behind_62, behind);
}

PROGRAM(gone_62)
{
	return field_exists(struct gone_62, gone);
}

OPTIONAL(deep_63)
{
	return three_of(struct deep_63, deep);
}

OPTIONAL(behind_63)
{
	return three_of(struct behind_63, behind);
}

OPTIONAL(gone_63)
{
	return field_exists(struct gone_63, gone);
}

OPTIONAL(deep_70)
{
	return three_of(struct deep_70, deep);
}

OPTIONAL(behind_70)
{
	return three_of(struct behind_70, behind);
}

OPTIONAL(gone_70)
{
	return field_exists(struct gone_70, gone);
}

PROGRAM(beside_61)
{
	return three_of(struct beside_61, beside);
}

OPTIONAL(beside_64)
{
	return three_of(struct beside_64, beside);
}
