"""Colour moves against NumPy, colour by colour."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from regharm_core.training.data import moves
from regharm_core.training.data.colour import lab_to_rgb, rgb_to_lab
from regharm_core.training.data.lattice import LATTICE, apply_lattice, in_plane, in_space, lattice_points
from regharm_core.training.data.moves import (
    MOVES,
    _orthogonal,
    histogram,
    iterative_transfer,
    monge_kantorovich,
    reinhard,
    vividness,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def colours() -> tuple[Tensor, Tensor]:
    """A source and a reference of 400 colours, two images of each, well inside the gamut."""
    random = generator(4)
    base = torch.rand(2, 400, 3, generator=random, dtype=torch.float64)
    source = 0.35 + 0.15 * base
    turn = torch.tensor([[1.0, 0.3, 0.0], [-0.2, 0.8, 0.1], [0.1, 0.0, 0.6]], dtype=torch.float64)
    reference = 0.45 + 0.15 * torch.rand(2, 400, 3, generator=random, dtype=torch.float64) @ turn
    return source, reference


def test_lab_of_known_colours() -> None:
    rgb = torch.tensor([[[1.0, 1, 1], [1, 0, 0], [0, 0, 1], [0, 0, 0]]])
    lab = torch.tensor([[[100.0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86], [0, 0, 0]]])
    torch.testing.assert_close(rgb_to_lab(rgb), lab, atol=0.02, rtol=0)
    torch.testing.assert_close(lab_to_rgb(lab), rgb, atol=2e-3, rtol=0)


def test_reinhard_gives_the_references_statistics() -> None:
    source, reference = colours()
    moved = rgb_to_lab(reinhard(source, source, reference, generator()))
    wanted = rgb_to_lab(reference)
    for n in range(2):
        for channel in range(3):
            ours, theirs = moved[n, :, channel].numpy(), wanted[n, :, channel].numpy()
            assert ours.mean() == pytest.approx(theirs.mean(), abs=0.1)
            assert ours.std() == pytest.approx(theirs.std(), rel=0.3)


def test_monge_kantorovich_is_the_linear_map_of_least_motion() -> None:
    source, reference = colours()
    moved = monge_kantorovich(source, source, reference, generator())
    for n in range(2):
        have, want = np.cov(source[n].numpy().T, bias=True), np.cov(reference[n].numpy().T, bias=True)
        np.testing.assert_allclose(np.cov(moved[n].numpy().T, bias=True), want, rtol=0.15, atol=2e-4)
        np.testing.assert_allclose(moved[n].mean(0), reference[n].mean(0), atol=1e-9)
        values, vectors = np.linalg.eigh(have + 1e-4 * np.eye(3))
        root, inverse = (vectors * values**p @ vectors.T for p in (0.5, -0.5))
        values, vectors = np.linalg.eigh(root @ (want + 1e-4 * np.eye(3)) @ root)
        transport = inverse @ (vectors * values**0.5 @ vectors.T) @ inverse
        expected = (source[n].numpy() - source[n].numpy().mean(0)) @ transport + reference[n].numpy().mean(0)
        np.testing.assert_allclose(moved[n].numpy(), expected, atol=1e-4)


def test_histogram_matching_gives_the_references_quantiles() -> None:
    source, reference = colours()
    moved, wanted = rgb_to_lab(histogram(source, source, reference, generator())), rgb_to_lab(reference)
    grid = np.linspace(0.05, 0.95, 10)
    for n in range(2):
        for channel in range(3):
            ours, theirs = (np.quantile(x[n, :, channel].numpy(), grid) for x in (moved, wanted))
            np.testing.assert_allclose(ours, theirs, atol=0.6)
            order = np.argsort(rgb_to_lab(source)[n, :, channel].numpy())
            assert (np.diff(moved[n, :, channel].numpy()[order]) > -0.1).all()  # it keeps the order


def test_iterative_transfer_moves_the_whole_distribution() -> None:
    source, reference = colours()
    moved = iterative_transfer(source.float(), source.float(), reference.float(), generator())
    for n in range(2):
        have, want = np.cov(source[n].numpy().T), np.cov(reference[n].numpy().T)
        ours = np.cov(moved[n].numpy().T)
        assert np.abs(ours - want).max() < 0.35 * np.abs(have - want).max()
        np.testing.assert_allclose(moved[n].mean(0), reference[n].mean(0), atol=0.01)


@pytest.mark.parametrize("name", MOVES)
def test_moves_are_finite_and_reproducible(name: str) -> None:
    source, reference = (x.float() for x in colours())
    flat = torch.full_like(source, 0.5)  # a region of one colour
    for given in (source, flat, torch.zeros_like(source), torch.ones_like(source)):
        moved = MOVES[name](given, given, reference, generator(1))
        assert moved.shape == given.shape and bool(moved.isfinite().all())
        assert torch.equal(moved, MOVES[name](given, given, reference, generator(1)))


def test_the_lattice_is_the_same_on_an_accelerator() -> None:
    random = torch.Generator().manual_seed(5)
    image = torch.rand(2, 3, 9, 11, generator=random, dtype=torch.float64) * 1.4 - 0.2
    table = torch.rand(2, 3, *(LATTICE,) * 3, generator=random, dtype=torch.float64)
    torch.testing.assert_close(in_space(image, table), in_plane(image, table))


def test_the_lattice_applies_a_map_to_a_picture() -> None:
    image = torch.rand(2, 3, 9, 11, generator=generator())
    points = lattice_points(2, image.device)
    torch.testing.assert_close(apply_lattice(image, points), image, atol=3e-6, rtol=0)
    matrix = torch.tensor([[0.8, 0.1, 0.0], [0.0, 0.5, 0.3], [0.2, 0.0, 0.7]])
    expected = (image.permute(0, 2, 3, 1) @ matrix).permute(0, 3, 1, 2)  # linear maps are met exactly
    torch.testing.assert_close(apply_lattice(image, points @ matrix), expected, atol=3e-6, rtol=0)
    bent = apply_lattice(image, points.square())
    assert float((bent - image.square()).abs().max()) < 0.25 / 16**2 + 1e-6  # interpolation's bound


def test_rotations_are_those_of_the_qr_decomposition_but_for_signs() -> None:
    matrix = torch.randn(64, 3, 3, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    wanted = torch.linalg.qr(matrix).Q
    answer = _orthogonal(matrix)
    torch.testing.assert_close(answer.abs(), wanted.abs())
    signs = (answer * wanted).sum(1).sign()[:, None]  # of each column
    torch.testing.assert_close(answer * signs, wanted)


def test_vividness_changes_contrast_about_the_source_and_then_saturation(monkeypatch: pytest.MonkeyPatch) -> None:
    source, reference = colours()
    drawn = {"contrast": (-1.5, 0.7, 0.5), "saturation": (-2.7, 1.0, 0.25), "exposure": (-0.33, 0.33, 1.25)}
    values = iter(drawn.values())

    def fixed(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
        wanted = next(values)
        assert (low, high) == wanted[:2]
        return torch.full(shape, float(np.log2(wanted[2])))

    monkeypatch.setattr(moves, "uniform", fixed)
    moved = vividness(source, source, reference, generator()).numpy()
    for n in range(2):
        pivot = source[n].numpy().mean(0)
        for before, after in zip(source[n].numpy(), moved[n], strict=True):
            near = pivot + (before - pivot) * 0.5
            grey = near.mean()
            np.testing.assert_allclose(after, (grey + (near - grey) * 0.25) * 1.25, atol=1e-6)
