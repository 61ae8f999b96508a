"""Stands in for the provider of this name: what a package says of its origin."""

PackageMetadataInfo = provider(
    doc = "Where a package comes from.",
    fields = {
        "attributes": "further facts",
        "files": "the files that hold them",
        "metadata": "the file that lists all",
        "purl": "the package's URL",
    },
)
