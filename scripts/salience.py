"""Where the object is: a small network on the eye's features, learned from photographs with masks.

What it finds is fitted to the picture by a guided filter (He et al., "Guided Image Filtering", TPAMI 2013), and its
connected pieces become regions. Where nothing stands out there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from scipy import ndimage
from torch import Tensor, nn

from regharm_core.network.eye import CHANNELS, EfficientNetLite0
from regharm_core.network.mapnet import MapNet
from regharm_core.store.checkpoint import load_network
from regharm_core.training.data.boxes import box_mean
from regharm_core.training.data.photographs import load_photographs

EYE = Path(__file__).parent.parent / "weights" / "regharm.safetensors"
SEEN, GRID = 192, 24  # px that the eye sees, and places a side at which it is asked
SMALLEST, LARGEST, MOST = 0.012, 0.65, 4  # a region's share of the picture; regions a picture


def open_eye() -> EfficientNetLite0:
    """The eye of the bundled weights, in the memory format that a CPU is fastest with."""
    net, _ = load_network(EYE)
    if not isinstance(net, MapNet) or net.eye is None:
        raise SystemExit(f"{EYE} has no eye")
    return net.eye.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


class Salience(nn.Module):
    """The eye's features B C GRID GRID -> how likely each place belongs to an object, as a logit, B 1 GRID GRID."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", features.mean((0, 2, 3), keepdim=True))
        self.register_buffer("deviation", features.std((0, 2, 3), keepdim=True) + 1e-3)
        self.here, self.whole = nn.Conv2d(sum(CHANNELS), 96, 1), nn.Linear(CHANNELS[-1], 96)
        self.around = nn.Conv2d(98, 96, 3, padding=1)
        self.wide = nn.Conv2d(96, 96, 3, padding=3, dilation=3)
        self.told = nn.Sequential(nn.Conv2d(96, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        features = (features - self.mean) / self.deviation
        whole = self.whole(features[:, -CHANNELS[-1] :].mean((2, 3)))
        ramp = torch.linspace(-1, 1, GRID, device=features.device).square()
        places = torch.stack([ramp.expand(GRID, GRID), ramp[:, None].expand(GRID, GRID)])
        inner = F.relu(self.here(features) + whole[:, :, None, None])
        inner = F.relu(self.around(torch.cat([inner, places.expand(len(inner), -1, -1, -1)], dim=1)))
        return self.told(F.relu(inner + self.wide(inner)))


def look(eye: EfficientNetLite0, pictures: Tensor) -> Tensor:
    """B 3 H W in [0, 1] -> the eye's features at GRID by GRID places, B C GRID GRID."""
    with torch.no_grad():
        seen = eye(F.interpolate(pictures, (SEEN, SEEN), mode="bilinear", antialias=True))
        return torch.cat([F.interpolate(part, (GRID, GRID), mode="bilinear", antialias=True) for part in seen], dim=1)


def learn(eye: EfficientNetLite0, paths: Sequence[Path], rounds: int = 4, batch: int = 24) -> Salience:
    """Learn from photographs with regions what belongs to any of them."""
    known = load_photographs(paths)
    features = torch.cat([look(eye, part.float() / 255).half() for part in known.images.split(32)])
    wanted = torch.cat(
        [F.interpolate((part > 0).float(), (GRID, GRID), mode="area") for part in known.labels.split(32)]
    )
    net = Salience(features[:500].float())
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.01)
    steps = rounds * -(-len(features) // batch)
    fall = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(rounds):
        for rows in torch.randperm(len(features)).split(batch):
            mirrored = torch.rand(()) < 0.5
            given, told = (part.flip(3) if mirrored else part for part in (features[rows].float(), wanted[rows]))
            loss = F.binary_cross_entropy_with_logits(net(given), told)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            fall.step()
    return net.eval()


@torch.no_grad()
def find_regions(eye: EfficientNetLite0, salience: Salience, pictures: Tensor) -> Iterator[np.ndarray]:
    """Pictures of one size, B 3 H W in [0, 1], on the device of both networks -> the regions of each, H W uint8."""
    size = (pictures.shape[-2], pictures.shape[-1])
    likely = salience(look(eye, pictures)).sigmoid()
    wide = F.interpolate(likely, size, mode="bilinear", align_corners=False)
    for found in (guided(wide, pictures.mean(1, keepdim=True)) > 0.5)[:, 0].cpu().numpy():
        yield number_pieces(found)


def number_pieces(found: np.ndarray) -> np.ndarray:
    """The connected pieces of fair size of a mask, H W, numbered from 1 (the largest) to MOST, uint8; 0 elsewhere."""
    pieces, _ = ndimage.label(found, np.ones((3, 3)))
    areas = np.bincount(pieces.ravel())[1:]
    fair = (areas > SMALLEST * found.size) & (areas < LARGEST * found.size)
    names = np.zeros(len(areas) + 1, np.uint8)
    for number, piece in enumerate([n for n in np.argsort(-areas, kind="stable") if fair[n]][:MOST], 1):
        names[piece + 1] = number
    return names[pieces]


def guided(values: Tensor, guide: Tensor, radius: int = 6, smooth: float = 1e-3) -> Tensor:
    """The guided filter: ``values`` as a local linear function of ``guide``, both B 1 H W."""

    def mean(part: Tensor) -> Tensor:
        return box_mean(part, radius, "replicate")

    about, level = mean(guide), mean(values)
    slope = (mean(guide * values) - about * level) / (mean(guide * guide) - about * about + smooth)
    return mean(slope) * guide + mean(level - slope * about)


def save_salience(net: Salience, path: Path) -> None:
    """Keep what was learned."""
    save_file({name: value.contiguous() for name, value in net.state_dict().items()}, path)


def load_salience(path: Path) -> Salience:
    """What :func:`save_salience` kept."""
    net = Salience(torch.zeros(2, sum(CHANNELS), 1, 1))
    net.load_state_dict(load_file(path))
    return net.eval()
