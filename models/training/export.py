"""Turns a checkpoint into ONNX: batch norm folded, scores through the sigmoid, checked against PyTorch.

export.py CHECKPOINT MODEL.onnx
"""

import argparse
import copy
import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from data import PAD
from net import CLASSES, STRIDES, Conv, StreetNet
from train import INPUT

OPSET = 17
TOLERANCE = 2e-3
MANIFEST = """\
# Written by models/training/export.py; what the model is good for is in MODEL_CARD.md.
name = "street-nano"
title = "Street objects for the demo and first light, {width}x{height}"
licence = "Apache-2.0"
source = "models/training"
file = "street-nano.onnx"
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
    """A copy whose batch norms live in the convolutions before them."""
    net = copy.deepcopy(net).eval()
    for module in net.modules():
        if isinstance(module, Conv):
            module[0] = fuse_conv_bn_eval(module[0], module[1])
            module[1] = nn.Identity()
    return net


def export(net: StreetNet, path: Path) -> float:
    """Writes the model and returns the largest difference to PyTorch on noise."""
    deployed = Deployed(net).eval()
    example = torch.zeros(1, 3, *INPUT)
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


def manifest(weights: bytes) -> str:
    height, width = INPUT
    return MANIFEST.format(
        width=width,
        height=height,
        sha256=hashlib.sha256(weights).hexdigest(),
        labels=", ".join(f'"{name}"' for name in CLASSES),
        pad=PAD,
        strides=", ".join(map(str, STRIDES)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    net = StreetNet()
    net.load_state_dict(torch.load(arguments.checkpoint, map_location="cpu")["average"])
    arguments.folder.mkdir(parents=True, exist_ok=True)
    model = arguments.folder / "street-nano.onnx"
    difference = export(net, model)
    if difference > TOLERANCE:
        raise SystemExit(f"{model}: differs from PyTorch by {difference:.2g}, more than {TOLERANCE}")
    weights = model.read_bytes()
    (arguments.folder / "model.toml").write_text(manifest(weights))
    print(f"{model}: {len(weights)} bytes, differs from PyTorch by {difference:.1e}")


if __name__ == "__main__":
    main()
