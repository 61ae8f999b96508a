/*
 * What is not there: a member, a member of a member, the type. Existence checks turn 0,
 * everything else is poisoned, unless another program asks for what is there.
 */
struct inner {
	int a;
	int gone;
};

struct outer {
	int here;
	int gone;
	struct inner in;
	struct inner nothing;
};

struct no_such_struct {
	int a;
};

PROGRAM(members)
{
	return all_of(struct outer, gone) + three_of(struct outer, in.gone) + three_of(struct outer, nothing.a);
}

PROGRAM(types)
{
	return all_of(struct no_such_struct, a);
}

PROGRAM(present)
{
	return three_of(struct outer, here) + three_of(struct outer, in.a);
}
