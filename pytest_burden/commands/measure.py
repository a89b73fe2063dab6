"""``burden measure``: what one network costs, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout

from pytest_burden.burden import Burden
from pytest_burden.commands.network import (
    add_conventions,
    add_network,
    add_runs,
    given,
)
from pytest_burden.commands.output import say
from pytest_burden.errors import BurdenError
from pytest_burden.report.inert import inert_json
from pytest_burden.report.network import module_table, network_table, peak_table
from pytest_burden.report.progress import progress


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    measure = commands.add_parser(
        "measure",
        help="measure one network",
        description="Measure one network at given inputs, without allocating its weights.",
        epilog="example: burden measure shop.models:resnet50 --input 'float32[1, 3, 224, 224]'",
    )
    add_network(measure)
    add_runs(measure)
    _add_device(measure)
    _add_prints(measure)
    add_conventions(measure)
    measure.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print.

    Raises:
        BurdenError: there is nothing to measure, or no way to.
        Exception: what the user's code raised.
    """
    # What the user's code prints must not end up in the table or the JSON.
    with progress(f"measuring {arguments.network}", sys.stderr), redirect_stdout(sys.stderr):
        try:
            burden = _measure(arguments)
        except BurdenError as error:
            raise BurdenError(" ".join(str(error).split())) from error
    say(_rendered(burden, arguments))
    return 0


def _add_device(measure: argparse.ArgumentParser) -> None:
    measure.add_argument(
        "--device",
        metavar="cuda[:N]",
        help="run a copy on this GPU too, and read its memory counters",
    )


def _add_prints(measure: argparse.ArgumentParser) -> None:
    measure.add_argument("--modules", action="store_true", help="one row a module as well")
    measure.add_argument(
        "--memory", action="store_true", help="what is alive at the peaks of memory as well"
    )
    measure.add_argument("--json", action="store_true", help="print everything as JSON")


def _measure(arguments: argparse.Namespace) -> Burden:
    # Imported here: the engine brings torch, which `burden --help` can do without.
    from pytest_burden.engine.sweep import elsewhere  # noqa: PLC0415

    network = given(arguments)
    burden, _ = elsewhere(
        network.target,
        network.inputs,
        network.kwargs,
        sizes=network.sizes,
        vary={},
        device=arguments.device,
        **network.options,
    )
    return burden


def _rendered(burden: Burden, arguments: argparse.Namespace) -> str:
    if arguments.json:
        return inert_json(json.dumps(burden.to_dict(), indent=2))
    parts = [network_table(burden, arguments.network)]
    if arguments.memory:
        parts += map(peak_table, burden.peaks)
    if arguments.modules:
        parts.append(module_table(burden.module_rows))
    return "\n\n".join(parts)
