"""AlexNet, the two-column network of Krizhevsky, Sutskever and Hinton (2012), for 227x227 images.

The deployed form: it was trained with batch normalisation, which is merged into the convolutions,
and has no local response normalisation.
"""

from __future__ import annotations

from torch import nn


def alexnet() -> nn.Sequential:
    """Return the network; its two columns are the groups of convolutions 2, 4 and 5."""
    return nn.Sequential(
        nn.Conv2d(3, 96, 11, stride=4),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Flatten(),
        nn.Linear(256 * 6 * 6, 4096),
        nn.ReLU(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, 1000),
    )
