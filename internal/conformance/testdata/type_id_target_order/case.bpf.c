/*
 * Two equal structs, and between them one in which cilium/ebpf gives up to search. It takes
 * candidates in their order, so it comes to that one before it sees that there are two ids.
 */
struct twins {
	int a;
} RELOCATED;

OPTIONAL(both)
{
	return type_id_target(struct twins) + field_exists(struct twins, a);
}
