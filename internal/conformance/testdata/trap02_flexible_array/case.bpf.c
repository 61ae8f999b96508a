/*
 * Trap 2. To libbpf an array without elements is a flexible one if it is the last member,
 * and has every index; else it has none. What comes behind such an array must stay, even
 * if nobody asks for it.
 * bpftool 7.1 leaves it out, and field_exists(salt[1]) turns from 0 to 1.
 */
struct crypto_info {
	unsigned char salt[4];
};

struct cache_group {
	unsigned char begin[2];
	unsigned char end[2];
	u32 data;
};

struct in_anonymous {
	int marker[4];
};

PROGRAM(one_array)
{
	return byte_off(struct crypto_info, salt) + field_exists(struct crypto_info, salt[1]) +
	       field_exists(struct crypto_info, salt[0]);
}

PROGRAM(two_arrays)
{
	return byte_off(struct cache_group, begin) + field_exists(struct cache_group, begin[1]) +
	       byte_size(struct cache_group, end) + field_exists(struct cache_group, end[1]);
}

PROGRAM(anonymous)
{
	return byte_off(struct in_anonymous, marker) + field_exists(struct in_anonymous, marker[2]);
}
