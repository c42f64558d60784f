#!/usr/bin/env python3
"""street-fight: whether a crop of one person shows somebody who fights.

fight.py FOLDER [--scenes 60] [--epochs 6] [--camera-sim target/release/camera-sim]

Renders scenes of its own with camera-sim (none that ships), cuts every person out, trains a small network, prints
precision and recall on every sixth scene, which is held back, and writes FOLDER/street-fight.onnx.
"""

import argparse
import json
import random
import re
import subprocess
import time
import tomllib
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SIDE = 64
SECONDS = 30
HELD_BACK = 6
# Persons hidden to two thirds or lower than this, in pixels, teach nothing.
LEAST_VISIBLE, LEAST_HEIGHT = 0.35, 24
# Blows begin and end within so many seconds of what the script says.
UNSURE_S = 0.4
# People who do not fight outnumber the others: so many of them are taken.
OTHERS = 0.45


class Script:
    """A scene of people: some fight, others stand together, wave, fall, sit, run, walk."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.actors: list[str] = []
        self.head = self.place(seed)

    def place(self, seed: int) -> list[str]:
        r = self.random
        light = r.choice(["day", "day", "dull", "dusk", "night"])
        height, pitch, fov = r.uniform(4, 8), r.uniform(16, 30), r.uniform(55, 80)
        ground = r.choice(["paving", "slabs", "asphalt"])
        at, colour = f"[{r.uniform(-4, 4):.1f}, 62]", f"0x{r.randrange(0x404040, 0xD0C0B0):06x}"
        area = "[[-12, 2], [12, 2], [12, 60], [-12, 60]]"
        return [
            f'title = "training {seed}"',
            f"seed = {seed}\nduration_s = {SECONDS}.0\nfps = 5.0\nsize = [960, 540]",
            f"[camera]\nat = [0.0, 0.0]\nheight = {height:.1f}\npitch_deg = {pitch:.1f}",
            f"yaw_deg = 0.0\nfov_deg = {fov:.0f}",
            f'[light]\ndaylight = "{light}"\nsun_azimuth_deg = {r.uniform(90, 270):.0f}',
            f"sun_height_deg = {r.uniform(15, 60):.0f}\nclouds = {r.random():.2f}",
            f"[weather]\nrain = {r.choice([0, 0, 0, 0.5])}",
            f'[world]\nbase = "{r.choice(["slabs", "asphalt", "paving", "grass", "soil"])}"',
            f'surfaces = [{{ material = "{ground}", polygon = {area}, walkable = true }}]',
            f"buildings = [{{ at = {at}, size = [40, 10], height = 9, colour = {colour}, shops = true }}]",
            '[[zones]]\nid = "z"\nground = [[-8, 6], [8, 6], [8, 40], [-8, 40]]',
            '[[rules]]\nid = "f"\nkind = "fight"\nzone = "z"\nclasses = ["person"]',
        ]

    def actor(self, name, path, start=0.0, stops=(), acts=(), speed=1.4, stays=False) -> None:
        r = self.random
        lines = [f'[[actors]]\nname = "{name}"\nkind = "pedestrian"\nstart_s = {start:.1f}\nspeed = {speed:.1f}']
        lines.append(f"path = {json.dumps([[round(v, 2) for v in point] for point in path])}")
        if stops:
            lines.append("stops = [" + ", ".join(f"{{ at = {at}, seconds = {s:.1f} }}" for at, s in stops) + "]")
        if acts:
            told = (f'{{ do = "{do}", from_s = {a:.1f}, until_s = {b:.1f} }}' for do, a, b in acts)
            lines.append("acts = [" + ", ".join(told) + "]")
        if stays:
            lines.append("stays = true")
        colours = f"colour = 0x{r.randrange(1 << 24):06x}, legs = 0x{r.randrange(0x606060):06x}"
        lines.append(f"look = {{ {colours}, height = {r.uniform(1.55, 1.9):.2f} }}")
        self.actors.append("\n".join(lines))

    def fight(self, number: int) -> None:
        r = self.random
        x, y, apart = r.uniform(-5, 5), r.uniform(9, 28), r.uniform(0.6, 1.2)
        begins = r.uniform(6, 14)
        ends = begins + r.uniform(4, 12)
        for side in (-1, 1):
            way = [[x + side * 4, y - 1], [x + side * apart / 2, y], [x + side * 5, y + r.uniform(-3, 3)]]
            blows = [("fight", begins, min(ends, SECONDS - 2))]
            self.actor(f"f{number}{side}", way, 0.5, [(1, ends + 2)], blows)

    def others(self) -> None:
        r = self.random
        for pair in range(r.choice([2, 3, 4])):
            x, y, apart = r.uniform(-6, 6), r.uniform(8, 30), r.uniform(0.4, 1.1)
            for side in (-1, 1):
                way = [[x + side * 3, y + 2], [x + side * apart / 2, y], [x + side * 6, y + 4]]
                waves = [("wave", 8, 12)] if r.random() < 0.2 else []
                self.actor(f"t{pair}{side}", way, 0.0, [(1, r.uniform(10, 24))], waves)
        for number in range(2):
            x, y = r.uniform(-5, 5), r.uniform(8, 26)
            acts = [(r.choice(["fall", "sit", "wave"]), 7, 18)]
            self.actor(f"d{number}", [[x - 4, y], [x, y]], 1.0, acts=acts, stays=True)
        for number in range(2):
            way = [[-8, r.uniform(8, 24)], [8, r.uniform(8, 24)]]
            self.actor(f"r{number}", way, r.uniform(1, 18), speed=r.uniform(3.5, 5))

    def text(self) -> str:
        """The scene's file. Who fights comes first: camera-sim numbers tracks in the order of the actors."""
        r = self.random
        for number in range(r.choice([1, 2, 2])):
            self.fight(number)
        self.others()
        ends = [[r.uniform(-4, 4), 45], [r.uniform(-4, 4), 5]]
        walkers = f'[[streams]]\nname = "w"\nkind = "pedestrian"\nper_minute = {r.uniform(8, 24):.0f}\npath = {ends}'
        return "\n".join([*self.head, *self.actors, walkers, "spread = 2.5\nspeed = [0.9, 1.6]\nboth_ways = true\n"])


def fights(case: dict) -> list[tuple[set[int], float, float]]:
    """Tracks, beginning and end in seconds of each fight of a case.toml: fight k is of actors 2k and 2k + 1."""
    found = []
    for incident in case.get("incidents", []):
        k = int(re.match(r"f(\d)", incident["note"])[1])
        found.append(({4 * k + 1, 4 * k + 3}, incident["start_s"], incident["end_s"]))
    return found


def is_fighting(track: int, at: float, told: list[tuple[set[int], float, float]]) -> bool | None:
    """Whether a person fights at `at` seconds; None where that cannot be said."""
    own = [(a, b) for tracks, a, b in told if track in tracks]
    if any(a <= at <= b for a, b in own):
        return True
    return None if any(a - UNSURE_S <= at <= b + UNSURE_S for a, b in own) else False


def crops(folder: Path, dice: random.Random) -> tuple[list[np.ndarray], list[int]]:
    """Persons of a rendered case, u8 [SIDE, SIDE, 3] in BGR, boxes trembling as a detector's do, and who fights."""
    told = fights(tomllib.loads((folder / "case.toml").read_text()))
    video = cv2.VideoCapture(str(folder / "clip.mp4"))
    pictures, labels = [], []
    for line in (folder / "truth.jsonl").open():
        shown = json.loads(line)
        ok, frame = video.read()
        if not ok:
            break
        for thing in shown["objects"]:
            x, y, w, h = thing["box"]
            if thing["class"] not in ("person", "fallen") or thing["visibility"] < LEAST_VISIBLE or h < LEAST_HEIGHT:
                continue
            fight = is_fighting(thing["track"], shown["time_s"], told)
            if fight is None or (not fight and dice.random() > OTHERS):
                continue
            dx, dy, dw, dh = (dice.gauss(0, 0.06) for _ in range(4))
            left, top = x + (dx - dw / 2) * w, y + (dy - dh / 2) * h
            edges = [round(v) for v in (left, top, left + w * (1 + dw), top + h * (1 + dh))]
            cut = frame[max(edges[1], 0) : edges[3], max(edges[0], 0) : edges[2]]
            if min(cut.shape[:2]) < 6:
                continue
            way = cv2.INTER_AREA if cut.shape[0] > SIDE else cv2.INTER_LINEAR
            pictures.append(cv2.resize(cut, (SIDE, SIDE), interpolation=way))
            labels.append(int(fight))
    return pictures, labels


class FightNet(nn.Module):
    """f32 [n, 3, SIDE, SIDE], BGR 0..255 -> logits [n, 2]: fight, none."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [(3, 16, 2), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 96, 2)]
        self.body = nn.Sequential(*(self.block(*size) for size in sizes))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(96, 2))

    @staticmethod
    def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
        conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(pictures / 255.0 - 0.5))


def disturb(pictures: torch.Tensor) -> torch.Tensor:
    """What cameras do: mirrored, brighter or darker, tinted, shifted, coarser, noisy. u8 -> f32, same shape."""
    x = pictures.float()
    mirrored = torch.rand(len(x)) < 0.5
    x[mirrored] = x[mirrored].flip(3)
    gain, tint = torch.rand(len(x), 1, 1, 1) * 0.8 + 0.6, (torch.rand(len(x), 3, 1, 1) - 0.5) * 40
    x = ((x - 128) * gain + 128 + tint).clamp(0, 255)
    x = torch.roll(x, tuple(torch.randint(-4, 5, (2,)).tolist()), (2, 3))
    if torch.rand(1) < 0.4:
        side = int(torch.randint(20, 50, (1,)))
        x = F.interpolate(F.interpolate(x, (side, side), mode="area"), (SIDE, SIDE), mode="bilinear")
    return x + torch.randn_like(x) * torch.rand(len(x), 1, 1, 1) * 8


def judge(net: FightNet, pictures: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    """Precision and recall of crops at 0.5."""
    net.eval()
    with torch.no_grad():
        said = torch.cat([net(part.float()).argmax(1) == 0 for part in pictures.split(512)])
    right = (said & (labels == 1)).sum().item()
    return right / max(1, said.sum().item()), right / max(1, (labels == 1).sum().item())


def train(pictures: torch.Tensor, labels: torch.Tensor, held: torch.Tensor, epochs: int) -> FightNet:
    net, mine, theirs = FightNet(), pictures[~held], labels[~held]
    batch = 128
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-2)
    rounds = len(mine) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=epochs * rounds + 1)
    began = time.monotonic()
    for epoch in range(epochs):
        net.train()
        for chosen in torch.randperm(len(mine))[: rounds * batch].split(batch):
            wanted = 1 - theirs[chosen]
            loss = F.cross_entropy(net(disturb(mine[chosen])), wanted, weight=torch.tensor([1.5, 1.0]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        precision, recall = judge(net, pictures[held], labels[held])
        figures = f"precision {precision:.2f}, recall {recall:.2f}"
        print(f"epoch {epoch + 1}: held back: {figures}; {time.monotonic() - began:.0f} s", flush=True)
    return net.eval()


def render(folder: Path, number: int, camera_sim: str) -> Path:
    case = folder / f"s{number}"
    if not (case / "truth.jsonl").exists():
        script = folder / f"s{number}.toml"
        script.write_text(Script(1000 + number).text())
        subprocess.run([camera_sim, "case", script, case], check=True, stdout=subprocess.DEVNULL)
    return case


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("folder", type=Path)
    args.add_argument("--scenes", type=int, default=60)
    args.add_argument("--epochs", type=int, default=6)
    args.add_argument("--camera-sim", default="target/release/camera-sim")
    args = args.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    dice, pictures, labels, scenes = random.Random(1), [], [], []
    for number in range(args.scenes):
        some, of_them = crops(render(args.folder, number, args.camera_sim), dice)
        pictures, labels, scenes = pictures + some, labels + of_them, scenes + [number] * len(some)
        print(f"scene {number + 1} of {args.scenes}: {len(some)} crops", flush=True)
    stack = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    held = torch.tensor(scenes) % HELD_BACK == HELD_BACK - 1
    net = train(stack, torch.tensor(labels), held, args.epochs)
    out = args.folder / "street-fight.onnx"
    names = {"input_names": ["images"], "output_names": ["output"]}
    torch.onnx.export(net, torch.zeros(1, 3, SIDE, SIDE), out, dynamo=False, **names)
    print(f"{out}: {sum(p.numel() for p in net.parameters())} weights")


if __name__ == "__main__":
    main()
