"""What an operator returns, learnt once by running it on torch's own fake tensors."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)

from pytest_burden.engine.abstract import CPU, intern, mark_pending, spec_of
from pytest_burden.engine.call import Call
from pytest_burden.engine.compiler import import_compiler
from pytest_burden.engine.layouts import (
    AS_HALF,
    AS_INPUT,
    CORRECTED,
    NORMS,
    UNMASKED,
    grouped_product,
)
from pytest_burden.engine.mismatch import refuse_mismatch
from pytest_burden.engine.oversized import OVERSIZED
from pytest_burden.engine.result import New, Output, Plain, Result, Same, View
from pytest_burden.engine.schema import DTYPES, is_view, op_name
from pytest_burden.engine.shapes import known_result
from pytest_burden.engine.spec import Spec

_LOG = logging.getLogger(FakeTensorMode.__module__)

# Where torch knows no shape function, it runs the real kernel on zeros: only for small tensors.
_SMALL = 2**24


class NoShape(Exception):  # noqa: N818 an answer, not an error
    """The outputs of an operator cannot be known without data; the message says why."""


def infer(call: Call, storages: Sequence[int]) -> Result:
    """Run an operator without data; ``storages`` says which of its tensors share one.

    Raises:
        NoShape: the result depends on data, or torch has no shape function for it.
        RuntimeError: the arguments do not fit together; other errors of torch likewise.
    """
    with torch._C.DisableTorchFunction():  # no question of the network's: `set_` passes no mode
        return known_result(call) or asked(call, storages)


def asked(call: Call, storages: Sequence[int]) -> Result:
    """Do the same for any operator, by torch's own shape functions and what puts them right."""
    func, specs = call.func, call.specs
    refuse_mismatch(call)
    if op_name(func).startswith("aten.quantize_per_"):
        raise NoShape(f"{func} has no shape function: quantized tensors have data")
    if op_name(func) in AS_HALF:
        specs = [_as_dtype(spec, "bfloat16", torch.float16) for spec in specs]
    if op_name(func) == "aten._grouped_mm" and (product := grouped_product(call)) is not None:
        return Result((New(spec_of(product)),), None, reshaped=False)
    blanks = _metas(specs, storages)
    mode: AbstractContextManager[object] = nullcontext()
    if not (is_view(func) and func.namespace == "aten") and func is not _UNSAFE_VIEW:
        # Views need no device, and the fake `view` gives dimensions of size 1 other strides than
        # the real one: enough for the convolution after it to choose another memory format.
        fake_mode = _mode(small=sum(spec.nbytes for spec in specs) <= _SMALL)
        blanks = [FakeTensor(fake_mode, meta, CPU) for meta in blanks]
        mode = fake_mode
    by_id = {id(tensor): blank for tensor, blank in zip(call.tensors, blanks, strict=True)}
    args = [_replaced(value, by_id) for value in call.args]
    kwargs = {name: _replaced(value, by_id) for name, value in call.kwargs.items()}
    before = [(_home(blank), spec) for blank, spec in zip(blanks, specs, strict=True)]
    try:
        with mode, _silence():
            out = func(*args, **kwargs)
    except (DataDependentOutputException, DynamicOutputShapeException) as error:
        raise NoShape(f"{func} reads a tensor's values") from error
    except (
        UnsupportedFakeTensorException,
        UnsupportedOperatorException,
        NotImplementedError,
    ) as error:
        raise NoShape(f"{func} has no shape function") from error
    result = _corrected(call, _classify(out, blanks, before))
    for put_right in (_not_half, _as_input, _mixed, _masked, _resized):
        result = put_right(call, result)
    return result


_UNSAFE_VIEW = torch.ops.aten._unsafe_view.default


def _corrected(call: Call, result: Result) -> Result:
    """Put right the strides that torch's shape function gives the first outputs."""
    known = CORRECTED.get(op_name(call.func))
    if known is None or len(call.specs) <= known.source:
        return result
    source = call.specs[known.source]
    outputs = list(result.outputs)
    for position, output in enumerate(outputs[: known.outputs]):
        if not isinstance(output, (New, View)):  # no kernel here returns a view
            continue
        spec = output.spec
        strides = known.layout(call, source, spec)
        if strides is not None:
            outputs[position] = New(intern(spec.shape, strides, 0, DTYPES[spec.dtype], spec.nbytes))
    return replace(result, outputs=tuple(outputs))


def _as_dtype(spec: Spec, dtype: str, other: torch.dtype) -> Spec:
    """Return a spec in another dtype if it is of this one."""
    if spec.dtype != dtype:
        return spec
    return intern(spec.shape, spec.strides, spec.offset, other, spec.storage_bytes, spec.pending)


def _not_half(call: Call, result: Result) -> Result:
    """Give what was worked out for float16 in the place of bfloat16 its own dtype."""
    if op_name(call.func) not in AS_HALF or call.specs[0].dtype != "bfloat16":
        return result
    first, *others = result.outputs
    if isinstance(first, New):
        first = New(_as_dtype(first.spec, "float16", torch.bfloat16))
    return replace(result, outputs=(first, *others))


def _as_input(call: Call, result: Result) -> Result:
    """Give a loss, or its gradient, the dtype of its input where the target's is another."""
    source = AS_INPUT.get(op_name(call.func))
    if source is None:
        return result
    dtype = DTYPES[call.specs[source].dtype]
    cast = (_cast(each, dtype) if isinstance(each, New) else each for each in result.outputs)
    return replace(result, outputs=tuple(cast))


def _mixed(call: Call, result: Result) -> Result:
    """Give a norm of half precision its statistics in float32 where its weights are.

    The gradient of its input is as the input.
    """
    if call.func is _GROUP_NORM_BACKWARD and isinstance(first := result.outputs[0], New):
        dtype = DTYPES[call.specs[1].dtype]
        return replace(result, outputs=(_cast(first, dtype), *result.outputs[1:]))
    kept_in_float = (
        op_name(call.func) in NORMS
        and call.specs[0].dtype in ("bfloat16", "float16")
        and any(spec.dtype == "float32" for spec in call.specs)
    )
    if not kept_in_float:
        return result
    first, *statistics = result.outputs
    wider = [_cast(each, torch.float32) if isinstance(each, New) else each for each in statistics]
    return replace(result, outputs=(first, *wider))


_GROUP_NORM_BACKWARD = torch.ops.aten.native_group_norm_backward.default


def _cast(output: New, dtype: torch.dtype) -> New:
    spec = output.spec
    return New(intern(spec.shape, spec.strides, 0, dtype, spec.numel * dtype.itemsize))


def _masked(call: Call, result: Result) -> Result:
    """Leave out what a backward operator is told not to work out, as its kernel does."""
    names = [argument.name for argument in call.func._schema.arguments]
    if "output_mask" not in names:
        return result
    position = names.index("output_mask")
    mask = call.args[position] if position < len(call.args) else call.kwargs.get("output_mask")
    if not isinstance(mask, (list, tuple)) or len(mask) != len(result.outputs):
        return result
    made = UNMASKED.get(op_name(call.func))
    outputs = tuple(
        output if asked or index == made else Plain(None)
        for index, (output, asked) in enumerate(zip(result.outputs, mask, strict=True))
    )
    return replace(result, outputs=outputs)


def _resized(call: Call, result: Result) -> Result:
    """Put right the storages that kernels make larger than their outputs need."""
    bytes_of = OVERSIZED.get(op_name(call.func))
    if bytes_of is None:
        return result
    outputs: list[Output] = []
    for position, output in enumerate(result.outputs):
        if isinstance(output, New):
            spec, size = output.spec, bytes_of(call, position, output.spec)
            dtype = DTYPES[spec.dtype]
            outputs.append(New(intern(spec.shape, spec.strides, spec.offset, dtype, size)))
        else:
            outputs.append(output)
    return replace(result, outputs=tuple(outputs))


@contextmanager
def _silence() -> Iterator[None]:
    # torch logs every failing shape function; what failed is raised, and said by us if by anyone.
    before, _LOG.disabled = _LOG.disabled, True
    try:
        yield
    finally:
        _LOG.disabled = before


@cache
def _mode(*, small: bool) -> FakeTensorMode:
    import_compiler()
    mode = FakeTensorMode(allow_fallback_kernels=small)
    mode.cache_enabled = False  # it compares packed weights, which cannot be; we remember ourselves
    return mode


def _metas(specs: Sequence[Spec], storages: Sequence[int]) -> list[torch.Tensor]:
    blocks: dict[int, torch.UntypedStorage] = {}
    metas = []
    for spec, storage in zip(specs, storages, strict=True):
        if storage not in blocks:
            blocks[storage] = torch.UntypedStorage(spec.storage_bytes, device="meta")
        meta = torch.empty(0, dtype=DTYPES[spec.dtype], device="meta")
        meta.set_(blocks[storage], spec.offset, spec.shape, spec.strides)
        mark_pending(meta, spec)
        metas.append(meta)
    return metas


def _replaced(value: Any, by_id: Mapping[int, torch.Tensor]) -> Any:
    # No inner function: one that calls itself is a reference cycle, which would keep the tensors
    # of a call alive beyond their death.
    if isinstance(value, torch.Tensor):
        return by_id[id(value)]
    if isinstance(value, (list, tuple)):
        return [_replaced(item, by_id) for item in value]
    if isinstance(value, torch.device) and value.type != "cpu":
        raise NoShape(f"a tensor on {value}")
    return None if isinstance(value, torch.Generator) else value


def _classify(
    result: object, blanks: Sequence[torch.Tensor], before: Sequence[tuple[int, Spec]]
) -> Result:
    homes = {_home(blank): index for index, blank in reversed(list(enumerate(blanks)))}
    container = type(result) if isinstance(result, (list, tuple)) else None
    values: Sequence[Any] = result if isinstance(result, (list, tuple)) else [result]
    outputs: list[Output] = []
    for value in values:
        if not isinstance(value, torch.Tensor):
            if isinstance(value, (list, tuple)):
                raise NoShape("an operator with nested outputs")
            outputs.append(Plain(value))
            continue
        spec = spec_of(value)
        same = next((i for i, blank in enumerate(blanks) if blank is value), None)
        if same is not None:
            outputs.append(Same(spec, same))
        elif (index := homes.get(_home(value))) is not None:
            outputs.append(View(spec, index))
        else:
            outputs.append(New(spec))
    reshaped = any(
        _home(blank) != home or spec_of(blank) is not spec
        for blank, (home, spec) in zip(blanks, before, strict=True)
    )
    return Result(tuple(outputs), container, reshaped)


def _home(tensor: torch.Tensor) -> int:
    address: int = tensor.untyped_storage()._cdata
    return address
