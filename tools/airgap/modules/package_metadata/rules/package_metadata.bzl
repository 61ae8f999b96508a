"""Stands in for the rule of this name, which gazelle puts into the Go modules that it fetches."""

load("//providers:package_metadata_info.bzl", "PackageMetadataInfo")

def _package_metadata_impl(ctx):
    return [
        DefaultInfo(),
        PackageMetadataInfo(attributes = {}, files = depset(), metadata = None, purl = ctx.attr.purl),
    ]

_package_metadata = rule(
    implementation = _package_metadata_impl,
    doc = "Declares where a package comes from.",
    attrs = {
        "attributes": attr.label_list(doc = "Further facts."),
        "purl": attr.string(doc = "The package's URL."),
    },
)

def package_metadata(name, **kwargs):
    """Declares where a package comes from.

    Args:
      name: name of the target.
      **kwargs: attributes of the rule.
    """

    # A package's default_package_metadata names this very target: no default here.
    _package_metadata(name = name, applicable_licenses = [], **kwargs)
