"""The same conditions for every measurement, and nothing left changed afterwards."""

from __future__ import annotations

import contextlib
import gc
import random
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.backends.opt_einsum
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks
from torch.utils._python_dispatch import _pop_mode

from pytest_burden.engine.compiler import eager
from pytest_burden.engine.escapes import watched_capsules
from pytest_burden.errors import BurdenError

_ONE_AT_A_TIME = threading.RLock()
"""Held by whoever measures: what is switched here belongs to the process, not to a thread."""


@contextlib.contextmanager
def fixed_surroundings() -> Iterator[None]:
    """Fix what a trace could depend on, and put it back also if the block raises.

    Random state: building and tracing run under seed 0, so that layer drop gives one answer.
    Off: gradients and inference mode, oneDNN (its recurrent kernel hides matrix products), the
    fast paths of attention modules, ``opt_einsum`` (an optional package that reorders products),
    ``torch.compile`` (the eager network is measured), what TorchScript optimizes after some runs,
    ``torch.jit.trace`` around the call, the caller's hooks on all saved tensors and on all
    optimizers, anomaly detection (it reads values), garbage collection (a tensor in a reference
    cycle would die at a moment that differs from run to run).
    """
    of = torch._C
    with contextlib.ExitStack() as stack:
        stack.enter_context(_ONE_AT_A_TIME)
        stack.enter_context(_no_mode_left())
        stack.enter_context(_quiet_threads())
        stack.enter_context(_kept_random_state())
        stack.enter_context(watched_capsules())
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.no_grad())
        stack.enter_context(
            _switched(torch._C._get_mkldnn_enabled, torch._C._set_mkldnn_enabled, to=False)
        )
        set_tracing: Any = getattr(of, "_set_tracing_state")  # noqa: B009 the stubs leave it out
        stack.enter_context(_switched(of._get_tracing_state, set_tracing, to=None))
        mha = torch.backends.mha
        stack.enter_context(_switched(mha.get_fastpath_enabled, mha.set_fastpath_enabled, to=False))
        einsum = torch.backends.opt_einsum
        stack.enter_context(_switched(lambda: einsum.enabled, einsum._set_enabled, to=False))
        stack.enter_context(eager())
        stack.enter_context(
            _switched(of._get_graph_executor_optimize, of._set_graph_executor_optimize, to=False)
        )
        stack.enter_context(torch.autograd.set_detect_anomaly(mode=False))
        stack.enter_context(_no_saved_tensors_hooks())
        for hooks in (_global_optimizer_pre_hooks, _global_optimizer_post_hooks):
            stack.enter_context(_emptied(hooks))
        stack.enter_context(no_collection())
        yield


@contextlib.contextmanager
def every_kernel_of_attention() -> Iterator[None]:
    """Let torch choose from all kernels of attention, whatever the caller has switched off.

    A forward that switches some off by itself is measured so. Not on a GPU, which is asked what
    the caller's run takes.
    """
    of = torch._C
    with (
        _switched(of._get_flash_sdp_enabled, of._set_sdp_use_flash, to=True),
        _switched(of._get_mem_efficient_sdp_enabled, of._set_sdp_use_mem_efficient, to=True),
        _switched(of._get_math_sdp_enabled, of._set_sdp_use_math, to=True),
    ):
        yield


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Let nothing be collected, neither in a trace nor in the midst of what is made from it.

    What a measurement makes is tens of thousands of objects, nearly all of them alive to its end.
    """
    with _ONE_AT_A_TIME, _switched(gc.isenabled, _collect, to=False):
        yield


def _collect(on: object) -> None:
    if on:
        gc.enable()
    else:
        gc.disable()


@contextlib.contextmanager
def _switched(
    read: Callable[[], Any], write: Callable[[Any], Any], *, to: bool | None
) -> Iterator[None]:
    before = read()
    write(to)
    try:
        yield
    finally:
        write(before)


@contextlib.contextmanager
def _quiet_threads() -> Iterator[None]:
    """Print no traceback of a thread that ended because it cannot be followed: it is said once."""
    before = threading.excepthook

    def hook(ended: Any) -> None:
        if not issubclass(ended.exc_type, BurdenError):
            before(ended)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


@contextlib.contextmanager
def _no_mode_left() -> Iterator[None]:
    """Take off the modes that a recursion without end has left on: their own exit needs frames."""
    before = torch._C._len_torch_dispatch_stack()
    try:
        yield
    finally:
        while torch._C._len_torch_dispatch_stack() > before:
            _pop_mode()


@contextlib.contextmanager
def _no_saved_tensors_hooks() -> Iterator[None]:
    autograd = torch._C._autograd
    hooks = []
    while (pair := autograd._top_saved_tensors_default_hooks(True)) is not None:  # noqa: FBT003
        hooks.append(pair)
        autograd._pop_saved_tensors_default_hooks()
    try:
        yield
    finally:
        for pair in reversed(hooks):
            autograd._push_saved_tensors_default_hooks(*pair)


@contextlib.contextmanager
def _emptied(table: dict[Any, Any]) -> Iterator[None]:
    before = dict(table)
    table.clear()
    try:
        yield
    finally:
        table.update(before)


@contextlib.contextmanager
def _kept_random_state() -> Iterator[None]:
    torch_state = torch.default_generator.get_state()
    python_state = random.getstate()
    numpy_random = getattr(sys.modules.get("numpy"), "random", None)
    numpy_state = numpy_random.get_state() if numpy_random else None
    cuda = torch.cuda.is_initialized()
    cuda_states = torch.cuda.get_rng_state_all() if cuda else []
    try:
        seed()
        yield
    finally:
        torch.default_generator.set_state(torch_state)
        random.setstate(python_state)
        if numpy_random:
            numpy_random.set_state(numpy_state)
        if cuda:
            torch.cuda.set_rng_state_all(cuda_states)


def seed() -> None:
    """Begin every sequence of random numbers anew: a forward draws the same, built how it was."""
    torch.default_generator.manual_seed(0)
    random.seed(0)
    if numpy_random := getattr(sys.modules.get("numpy"), "random", None):
        numpy_random.seed(0)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(0)
