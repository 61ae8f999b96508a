/*
 * Trap 12. Bitfields without a name are padding, members of type int. cilium/ebpf, which
 * searches what has no name, refuses such a struct if it gets there before it finds the
 * member; the minimal BTF does not have them, and it succeeds. That is a limit of its own,
 * noted as such.
 */
struct padded {
	int before;
	int after;
	int gone;
};

PROGRAM(before)
{
	return three_of(struct padded, before);
}

PROGRAM(after)
{
	return three_of(struct padded, after);
}

OPTIONAL(gone)
{
	return three_of(struct padded, gone);
}
