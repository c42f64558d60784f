"""Times models against each other on one core, a run of each in turn, so that a busy machine is unkind to all alike.

latency.py MODEL.onnx...
"""

import sys
import time

import numpy as np
import onnxruntime

ROUNDS = 200


def session(path: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def main() -> None:
    sessions = {path: session(path) for path in sys.argv[1:]}
    feeds = {
        path: {i.name: np.random.default_rng(0).uniform(0, 255, i.shape).astype(np.float32) for i in s.get_inputs()}
        for path, s in sessions.items()
    }
    times: dict[str, list[float]] = {path: [] for path in sessions}
    for _ in range(ROUNDS):
        for path, one in sessions.items():
            began = time.perf_counter()
            one.run(None, feeds[path])
            times[path].append((time.perf_counter() - began) * 1e3)
    for path, took in times.items():
        print(f"{path}: min {min(took):.2f} ms, median {np.median(took):.2f} ms")


if __name__ == "__main__":
    main()
