/* The id of a type of the object: nothing of the kernel's is looked at, and nothing is kept. */
struct here {
	int a;
};

typedef int number;

PROGRAM(ids)
{
	return type_id_local(struct here) + type_id_local(int) + type_id_local(number);
}
