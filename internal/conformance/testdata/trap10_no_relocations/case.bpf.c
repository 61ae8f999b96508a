/* Trap 10. An object that has types but no relocation needs nothing: a valid BTF with next to nothing in it. */
PROGRAM(nothing)
{
	return (u64)ctx;
}
