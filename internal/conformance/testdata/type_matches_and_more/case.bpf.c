/*
 * Of a struct whose name is compared there is one, with all that is asked of it: what two local
 * types compare it with, a field of a field by way of the struct that holds it, and another one of itself.
 */
struct in {
	int a;
	int b;
} RELOCATED;

struct held {
	int id;
	struct in in;
} RELOCATED;

struct holds {
	struct held h;
} RELOCATED;

/* What is compared: no in. */
struct held___one {
	int id;
	struct in *p;
};

struct holds___one {
	struct held___one h;
};

struct held___other {
	struct in *q;
};

struct keeps {
	struct held___other h;
};

PROGRAM(compared)
{
	return type_matches(struct holds___one) + type_matches(struct keeps);
}

PROGRAM(fields)
{
	return three_of(struct holds, h.in.a) + three_of(struct held, in.b) + three_of(struct holds, h.in);
}
