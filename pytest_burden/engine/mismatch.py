"""What torch's kernels refuse and its shape functions do not: tensors whose dtypes do not fit.

A network that no machine could run has no burden; without this a float64 input would pass through
float32 weights. Only what kernels of CPUs and of CUDA refuse alike stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pytest_burden.engine.call import Call
from pytest_burden.engine.spec import Spec

Check = Callable[[Sequence[Spec | None]], str]
"""Takes the specs of a call's arguments, None for what is no tensor; says what does not fit."""


def refuse_mismatch(call: Call) -> None:
    """Raise what a kernel would.

    Raises:
        RuntimeError: the dtypes of the arguments do not fit together.
    """
    check = _CHECKS.get(call.func.name())
    if check is None:
        return
    specs = dict(zip(map(id, call.tensors), call.specs, strict=True))
    if reason := check([specs.get(id(value)) for value in call.args]):
        raise RuntimeError(f"{call.func.name()}: {reason}")


def _alike(*positions: int) -> Check:
    """Return a check that these arguments have one dtype."""

    def check(specs: Sequence[Spec | None]) -> str:
        given = [specs[position] for position in positions if position < len(specs)]
        dtypes = dict.fromkeys(spec.dtype for spec in given if spec is not None)
        return (
            f"expected tensors of one dtype, got {' and '.join(dtypes)}" if len(dtypes) > 1 else ""
        )

    return check


def _norm(*positions: int) -> Check:
    """Return a check of a norm: its parameters are as its input, or float32 beside a half one."""

    def check(specs: Sequence[Spec | None]) -> str:
        given = specs[0]
        if given is None:
            return ""
        if not (given.is_floating or given.is_complex):
            return f"not implemented for {given.dtype}"
        fitting = {given.dtype, "float32"} if given.dtype in _HALF else {given.dtype}
        for position in positions:
            spec = specs[position] if position < len(specs) else None
            if spec is not None and spec.dtype not in fitting:
                return f"expected parameters of dtype {given.dtype}, got {spec.dtype}"
        return ""

    return check


def _one_of(position: int, *dtypes: str) -> Check:
    """Return a check that an argument has one of these dtypes."""

    def check(specs: Sequence[Spec | None]) -> str:
        spec = specs[position]
        if spec is None or spec.dtype in dtypes:
            return ""
        return f"expected {' or '.join(dtypes)} as argument {position + 1}, got {spec.dtype}"

    return check


def _all(*checks: Check) -> Check:
    """Return a check of several things, which says the first that does not fit."""
    return lambda specs: next(filter(None, (check(specs) for check in checks)), "")


def _no_floating(specs: Sequence[Spec | None]) -> str:
    """Say that bits of floating-point numbers cannot be combined."""
    floating = (spec.dtype for spec in specs if spec is not None and spec.is_floating)
    return next((f"not implemented for {dtype}" for dtype in floating), "")


_HALF = ("float16", "bfloat16")
_CHECKS: Mapping[str, Check] = {
    **dict.fromkeys(("aten::mm", "aten::bmm", "aten::mv", "aten::_cdist_forward"), _alike(0, 1)),
    **dict.fromkeys(("aten::grid_sampler_2d", "aten::grid_sampler_3d"), _alike(0, 1)),
    **dict.fromkeys(("aten::binary_cross_entropy", "aten::huber_loss_backward"), _alike(0, 1, 2)),
    **dict.fromkeys(
        ("aten::addmm", "aten::baddbmm", "aten::addmv", "aten::addbmm"), _alike(0, 1, 2)
    ),
    **dict.fromkeys(("aten::index_add", "aten::index_add_"), _alike(0, 3)),
    "aten::native_layer_norm": _norm(2, 3),
    "aten::native_group_norm": _norm(1, 2),
    **dict.fromkeys(
        ("aten::native_batch_norm", "aten::_native_batch_norm_legit"), _norm(1, 2, 3, 4)
    ),
    "aten::index_select": _one_of(2, "int64", "int32"),
    **dict.fromkeys(
        ("aten::nll_loss_forward", "aten::nll_loss2d_forward"),
        _all(_one_of(1, "int64", "uint8"), _alike(0, 2)),
    ),
    **{
        f"aten::bitwise_{name}": _no_floating
        for name in ("and.Tensor", "or.Tensor", "xor.Tensor", "not")
    },
}
