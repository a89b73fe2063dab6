"""Answers that torch was not asked for are those that it would have given."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 the name that everyone knows

from pytest_burden import measure
from pytest_burden.engine.abstract import AbstractTensor, Tape, Token, abstract, spec_of
from pytest_burden.engine.call import Call, operator_of
from pytest_burden.engine.kernels import asked
from pytest_burden.engine.shapes import BY_OPERATOR, known_result
from tests.networks.cases import calling

aten: Any = torch.ops.aten
TAPE = Tape()


def stand_in(tensor: torch.Tensor) -> AbstractTensor:
    """Return a tensor of the same spec, without data."""
    spec = spec_of(tensor)
    return abstract(spec, Token(TAPE, spec.storage_bytes, "input"))


def called(operator: Any, *args: Any, **kwargs: Any) -> Call:
    """Return a call with stand-ins for tensors."""
    given = torch.utils._pytree.tree_map_only(torch.Tensor, stand_in, args)
    return Call(operator_of(operator), given, kwargs)


def ones(*size: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return a tensor in the ordinary layout."""
    return torch.ones(size, dtype=dtype)


SIZES = ((), (5,), (1,), (2, 3), (4, 1), (2, 3, 4), (1, 3, 1, 1), (2, 3, 4, 5))
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
POINTWISE = [
    operator
    for operator, answer in BY_OPERATOR.items()
    if answer.__name__ in ("another", "_each", "_itself") and "Scalar" not in str(operator)
]
ORDERED = [one for one, answer in BY_OPERATOR.items() if answer.__name__ == "another"]
"""Operators of one tensor that are known for the ordinary layout alone."""
ONCE = ([1, 1], [0, 0], [1, 1], False, [0, 0], 1)
"""Stride, padding, dilation, whether transposed, padding of the output, groups."""
HALF = torch.bfloat16
CONVOLUTIONS: list[tuple[tuple[object, ...], tuple[object, ...]]] = [
    ((ones(2, 3, 9), ones(4, 3, 3), None), ([2], [1], [1], False, [0], 1)),
    (
        (ones(2, 4, 9, 8), ones(6, 2, 3, 2), ones(6)),
        ([2, 1], [1, 0], [2, 1], False, [0, 0], 2),
    ),
    ((ones(1, 8, 1, 1), ones(8, 1, 1, 1), ones(8)), (*ONCE[:5], 8)),
    ((ones(1, 1, 5, 5), ones(1, 1, 5, 5), None), ([3, 3], [2, 2], *ONCE[2:])),
    (
        (ones(2, 3, 4, 5, 6), ones(4, 3, 1, 2, 3), None),
        ([1] * 3, [0] * 3, [1] * 3, False, [0] * 3, 1),
    ),
    ((ones(2, 3, 7, 7, dtype=HALF), ones(4, 3, 1, 1, dtype=HALF), None), ONCE),
]


def norms(dtype: torch.dtype) -> list[tuple[object, ...]]:
    """Return weight, bias, running mean and variance, training, momentum and epsilon."""
    three = ones(3, dtype=dtype)
    return [
        (*four, training, 0.1, 1e-5)
        for training in (True, False)
        for four in ([three] * 4, [None, None, three, three], [None] * 4)
        if training or four[2] is not None
    ]


IMAGE = ones(2, 3, 4, 5).to(memory_format=torch.channels_last)
BROADCAST: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((2, 3), (3,)),
    ((2, 3), ()),
    ((2, 3), (1, 3)),
    ((2, 3), (2, 1)),
    ((2, 3, 4, 5), (2, 3, 1, 1)),
    ((2, 3, 4, 5), (3, 1, 1)),
    ((1, 3, 4, 5), (1, 3, 1, 1)),
    ((2, 1, 1, 5), (5,)),
    ((1, 1, 4, 1), (1,)),
    ((1, 7, 5), (1, 1, 5)),
]
ORDINARY: list[Call] = [
    *(called(operator, IMAGE) for operator in POINTWISE if operator not in ORDERED),
    called(aten.add.Tensor, IMAGE, ones(3, 1, 1)),
    called(aten.add.Tensor, ones(2, 1), ones(1, 3)),
    called(aten.clamp.default, IMAGE, 0, 1),
    called(aten.mul.Tensor, IMAGE, IMAGE),
    *(
        called(operator, ones(*size, dtype=dtype))
        for operator in POINTWISE
        for size, dtype in [*itertools.product(SIZES, DTYPES[:1]), ((2, 3), torch.bfloat16)]
    ),
    *(called(aten.fill_.Scalar, ones(*size), 3) for size in SIZES),
    *(
        called(operator, ones(*size, dtype=dtype), other)
        for operator, answer in BY_OPERATOR.items()
        if answer.__name__ in ("_of_two", "_into_first", "_compared")
        for size, dtype in itertools.product(SIZES, DTYPES[:2])
        for other in [2, 0.5, *([ones(*size, dtype=dtype)] if "Tensor" in str(operator) else [])]
    ),
    *(
        called(operator, ones(*one), ones(*other))
        for operator in (aten.add.Tensor, aten.mul.Tensor, aten.mul_.Tensor)
        for one, other in BROADCAST
        if operator is not aten.mul_.Tensor or len(one) >= len(other)
    ),
    *(called(aten.mul.Tensor, ones(*other), ones(*one)) for one, other in BROADCAST),
    *(
        called(aten.clone.default, source, memory_format=torch.contiguous_format)
        for source in (ones(2, 3), ones(2, 3).t(), IMAGE, ones(2, 4)[:, ::2])
    ),
    *(
        called(aten.max_pool2d_with_indices.default, ones(*size, dtype=dtype), *rest)
        for size, dtype in itertools.product(((2, 3, 9, 8), (3, 7, 7), (1, 1, 4, 4)), DTYPES[:3])
        for rest in (
            ([2],), ([3, 2], [2, 1]), ([3], [2], [1]), ([2], []), ([2], [1], [0, 1], [1, 2]),
            ([3], [2], [1], [1], False), ([3], [2], [1], [1], True), ([2], [3], [1], [1], True),
        )
    ),
    *(
        called(aten.avg_pool2d.default, ones(*size, dtype=dtype), *rest)
        for size, dtype in itertools.product(((2, 3, 9, 8), (3, 7, 7), (1, 1, 4, 4)), DTYPES[:3])
        for rest in (
            ([2],), ([3, 2], [2, 1]), ([3], [2], [1]), ([2], []), ([3], [2], [1], True),
            ([2], [2], [0], False, True, None), ([2], [3], [1], True, False, 3),
        )
    ),
    *(called(aten.convolution.default, *args, *how) for args, how in CONVOLUTIONS),
    *(
        called(aten.native_batch_norm.default, ones(*size, dtype=dtype), *rest)
        for size in ((2, 3), (2, 3, 4), (2, 3, 4, 5), (1, 3, 1, 2), (1, 3, 2, 2, 2))
        for dtype in DTYPES[:2]
        for rest in norms(dtype)
    ),
    *(
        called(
            aten.native_layer_norm.default,
            ones(*before, *size, dtype=dtype), [*size], *weights, 1e-5,
        )
        for before, size in (((), (5,)), ((2,), (3,)), ((2, 3), (4,)), ((2,), (3, 4)), ((1,), (1,)))
        for dtype in DTYPES[:3]
        for weights in ((None, None), (ones(*size, dtype=dtype),) * 2)
    ),
    *(
        called(operator, *bias, left, right)
        for operator, bias in ((aten.mm.default, ()), (aten.addmm.default, (ones(4),)))
        for left, right in [
            (ones(2, 3), ones(3, 4)),
            (ones(2, 3), ones(4, 3).t()),
            (ones(3, 2).t(), ones(4, 3).t()),
            (ones(1, 3)[:, ::2], ones(2, 4)),
        ]
    ),
    *(
        called(aten.native_layer_norm.default, source, [4], weight, weight, 1e-5)
        for source in (
            ones(2, 4, 3, 3).permute(0, 2, 3, 1), ones(4, 3).t(), ones(3, 8)[:, ::2],
            ones(3, 1).expand(3, 4), ones(6, 4)[::2],
        )
        for weight in (None, ones(4))
    ),
    *(
        called(aten.pow.Tensor_Scalar, ones(*size, dtype=dtype), power)
        for size, dtype in itertools.product(SIZES, DTYPES)
        for power in (2, 0.5, -1)
    ),
    *(
        called(aten.cat.default, parts, dim)
        for parts, dim in [
            ([ones(1, 1, 8), ones(1, 8, 5).transpose(1, 2)], 1),
            ([ones(3, 2).t(), ones(3, 2).t()], 0),
            ([ones(1, 3).expand(2, 3), ones(2, 6)[:, ::2]], 1),
            ([ones(2, 5, 6, 4).transpose(1, 2), ones(2, 6, 5, 4)], -1),
            ([ones(2, 6, 5, 8)[..., :4], ones(2, 6, 5, 8)[..., 4:]], -1),
            ([IMAGE, ones(2, 3, 4, 5)], 1),
        ]
    ),
    *(
        called(aten.repeat.default, source, times)
        for source in (ones(2, 3), ones(3, 2).t(), ones(), ones(1, 3).expand(2, 3))
        for times in ([1, 2], [3, 1, 1])
    ),
    *(
        called(operator, source, 2)
        for operator, answer in BY_OPERATOR.items()
        if answer.__name__ == "_by_number"
        for source in (ones(2, 3), ones(3, 2).t(), IMAGE, ones(2, 3, dtype=HALF))
    ),
    *(
        called(aten.embedding.default, ones(10, 4, dtype=dtype), indices, *more)
        for dtype in DTYPES
        for indices in (
            torch.zeros(2, 3, dtype=torch.int64), torch.zeros(3, 2, dtype=torch.int32).t(),
            torch.zeros((), dtype=torch.int64),
        )
        for more in ((), (0, False, True))
    ),
    *(
        called(aten._scaled_dot_product_flash_attention_for_cpu.default, query, *others, *more)
        for dtype in DTYPES
        for query in (
            ones(2, 6, 5, 4, dtype=dtype), ones(2, 5, 6, 4, dtype=dtype).transpose(1, 2),
            ones(1, 1, 5, 4, dtype=dtype),
        )
        for length in (5, 7)
        for heads in {query.shape[1], 1}
        for others in ((ones(query.shape[0], heads, length, 4, dtype=dtype),) * 2,)
        for more in ((), (0.0, True))
    ),
    *(
        called(operator, *limits, **options)
        for operator, limits in [
            (aten.arange.default, (5,)), (aten.arange.default, (0,)),
            (aten.arange.start, (2, 7)), (aten.arange.start, (-3, -3)),
            (aten.arange.start_step, (0, 7, 2)), (aten.arange.start_step, (0, 8, 2)),
            (aten.arange.start_step, (3, 4, 5)), (aten.arange.start_step, (1, 1, 2)),
        ]
        for options in (
            {}, {"dtype": torch.float32}, {"device": torch.device("cpu"), "pin_memory": False},
        )
    ),
    *(
        called(aten.roll.default, ones(2, 3, 4, dtype=dtype), *how)
        for dtype in DTYPES
        for how in (([1], [0]), ([-1, 2], [1, -1]), ([9], [2]))
    ),
    *(
        called(aten.bmm.default, left, right)
        for left, right in [
            (ones(5, 2, 3), ones(5, 3, 4)),
            (ones(5, 2, 3), ones(5, 4, 3).transpose(1, 2)),
            (ones(2, 5, 3).transpose(0, 1), ones(3, 5, 4).transpose(0, 1)),
            (ones(1, 1, 3, dtype=HALF), ones(1, 3, 1, dtype=HALF)),
        ]
    ),
    *(
        called(operator, ones(*size, dtype=dtype), *limits)
        for size, dtype in itertools.product(SIZES, DTYPES)
        for operator, limits in [
            (aten.clamp.default, (0, 1)), (aten.clamp.default, (None, 0.5)),
            (aten.clamp.default, (-1.5,)), (aten.clamp_min.default, (2,)),
        ]
    ),
    *(
        called(aten._softmax.default, ones(*size, dtype=dtype), dim, False)  # noqa: FBT003 torch's own
        for size, dtype in itertools.product(SIZES, DTYPES)
        for dim in (0, -1)
    ),
    *(
        called(aten.bitwise_or.Tensor, *[ones(*size, dtype=torch.bool)] * 2)
        for size in SIZES
    ),
    *(
        called(aten.any.default, ones(*size, dtype=dtype))
        for size in (*SIZES, (0,))
        for dtype in (torch.bool, torch.float32, torch.uint8)
    ),
    *(
        called(aten.mean.dim, ones(2, 3, 4, 5), dims, *keep)
        for dims, keep in [([2, 3], ()), ([-1, -2], (True,)), ([1], (False,)), ([0, 1, 2, 3], ())]
    ),
    *(
        called(aten.cat.default, parts, *dim)
        for parts, dim in [
            ([ones(2, 3), ones(4, 3)], ()),
            ([ones(2, 3), ones(2, 1)], (1,)),
            ([ones(2, 3, 4, 5), ones(2, 6, 4, 5)], (-3,)),
            ([ones(2, 3, 1, 1), ones(2, 6, 1, 1)], (1,)),
            ([ones(1, 1, 4, 4)], (0,)),
        ]
    ),
    *(
        called(operator, size, **options)
        for operator in (aten.empty.memory_format, aten.zeros.default, aten.ones.default)
        for size, options in [
            ([2, 3], {}),
            ([], {"dtype": torch.int64, "device": torch.device("cpu"), "pin_memory": False}),
            ([0, 3], {"dtype": torch.bool, "layout": torch.strided}),
        ]
    ),
]  # fmt: skip


def described(call: Call) -> str:
    """Return an identifier."""
    return f"{call.func} {', '.join(map(str, call.specs))}"


@pytest.mark.parametrize("call", ORDINARY, ids=described)
def test_answers(call: Call) -> None:
    """Shape, dtype, strides and storage of all outputs are what torch says."""
    found = known_result(call)
    assert found is not None
    assert found == asked(call, range(len(call.tensors)))


def strided(size: Sequence[int], strides: Sequence[int]) -> torch.Tensor:
    """Return a tensor of this layout."""
    return torch.empty_strided(size, strides)


WEIGHT = ones(4, 3, 3, 3)
TRANSPOSED = (*ONCE[:3], True, *ONCE[4:])
EVALUATED = (False, 0.1, 1e-5)
LEFT: list[Call] = [
    *(called(operator, IMAGE) for operator in ORDERED),
    *(called(operator, ones(2, 3, dtype=torch.int64)) for operator in POINTWISE),
    *(
        called(operator, strided((4, 4), (0, 1)))
        for operator in POINTWISE
        if operator in ORDERED or str(operator).endswith("_.default")
    ),
    *(called(operator, ones(2, 0, 3)) for operator in POINTWISE),
    called(aten.native_batch_norm.default, ones(1, 3, 1, 1), *norms(torch.float32)[0]),
    called(aten.clone.default, ones(2, 3, 4, 5), memory_format=torch.channels_last),
    called(aten.add.Tensor, ones(2, 3), ones(4)),
    called(aten.native_layer_norm.default, ones(2, 0, 4), [4], None, None, 1e-5),
    called(aten.native_layer_norm.default, ones(2, 4).half(), [4], ones(4), None, 1e-5),
    called(aten.pow.Tensor_Scalar, ones(2, 3), 2j),
    called(aten.add_.Scalar, ones(2, 3), 2j),
    called(aten.add_.Tensor, ones(2, 3, dtype=torch.int64), ones(2, 3)),
    called(aten.mul.Tensor, ones(2, 3), ones(6, dtype=torch.int64)[::2]),
    called(aten.mul.Tensor, ones(2, 3), ones(3, dtype=torch.complex64)),
    called(aten.mul.Tensor, ones(3, dtype=torch.int64), ones(3, dtype=torch.int64)),
    called(aten.repeat.default, ones(2, 3), [2]),
    called(aten.repeat.default, ones(2, 3), [0, 1]),
    called(aten.cat.default, [ones(2, 3, 4, 5, 6).to(memory_format=torch.channels_last_3d)] * 2),
    called(aten.embedding.default, ones(4, 10).t(), torch.zeros(2, dtype=torch.int64)),
    called(aten.embedding.default, ones(4, 10), torch.zeros(0, dtype=torch.int64)),
    called(aten.embedding.default, ones(4, 10), ones(2)),
    *(
        called(aten._scaled_dot_product_flash_attention_for_cpu.default, *each)
        for each in [
            (ones(2, 6, 5, 4), ones(2, 4, 5, 4), ones(2, 4, 5, 4)),
            (ones(2, 6, 5, 4), ones(1, 6, 5, 4), ones(1, 6, 5, 4)),
            (ones(2, 6, 5, 4), ones(6, 5, 4), ones(6, 5, 4)),
            (ones(2, 6, 5, 4), ones(2, 6, 5, 4), ones(2, 6, 7, 4)),
            (*[ones(2, 6, 5, 4)] * 3, 0.5),
            (*[ones(2, 6, 5, 8)[..., ::2]] * 3,),
            (*[ones(6, 5, 4)] * 3,),
        ]
    ),
    called(aten.arange.start, 0, 2.5),
    called(aten.arange.start, 3, 2),
    called(aten.arange.start_step, 3, 0, -1),
    called(aten.arange.start_step, 0, 3, 0),
    called(aten.arange.start_step, 0, 3, 0.5),
    called(aten.arange.default, 3, device=torch.device("meta")),
    called(aten.roll.default, ones(2, 3), [1]),
    called(aten.roll.default, ones(2, 3), [1, 1], [0]),
    called(aten.roll.default, ones(2, 3), [1], [2]),
    called(aten.roll.default, ones(2, 3).t(), [1], [0]),
    called(aten.bmm.default, ones(2, 3, 4), ones(3, 4, 5)),
    called(aten.bmm.default, ones(2, 3, 0), ones(2, 0, 5)),
    called(aten.bmm.default, ones(2, 3), ones(3, 5)),
    called(aten.clamp_min.default, ones(3, dtype=torch.int64), 1.5),
    called(aten.clamp.default, ones(2, 3), True),  # noqa: FBT003 torch's own signature
    called(aten._softmax.default, ones(2, 3, dtype=HALF), 1, True),  # noqa: FBT003 the same
    called(aten._softmax.default, ones(2, 3), 2, False),  # noqa: FBT003 the same
    called(aten._softmax.default, IMAGE, 1, False),  # noqa: FBT003 the same
    called(aten.bitwise_or.Tensor, *[ones(2, 3, dtype=torch.int64)] * 2),
    called(
        aten.bitwise_or.Tensor, ones(2, 3, dtype=torch.bool), ones(3, dtype=torch.bool)
    ),
    called(aten.max_pool2d_with_indices.default, IMAGE, [2]),
    called(aten.avg_pool2d.default, IMAGE, [2]),
    called(aten.avg_pool2d.default, ones(2, 3, 5, 5), [6]),
    called(aten.max_pool2d_with_indices.default, ones(2, 3, 5, 5), [6]),
    called(aten.max_pool2d_with_indices.default, ones(2, 3, 5, 5), [2], [1], [2]),
    called(aten.max_pool2d_with_indices.default, ones(5, 5), [2]),
    called(aten.add.Tensor, ones(2, 3), ones(2, 3, dtype=torch.float64)),
    called(aten.add.Tensor, ones(2, 3), 2j),
    called(aten.add_.Tensor, ones(3), ones(2, 3)),
    called(aten.add_.Tensor, ones(1, 3), ones(2, 3)),
    called(aten.convolution.default, IMAGE, WEIGHT, None, *ONCE),
    called(aten.convolution.default, ones(2, 4, 4, 5), WEIGHT, None, *ONCE),
    called(aten.convolution.default, ones(2, 3, 2, 5), WEIGHT, None, *ONCE),
    called(aten.convolution.default, ones(2, 3, 4, 5), WEIGHT, ones(3), *ONCE),
    called(aten.convolution.default, ones(0, 3, 4, 5), WEIGHT, None, *ONCE),
    called(aten.convolution.default, ones(2, 3, 4, 5), WEIGHT, None, [0, 1], *ONCE[1:]),
    called(aten.convolution.default, ones(2, 3, 4, 5), WEIGHT, None, *ONCE[:5], 2),
    called(aten.convolution.default, ones(2, 4, 4, 5), WEIGHT, None, *TRANSPOSED),
    called(
        aten.convolution.default,
        ones(2, 3, 4, 5, dtype=torch.float64), WEIGHT, None, *ONCE,
    ),
    called(aten.native_batch_norm.default, IMAGE, *[ones(3)] * 4, *EVALUATED),
    called(aten.native_batch_norm.default, ones(2, 3), *[ones(4)] * 4, *EVALUATED),
    called(aten.native_batch_norm.default, ones(2, 3), None, None, None, None, *EVALUATED),
    called(
        aten.native_batch_norm.default,
        ones(2, 3, dtype=torch.bfloat16), *[ones(3)] * 4, *EVALUATED,
    ),
    called(aten.native_layer_norm.default, ones(2, 3), [4], None, None, 1e-5),
    called(aten.native_layer_norm.default, ones(2, 3), [3], ones(2), None, 1e-5),
    called(
        aten.native_layer_norm.default,
        ones(2, 3, dtype=torch.bfloat16), [3], ones(3), None, 1e-5,
    ),
    called(aten.mm.default, ones(2, 3), ones(4, 3)),
    called(aten.addmm.default, ones(3), ones(2, 3), ones(3, 4)),
    called(aten.mean.dim, ones(2, 3), [2]),
    called(aten.mean.dim, ones(2, 3), [1, -1]),
    called(aten.mean.dim, ones(2, 3), []),
    called(aten.mean.dim, ones(2, 3), [1], dtype=torch.float64),
    called(aten.cat.default, [ones(2, 3), ones(2, 4)]),
    called(aten.cat.default, [ones(2, 3), ones(0)], 1),
    called(aten.cat.default, [ones(2, 3), ones(2, 3, dtype=torch.float64)]),
    called(aten.cat.default, [ones(2, 3)], 2),
    called(aten.cat.default, [IMAGE, IMAGE], 1),
    called(aten.empty.memory_format, [2, 3, 4, 5], memory_format=torch.channels_last),
    called(aten.zeros.default, [2], device=torch.device("meta")),
    called(aten.zeros.default, [-1]),
    called(aten.zeros.default, [2], pin_memory=True),
]  # fmt: skip


@pytest.mark.parametrize("call", LEFT, ids=described)
def test_left_to_torch(call: Call) -> None:
    """Other layouts and dtypes, and what does not fit together, are torch's business."""
    assert known_result(call) is None


NOT_ASKED = {"aten._ctc_loss.default"}
"""Torch has no answer: real runs have, see `tests.networks.corners`."""


def test_every_answer() -> None:
    """Each operator with an answer stands in both tables."""
    callers: Callable[[list[Call]], set[str]] = lambda calls: {str(c.func) for c in calls}  # noqa: E731
    assert callers(ORDINARY) | NOT_ASKED == {str(operator) for operator in BY_OPERATOR}


@pytest.mark.parametrize(
    ("lengths", "labels"),
    [([6, 4], [1, 3]), ([5, 4], [1, 9]), ([5], [1, 1]), ([5, 4], [-1, 1]), ([5, 4, 1], [1, 1, 1])],
)
def test_lengths_that_no_kernel_takes(lengths: Any, labels: Any) -> None:
    """A loss of sequences that are too long is the error of a run, not a number."""

    def loss(x: torch.Tensor) -> torch.Tensor:
        return F.ctc_loss(x.log_softmax(-1), torch.ones(2, 4, dtype=torch.int64), lengths, labels)

    with pytest.raises(RuntimeError) as truth:
        loss(torch.zeros(5, 2, 6))
    with pytest.raises(RuntimeError) as found:
        measure(calling(loss)(), "5x2x6")
    assert str(found.value) == str(truth.value)
