"""The providers, for rules that consume ours."""

load(
    "//rules/private:providers.bzl",
    _BtfArchiveInfo = "BtfArchiveInfo",
    _CoreRelocationsInfo = "CoreRelocationsInfo",
    _MinCoreBtfInfo = "MinCoreBtfInfo",
    _MinbtfToolchainInfo = "MinbtfToolchainInfo",
)

BtfArchiveInfo = _BtfArchiveInfo
CoreRelocationsInfo = _CoreRelocationsInfo
MinCoreBtfInfo = _MinCoreBtfInfo
MinbtfToolchainInfo = _MinbtfToolchainInfo
