/*
 * Whether a type is there, and its size: structs and unions are compared by name and
 * kind alone, typedefs, pointers, arrays and functions by what they lead to.
 */
struct there {
	int whatever;
};

union both {
	int whatever;
};

enum color { RED };

struct no_such_struct {
	int a;
};

struct forward;
typedef int number;
typedef u64 number_now_struct;
typedef struct there *pointer;
typedef int *pointer_now_number;
typedef int array[4];
typedef int (*function)(struct there *, long);
typedef int function_of_fewer(struct there *);
typedef struct forward forwarded;

PROGRAM(composites)
{
	return type_exists(struct there) + type_size(struct there) + type_exists(union both) + type_size(union both) +
	       type_exists(enum color) + type_size(enum color) + type_exists(struct no_such_struct) +
	       type_size(struct no_such_struct);
}

PROGRAM(typedefs)
{
	return type_exists(number) + type_size(number) + type_exists(number_now_struct) + type_exists(pointer) +
	       type_size(pointer) + type_exists(pointer_now_number) + type_exists(array) + type_size(array) +
	       type_exists(function) + type_exists(function_of_fewer) + type_exists(forwarded);
}
