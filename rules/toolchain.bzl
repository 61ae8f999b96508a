"""For those who bring a minbtf of their own, say a prebuilt one."""

load("//rules/private:minbtf_toolchain.bzl", _minbtf_toolchain = "minbtf_toolchain")

minbtf_toolchain = _minbtf_toolchain
