"""The detector: plain 3x3 convolutions, a top-down pyramid and a YOLOX-shaped head.

Owns the architecture and what its outputs mean. Knows nothing of data, losses or files.

Why it looks like this: on a CPU a full 3x3 convolution with ReLU runs at the speed of the multipliers, whereas
depthwise convolutions and SiLU run at the speed of memory; both also survive int8 quantisation badly.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = (
    *("person", "bicycle", "motorcycle", "car", "bus", "truck", "bag"),
    *("fallen", "fire", "smoke", "animal"),
)
STRIDES = (8, 16, 32)


@dataclass(frozen=True)
class Shape:
    """Channels at strides 2, 4, 8, 16, 32, residual blocks at strides 4 to 32, and channels of the pyramid.

    Multiples of 16, the width of an AVX-512 register: anything between costs as much as the next multiple.
    `input` and `crop` are (height, width) of whole pictures and of the crops that most of the training looks at.
    """

    stages: tuple[int, int, int, int, int]
    blocks: tuple[int, int, int, int]
    pyramid: int
    input: tuple[int, int]
    crop: tuple[int, int]


SHAPES = {
    "nano": Shape((16, 32, 64, 96, 128), (0, 1, 2, 1), 48, (256, 448), (192, 288)),
    "small": Shape((16, 32, 64, 128, 192), (0, 1, 2, 2), 48, (352, 640), (224, 352)),
}


class Conv(nn.Sequential):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two 3x3 convolutions at half the channels, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Conv(channels, channels // 2)
        self.second = Conv(channels // 2, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


class Head(nn.Module):
    """Box, objectness and class maps of one pyramid level: [B, 5 + classes, h, w] as logits."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = Conv(channels, channels)
        self.box = nn.Conv2d(channels, 4, 1)
        self.score = nn.Conv2d(channels, 1 + classes, 1)
        # A prior of 1 in 100 keeps the first steps from being spent on the empty background.
        nn.init.constant_(self.score.bias, -4.6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return torch.cat([self.box(x), self.score(x)], 1)


class StreetNet(nn.Module):
    """BGR pictures 0..255, [B, 3, H, W] with H and W multiples of 32 -> rows [B, N, 5 + classes].

    A row is (dx, dy, log w, log h, objectness, classes...): box centre (cell + d) * stride and size exp(.) * stride, in
    pixels of the input; the rest are logits. Rows run level by level (strides 8, 16, 32), row-major within a level.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        s2, s4, s8, s16, s32 = shape.stages
        n4, n8, n16, n32 = shape.blocks
        p = shape.pyramid
        self.stem = nn.Sequential(Conv(3, s2, stride=2), stage(s2, s4, n4))
        self.to8 = stage(s4, s8, n8)
        self.to16 = stage(s8, s16, n16)
        self.to32 = stage(s16, s32, n32)
        self.lateral = nn.ModuleList(Conv(c, p, kernel=1) for c in (s8, s16, s32))
        self.smooth = nn.ModuleList(Conv(p, p) for _ in STRIDES[1:])
        self.heads = nn.ModuleList(Head(p, len(CLASSES)) for _ in STRIDES)
        self.divisor = 255.0  # 1 once the first convolution has taken it over

    def forward(self, pictures: Tensor) -> Tensor:
        c8 = self.to8(self.stem(pictures if self.divisor == 1.0 else pictures / self.divisor))
        c16 = self.to16(c8)
        c32 = self.to32(c16)
        p32 = self.smooth[1](self.lateral[2](c32))
        p16 = self.smooth[0](self.lateral[1](c16) + _double(p32))
        p8 = self.lateral[0](c8) + _double(p16)
        maps = [head(p) for head, p in zip(self.heads, (p8, p16, p32), strict=True)]
        return torch.cat([m.flatten(2) for m in maps], 2).transpose(1, 2)


def stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    """Halves the resolution, then `blocks` residual blocks."""
    return nn.Sequential(Conv(inputs, outputs, stride=2), *(Residual(outputs) for _ in range(blocks)))


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def cells(height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """The cell of every row for an input of this size: [N, 3] of (column, row, stride)."""
    levels = []
    for stride in STRIDES:
        rows, columns = torch.meshgrid(
            torch.arange(height // stride, device=device),
            torch.arange(width // stride, device=device),
            indexing="ij",
        )
        levels.append(torch.stack([columns, rows, torch.full_like(rows, stride)], -1).reshape(-1, 3))
    return torch.cat(levels).float()


def decode(rows: Tensor, grid: Tensor) -> Tensor:
    """Boxes [B, N, 4] as (x1, y1, x2, y2) in pixels of the input, of rows [B, N, 4+] over `cells`."""
    stride = grid[:, 2:]
    centre = (rows[..., :2] + grid[:, :2]) * stride
    half = torch.exp(rows[..., 2:4].clamp(max=6.0)) * stride / 2
    return torch.cat([centre - half, centre + half], -1)
