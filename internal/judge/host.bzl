"""What of the machine some tests need: libbpf's static library, and permission to call bpf(2).

Bazel reports tests that lack it as skipped, and not as passed.
"""

# perl is on every Debian. The call makes a map, which is gone when perl ends.
_TRY_BPF = """
my %number = (x86_64 => 321, aarch64 => 280, s390x => 351);
chomp(my $machine = `uname -m`);
my $attr = pack("L4 x112", 2, 4, 4, 1);
exit(defined $number{$machine} && syscall($number{$machine}, 0, $attr, length $attr) >= 0 ? 0 : 1);
"""

def _test_host_impl(repository_ctx):
    gcc, perl = repository_ctx.which("gcc"), repository_ctx.which("perl")
    libbpf = gcc and repository_ctx.execute([gcc, "-print-file-name=libbpf.a"]).stdout.startswith("/")
    bpf = perl and repository_ctx.execute([perl, "-e", _TRY_BPF]).return_code == 0
    incompatible = ["@platforms//:incompatible"]
    repository_ctx.file("BUILD.bazel", "")
    repository_ctx.file("host.bzl", "".join([
        "{} = {}\n".format(name, repr([] if there else incompatible))
        for name, there in [("LIBBPF", libbpf), ("BPF_PERMISSION", bpf)]
    ]))

test_host = repository_rule(
    implementation = _test_host_impl,
    configure = True,
    doc = "host.bzl in it has values of target_compatible_with: LIBBPF, BPF_PERMISSION.",
    local = True,
)
