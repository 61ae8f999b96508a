/*
 * Values of enumerators, signed and unsigned ones, that are there, gone, or belong to an
 * enum that is gone. What follows ___ in an enumerator's name is not part of it.
 */
enum zone { ZONE_DMA, ZONE_NORMAL, ZONE_GONE };
enum negative { MINUS = -5, PLUS = 1 };
enum unsigned_now { NOW_BIG = -1, NOW_ONE = 1 };
enum no_such_enum { NO_SUCH_VALUE = 3 };
enum flavored { ON___here = 1 };
enum now_struct { WAS_ENUM };
typedef enum { ONE = 1, TWO } by_typedef;

PROGRAM(values)
{
	return enumval_value(enum zone, ZONE_NORMAL) + enumval_exists(enum zone, ZONE_NORMAL) +
	       enumval_value(enum negative, MINUS) + enumval_value(enum negative, PLUS) +
	       enumval_value(enum unsigned_now, NOW_BIG) +
	       enumval_value(enum flavored, ON___here) + enumval_value(by_typedef, TWO);
}

PROGRAM(gone)
{
	return enumval_value(enum zone, ZONE_GONE) + enumval_exists(enum zone, ZONE_GONE) +
	       enumval_value(enum no_such_enum, NO_SUCH_VALUE) + enumval_exists(enum no_such_enum, NO_SUCH_VALUE) +
	       enumval_exists(enum now_struct, WAS_ENUM);
}
