"""Run with `python -m unittest` in this folder, in the environment that train.sh makes."""

import json
import tempfile
import unittest
from pathlib import Path

import cv2
import numpy as np
import torch

from data import IGNORE, Crops, Frame, letterbox, read_frames
from export import Deployed
from fight import FightNet, Script, crops, fights, is_fighting
from loss import assign, detection_loss
from net import CLASSES, SHAPES, StreetNet, cells, decode
from pseudo import label, touches_no_cut
from score import Detections, choose, judge
from train import grow


def perfect_rows(truth: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Rows that put `truth` (x1, y1, x2, y2) into every cell, with no opinion on scores."""
    stride = grid[:, 2:]
    centre = (truth[:2] + truth[2:]) / 2 / stride - grid[:, :2]
    size = ((truth[2:] - truth[:2]) / stride).log()
    return torch.cat([centre, size, torch.zeros(len(grid), 1 + len(CLASSES))], 1)


class Boxes(unittest.TestCase):
    def test_decode_is_the_inverse_of_encoding(self) -> None:
        truth = torch.tensor([20.0, 30.0, 52.0, 90.0])
        grid = cells(96, 128)
        boxes = decode(perfect_rows(truth, grid)[None], grid)[0]
        torch.testing.assert_close(boxes, truth.expand_as(boxes))

    def test_rows_run_level_by_level(self) -> None:
        grid = cells(64, 96)
        self.assertEqual(len(grid), 8 * 12 + 4 * 6 + 2 * 3)
        self.assertEqual(grid[0].tolist(), [0, 0, 8])
        self.assertEqual(grid[13].tolist(), [1, 1, 8])
        self.assertEqual(grid[-1].tolist(), [2, 1, 32])

    def test_letterbox_keeps_the_shape_and_pads_below(self) -> None:
        canvas, scale = letterbox(np.full((720, 1280, 3), 9, np.uint8), 256, 448)
        self.assertAlmostEqual(scale, 0.35)
        self.assertTrue((canvas[:252] == 9).all())
        self.assertTrue((canvas[252:] == 114).all())


class Learning(unittest.TestCase):
    def test_cells_near_the_middle_answer(self) -> None:
        grid = cells(96, 128)
        truth = torch.tensor([[20.0, 30.0, 52.0, 90.0]])
        rows = perfect_rows(truth[0], grid)
        cell, thing = assign(decode(rows, grid), rows[:, 4:], truth, torch.tensor([0]), grid)
        self.assertEqual(len(cell), 10)
        self.assertTrue((thing == 0).all())
        centres = (grid[cell, :2] + 0.5) * grid[cell, 2:]
        reach = 1.5 * grid[cell, 2:]
        self.assertTrue(((centres - torch.tensor([36.0, 60.0])).abs() < reach).all())

    def test_ignored_object_is_no_background(self) -> None:
        grid = cells(96, 128)
        rows = torch.zeros(1, len(grid), 5 + len(CLASSES))
        _, plain = detection_loss(rows, [torch.zeros(0, 5)], grid)
        whole = torch.tensor([[IGNORE, 0.0, 0.0, 128.0, 96.0]])
        _, spared = detection_loss(rows, [whole], grid)
        self.assertGreater(plain["object"], 0.0)
        self.assertEqual(spared["object"], 0.0)

    def test_one_picture_can_be_learnt(self) -> None:
        torch.manual_seed(0)
        net = StreetNet(SHAPES["nano"]).train()
        picture = torch.full((2, 3, 96, 128), 60.0)
        picture[:, :, 30:90, 20:52] = 200.0
        targets = [torch.tensor([[3.0, 20.0, 30.0, 52.0, 90.0]])] * 2
        grid = cells(96, 128)
        optimiser = torch.optim.AdamW(net.parameters(), 2e-3)
        losses = []
        for _ in range(50):
            loss, _ = detection_loss(net(picture), targets, grid)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        self.assertLess(losses[-1], losses[0] / 3)

    def test_a_larger_model_begins_as_the_smaller_one(self) -> None:
        torch.manual_seed(5)
        nano, small = (StreetNet(SHAPES[size]) for size in ("nano", "small"))
        with torch.no_grad():
            nano.train()(torch.rand(4, 3, 64, 64) * 255)  # statistics that are not those of a new model
        grow(small, nano.state_dict())
        pictures = torch.rand(2, 3, 96, 128) * 255
        self.assertTrue(torch.allclose(nano.eval()(pictures), small.eval()(pictures), atol=1e-4))

    def test_folding_changes_nothing(self) -> None:
        torch.manual_seed(0)
        net = StreetNet(SHAPES["nano"]).train()
        picture = torch.rand(2, 3, 96, 128) * 255
        with torch.no_grad():
            net(picture)
            rows = net.eval()(picture)
            folded = Deployed(net)(picture)
        wanted = torch.cat([rows[..., :4], rows[..., 4:].sigmoid()], -1)
        torch.testing.assert_close(folded, wanted, atol=1e-4, rtol=1e-4)


class Frames(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        cv2.imwrite(str(self.folder / "a.jpg"), np.full((468, 832, 3), 90, np.uint8))
        things = [
            {"class": "car", "box": [700.0, 100.0, 200.0, 90.0], "visibility": 0.66},
            {"class": "person", "box": [50.0, 100.0, 20.0, 60.0], "visibility": 0.2},
            {"class": "person", "box": [90.0, 100.0, 20.0, 60.0], "visibility": 0.0},
            {"class": "bag", "box": [300.0, 300.0, 3.0, 4.0], "visibility": 1.0},
        ]
        line = {"file": "a.jpg", "width": 832, "height": 468, "objects": things}
        (self.folder / "labels.jsonl").write_text(json.dumps(line) + "\n")

    def test_hidden_and_tiny_objects_are_not_judged(self) -> None:
        (frame,) = read_frames(self.folder)
        self.assertEqual(frame.labels.tolist(), [CLASSES.index("car"), IGNORE, IGNORE])
        self.assertEqual(frame.boxes[0].tolist(), [700.0, 100.0, 832.0, 190.0])

    def test_a_picture_follows_from_seed_and_number(self) -> None:
        frames = read_frames(self.folder)
        whole = Crops(frames, (192, 288), 448, seed=3, start=0, count=6)
        resumed = Crops(frames, (192, 288), 448, seed=3, start=4, count=2)
        for (a, b), (c, d) in zip([whole[4], whole[5]], [resumed[0], resumed[1]], strict=True):
            self.assertTrue(torch.equal(a, c) and torch.equal(b, d))

    def test_boxes_stay_inside_the_crop(self) -> None:
        frame = Frame(self.folder / "a.jpg", np.array([[700, 100, 832, 190]], np.float32), np.array([3]))
        for item in (Crops([frame], (192, 288), 448, seed=1, start=0, count=20)[i][1] for i in range(20)):
            self.assertTrue((item[:, 1:] >= 0).all())
            self.assertTrue((item[:, 3] <= 288).all() and (item[:, 4] <= 192).all())

    def test_boxes_lie_on_what_they_are_of(self) -> None:
        picture = np.zeros((468, 832, 3), np.uint8)
        picture[200:240, 400:430] = 255
        frame = Frame(self.folder / "a.jpg", np.array([[400, 200, 430, 240]], np.float32), np.array([3]))
        crops = Crops([frame], (192, 288), 448, seed=1, start=0, count=1)
        for seed in range(40):
            canvas, boxes, labels = crops._crop(picture, frame, np.random.default_rng(seed))
            if labels.tolist() != [3] or boxes[0, 0] <= 0 or boxes[0, 2] >= 288:
                continue
            bright = np.flatnonzero((canvas[..., 0] > 127).sum(0) > 3)
            self.assertLess(abs(bright[0] - boxes[0, 0]), 0.75)
            self.assertLess(abs(bright[-1] + 1 - boxes[0, 2]), 0.75)


class Sure:
    """A teacher that has seen one person well and one badly, both twice."""

    def vote(self, _picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        boxes = np.array([[10, 10, 30, 60], [11, 10, 30, 60], [200, 10, 220, 60], [200, 11, 220, 60]], float)
        scores = np.zeros((4, len(CLASSES)), np.float32)
        scores[:, 0] = (0.8, 0.6, 0.3, 0.2)
        return boxes, scores


class Teaching(unittest.TestCase):
    def test_what_is_half_seen_is_not_judged(self) -> None:
        sure, unsure = label(Sure(), np.zeros((100, 300, 3), np.uint8))
        self.assertEqual((sure["class"], sure["box"], sure["visibility"]), ("person", [10.0, 10.0, 20.0, 50.0], 1.0))
        with tempfile.TemporaryDirectory() as scratch:
            line = {"file": "a.jpg", "width": 300, "height": 100, "objects": [sure, unsure]}
            (Path(scratch) / "labels.jsonl").write_text(json.dumps(line) + "\n")
            (frame,) = read_frames(Path(scratch))
        self.assertEqual(frame.labels.tolist(), [0, IGNORE])

    def test_boxes_at_the_cut_of_a_tile_are_left_to_the_others(self) -> None:
        boxes = np.array([[1, 20, 40, 50], [20, 20, 99, 50], [20, 1, 40, 50]], float)
        tile = (0, 60, 100, 60)
        self.assertEqual(touches_no_cut(boxes, tile, (160, 120)).tolist(), [True, False, False])


class Scoring(unittest.TestCase):
    def test_a_hit_a_miss_and_a_false_box(self) -> None:
        found = Detections(np.array([[0, 0, 10, 10], [50, 50, 60, 60]], float), np.array([0.9, 0.8]), np.array([0, 0]))
        truth = np.array([[0, 0, 10, 11], [80, 80, 90, 90]], float)
        score = judge([(found, truth, np.array([0, 0]))])["person"]
        self.assertEqual((score.truth, score.recall, score.precision), (2, 0.5, 0.5))
        self.assertAlmostEqual(score.average_precision, 0.5)

    def test_suppression_leaves_other_classes(self) -> None:
        boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10.5], [0, 0, 10, 10]], float)
        scores = np.zeros((3, len(CLASSES)))
        scores[0, 0], scores[1, 0], scores[2, 1] = 0.9, 0.8, 0.7
        kept = choose(boxes, scores, 0.3)
        self.assertEqual(kept.labels.tolist(), [0, 1])


class Fights(unittest.TestCase):
    def test_who_fights_is_told_by_track_and_time(self) -> None:
        told = fights({"incidents": [{"note": "f1-1, f11", "start_s": 10.0, "end_s": 14.0}]})
        self.assertEqual(
            [is_fighting(5, at, told) for at in (9.0, 9.8, 12.0, 14.3, 15.0)], [False, None, True, None, False]
        )
        self.assertIs(is_fighting(7, 12.0, told), True)
        self.assertIs(is_fighting(1, 12.0, told), False)

    def test_a_scene_begins_with_those_who_fight(self) -> None:
        names = [line for line in Script(1000).text().splitlines() if line.startswith("name")]
        self.assertEqual(names[:2], ['name = "f0-1"', 'name = "f01"'])
        self.assertNotEqual(Script(1000).text(), Script(1001).text())

    def test_the_network_gives_two_logits_a_crop(self) -> None:
        net = FightNet().eval()
        self.assertEqual(net(torch.zeros(3, 3, 64, 64)).shape, (3, 2))

    def test_a_person_is_cut_out_where_the_truth_says(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "case.toml").write_text("")
            video = cv2.VideoWriter(str(folder / "clip.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 5, (320, 240))
            frame = np.zeros((240, 320, 3), np.uint8)
            frame[60:180, 100:160] = 200
            video.write(frame)
            video.release()
            thing = {"track": 1, "class": "person", "box": [100, 60, 60, 120], "visibility": 1.0}
            shown = {"time_s": 0.0, "objects": [thing]}
            (folder / "truth.jsonl").write_text(json.dumps(shown) + "\n")
            every = type("Dice", (), {"random": lambda self: 0.0, "gauss": lambda self, mean, spread: mean})()
            pictures, labels = crops(folder, every)
        self.assertEqual(labels, [0])
        self.assertGreater(pictures[0].mean(), 150)


if __name__ == "__main__":
    unittest.main()
