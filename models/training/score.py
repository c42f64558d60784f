"""Judges an exported model as the edge would run it: ONNX Runtime, letterbox, decode, suppression.

score.py MODEL.onnx FRAMES        average precision and recall, by class, on a folder of rendered frames
score.py MODEL.onnx --clip CLIP --mot GT    persons of a real clip against MOT15 ground truth
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch

from data import IGNORE, letterbox, read_frames
from net import CLASSES, cells, decode

SUPPRESSION_IOU = 0.6
OPERATING_SCORE = 0.35


@dataclass
class Detections:
    """Boxes [n, 4] as (x1, y1, x2, y2) in pixels of the picture, best score first."""

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


class Detector:
    """An exported street-nano on one core."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.height, self.width = self.session.get_inputs()[0].shape[2:]
        self.grid = cells(self.height, self.width)

    def __call__(self, picture: np.ndarray, floor: float = OPERATING_SCORE) -> Detections:
        """Detections of score `floor` and above in a BGR picture."""
        canvas, scale = letterbox(picture, self.height, self.width)
        tensor = canvas.transpose(2, 0, 1)[None].astype(np.float32)
        (rows,) = self.session.run(None, {"images": tensor})
        boxes = decode(torch.from_numpy(rows), self.grid)[0].numpy()
        return choose(boxes / scale, rows[0, :, 4:5] * rows[0, :, 5:], floor)


def choose(boxes: np.ndarray, scores: np.ndarray, floor: float) -> Detections:
    """Per-class suppression of boxes [N, 4] with scores [N, classes]."""
    labels = scores.argmax(1)
    best = scores.max(1)
    keep = best >= floor
    boxes, labels, best = boxes[keep], labels[keep], best[keep]
    wh = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
    kept = cv2.dnn.NMSBoxesBatched(wh.tolist(), best.tolist(), labels.tolist(), floor, SUPPRESSION_IOU)
    kept = np.array(kept, int).reshape(-1)
    kept = kept[np.argsort(-best[kept], kind="stable")]
    return Detections(boxes[kept], best[kept], labels[kept])


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU of every box of a [n, 4] with every box of b [m, 4]: [n, m]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inner = np.prod(np.clip(high - low, 0, None), -1)
    areas = [np.prod(x[:, 2:] - x[:, :2], 1) for x in (a, b)]
    return inner / np.maximum(areas[0][:, None] + areas[1][None] - inner, 1e-9)


def match(found: np.ndarray, truth: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """1 hit, 0 false, -1 not to be judged, for boxes in order of score against one class's truth at IoU 0.5."""
    verdict = np.zeros(len(found), int)
    overlaps = iou(found, truth)
    free = np.ones(len(truth), bool)
    spared = iou(found, ignored).max(1, initial=0.0) >= 0.3
    for i in range(len(found)):
        options = np.where(free, overlaps[i], 0.0)
        best = int(options.argmax()) if len(truth) else -1
        if best >= 0 and options[best] >= 0.5:
            verdict[i], free[best] = 1, False
        elif spared[i]:
            verdict[i] = -1
    return verdict


@dataclass
class ClassScore:
    truth: int
    average_precision: float
    recall: float
    precision: float


def judge(pairs: Iterable[tuple[Detections, np.ndarray, np.ndarray]]) -> dict[str, ClassScore]:
    """Scores by class of (detections from a low floor, truth boxes, truth labels with IGNORE) a picture."""
    verdicts: list[list[np.ndarray]] = [[] for _ in CLASSES]
    scores: list[list[np.ndarray]] = [[] for _ in CLASSES]
    truths = np.zeros(len(CLASSES), int)
    for found, boxes, labels in pairs:
        for label in range(len(CLASSES)):
            mine = found.labels == label
            truths[label] += (labels == label).sum()
            verdicts[label].append(match(found.boxes[mine], boxes[labels == label], boxes[labels == IGNORE]))
            scores[label].append(found.scores[mine])
    return {
        name: _class_score(np.concatenate(verdicts[i]), np.concatenate(scores[i]), int(truths[i]))
        for i, name in enumerate(CLASSES)
        if truths[i]
    }


def _class_score(verdict: np.ndarray, score: np.ndarray, truth: int) -> ClassScore:
    judged = verdict >= 0
    verdict, score = verdict[judged], score[judged]
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(verdict[order])
    recall = hits / truth
    precision = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    area = float(np.sum(np.diff(recall, prepend=0.0) * envelope))
    shown = score >= OPERATING_SCORE
    right = int(verdict[shown].sum())
    return ClassScore(truth, area, right / truth, right / max(int(shown.sum()), 1))


def mean_ap(scores: dict[str, ClassScore]) -> float:
    return float(np.mean([s.average_precision for s in scores.values()]))


def table(scores: dict[str, ClassScore]) -> str:
    lines = [
        f"| class | objects | AP@0.5 | recall at {OPERATING_SCORE} | precision at {OPERATING_SCORE} |",
        "|---|---|---|---|---|",
    ]
    for name, s in scores.items():
        lines.append(f"| {name} | {s.truth} | {s.average_precision:.3f} | {s.recall:.3f} | {s.precision:.3f} |")
    lines.append(f"| mAP@0.5 | | {mean_ap(scores):.3f} | | |")
    return "\n".join(lines)


def frames_report(detector: Detector, folder: Path, limit: int | None) -> dict[str, ClassScore]:
    frames = read_frames(folder)[:limit]
    return judge((detector(cv2.imread(str(f.path)), 0.01), f.boxes, f.labels) for f in frames)


def clip_report(detector: Detector, clip: Path, truth: Path) -> str:
    """Person precision and recall on a clip whose frame n is line group n of a MOT15 gt.txt."""
    rows = np.loadtxt(truth, delimiter=",")
    capture = cv2.VideoCapture(str(clip))
    hits = shown = wanted = 0
    for number in range(1, int(rows[:, 0].max()) + 1):
        more, picture = capture.read()
        if not more:
            break
        boxes = rows[(rows[:, 0] == number) & (rows[:, 6] != 0), 2:6]
        boxes = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
        found = detector(picture)
        people = found.boxes[found.labels == CLASSES.index("person")]
        hits += int((match(people, boxes, np.zeros((0, 4))) == 1).sum())
        shown += len(people)
        wanted += len(boxes)
    return (
        f"person at score {OPERATING_SCORE}: precision {hits / max(shown, 1):.2f}, recall {hits / max(wanted, 1):.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("frames", type=Path, nargs="?")
    parser.add_argument("--limit", type=int, help="only the first frames")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--mot", type=Path)
    arguments = parser.parse_args()
    detector = Detector(arguments.model)
    if arguments.frames:
        scores = frames_report(detector, arguments.frames, arguments.limit)
        print(table(scores))
        if arguments.json:
            arguments.json.write_text(json.dumps({n: vars(s) for n, s in scores.items()}, indent=1) + "\n")
    if arguments.clip and arguments.mot:
        print(clip_report(detector, arguments.clip, arguments.mot))


if __name__ == "__main__":
    main()
