"""Turns a checkpoint into ONNX: batch norm folded, scores through the sigmoid, checked against PyTorch.

export.py CHECKPOINT FOLDER --size SIZE                    models/street-SIZE and its model.toml
export.py CHECKPOINT FOLDER --size SIZE --int8 FRAMES      the same in eight bits, ranges measured on rendered FRAMES
"""

import argparse
import copy
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from data import PAD, letterbox, read_frames
from net import CLASSES, SHAPES, STRIDES, Conv, StreetNet

sys.path.append(str(Path(__file__).parent.parent / "quantise"))
from quantise import Inputs, quantise  # noqa: E402

OPSET = 17
TOLERANCE = 2e-3
CALIBRATION_FRAMES = 200
MANIFEST = """\
# Written by models/training/export.py; what the model is good for is in MODEL_CARD.md.
name = "{name}"
title = "Street objects for the demo and first light, {width}x{height}{bits}"
licence = "Apache-2.0"
source = "models/training"
file = "{name}.onnx"
sha256 = "{sha256}"
labels = [{labels}]

[input]
name = "images"
size = [{width}, {height}]
colour = "bgr"
fit = "letterbox_top_left"
pad = {pad}

[decoder]
family = "yolox"
strides = [{strides}]
"""


class Deployed(nn.Module):
    """Boxes undecoded, objectness and classes as probabilities: the output of the YOLOX family."""

    def __init__(self, net: StreetNet) -> None:
        super().__init__()
        self.net = fold(net)

    def forward(self, pictures: Tensor) -> Tensor:
        rows = self.net(pictures)
        return torch.cat([rows[..., :4], rows[..., 4:].sigmoid()], -1)


def fold(net: StreetNet) -> StreetNet:
    """A copy whose batch norms, and the division by 255 before all, live in the convolutions."""
    net = copy.deepcopy(net).eval()
    for module in net.modules():
        if isinstance(module, Conv):
            module[0] = fuse_conv_bn_eval(module[0], module[1])
            module[1] = nn.Identity()
    with torch.no_grad():
        net.stem[0][0].weight /= net.divisor
    net.divisor = 1.0
    return net


def export(net: StreetNet, size: tuple[int, int], path: Path) -> float:
    """Writes the model for inputs of `size` (height, width); returns the largest difference to PyTorch on noise."""
    deployed = Deployed(net).eval()
    example = torch.zeros(1, 3, *size)
    torch.onnx.export(
        deployed,
        (example,),
        str(path),
        input_names=["images"],
        output_names=["output"],
        opset_version=OPSET,
        dynamo=False,
    )
    onnx.checker.check_model(onnx.load(str(path)), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    noise = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, example.shape).astype(np.float32))
    with torch.no_grad():
        rows = net.eval()(noise)
    wanted = torch.cat([rows[..., :4], rows[..., 4:].sigmoid()], -1).numpy()
    (got,) = session.run(None, {"images": noise.numpy()})
    return float(np.abs(got - wanted).max())


def calibration(folder: Path, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Rendered frames as the edge feeds them, evenly out of a folder."""
    frames = read_frames(folder)
    for frame in frames[:: max(len(frames) // CALIBRATION_FRAMES, 1)]:
        canvas, _ = letterbox(cv2.imread(str(frame.path)), *size)
        yield canvas.transpose(2, 0, 1)[None].astype(np.float32)


def manifest(name: str, size: tuple[int, int], bits: str, weights: bytes) -> str:
    height, width = size
    return MANIFEST.format(
        name=name,
        width=width,
        height=height,
        bits=bits,
        sha256=hashlib.sha256(weights).hexdigest(),
        labels=", ".join(f'"{label}"' for label in CLASSES),
        pad=PAD,
        strides=", ".join(map(str, STRIDES)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path, help="its name becomes the model's")
    parser.add_argument("--size", choices=SHAPES, default="nano")
    parser.add_argument("--int8", type=Path, metavar="FRAMES", help="rendered frames to measure ranges on")
    arguments = parser.parse_args()
    shape = SHAPES[arguments.size]
    net = StreetNet(shape)
    net.load_state_dict(torch.load(arguments.checkpoint, map_location="cpu")["average"])
    arguments.folder.mkdir(parents=True, exist_ok=True)
    name = arguments.folder.resolve().name
    model = arguments.folder / f"{name}.onnx"
    difference = export(net, shape.input, model)
    if difference > TOLERANCE:
        raise SystemExit(f"{model}: differs from PyTorch by {difference:.2g}, more than {TOLERANCE}")
    if arguments.int8:
        inputs = Inputs("images", calibration(arguments.int8, shape.input))
        quantise(model, model, inputs, ["Conv", "Add", "Resize"], first=0)
    weights = model.read_bytes()
    bits = ", int8" if arguments.int8 else ""
    (arguments.folder / "model.toml").write_text(manifest(name, shape.input, bits, weights))
    print(f"{model}: {len(weights)} bytes, fp32 differs from PyTorch by {difference:.1e}")


if __name__ == "__main__":
    main()
