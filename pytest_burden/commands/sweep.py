"""``burden sweep``: one network at many sizes of its inputs, and the laws of its growth."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout

from pytest_burden.commands import pictures
from pytest_burden.commands.network import (
    Given,
    add_conventions,
    add_network,
    add_runs,
    given,
    metrics,
)
from pytest_burden.commands.output import emit, output_file
from pytest_burden.errors import BurdenError
from pytest_burden.report.inert import inert_json
from pytest_burden.report.pictures import sweep as draw
from pytest_burden.report.progress import bar
from pytest_burden.report.sweep import heading, text, to_csv, to_dict
from pytest_burden.sizes import EXAMPLE, parse_vary
from pytest_burden.sweeps import Sweep

FORMATS = ("terminal", "json", "csv", *pictures.FORMATS)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "sweep",
        help="measure one network at many sizes, and find how it grows",
        description="Measure one network at every combination of some sizes of its inputs, without"
        " allocating its weights, and say by what law each metric grows with them.",
        epilog="example: burden sweep shop.models:resnet50 --input 'float32[B, 3, S, S]'"
        " --vary S=224:672:32 --vary B=1,8,128",
    )
    add_network(parser)
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="SYMBOL=SIZES",
        help=f"the sizes of a symbol in the inputs: {EXAMPLE}; once for each symbol. A model of"
        " pyproject.toml has its own in the table sweep",
    )
    parser.add_argument(
        "--until",
        metavar="MODULE",
        help="run the network up to this module only, where its head fixes the size of the input",
    )
    parser.add_argument(
        "--metrics",
        type=metrics,
        default=(),
        metavar="A,B",
        help="the metrics in the table (those that vary)",
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="terminal", help="what to make of it (terminal)"
    )
    parser.add_argument("--output", type=output_file, metavar="FILE", help="write it there")
    parser.add_argument("-v", "--verbose", action="store_true", help="all terms of the laws")
    add_runs(parser)
    add_conventions(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Sweep and print.

    Raises:
        BurdenError: something in the call is wrong, or no point could be measured.
    """
    drawn = arguments.format in pictures.FORMATS
    if drawn:
        pictures.check(arguments.format, arguments.output)
    vary: dict[str, tuple[int, ...]] = {}
    for each in arguments.vary:
        symbol, sizes = parse_vary(each)
        if symbol in vary:
            raise BurdenError(f"--vary {symbol} is given twice")
        vary[symbol] = sizes
    # What the user's code prints must not end up in the table or the JSON.
    with redirect_stdout(sys.stderr):
        network = given(arguments)
        found = _sweep(arguments, network, vary)
    if not found.measured:
        first = found.points[0]
        raise BurdenError(f"none of {len(found.points)} points could be measured: {first.reason}")
    if drawn:
        figure = draw(found, heading(arguments.network, _inputs(network)), arguments.metrics)
        pictures.write_one(figure, arguments.format, arguments.output)
    else:
        emit(_rendered(found, network, arguments), arguments.output)
    return 0


def _sweep(
    arguments: argparse.Namespace, network: Given, vary: Mapping[str, tuple[int, ...]]
) -> Sweep:
    # Imported here: the engine brings torch, which `burden --help` can do without.
    from pytest_burden.engine.sweep import sweep  # noqa: PLC0415

    model = network.model
    varied = {**(model.vary if model else {}), **vary}
    if not varied:
        raise BurdenError(f"no sizes to measure at: give them with --vary {EXAMPLE}")
    with bar(f"measuring {arguments.network}", sys.stderr) as on_point:
        return sweep(
            network.target,
            network.inputs,
            network.kwargs,
            vary=varied,
            sizes={name: size for name, size in network.sizes.items() if name not in varied},
            until=arguments.until or (model.until if model else ""),
            on_point=on_point,
            **network.options,
        )


def _rendered(found: Sweep, network: Given, arguments: argparse.Namespace) -> str:
    if arguments.format == "json":
        data = to_dict(found, arguments.network, _inputs(network))
        return inert_json(f"{json.dumps(data, indent=1, ensure_ascii=False)}\n")
    if arguments.format == "csv":
        return to_csv(found)
    most = {"most": sys.maxsize} if arguments.verbose else {}
    title = heading(arguments.network, _inputs(network))
    return f"{text(found, title, arguments.metrics, **most)}\n"


def _inputs(network: Given) -> list[str]:
    named = (f"{name}={value}" for name, value in network.kwargs.items())
    return [*map(str, network.inputs), *named]
