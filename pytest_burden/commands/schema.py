"""``burden schema``: JSON schemas of ``[tool.burden]`` and of results, for other programs."""

from __future__ import annotations

import argparse

from pytest_burden.commands.output import say
from pytest_burden.errors import BurdenError


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "schema",
        help="print the JSON schema of [tool.burden], or of results",
        description="Print a JSON schema: of [tool.burden], draft 7, which validate-pyproject finds"
        " by itself; or of what `pytest --burden-json` writes, draft 2020-12.",
    )
    parser.add_argument(
        "--of",
        choices=("config", "results"),
        default="config",
        help="of [tool.burden] (config), or of what --burden-json writes",
    )
    parser.add_argument(
        "--whole-file",
        action="store_true",
        help="that of a pyproject.toml with such a table, as editors want it",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    # Imported here: no other command needs them.
    from pytest_burden.budget import schema as config  # noqa: PLC0415
    from pytest_burden.report import results_schema as results  # noqa: PLC0415

    if arguments.of == "results":
        if arguments.whole_file:
            raise BurdenError("--whole-file is about pyproject.toml: not with --of results")
        say(config.text(results.schema()), end="")
    else:
        made = config.whole_file() if arguments.whole_file else config.schema()
        say(config.text(made), end="")
    return 0
