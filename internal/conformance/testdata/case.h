/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases share. Each declares the types that it reads itself: there is no vmlinux.h. */
#pragma once

typedef signed char s8;
typedef unsigned char u8;
typedef unsigned short u16;
typedef int s32;
typedef unsigned int u32;
typedef long long s64;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))

/* A program in a section of its own; an optional one is not loaded unless it is asked for. */
#define PROGRAM(name) SEC("kprobe/" #name) u64 name(void *ctx)
#define OPTIONAL(name) SEC("?kprobe/" #name) u64 name(void *ctx)

/* The relocations, by their names in the kernel's enum bpf_core_relo_kind. */
#define field_info(type, field, kind) ((u64)__builtin_preserve_field_info(((type *)0)->field, kind))
#define byte_off(type, field) field_info(type, field, 0)
#define byte_size(type, field) field_info(type, field, 1)
#define field_exists(type, field) field_info(type, field, 2)
#define field_signed(type, field) field_info(type, field, 3)
#define lshift(type, field) field_info(type, field, 4)
#define rshift(type, field) field_info(type, field, 5)
#define type_id_local(type) ((u64)__builtin_btf_type_id(*(__typeof__(type) *)0, 0))
#define type_id_target(type) ((u64)__builtin_btf_type_id(*(__typeof__(type) *)0, 1))
#define type_exists(type) ((u64)__builtin_preserve_type_info(*(__typeof__(type) *)0, 0))
#define type_size(type) ((u64)__builtin_preserve_type_info(*(__typeof__(type) *)0, 1))
#define type_matches(type) ((u64)__builtin_preserve_type_info(*(__typeof__(type) *)0, 2))
#define enumval_exists(type, value) ((u64)__builtin_preserve_enum_value(*(__typeof__(type) *)value, 0))
#define enumval_value(type, value) ((u64)__builtin_preserve_enum_value(*(__typeof__(type) *)value, 1))

/* All six of an integer or enum, and those that make sense of anything. */
#define all_of(type, field) \
	(field_exists(type, field) + byte_off(type, field) + byte_size(type, field) + field_signed(type, field) + \
	 lshift(type, field) + rshift(type, field))
#define three_of(type, field) (field_exists(type, field) + byte_off(type, field) + byte_size(type, field))

/* Plain accesses of such a type, as in s->a, are relocated. */
#define RELOCATED __attribute__((preserve_access_index))
