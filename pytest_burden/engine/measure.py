"""The engine's front door: a model and example inputs in, a `Burden` out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from pytest_burden.burden import Burden, Convention
from pytest_burden.engine.build import read_specs
from pytest_burden.engine.cuda import counted_on_gpu, find_gpu, run_on_gpu
from pytest_burden.engine.memory import footprint
from pytest_burden.engine.meters import meter
from pytest_burden.engine.rules.registry import Cost, counted, normal_name
from pytest_burden.engine.run import RealRun, trace
from pytest_burden.engine.surroundings import no_collection
from pytest_burden.engine.training import read_training
from pytest_burden.errors import BurdenError, quoted
from pytest_burden.inputs import by_name


def measure(  # noqa: PLR0913 the public function: all but two are rarely given
    model_or_factory: nn.Module | Callable[[], nn.Module],
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    training: object = None,
    device: object = None,
    convention: Convention | None = None,
    rules: Mapping[str, Callable[..., Cost]] | None = None,
    real: RealRun = "auto",
) -> Burden:
    """Return what one evaluation forward of a network costs, without running it where possible.

    The model, the inputs and the random state stay as they are: a factory is called so that no
    weight is allocated, a model is measured on a structural copy.

    Args:
        model_or_factory: a module, or a callable without arguments that returns one.
        args: positional inputs: tensors, spec strings such as ``"float32[1, 3, 224, 224]"``, and
            lists, tuples, dicts or dataclasses of them. What is neither tuple nor list is taken
            as the only input.
        kwargs: keyword inputs, likewise; a text that is no spec, such as ``"mean"`` or ``"8"``, is
            passed on.
        training: None; True for a training step with Adam, or what else trains: the name of an
            optimizer in `torch.optim`; a dictionary such as ``{"optimizer": "SGD",
            "momentum": 0.9, "foreach": True, "accumulate": 4, "set_to_none": False}``; a callable
            that makes an optimizer from a list of parameters. The network is put into training
            mode by its own ``train()``; the loss is the sum of all floating-point outputs.
        device: None, or a CUDA device such as ``"cuda"`` or ``"cuda:1"``: a copy of the network is
            run on it for real, and its counters are read into `cuda_memory`.
        convention: how arithmetic and bytes are counted.
        rules: formulas for custom operators in this measurement alone, by operator name; see
            `pytest_burden.rule`.
        real: ``"auto"`` runs a copy of the network once for real if it cannot be traced without
            data; ``"never"`` refuses to.

    Raises:
        BurdenError: something in the call is wrong: a spec, a factory, a rule.
        MeasureError: the network can neither be traced without data nor run for real.
        Exception: what the network's own forward or the factory raised.
    """
    __tracebackhide__ = True
    convention = Convention() if convention is None else convention
    if not isinstance(convention, Convention):
        reason = "not a pytest_burden.Convention"
        raise BurdenError(f"Invalid convention ({reason}): {quoted(convention)}")
    trained = read_training(training, convention.target)
    gpu = None if device is None else find_gpu(device)
    if real not in ("auto", "never"):
        raise BurdenError(f'Invalid real (neither "auto" nor "never"): {quoted(real)}')
    if not isinstance(model_or_factory, nn.Module) and not callable(model_or_factory):
        kind = type(model_or_factory).__name__
        raise BurdenError(f"expected a torch.nn.Module or a factory of one, got: {kind}")
    if not isinstance(rules, (Mapping, type(None))):
        reason = "not a mapping from names to functions"
        raise BurdenError(f"Invalid rules ({reason}): {quoted(rules)}")
    own = {normal_name(name): counted(formula) for name, formula in (rules or {}).items()}
    given = args if isinstance(args, (tuple, list)) else (args,)
    positional = [read_specs(value) for value in given]
    named = by_name(kwargs)
    keyword = {name: read_specs(value, where="keyword") for name, value in named.items()}
    source = (model_or_factory, positional, keyword, real)
    with no_collection():
        recorded = trace(*source)
        burden = meter(recorded, convention, own, trace(*source, trained) if trained else None)
        if gpu is None:
            del recorded  # before anything is collected: it is most of what there is
            return burden
    if isinstance(gpu, str):
        return replace(burden, unsupported={"cuda_memory": gpu})
    there = replace(trained, target="cuda") if trained else None
    predicted = footprint(recorded, trace(*source, there) if there else None)
    run = run_on_gpu(model_or_factory, positional, keyword, there, gpu, predicted)
    return counted_on_gpu(burden, run)
