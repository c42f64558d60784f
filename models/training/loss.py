"""Which cell answers for which object, and what a wrong answer costs.

Assignment is SimOTA (YOLOX, arXiv 2107.08430): each object takes the cells near its centre that already answer best,
as many as its overlaps with the ten best add up to. Boxes are judged by GIoU (arXiv 1902.09630), scores by
cross-entropy. Objects labelled IGNORE are neither objects nor background.
"""

import torch
from torch import Tensor
from torch.nn import functional

from data import IGNORE
from net import CLASSES, decode

CENTRE_RADIUS = 1.5  # cells around an object's centre that may answer for it
CANDIDATES = 10
BOX_WEIGHT = 5.0


def overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and GIoU of boxes (x1, y1, x2, y2), broadcast over the leading axes."""
    inner = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    outer = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - inner
    iou = inner / union.clamp(min=1e-6)
    return iou, iou - (outer - union) / outer.clamp(min=1e-6)


@torch.no_grad()
def assign(boxes: Tensor, logits: Tensor, truth: Tensor, labels: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """Cells that answer [m] and the object each answers for [m], of one picture with at least one object."""
    stride = grid[:, 2]
    centres = (grid[:, :2] + 0.5) * stride[:, None]
    middle = (truth[:, :2] + truth[:, 2:]) / 2
    reach = CENTRE_RADIUS * stride
    near = ((centres[None] - middle[:, None]).abs() < reach[None, :, None]).all(-1)
    cells = near.any(0).nonzero()[:, 0]
    near = near[:, cells]
    iou, _ = overlap(truth[:, None], boxes[None, cells])
    score = (logits[cells, :1].sigmoid() * logits[cells, 1:].sigmoid()).sqrt()
    wanted = functional.one_hot(labels, len(CLASSES)).float()
    score = score[None].expand(len(truth), -1, -1)
    wrong = functional.binary_cross_entropy(score, wanted[:, None].expand_as(score), reduction="none").sum(-1)
    cost = wrong - 3.0 * iou.clamp(min=1e-8).log() + 1e5 * ~near
    taken = torch.zeros_like(near)
    best, _ = iou.masked_fill(~near, 0.0).topk(min(CANDIDATES, len(cells)), 1)
    counts = best.sum(1).int().clamp(min=1)
    ranked = cost.argsort(1)
    for thing, count in enumerate(counts.tolist()):
        taken[thing, ranked[thing, :count]] = True
    taken &= near
    answering = taken.any(0)
    object_of = cost.masked_fill(~taken, float("inf")).argmin(0)
    return cells[answering], object_of[answering]


def detection_loss(rows: Tensor, targets: list[Tensor], grid: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Loss of rows [B, N, 5 + classes] in float32 against targets [n, 5] of (label, x1, y1, x2, y2) a picture."""
    boxes = decode(rows, grid)
    logits = rows[..., 4:]
    objectness = torch.zeros_like(rows[..., 4])
    weight = torch.ones_like(objectness)
    box_loss = class_loss = rows.sum() * 0.0
    answers = 0
    for picture, target in enumerate(targets):
        ignored = target[:, 0] == IGNORE
        weight[picture, _covered(target[ignored, 1:], grid)] = 0.0
        target = target[~ignored]
        if len(target) == 0:
            continue
        labels = target[:, 0].long()
        cell, thing = assign(boxes[picture].detach(), logits[picture].detach(), target[:, 1:], labels, grid)
        iou, giou = overlap(boxes[picture, cell], target[thing, 1:])
        wanted = functional.one_hot(labels[thing], len(CLASSES)) * iou.detach()[:, None]
        box_loss = box_loss + (1 - giou).sum()
        class_loss = class_loss + functional.binary_cross_entropy_with_logits(
            logits[picture, cell, 1:], wanted, reduction="sum"
        )
        objectness[picture, cell] = 1.0
        weight[picture, cell] = 1.0
        answers += len(cell)
    object_loss = functional.binary_cross_entropy_with_logits(rows[..., 4], objectness, weight, reduction="sum")
    share = 1.0 / max(answers, 1)
    total = (BOX_WEIGHT * box_loss + class_loss + object_loss) * share
    parts = {"box": box_loss, "class": class_loss, "object": object_loss}
    return total, {name: float(part.detach()) * share for name, part in parts.items()}


def _covered(areas: Tensor, grid: Tensor) -> Tensor:
    """Cells whose centre lies in or within 4 px of one of the areas: [N] bool."""
    centres = (grid[:, :2] + 0.5) * grid[:, 2:]
    inside = (centres[None] > areas[:, None, :2] - 4) & (centres[None] < areas[:, None, 2:] + 4)
    return inside.all(-1).any(0)
