/*
 * Members of anonymous structs and unions count as members of what contains them, and
 * so may be deeper in the kernel than here, or less deep. A named one in between is a step.
 */
struct page {
	u64 flags;
	union {
		struct {
			struct {
				void *next, *prev;
			} lru;
			void *mapping;
		};
		struct {
			u64 compound_head;
		};
	};
	union {
		int mapcount;
		u32 page_type;
	};
	int refcount;
};

/* The same members without nests, and with more of them. */
struct page___flat {
	void *mapping;
	u64 compound_head;
	u32 page_type;
	int named_now;
};

struct page___deep {
	struct {
		union {
			struct {
				u64 flags;
			};
		};
	};
};

PROGRAM(nested)
{
	return three_of(struct page, lru.prev) + three_of(struct page, mapping) + three_of(struct page, compound_head) +
	       three_of(struct page, mapcount) + three_of(struct page, refcount);
}

PROGRAM(flat)
{
	return three_of(struct page___flat, mapping) + three_of(struct page___flat, compound_head) +
	       three_of(struct page___flat, page_type) + field_exists(struct page___flat, named_now);
}

PROGRAM(deep)
{
	return three_of(struct page___deep, flags);
}
