"""What users load: the rules and their providers."""

load("//rules/private:btf_archive.bzl", _btf_archive = "btf_archive")
load("//rules/private:min_core_btf.bzl", _min_core_btf = "min_core_btf")
load("//rules/private:min_core_btf_test.bzl", _min_core_btf_test = "min_core_btf_test")
load(
    "//rules/private:providers.bzl",
    _BtfArchiveInfo = "BtfArchiveInfo",
    _CoreRelocationsInfo = "CoreRelocationsInfo",
    _MinCoreBtfInfo = "MinCoreBtfInfo",
)

btf_archive = _btf_archive
min_core_btf = _min_core_btf
min_core_btf_test = _min_core_btf_test

BtfArchiveInfo = _BtfArchiveInfo
CoreRelocationsInfo = _CoreRelocationsInfo
MinCoreBtfInfo = _MinCoreBtfInfo
