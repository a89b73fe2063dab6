"""The table that started the project: 18 networks, as a MATLAB tool once counted them.

One image, 4 bytes a datum, a fused multiply-add counted once; MB = 2^20 bytes, MFLOPs = 10^6 and
GFLOPs = 10^9, rounded to the nearest. The first release of the tool summed the features of about
half of each network; it was corrected the same day, and the corrected column is what has been
published since.

Source: README.md of github.com/albanie/convnet-burden, at commit 2a9d6250bc24 (first release) and
at commit d7f40443fb7e (corrected).
"""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """One network: where its form in plain torch is, its input, and the figures as printed."""

    name: str
    build: str
    """``module:factory``, with `networks` before it."""
    input: str
    model_memory: str
    first_feature_memory: str
    feature_memory: str
    flops: str


_COLUMNS = """
alexnet                | alexnet:alexnet            | 227 | 233 |   7 |   3 | 727 MFLOPs
vgg-verydeep-16        | vgg_verydeep:vgg_16        | 224 | 528 |  14 |  58 |  16 GFLOPs
vgg-verydeep-19        | vgg_verydeep:vgg_19        | 224 | 548 |  28 |  63 |  20 GFLOPs
vgg-verydeep-16-atrous | vgg_verydeep:vgg_16_atrous | 224 |  82 |  14 |  58 |  16 GFLOPs
resnet-101             | resnet:resnet_101          | 224 | 170 |  68 | 155 |   8 GFLOPs
resnet-50              | resnet:resnet_50           | 224 |  98 |  51 | 103 |   4 GFLOPs
resnet-152             | resnet:resnet_152          | 224 | 230 |  92 | 219 |  11 GFLOPs
resnext-50-32x4d       | resnet:resnext_50_32x4d    | 224 |  96 |  31 | 132 |   4 GFLOPs
resnext-101-32x4d      | resnet:resnext_101_32x4d   | 224 | 169 |  75 | 197 |   8 GFLOPs
resnext-101-64x4d      | resnet:resnext_101_64x4d   | 224 | 319 | 126 | 273 |  16 GFLOPs
squeezenet-1-0         | squeezenet:squeezenet_1_0  | 224 |   5 |   8 |  30 | 837 MFLOPs
squeezenet-1-1         | squeezenet:squeezenet_1_1  | 224 |   5 |   6 |  17 | 360 MFLOPs
vgg-f                  | vgg_shallow:vgg_f          | 224 | 232 |   2 |   4 | 727 MFLOPs
vgg-m                  | vgg_shallow:vgg_m          | 224 | 393 |  11 |  12 |   2 GFLOPs
vgg-s                  | vgg_shallow:vgg_s          | 224 | 393 |  28 |  12 |   3 GFLOPs
vgg-m-2048             | vgg_shallow:vgg_m_2048     | 224 | 353 |  11 |  12 |   2 GFLOPs
vgg-m-1024             | vgg_shallow:vgg_m_1024     | 224 | 333 |  11 |  12 |   2 GFLOPs
vgg-m-128              | vgg_shallow:vgg_m_128      | 224 | 315 |  11 |  12 |   2 GFLOPs
"""
"""name | factory | input size | model memory | feature memory, first and corrected | flops"""


def _row(line: str) -> Published:
    name, build, size, model_memory, first, feature_memory, flops = (
        cell.strip() for cell in line.split("|")
    )
    return Published(
        name,
        build,
        f"float32[1, 3, {size}, {size}]",
        f"{model_memory} MB",
        f"{first} MB",
        f"{feature_memory} MB",
        flops,
    )


TABLE = tuple(_row(line) for line in _COLUMNS.strip().splitlines())

DIFFERENCES = {
    ("squeezenet-1-0", "activation memory"): """\
squeezenet-1-0 was published with the output and the mask of a dropout layer that does nothing at
test time: 28.99 MiB and twice 512 x 13 x 13 floats are 29.65 MiB, rounded to 30."""
}
"""Why a figure is not the published one, by network and figure.

That the tool counted a dropout layer's variables can be seen in the profile it published, in
reports/figs/squeezenet1-0.png: before the last convolution three bars of one height stand in a row,
the output of the last fire module, the mask, and the same output passed through.
"""
