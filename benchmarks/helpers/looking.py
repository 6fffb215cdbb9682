"""What questions about attention need: its width, an untrained network beside the trained one, and intervals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from regharm_core import Harmonizer, build_network
from regharm_core.network.attention import Attention
from regharm_core.training.measuring.pairs import read_pairs

FITTED_TO = 32  # pairs
RESAMPLES = 4000


def width(attention: Attention) -> float:
    """How many references a location really looks at (e to the entropy), as a share of those that there are."""
    rows = attention.weights()[0][attention.queries.valid[0]]  # L K
    entropy = -(rows * rows.clamp_min(1e-12).log()).sum(1)
    return float(entropy.exp().mean() / attention.allowed.sum().clamp_min(1))


@torch.no_grad()
def untrained(trained: Harmonizer, folder: Path) -> Harmonizer:
    """A network of the same layers, of seed 0; what is frozen (eye, rim reader) is the trained one's.

    Its batch norms have seen some pairs; else its tokens are too small to be told apart.
    """
    torch.manual_seed(0)
    net = build_network(trained.config)
    known = trained.state_dict()
    net.load_state_dict({k: known[k] if k.startswith(("eye.", "rim.")) else v for k, v in net.state_dict().items()})
    pairs = list(read_pairs(folder, size=net.config.view, limit=FITTED_TO))
    images, masks = torch.stack([p.composite for p in pairs]), torch.stack([p.mask for p in pairs])
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of all that is seen, not a moving one
    net.train()(images, masks)
    return net.eval()


def bootstrap(samples: Tensor, of_means: Callable[[Tensor], Tensor] = lambda means: means) -> list[float]:
    """The 95 % interval of a mean, or of what is computed from means: percentile bootstrap, drawn alike every time.

    Args:
        samples: N or N D, float64.
        of_means: from the resamples' means (R or R D) to the quantity asked about (R); the mean itself by default.

    Returns:
        Its lower and upper end, to three digits.
    """
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(len(samples), (RESAMPLES, len(samples)), generator=generator)
    ends = torch.quantile(of_means(samples[drawn].mean(1)), torch.tensor([0.025, 0.975], dtype=torch.float64))
    return [round(end, 3) for end in ends.tolist()]
