"""Work that does not depend on what the rest is built for.

A kernel's pack depends on its BTF alone, a tailored one on the objects'
relocations, too; not on how the rest is built. These actions are therefore those
of targets of their own, <name>.packs and <name>.tailored, in the execution
configuration: that is the one which stays the same under -c opt, --copt and
--platforms, output paths included. Their attributes are <name>'s, too, for
select() can make other ones of them there; and that is an error.
"""

def inner_attributes(tags, kwargs):
    """The attributes of a target that does the work of another one.

    Args:
      tags: list of strings: those of the other one.
      kwargs: dict: further attributes of the other one, which all rules have.

    Returns:
      A dict.
    """

    # What the other one is compatible with says nothing about the execution platform.
    return dict(kwargs, tags = tags + ["manual"], target_compatible_with = None, visibility = ["//visibility:private"])

def _describe(value, other):
    """What a value has that another one has not, in short."""
    if type(value) != "list":
        return repr(value)
    others = {element: True for element in other}
    own = [element for element in value if element not in others] or value
    return repr(own[:3]) + (" and {} more".format(len(own) - 3) if len(own) > 3 else "")

def check_same_choices(here, there, remedy):
    """Fails where attributes have other values in the execution configuration.

    Args:
      here: dict of the values in this configuration.
      there: dict of those in the execution configuration.
      remedy: string: what to do instead.
    """
    for attribute, value in here.items():
        other = there[attribute]
        if value != other:
            fail("{}: expected the same in the execution configuration, got {} here and {} there; {}".format(
                attribute,
                _describe(value, other),
                _describe(other, value),
                remedy,
            ))
