"""``burden schema``: the JSON schema of ``[tool.burden]``, for editors and validators."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "schema",
        help="print the JSON schema of [tool.burden]",
        description="Print the JSON schema of [tool.burden], draft 7. validate-pyproject finds it"
        " by itself.",
    )
    parser.add_argument(
        "--whole-file",
        action="store_true",
        help="that of a pyproject.toml with such a table, as editors want it",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    # Imported here: no other command needs it.
    from pytest_burden.budget.schema import schema, text, whole_file  # noqa: PLC0415

    print(text(whole_file() if arguments.whole_file else schema()), end="")
    return 0
