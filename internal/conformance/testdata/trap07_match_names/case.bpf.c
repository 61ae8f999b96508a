/*
 * Trap 7. type_matches compares names, behind typedefs: a typedef's own name counts only
 * for the root. The sizes of enums must be equal, and a forward declaration says whether it
 * stands for a struct or a union.
 */
struct point {
	int x;
};

typedef struct point place;
typedef struct point renamed;
typedef int number;

enum same_size { SAME_A };
enum other_size { OTHER_A };
enum fewer { FEWER_A, FEWER_B };

struct forward;
union forward_union;

struct by_names {
	place p;
	number n;
};

struct by_other_names {
	place p;
	enum same_size e;
};

struct forwards {
	struct forward *s;
	union forward_union *u;
};

struct forwards_swapped {
	struct forward *s;
};

PROGRAM(names)
{
	return type_matches(place) + type_matches(renamed) + type_matches(number) + type_matches(struct by_names) +
	       type_matches(struct by_other_names);
}

PROGRAM(enums)
{
	return type_matches(enum same_size) + type_matches(enum other_size) + type_matches(enum fewer);
}

PROGRAM(forward_declarations)
{
	return type_matches(struct forwards) + type_matches(struct forwards_swapped);
}
