"""What the commands share: help in sections, errors in a sentence, and how their process begins and ends."""

import inspect
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import click

from gallery.errors import GalleryError
from gallery.extras import extra_of, install
from gallery.settings import set_up_libraries

OTHERS = "Other options"


class ExplainedCommand(click.Command):
    """A command whose help shows the end of its docstring, from `Exit codes:` or `Examples:` on, below the options."""

    def __init__(self, name: str | None = None, *, help: str | None = None, **options: Any) -> None:  # noqa: ANN401
        """Take click's arguments."""
        said, *end = re.split(r"\n\n(?=Exit codes:|Examples:)", inspect.cleandoc(help or ""), maxsplit=1)
        epilog = "".join(end).replace("Examples:", "\b\nExamples:")  # whose lines click must not fill
        super().__init__(name, help=said, epilog=epilog, **options)


class ExplainedGroup(ExplainedCommand, click.Group):
    """The same for a group and its commands."""

    command_class = ExplainedCommand


class SectionedCommand(ExplainedCommand):
    """A command whose help lists its options under headings.

    >>> option = click.Option(["--port"], help="Where to listen.")
    >>> command = SectionedCommand("serve", params=[option], sections={"Page": "--port"})
    >>> print(command.get_help(click.Context(command, info_name="serve")))
    Usage: serve [OPTIONS]
    <BLANKLINE>
    Page:
      --port TEXT  Where to listen.
    <BLANKLINE>
    Other options:
      --help  Show this message and exit.
    """

    def __init__(self, *args: Any, sections: Mapping[str, str], **options: Any) -> None:  # noqa: ANN401
        """Take click's arguments, and for each heading its options, separated by spaces; all others come last."""
        super().__init__(*args, **options)
        self._sections = sections

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments. For a misspelt option, suggest only the most similar one."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            known = [name for option in self.params for name in option.opts]
            closest = get_close_matches(error.option_name, known, n=1)
            raise click.NoSuchOption(error.option_name, possibilities=closest, ctx=ctx) from error

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, in the order of the sections."""
        options = [option for option in self.get_params(ctx) if isinstance(option, click.Option)]
        records = {option.opts[-1]: record for option in options if (record := option.get_help_record(ctx))}
        for heading, names in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl([records.pop(name) for name in names.split()])
        with formatter.section(OTHERS):
            formatter.write_dl(list(records.values()))


def together(given: Mapping[str, bool]) -> str | None:
    """Return what is wrong with options of which only one makes sense, if anything.

    >>> together({"--json": True, "--paths": False, "--sheet": True})
    '--json and --sheet cannot be combined; give only one'
    """
    names = [name for name, is_given in given.items() if is_given]
    if len(names) < 2:
        return None
    return f"{', '.join(names[:-1])} and {names[-1]} cannot be combined; give only one"


@contextmanager
def errors_in_a_sentence() -> Iterator[None]:
    """Have click show what a user can cause as one sentence, without a traceback."""
    try:
        yield
    except GalleryError as error:
        raise click.ClickException(str(error)) from error
    except ModuleNotFoundError as error:
        extra = extra_of(error.name)
        if not extra:
            raise
        raise click.ClickException(f"this needs {error.name}, which is not installed: {install(extra)}") from error


def run_alone(command: click.Command) -> None:
    """Run a command in a process of its own, which ends without tidying up its memory: that takes 0.1 s."""
    set_up_libraries()
    try:
        command()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else bool(end.code))
