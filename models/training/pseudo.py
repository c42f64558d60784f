"""Labels real clips with a model that was trained on real pictures, as a folder of frames for train.py.

pseudo.py TEACHER.onnx COCO_LABELS OUT CLIP...     TEACHER is a YOLOX export, 416x416 (Apache-2.0: yolox-nano)

The teacher looks at the whole picture and at four tiles, each also mirrored, and its boxes vote. What it is sure of
becomes an object; what it half sees becomes an area that is neither object nor background; nothing else is judged.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from data import HIDDEN, MIN_VISIBILITY, letterbox
from net import CLASSES, STRIDES, cells
from score import choose

INPUT = 416
SURE = 0.5
HALF_SEEN = 0.12
EVERY = 3  # pictures of a clip hardly differ from one to the next
COCO = {"backpack": "bag", "handbag": "bag", "suitcase": "bag", "dog": "animal", "cat": "animal"}
assert STRIDES == (8, 16, 32), "the teacher's strides"


class Teacher:
    """A YOLOX model whose rows are (dx, dy, log w, log h, objectness, 80 classes)."""

    def __init__(self, path: Path, labels: Path) -> None:
        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name
        self.grid = cells(INPUT, INPUT).numpy()
        names = [COCO.get(name, name) for name in labels.read_text().split("\n")]
        self.known = np.array([CLASSES.index(n) if n in CLASSES else -1 for n in names if n])

    def look(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes [n, 4] and scores [n, classes] of a BGR picture, not suppressed."""
        canvas, scale = letterbox(picture, INPUT, INPUT)
        (rows,) = self.session.run(None, {self.name: canvas.transpose(2, 0, 1)[None].astype(np.float32)})
        rows = rows[0]
        stride = self.grid[:, 2:]
        centre = (rows[:, :2] + self.grid[:, :2]) * stride
        half = np.exp(rows[:, 2:4]) * stride / 2
        scores = np.zeros((len(rows), len(CLASSES)), np.float32)
        for place in np.flatnonzero(self.known >= 0):
            column = rows[:, 4] * rows[:, 5 + place]
            scores[:, self.known[place]] = np.maximum(scores[:, self.known[place]], column)
        keep = scores.max(1) >= HALF_SEEN
        return np.concatenate([centre - half, centre + half], 1)[keep] / scale, scores[keep]

    def vote(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`look` at the whole picture and four overlapping tiles, and at their mirror images."""
        height, width = picture.shape[:2]
        h, w = height * 5 // 8, width * 5 // 8
        windows = [(0, 0, width, height)]
        windows += [(x, y, w, h) for x in (0, width - w) for y in (0, height - h)]
        boxes, scores = [], []
        for x, y, w, h in windows:
            part = np.ascontiguousarray(picture[y : y + h, x : x + w])
            for mirrored in (False, True):
                b, s = self.look(part[:, ::-1] if mirrored else part)
                if mirrored:
                    b = np.stack([w - b[:, 2], b[:, 1], w - b[:, 0], b[:, 3]], 1)
                whole = touches_no_cut(b, (x, y, w, h), (width, height))
                boxes.append(b[whole] + np.array([x, y, x, y]))
                scores.append(s[whole])
        return np.concatenate(boxes), np.concatenate(scores)


def touches_no_cut(boxes: np.ndarray, window: tuple[int, int, int, int], size: tuple[int, int]) -> np.ndarray:
    """Which boxes of a window do not reach an edge that the picture goes on behind."""
    x, y, w, h = window
    good = np.ones(len(boxes), bool)
    if x > 0:
        good &= boxes[:, 0] > 3
    if y > 0:
        good &= boxes[:, 1] > 3
    if x + w < size[0]:
        good &= boxes[:, 2] < w - 3
    if y + h < size[1]:
        good &= boxes[:, 3] < h - 3
    return good


def label(teacher: Teacher, picture: np.ndarray) -> list[dict]:
    """Objects of a picture as labels.jsonl writes them."""
    found = choose(*teacher.vote(picture), HALF_SEEN)
    things = []
    for box, score, kind in zip(found.boxes, found.scores, found.labels, strict=True):
        x1, y1, x2, y2 = (float(v) for v in box)
        seen = 1.0 if score >= SURE else (HIDDEN + MIN_VISIBILITY) / 2
        things.append({"class": CLASSES[kind], "box": [x1, y1, x2 - x1, y2 - y1], "visibility": seen})
    return things


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("labels", type=Path, help="the teacher's 80 class names, one a line")
    parser.add_argument("out", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    arguments = parser.parse_args()
    teacher = Teacher(arguments.teacher, arguments.labels)
    arguments.out.mkdir(parents=True, exist_ok=True)
    lines = []
    for clip in arguments.clips:
        capture = cv2.VideoCapture(str(clip))
        number = -1
        while True:
            more, picture = capture.read()
            if not more:
                break
            number += 1
            if number % EVERY:
                continue
            file = f"{clip.stem}-{number:06}.jpg"
            cv2.imwrite(str(arguments.out / file), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
            height, width = picture.shape[:2]
            line = {"file": file, "width": width, "height": height, "objects": label(teacher, picture)}
            lines.append(json.dumps(line))
        if number < 0:
            raise SystemExit(f"{clip}: not a readable clip")
        print(f"{clip}: {len(lines)} pictures so far", flush=True)
    (arguments.out / "labels.jsonl").write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
