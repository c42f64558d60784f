"""Rewrites a model so that its convolutions work in eight bits. Driven by `edge-agent models quantise`.

quantise.py WEIGHTS OUT --input NAME --shape 3x416x416 --calibrate TENSORS    inputs as the agent makes them, f32

Static QDQ, weights of each channel by themselves; ranges are the smallest and largest values seen in calibration. The
last convolutions before the outputs, and all after them, stay in fp32: one scale for a map that holds both box sizes and
scores costs more precision than the few multiplications save time.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

try:
    import numpy as np
    import onnx
    from onnx import version_converter
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process
except ImportError as missing:
    # The agent knows this code and says what to install.
    print(missing, file=sys.stderr)
    sys.exit(3)

# Weights of each channel by themselves need 13; the quantiser's own shape inference is at home in 17.
OPSET = 17

# With what lies between convolutions: every change of a value between eight bits and fp32 costs more than it saves.
# YOLOX-Nano on one core: 20.6 ms in fp32, 23.6 with convolutions alone, 14.3 with all of these.
OPERATORS = "Conv,Mul,Sigmoid,Add,Resize,MaxPool,Concat"

# Convolutions at the beginning that stay in fp32: few multiplications, on code values of the widest range. With all in
# eight bits YOLOX-Nano loses 314 of 476 objects of real clips; with the first 2 in fp32 22, the first 4 15, the first 6 9.
FIRST = 5


class Inputs(CalibrationDataReader):
    """Tensors for the input of a name, one at a time."""

    def __init__(self, name: str, tensors: Iterable[np.ndarray]) -> None:
        self.name = name
        self.tensors = iter(tensors)

    def get_next(self) -> dict[str, np.ndarray] | None:
        tensor = next(self.tensors, None)
        return None if tensor is None else {self.name: tensor}


def tail(model: onnx.ModelProto) -> list[str]:
    """Names of the last convolutions before the outputs and of everything after them."""
    maker = {output: node for node in model.graph.node for output in node.output}
    found = set()
    waiting = [output.name for output in model.graph.output]
    while waiting:
        node = maker.get(waiting.pop())
        if node is None or node.name in found:
            continue
        found.add(node.name)
        if node.op_type != "Conv":
            waiting.extend(node.input)
    return sorted(found)


def head(model: onnx.ModelProto, first: int) -> list[str]:
    """Names of the first convolutions and of everything before the one after them."""
    convolutions = [at for at, node in enumerate(model.graph.node) if node.op_type == "Conv"]
    end = convolutions[first] if first < len(convolutions) else 0
    return [node.name for node in list(model.graph.node)[:end]]


def raised(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model in the operator set that quantisation needs, every node with a name."""
    if next(opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")) < OPSET:
        model = version_converter.convert_version(model, OPSET)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    return model


def quantise(
    weights: Path, out: Path, inputs: CalibrationDataReader, operators: list[str], first: int = FIRST
) -> None:
    """Writes `weights` to `out` with `operators` in eight bits but for the `first` convolutions. Both may be one file."""
    prepared = out.with_suffix(".prepared")
    try:
        onnx.save(raised(onnx.load(str(weights))), str(prepared))
        quant_pre_process(str(prepared), str(prepared))
        model = onnx.load(str(prepared))
        quantize_static(
            str(prepared),
            str(out),
            inputs,
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=operators,
            nodes_to_exclude=head(model, first) + tail(model),
            calibrate_method=CalibrationMethod.MinMax,
        )
    finally:
        prepared.unlink(missing_ok=True)


def tensors(path: Path, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """The tensors of a file of little-endian f32, one after the other, each with a batch of one."""
    values = np.memmap(path, dtype="<f4", mode="r").reshape(-1, 1, *shape)
    for tensor in values:
        yield np.ascontiguousarray(tensor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--input", required=True, help="name of the model's input")
    parser.add_argument("--shape", required=True, help="its planes, height and width, as in 3x416x416")
    parser.add_argument("--calibrate", type=Path, required=True)
    parser.add_argument("--operators", default=OPERATORS, help="what works in eight bits, with commas between")
    arguments = parser.parse_args()
    shape = tuple(int(side) for side in arguments.shape.split("x"))
    inputs = Inputs(arguments.input, tensors(arguments.calibrate, shape))
    quantise(arguments.weights, arguments.out, inputs, arguments.operators.split(","))


if __name__ == "__main__":
    main()
