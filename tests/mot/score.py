"""Prints CLEAR MOT and IDF1 of result files against ground truth, SORT's figures on the same detections beside."""

import sys
from pathlib import Path

import motmetrics as mm
import numpy as np

# py-motmetrics 1.4 still calls what numpy 2 took out.
if not hasattr(np, "asfarray"):
    np.asfarray = lambda a, dtype=float: np.asarray(a, dtype=dtype)

# MOTA, IDF1, switches, false positives, misses: SORT's own code on these detections, scored in the same way.
SORT = {
    "TUD-Campus": (62.7, 60.6, 6, 15, 113),
    "ETH-Sunnyday": (59.1, 72.4, 22, 319, 418),
    "KITTI-17": (60.2, 71.1, 9, 38, 225),
    "ADL-Rundle-8": (28.6, 32.6, 102, 959, 3781),
}


def main(results, truths):
    names = sorted(p.stem for p in Path(results).glob("*.txt"))
    rows = []
    for name in names:
        truth = mm.io.loadtxt(Path(truths) / name / "gt" / "gt.txt", fmt="mot15-2D", min_confidence=1)
        tracks = mm.io.loadtxt(Path(results) / f"{name}.txt", fmt="mot15-2D")
        rows.append(mm.utils.compare_to_groundtruth(truth, tracks, "iou", distth=0.5))
    metrics = ["mota", "idf1", "num_switches", "num_false_positives", "num_misses"]
    table = mm.metrics.create().compute_many(rows, names=names, metrics=metrics, generate_overall=False)
    print(f"{'sequence':14} {'MOTA':>6} {'IDF1':>6} {'switch':>6} {'FP':>6} {'FN':>6}    SORT: MOTA  IDF1 switch    FP    FN")
    for name in names:
        mota, idf1, switches, extra, missed = table.loc[name]
        line = f"{name:14} {mota * 100:6.1f} {idf1 * 100:6.1f} {switches:6.0f} {extra:6.0f} {missed:6.0f}"
        if name in SORT:
            line += "         {:5.1f} {:5.1f} {:6} {:5} {:5}".format(*SORT[name])
        print(line)
    line = f"{'mean':14} {table.mota.mean() * 100:6.1f} {table.idf1.mean() * 100:6.1f}"
    if set(names) == set(SORT):
        mota, idf1 = (sum(v[i] for v in SORT.values()) / len(SORT) for i in (0, 1))
        line += f"{'':30}{mota:5.1f} {idf1:5.1f}"
    print(line)


main(*sys.argv[1:])
