"""``burden measure``: what one network costs, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import redirect_stdout
from typing import Any

from pytest_burden.burden import Burden, Convention
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
    measure.add_argument(
        "network", metavar="MODULE:FACTORY", help="a callable without arguments, or a built network"
    )
    measure.add_argument(
        "--input",
        dest="inputs",
        action="append",
        default=[],
        metavar="SPEC",
        help="a positional input, such as 'float32[1, 3, 224, 224]', 1x3x224x224 or "
        "'int64[2, 128] = 0'; once for each",
    )
    measure.add_argument(
        "--kwarg",
        dest="kwargs",
        action="append",
        default=[],
        type=_kwarg,
        metavar="NAME=VALUE",
        help="a keyword input: a spec with brackets, true, false, null, a number, or a text",
    )
    _add_runs(measure)
    _add_prints(measure)
    _add_conventions(measure)
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


def _add_runs(measure: argparse.ArgumentParser) -> None:
    measure.add_argument(
        "--training",
        metavar="OPTIMIZER",
        help="measure a training step too: an optimizer of torch.optim, such as Adam",
    )
    measure.add_argument(
        "--device",
        metavar="cuda[:N]",
        help="run a copy on this GPU too, and read its memory counters",
    )
    measure.add_argument(
        "--real",
        choices=("auto", "never"),
        default="auto",
        help="whether a network that needs data may be run once for real (auto)",
    )


def _add_prints(measure: argparse.ArgumentParser) -> None:
    measure.add_argument("--modules", action="store_true", help="one row a module as well")
    measure.add_argument(
        "--memory", action="store_true", help="what is alive at the peaks of memory as well"
    )
    measure.add_argument("--json", action="store_true", help="print everything as JSON")


def _add_conventions(measure: argparse.ArgumentParser) -> None:
    measure.add_argument(
        "--fma", type=int, choices=(1, 2), default=1, help="operations in a multiply-add (1)"
    )
    measure.add_argument(
        "--datum-bytes",
        type=_positive,
        metavar="N",
        help="bytes of one activation element, whatever its dtype (its own)",
    )
    measure.add_argument(
        "--transcendental",
        type=_whole,
        default=0,
        metavar="N",
        help="operations in one exp, log, sqrt, tanh and the like (0)",
    )
    measure.add_argument(
        "--target",
        choices=("cpu", "cuda"),
        default="cpu",
        help="cuda: memory in the blocks of its allocator, optimizers with foreach (cpu)",
    )


def _kwarg(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"not of the form NAME=VALUE: {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"not a whole number: {text!r}")
    return int(text)


def _positive(text: str) -> int:
    if number := _whole(text):
        return number
    raise argparse.ArgumentTypeError(f"not above zero: {text!r}")


def _measure(arguments: argparse.Namespace) -> Burden:
    # Imported here: the engine brings torch, which `burden --help` can do without.
    from pytest_burden.engine.build import import_target  # noqa: PLC0415
    from pytest_burden.engine.measure import measure  # noqa: PLC0415

    keywords: dict[str, Any] = {}
    for name, value in arguments.kwargs:
        if name in keywords:
            raise BurdenError(f"--kwarg {name} is given twice")
        keywords[name] = value
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 as `python -m` has it
    return measure(
        import_target(arguments.network),
        tuple(arguments.inputs),
        keywords,
        training=arguments.training,
        device=arguments.device,
        convention=Convention(
            fma=arguments.fma,
            datum_bytes=arguments.datum_bytes,
            transcendental=arguments.transcendental,
            target=arguments.target,
        ),
        real=arguments.real,
    )


def _rendered(burden: Burden, arguments: argparse.Namespace) -> str:
    if arguments.json:
        return inert_json(json.dumps(burden.to_dict(), indent=2))
    parts = [network_table(burden, arguments.network)]
    if arguments.memory:
        parts += map(peak_table, burden.peaks)
    if arguments.modules:
        parts.append(module_table(burden.module_rows))
    return "\n\n".join(parts)
