from collections import OrderedDict

from torch import nn


def digits(width: int = 32) -> nn.Sequential:
    layers = OrderedDict(
        conv1=nn.Conv2d(1, 16, 3, padding=1),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(16, width, 3, padding=1),
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(2),
        flat=nn.Flatten(),
        head=nn.Linear(width * 7 * 7, 10),
    )
    return nn.Sequential(layers)
