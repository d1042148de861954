"""A command with a default verb: `import a.csv` beside `import undo ID`."""

from typing import Any, ClassVar

from typer.core import TyperGroup


class DefaultGroup(TyperGroup):
    """A group whose first word, if it is none of its verbs, is the first one of a default command.

    The default command's own name is no verb: a file or device may have that name.
    """

    default: ClassVar[str]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command before words that begin with no verb."""
        verbs = self.commands.keys() - {self.default}
        return super().parse_args(ctx, args if args and args[0] in verbs else [self.default, *args])

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command; the default command has no name in its usage line."""
        name, command, rest = super().resolve_command(ctx, args)
        return ("" if name == self.default else name), command, rest


class ImportGroup(DefaultGroup):
    """`trackflow import`."""

    default = "files"


class DeviceGroup(DefaultGroup):
    """`trackflow device`."""

    default = "set"
