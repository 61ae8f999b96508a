/*
 * Trap 3. A type relocation leads through a typedef or a pointer to a forward declaration.
 * bpftool 7.1 fails the whole kernel: "unsupported kind".
 */
struct opaque;
typedef struct opaque handle;
typedef struct opaque *pointer;
typedef int (*callback)(struct opaque *, handle *);

PROGRAM(types)
{
	return type_exists(handle) + type_exists(pointer) + type_size(pointer) + type_exists(callback);
}

PROGRAM(match)
{
	return type_matches(handle) + type_matches(pointer) + type_matches(callback);
}
