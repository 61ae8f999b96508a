/*
 * Compiled without -g, so that there are neither types nor relocations: an error, unlike
 * the other cases of trap 10, as nobody can know what the program reads.
 */
PROGRAM(nothing)
{
	return (u64)ctx;
}
