"""Counts what a model sees and misses in rendered scenes, for the boxes that a rule would need; and its mAP over all.

score_case.py MODEL.onnx CASE...      CASE is a folder that `camera-sim case` wrote: clip.mp4 and truth.jsonl
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from data import judged
from net import CLASSES
from score import OPERATING_SCORE, Detections, Detector, iou, judge, table

FLOOR = 0.01  # score from which on a detection counts for the average precision
MIN_HEIGHT = 24.0  # pixels of the clip
MIN_VISIBILITY = 0.5
HIT_IOU = 0.5


def wanted(thing: dict) -> bool:
    return thing["visibility"] > MIN_VISIBILITY and thing["box"][3] >= MIN_HEIGHT


def corners(things: list[dict]) -> np.ndarray:
    boxes = np.array([t["box"] for t in things], float).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


class Count:
    """Seen, missed and false boxes by class; tracks that were hardly ever seen."""

    def __init__(self) -> None:
        self.truth: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.false: Counter[str] = Counter()
        self.tracks: dict[tuple[int, str], list[bool]] = {}
        self.frames = 0
        # Detections from FLOOR on, boxes and labels of each picture.
        self.pairs: list[tuple[Detections, np.ndarray, np.ndarray]] = []

    def add(self, detector: Detector, picture: np.ndarray, things: list[dict], floor: float) -> None:
        weak = detector(picture, FLOOR)
        self.pairs.append((weak, *judged(things, picture.shape[1], picture.shape[0])))
        shown = weak.scores >= floor
        found = Detections(weak.boxes[shown], weak.scores[shown], weak.labels[shown])
        self.frames += 1
        boxes = corners(things)
        overlaps = iou(found.boxes, boxes)
        names = np.array([CLASSES[label] for label in found.labels], object)
        for i, thing in enumerate(things):
            if not wanted(thing):
                continue
            hit = bool(((overlaps[:, i] >= HIT_IOU) & (names == thing["class"])).any())
            self.truth[thing["class"]] += 1
            self.seen[thing["class"]] += hit
            self.tracks.setdefault((thing["track"], thing["class"]), []).append(hit)
        for i, name in enumerate(names):
            same = np.array([thing["class"] == name for thing in things], bool)
            if not (overlaps[i] * same >= 0.3).any():
                self.false[name] += 1

    def report(self) -> str:
        lines = ["| class | boxes | recall | false boxes a picture |", "|---|---|---|---|"]
        for name in CLASSES:
            if self.truth[name] or self.false[name]:
                recall = self.seen[name] / max(self.truth[name], 1)
                lines.append(f"| {name} | {self.truth[name]} | {recall:.3f} | {self.false[name] / self.frames:.3f} |")
        total = sum(self.seen.values()) / max(sum(self.truth.values()), 1)
        lines.append(
            f"| all | {sum(self.truth.values())} | {total:.3f} | {sum(self.false.values()) / self.frames:.3f} |"
        )
        for (track, name), hits in sorted(self.tracks.items()):
            if len(hits) >= 5 and np.mean(hits) < 0.9:
                lines.append(f"track {track}, {name}: seen in {sum(hits)} of {len(hits)} pictures")
        return "\n".join(lines)


def count(detector: Detector, case: Path, every: int, floor: float) -> Count:
    result = Count()
    capture = cv2.VideoCapture(str(case / "clip.mp4"))
    with (case / "truth.jsonl").open() as lines:
        for number, line in enumerate(lines):
            more, picture = capture.read()
            if not more:
                break
            if number % every == 0:
                result.add(detector, picture, json.loads(line)["objects"], floor)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("cases", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=3, help="look at every n-th picture")
    parser.add_argument("--score", type=float, default=OPERATING_SCORE)
    arguments = parser.parse_args()
    detector = Detector(arguments.model)
    pairs = []
    for case in arguments.cases:
        result = count(detector, case, arguments.every, arguments.score)
        pairs += result.pairs
        print(f"{case.name}, score {arguments.score}:\n{result.report()}")
    print(f"all {len(arguments.cases)}:\n{table(judge(pairs))}")


if __name__ == "__main__":
    main()
