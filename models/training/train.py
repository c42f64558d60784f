"""Trains a street model on a folder of rendered frames; on a CPU in an hour or two, on a GPU in minutes.

Most of the run looks at crops, which hold more objects a pixel and cost a third; the last part sees whole pictures.
A run that is stopped goes on from its last checkpoint when started again with the same arguments.
"""

import argparse
import copy
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from data import Crops, Frame, collate, read_frames
from loss import detection_loss
from net import SHAPES, Shape, StreetNet, cells

CROP_SHARE = 0.8  # of the run, in pictures
PEAK_RATE = 2e-3
WARM_UP = 200  # steps
EMA_DECAY = 0.998
CHECKPOINT_EVERY = 100  # steps


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frames", type=Path, nargs="+", help="folders with labels.jsonl")
    parser.add_argument("--work", type=Path, required=True, help="checkpoints go here")
    parser.add_argument("--size", choices=SHAPES, default="nano")
    parser.add_argument("--pictures", type=int, default=120_000, help="augmented pictures to look at")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--start-from", type=Path, help="checkpoint to begin with, of this size or a smaller one")
    parser.add_argument("--peak-rate", type=float, default=PEAK_RATE)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="1 where others need the CPU too")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def rate(step: int, steps: int, peak: float) -> float:
    """Linear warm-up, then a cosine down to 2 % of the peak."""
    if step < WARM_UP:
        return peak * (step + 1) / WARM_UP
    along = (step - WARM_UP) / max(steps - WARM_UP, 1)
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * along)))


def batches(
    frames: list[Frame], shape: Shape, options: argparse.Namespace, step: int, steps: int
) -> Iterator[tuple[Tensor, list[Tensor]]]:
    """Batches `step`.. of the run: crops first, whole pictures after."""
    turn = int(steps * CROP_SHARE)
    for size, first, last in ((shape.crop, step, turn), (shape.input, max(step, turn), steps)):
        if first >= last:
            continue
        start, count = first * options.batch, (last - first) * options.batch
        crops = Crops(frames, size, shape.input[1], options.seed, start, count)
        yield from DataLoader(
            crops,
            options.batch,
            num_workers=options.workers,
            collate_fn=collate,
            worker_init_fn=_single_thread,
            persistent_workers=options.workers > 0,
        )


def _single_thread(_worker: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, step: int) -> None:
    """Moves the averaged weights towards the trained ones, faster at the start."""
    decay = min(EMA_DECAY, (1 + step) / (10 + step))
    for mine, theirs in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if mine.dtype.is_floating_point:
            mine.lerp_(theirs, 1 - decay)
        else:
            mine.copy_(theirs)


def optimiser(model: nn.Module) -> torch.optim.Optimizer:
    """AdamW; weight decay on convolutions only."""
    kernels = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim == 1]
    return torch.optim.AdamW([{"params": kernels, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}])


@torch.no_grad()
def grow(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Takes over the weights of a model of this size or a smaller one; what is new adds nothing until it has learnt.

    Old channels do not listen to new ones (zero weights), and a new residual block passes on what it gets (zero scale),
    as in Net2Net (arXiv 1511.05641).
    """
    for name, mine in model.state_dict().items():
        if name not in weights:
            if name.endswith("second.1.weight"):
                mine.zero_()
            continue
        theirs = weights[name]
        if mine.ndim > 1:
            mine[: theirs.shape[0], theirs.shape[1] :] = 0.0
        mine[tuple(slice(n) for n in theirs.shape)] = theirs


class Run:
    """Everything a checkpoint holds."""

    def __init__(self, options: argparse.Namespace) -> None:
        torch.manual_seed(options.seed)
        self.model = StreetNet(SHAPES[options.size]).to(options.device, memory_format=torch.channels_last).train()
        if options.start_from:
            grow(self.model, torch.load(options.start_from, map_location=options.device)["average"])
        self.average = copy.deepcopy(self.model).eval()
        self.optimiser = optimiser(self.model)
        self.step = 0
        self.path = options.work / "checkpoint.pt"
        if self.path.exists():
            self._resume(options.device)

    def _resume(self, device: str) -> None:
        state = torch.load(self.path, map_location=device)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]
        print(f"goes on from step {self.step} of {self.path}", flush=True)

    def save(self) -> None:
        """Replaces the checkpoint in one move, so that a kill leaves the old one or the new one."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
        }
        unfinished = self.path.with_suffix(".part")
        torch.save(state, unfinished)
        os.replace(unfinished, self.path)


def learn(
    run: Run, pictures: Tensor, targets: list[Tensor], options: argparse.Namespace, steps: int
) -> dict[str, float]:
    """One step; the parts of its loss."""
    device = torch.device(options.device)
    pictures = pictures.to(device, torch.float32, memory_format=torch.channels_last)
    for group in run.optimiser.param_groups:
        group["lr"] = rate(run.step, steps, options.peak_rate)
    # bfloat16 needs no loss scaling and is three to five times as fast where the CPU has AMX.
    with torch.autocast(device.type, torch.bfloat16):
        rows = run.model(pictures)
    grid = cells(pictures.shape[2], pictures.shape[3], device)
    loss, parts = detection_loss(rows.float(), [t.to(device) for t in targets], grid)
    run.optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(run.model.parameters(), 10.0)
    run.optimiser.step()
    run.step += 1
    follow(run.average, run.model, run.step)
    return parts


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    frames = [frame for folder in options.frames for frame in read_frames(folder)]
    steps = options.pictures // options.batch
    run = Run(options)
    print(f"{len(frames)} frames, steps {run.step} to {steps} of {options.batch} on {options.device}", flush=True)
    began, seen = time.monotonic(), 0
    for pictures, targets in batches(frames, SHAPES[options.size], options, run.step, steps):
        parts = learn(run, pictures, targets, options, steps)
        seen += len(pictures)
        if run.step % CHECKPOINT_EVERY == 0 or run.step == steps:
            run.save()
            speed = seen / (time.monotonic() - began)
            shown = " ".join(f"{name} {part:.3f}" for name, part in parts.items())
            print(f"step {run.step}/{steps} {shown} {speed:.0f} pictures/s", flush=True)


if __name__ == "__main__":
    main()
