"""Which pixels' profiles a subject of a full-size picture gives to a network that reads rims."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core import HarmonizerConfig
from regharm_core.network.profiles import SAMPLES, of_pictures, profiles_at, rim_of, spread
from regharm_core.picture.light import encode
from regharm_core.picture.rims import PROFILES, rims_of
from regharm_core.picture.subjects import DEFAULT_CONTEXT, subjects_of

CONFIG = HarmonizerConfig(layout="maps", view=64, rim=8)
OUTSIDE = slice(4, 8)  # of a profile's samples beside the edge
INSIDE = slice(0, 4)


def discs(height: int = 140, width: int = 200) -> tuple[Tensor, Tensor]:
    """A noisy picture, 1 3 H W, and a mask of two discs, 1 1 H W."""
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    first = (y - 70) ** 2 + (x - 50) ** 2 < 30**2
    second = (y - 60) ** 2 + (x - 150) ** 2 < 22**2
    return image, (first | second).float()[None, None]


def test_one_subject_gets_all_of_the_edge() -> None:
    image, mask = discs()
    subjects = subjects_of(0, mask[0], None, DEFAULT_CONTEXT, CONFIG)
    found = rims_of(image, mask, None, subjects)
    place = spread(rim_of(mask > 0.5, mask > 0.5).flatten(1), PROFILES)
    at = of_pictures(mask)
    expected = profiles_at(of_pictures(image), at, at, place // 200, place % 200)
    assert found.profiles.shape == (1, PROFILES, SAMPLES, 4) and found.there.tolist() == [True]
    torch.testing.assert_close(found.profiles, expected)


def test_objects_get_their_own_edges() -> None:
    image, mask = discs()
    image[..., :100], image[..., 100:] = 0.2, 0.7
    subjects = subjects_of(0, mask[0], None, DEFAULT_CONTEXT, CONFIG, apart=True)
    found = rims_of(image, mask, None, subjects)
    assert len(subjects) == 2 and found.there.all()
    means = sorted(float(one[:, INSIDE, :3].mean()) for one in found.profiles)
    torch.testing.assert_close(torch.tensor(means), torch.tensor([0.2, 0.7]), rtol=1e-4, atol=0)


def test_only_what_may_be_consulted_is_read() -> None:
    image, mask = discs()
    reference = torch.zeros_like(mask)
    reference[..., :70, :] = 1  # the upper half
    image[..., 70:, :] = image[..., 70:, :] * 0 + mask[..., 70:, :] * 0.5
    image[..., :70, :] = 1
    subjects = subjects_of(0, mask[0], reference[0], DEFAULT_CONTEXT, CONFIG)
    found = rims_of(image, mask, reference, subjects)
    first_outside = found.profiles[0, :, 4]
    assert bool((first_outside[:, 3] < 0.5).all())
    assert bool((first_outside[:, :3] == 1).all())
    nothing = rims_of(image, mask, torch.zeros_like(mask), subjects)
    assert not nothing.there.any() and not nothing.profiles.any()


def test_no_edge_at_all() -> None:
    image, mask = discs()
    for whole in (torch.ones_like(mask), torch.zeros_like(mask)):
        subjects = subjects_of(0, whole[0], None, DEFAULT_CONTEXT, CONFIG)
        found = rims_of(image, whole, None, subjects)
        assert found.there.tolist() == [False] and found.profiles.shape == (1, PROFILES, SAMPLES, 4)


def test_a_faint_mask_has_the_edge_of_a_full_one() -> None:
    image, mask = discs()
    pairs = []
    for one in (mask, mask * 0.6):
        subjects = subjects_of(0, one[0], None, DEFAULT_CONTEXT, CONFIG)
        pairs.append(rims_of(image, one, None, subjects).profiles)
    torch.testing.assert_close(*pairs)


def test_linear_light_is_read_as_display_values() -> None:
    image, mask = discs()
    subjects = subjects_of(0, mask[0], None, DEFAULT_CONTEXT, CONFIG)
    linear = rims_of(image, mask, None, subjects, linear=True)
    torch.testing.assert_close(
        linear.profiles[:, :, :8, :3], encode(rims_of(image, mask, None, subjects).profiles[:, :, :8, :3])
    )
    bright = rims_of(image * 3, mask, None, subjects)
    assert float(bright.profiles.max()) == 1


def test_rows_are_told_apart() -> None:
    image, mask = discs()
    images = torch.cat([image, image.flip(3)])
    masks = torch.cat([mask, F.pad(mask[..., 20:, :], (0, 0, 0, 20))])
    apart = []
    for n in range(2):
        own = slice(n, n + 1)
        apart.append(rims_of(images[own], masks[own], None, subjects_of(0, masks[n], None, DEFAULT_CONTEXT, CONFIG)))
    subjects = [s for n in range(2) for s in subjects_of(n, masks[n], None, DEFAULT_CONTEXT, CONFIG)]
    together = rims_of(images, masks, None, subjects)
    assert torch.equal(together.profiles, torch.cat([one.profiles for one in apart]))
