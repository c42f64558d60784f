"""Rendered frames as training pictures.

Owns reading `labels.jsonl`, the geometry of crops and what a camera does to a picture (light, blur, noise, JPEG).
Every picture is a function of (seed, its number) alone, so that a resumed run sees what an unbroken one would see.

A folder of frames holds JPEG files and `labels.jsonl`, one line a frame:
{"file", "width", "height", "objects": [{"class", "box": [x, y, w, h] in pixels, "visibility": 0..1}]}
"""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from net import CLASSES

IGNORE = -1
PAD = 114
MIN_VISIBILITY = 0.25
HIDDEN = 0.1  # visibility below which an object is taken for not there
SOURCE_WIDTH = 832  # of a rendered frame
MIN_SIDE_SOURCE = 10.0  # pixels at that width, longer side: 5 in the smaller input
MIN_SIDE_INPUT = 5.0  # pixels of the network's input, longer side
MIN_LEFT_BY_CROP = 0.3  # share of a box that a crop must leave


@dataclass
class Frame:
    """A picture on disk: boxes [n, 4] as (x1, y1, x2, y2) in its pixels, labels [n], IGNORE where not to be judged."""

    path: Path
    boxes: np.ndarray
    labels: np.ndarray


def read_frames(folder: Path) -> list[Frame]:
    """All frames of a folder, in the order of its labels.jsonl."""
    with (folder / "labels.jsonl").open() as lines:
        return [_frame(folder, json.loads(line)) for line in lines]


def _frame(folder: Path, line: dict) -> Frame:
    return Frame(folder / line["file"], *judged(line["objects"], line["width"], line["height"]))


def judged(objects: list[dict], width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and labels, as in a Frame, of what is to be seen in a picture of `width` by `height`."""
    smallest = MIN_SIDE_SOURCE * width / SOURCE_WIDTH
    boxes, labels = [], []
    for thing in objects:
        x, y, w, h = thing["box"]
        x1, y1 = max(x, 0.0), max(y, 0.0)
        x2, y2 = min(x + w, width), min(y + h, height)
        if x2 <= x1 or y2 <= y1 or thing["visibility"] < HIDDEN:
            continue
        seen = thing["visibility"] >= MIN_VISIBILITY and max(x2 - x1, y2 - y1) >= smallest
        known = thing["class"] in CLASSES
        boxes.append((x1, y1, x2, y2))
        labels.append(CLASSES.index(thing["class"]) if seen and known else IGNORE)
    return np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, np.int64)


def letterbox(picture: np.ndarray, height: int, width: int) -> tuple[np.ndarray, float]:
    """The whole picture, scaled to fit, at the top left of a grey canvas; and the scale."""
    h, w = picture.shape[:2]
    scale = min(height / h, width / w)
    canvas = np.full((height, width, 3), PAD, np.uint8)
    nh, nw = round(h * scale), round(w * scale)
    canvas[:nh, :nw] = cv2.resize(picture, (nw, nh), interpolation=cv2.INTER_LINEAR)
    return canvas, scale


class Crops(Dataset):
    """Augmented pictures of `size` (height, width) out of frames that fill `full_width` when not magnified.

    Item i is (BGR uint8 [3, H, W], targets [n, 5] of (label, x1, y1, x2, y2)).
    """

    def __init__(self, frames: list[Frame], size: tuple[int, int], full_width: int, seed: int, start: int, count: int):
        self.frames = frames
        self.size = size
        self.full_width = full_width
        self.seed = seed
        self.start = start
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        number = self.start + index
        rng = np.random.default_rng((self.seed, number))
        epoch, place = divmod(number, len(self.frames))
        order = np.random.default_rng((self.seed, epoch, 1)).permutation(len(self.frames))
        frame = self.frames[order[place]]
        picture = cv2.imread(str(frame.path))
        if picture is None:
            raise FileNotFoundError(f"{frame.path}: not a readable picture")
        picture, boxes, labels = self._crop(picture, frame, rng)
        picture = shake(picture, rng)
        targets = np.concatenate([labels[:, None].astype(np.float32), boxes], 1)
        return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))), torch.from_numpy(targets)

    def _crop(self, picture: np.ndarray, frame: Frame, rng: np.random.Generator):
        """A window of the frame, scaled by 0.6 to 1.8 with a little stretch, mirrored half of the time."""
        height, width = self.size
        whole = width >= self.full_width and rng.random() < 0.4
        zoom = 1.0 if whole else float(np.exp(rng.uniform(np.log(0.6), np.log(1.8))))
        stretch = 1.0 if whole else float(np.exp(rng.uniform(-0.12, 0.12)))
        scale = self.full_width / picture.shape[1] * zoom
        sx, sy = scale * stretch, scale / stretch
        focus = _focus(frame, rng)
        x0 = _offset(focus[0] * sx, picture.shape[1] * sx, width, rng)
        y0 = _offset(focus[1] * sy, picture.shape[0] * sy, height, rng)
        canvas, factor, shift = _window(picture, (sx, sy), (x0, y0), (height, width), rng)
        boxes = frame.boxes * np.tile(factor, 2) + np.tile(shift, 2)
        boxes, labels = _clip(boxes, frame.labels, height, width)
        if rng.random() < 0.5:
            canvas = canvas[:, ::-1]
            boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
        return canvas, boxes, labels


def _focus(frame: Frame, rng: np.random.Generator) -> np.ndarray:
    """The centre of an object, its class drawn first so that rare classes are looked at as often as common ones."""
    kinds = np.unique(frame.labels[frame.labels != IGNORE])
    if len(kinds) == 0:
        return rng.random(2).astype(np.float32) * 400
    chosen = rng.choice(np.flatnonzero(frame.labels == rng.choice(kinds)))
    box = frame.boxes[chosen]
    return (box[:2] + box[2:]) / 2


def _offset(focus: float, extent: float, window: int, rng: np.random.Generator) -> float:
    """Where a window starts, along one axis, that shows `focus` and as little as possible outside [0, extent)."""
    if extent <= window:
        return 0.0 if rng.random() < 0.5 else float(rng.uniform(extent - window, 0.0))
    return float(np.clip(focus - rng.uniform(0.1, 0.9) * window, 0.0, extent - window))


def _window(picture: np.ndarray, scale, origin, size, rng: np.random.Generator):
    """A canvas with part of the picture on it; and exactly, rounding included, the factor and shift (x, y) it took."""
    height, width = size
    (sx, sy), (x0, y0) = scale, origin
    h, w = picture.shape[:2]
    left, top = max(round(-x0), 0), max(round(-y0), 0)
    ax, ay = max(int(x0 / sx), 0), max(int(y0 / sy), 0)
    bx, by = min(int(np.ceil((x0 + width) / sx)), w), min(int(np.ceil((y0 + height) / sy)), h)
    dw, dh = min(round((bx - ax) * sx), width - left), min(round((by - ay) * sy), height - top)
    canvas = np.full((height, width, 3), PAD, np.uint8)
    kernel = cv2.INTER_AREA if sx < 1.0 and rng.random() < 0.5 else cv2.INTER_LINEAR
    canvas[top : top + dh, left : left + dw] = cv2.resize(picture[ay:by, ax:bx], (dw, dh), interpolation=kernel)
    factor = np.array([dw / (bx - ax), dh / (by - ay)], np.float32)
    return canvas, factor, np.array([left, top], np.float32) - np.array([ax, ay], np.float32) * factor


def _clip(boxes: np.ndarray, labels: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    area = np.prod(boxes[:, 2:] - boxes[:, :2], 1)
    clipped = boxes.copy()
    clipped[:, 0::2] = clipped[:, 0::2].clip(0, width)
    clipped[:, 1::2] = clipped[:, 1::2].clip(0, height)
    sides = clipped[:, 2:] - clipped[:, :2]
    weak = (np.prod(sides, 1) < MIN_LEFT_BY_CROP * area) | (sides.max(1, initial=0) < MIN_SIDE_INPUT)
    labels = np.where(weak, IGNORE, labels)
    inside = (sides > 0.5).all(1)
    return clipped[inside], labels[inside]


def shake(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What cameras, lenses, night and codecs do: one in eight pictures is left as it is."""
    if rng.random() < 0.125:
        return picture
    picture = cv2.LUT(np.ascontiguousarray(picture), _tone(rng))
    if rng.random() < 0.3:
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        share = 1.0 if rng.random() < 0.3 else rng.uniform(0.0, 0.9)
        picture = cv2.addWeighted(picture, 1 - share, grey, share, 0)
    if rng.random() < 0.1:
        picture = picture[..., rng.permutation(3)]
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.3))
    if rng.random() < 0.4:
        grain = np.empty(picture.shape, np.int16)
        cv2.setRNGSeed(int(rng.integers(1 << 31)))
        cv2.randn(grain, 0, rng.uniform(2, 14))
        picture = cv2.add(picture, grain, dtype=cv2.CV_8U)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 80))]
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR)
    return picture


def _tone(rng: np.random.Generator) -> np.ndarray:
    """Gamma, contrast, brightness and colour cast as one table [1, 256, 3]."""
    level = np.linspace(0.0, 1.0, 256)[:, None]
    gamma = np.exp(rng.uniform(-0.45, 0.45))
    gain = np.exp(rng.uniform(-0.4, 0.35)) * np.exp(rng.normal(0.0, 0.06, 3))
    lift = rng.uniform(-0.1, 0.12)
    pivot = 0.4
    table = ((level**gamma - pivot) * gain + pivot + lift) * 255.0
    return table.clip(0, 255).astype(np.uint8)[None]


def collate(items: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, list[Tensor]]:
    pictures, targets = zip(*items, strict=True)
    return torch.stack(pictures), list(targets)
