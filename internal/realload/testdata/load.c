// SPDX-License-Identifier: Apache-2.0
/*
 * load BTF OBJECT: loads each program of an object alone, relocated by BTF, and
 * prints "PROGRAM error ERRNO", or "PROGRAM TAG JITED INSTRUCTIONS": what the
 * kernel made of it. Attaches and pins nothing, and closes all.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

/* Each load has maps of its own, so their ids mean nothing. */
static void forget_maps(struct bpf_insn *insns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (insns[i].code == (BPF_LD | BPF_IMM | BPF_DW) &&
		    (insns[i].src_reg == BPF_PSEUDO_MAP_FD || insns[i].src_reg == BPF_PSEUDO_MAP_VALUE))
			insns[i].imm = 0;
}

static int print(const char *name, int fd)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info), jited;
	struct bpf_insn *insns;

	if (bpf_obj_get_info_by_fd(fd, &info, &size)) /* the lengths alone */
		return -1;
	jited = info.jited_prog_len;
	insns = calloc(1, info.xlated_prog_len + 1);
	if (!insns)
		return -1;
	size = info.xlated_prog_len;
	memset(&info, 0, sizeof(info));
	info.xlated_prog_insns = (unsigned long)insns;
	info.xlated_prog_len = size;
	size = sizeof(info);
	if (bpf_obj_get_info_by_fd(fd, &info, &size) || !info.xlated_prog_insns) {
		free(insns);
		return -1;
	}
	forget_maps(insns, info.xlated_prog_len / sizeof(*insns));
	printf("%s ", name);
	for (size_t i = 0; i < sizeof(info.tag); i++)
		printf("%02x", info.tag[i]);
	printf(" %u ", jited);
	for (size_t i = 0; i < info.xlated_prog_len; i++)
		printf("%02x", ((unsigned char *)insns)[i]);
	printf("\n");
	free(insns);
	return 0;
}

/* Returns 1 if there is no program of that number. */
static int load(const char *btf, const char *path, int number)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = btf);
	struct bpf_object *object = bpf_object__open_file(path, &opts);
	struct bpf_program *p, *chosen = NULL;
	int err = 1;

	if (!object) {
		fprintf(stderr, "load: %s: %s\n", path, strerror(errno));
		return -1;
	}
	bpf_object__for_each_program(p, object) {
		bpf_program__set_autoload(p, number == 0);
		if (number-- == 0)
			chosen = p;
	}
	if (chosen) {
		err = bpf_object__load(object);
		if (err)
			err = printf("%s error %d\n", bpf_program__name(chosen), -err) < 0 ? -1 : 0;
		else
			err = print(bpf_program__name(chosen), bpf_program__fd(chosen));
	}
	bpf_object__close(object);
	return err;
}

int main(int argc, char **argv)
{
	int number = 0, err;

	if (argc != 3)
		return 2;
	libbpf_set_print(silent);
	while (!(err = load(argv[1], argv[2], number++)))
		;
	return err < 0;
}
