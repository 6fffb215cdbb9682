"""A change kept: from Harmonize to another picture and into a file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F


@pytest.fixture
def found(pack: Any, harmonizer: Any, scene: Any) -> Any:
    """Two harmonized pictures and their corrections."""
    image, _, correction = pack.run("RegHarmHarmonize", harmonizer, scene.image, scene.mask, 1.0, colour=0.5)
    return image, correction


def test_the_same_picture_becomes_the_same(pack: Any, scene: Any, found: Any) -> None:
    image, correction = found
    assert len(correction) == 2
    (result,) = pack.run("RegHarmApply", correction, scene.image, 1.0, "regional", scene.mask)
    assert torch.allclose(result, image, atol=1e-5) and not pack.cautions
    assert pack.facts[0].startswith("2 images, 19 % of each mask: ")
    (none,) = pack.run("RegHarmApply", correction, scene.image, 0.0, "regional", scene.mask)
    assert torch.equal(none, scene.image)


def test_a_larger_version_of_the_same_composite(pack: Any, scene: Any, found: Any) -> None:
    image, correction = found
    large = F.interpolate(scene.image.movedim(-1, 1), scale_factor=3).movedim(1, -1)
    mask = F.interpolate(scene.mask[:, None], scale_factor=3)[:, 0]
    (result,) = pack.run("RegHarmApply", correction, large, 1.0, "regional", mask)
    change = F.avg_pool2d((result - large).movedim(-1, 1), 3).movedim(1, -1)
    assert torch.allclose(change, image - scene.image, atol=5e-3)


def test_the_overall_change_of_one_picture_on_others(pack: Any, scene: Any, found: Any) -> None:
    _, correction = found
    images = torch.rand(3, 20, 30, 4)
    (result,) = pack.run("RegHarmApply", correction[:1], images, 1.0, "overall")
    assert result.shape == images.shape and torch.equal(result[..., 3], images[..., 3]) and not pack.cautions
    assert bool((result[..., :3] != images[..., :3]).any(-1).all())
    (result,) = pack.run("RegHarmApply", correction, images, 1.0, "overall")
    assert pack.cautions == ["3 images, 2 corrections: the last correction was repeated"]
    (result,) = pack.run("RegHarmApply", correction, images[:1], 1.0, "overall")
    assert result.shape[0] == 2


def test_a_mask_beyond_what_was_shown_is_spoken_of(pack: Any, harmonizer: Any) -> None:
    torch.manual_seed(4)
    image, mask = torch.rand(1, 400, 400, 3) * 0.5 + 0.25, torch.zeros(1, 400, 400)
    mask[:, 20:60, 20:60] = 1
    _, _, correction = pack.run("RegHarmHarmonize", harmonizer, image, mask, 1.0)
    other = torch.zeros(1, 400, 400)
    other[:, 300:, 300:] = 1
    (result,) = pack.run("RegHarmApply", correction, image, 1.0, "regional", other)
    assert torch.equal(result, image)
    assert "100 % of the mask lies beyond what Harmonize was shown" in pack.said
    (result,) = pack.run("RegHarmApply", correction, image, 1.0, "overall", other)
    assert not torch.equal(result, image) and not pack.cautions


def test_nothing_found(pack: Any, harmonizer: Any, scene: Any) -> None:
    _, _, correction = pack.run("RegHarmHarmonize", harmonizer, scene.image, torch.zeros(64, 64), 1.0)
    (result,) = pack.run("RegHarmApply", correction, scene.image, 1.0, "regional", scene.mask)
    assert torch.equal(result, scene.image) and "Harmonize changed nothing" in pack.said


def test_corrections_of_batches_that_were_cut(pack: Any, harmonizer: Any, scene: Any) -> None:
    """Pictures are harmonized a few at once; every correction is that of its own picture."""
    images, masks = scene.image.repeat(3, 1, 1, 1), scene.mask.repeat(3, 1, 1)
    images[3] = images[3] ** 2
    image, _, correction = pack.run("RegHarmHarmonize", harmonizer, images, masks, 1.0)
    (result,) = pack.run("RegHarmApply", correction, images, 1.0, "regional", masks)
    assert torch.allclose(result, image, atol=1e-5)


def test_saved_tables_lie_in_the_output_folder(pack: Any, found: Any) -> None:
    correction = [replace(one, regional=5.2) for one in found[1]]
    assert pack.run("RegHarmSaveCorrection", correction, "looks/cup") == ()
    files = sorted((pack.host.output / "looks").iterdir())
    assert [file.name for file in files] == ["cup_00001_.cube", "cup_00002_.cube"]
    text = files[0].read_text()
    assert 'TITLE "cup"' in text and "LUT_3D_SIZE 33" in text and len(text.splitlines()) == 5 + 33**3
    assert pack.facts == ["saved output/looks/cup_00001_.cube and 1 more, 33 points a side"]
    assert pack.cautions == ["the change differs by 5 of 255 from place to place; a table holds only what is common"]


def test_apply_hears_cancel(pack: Any, scene: Any, found: Any) -> None:
    pack.host.checks, pack.host.cancel_after = 0, 1
    with pytest.raises(pack.host.interrupt):
        pack.run("RegHarmApply", found[1], scene.image, 1.0, "regional", scene.mask)


def test_a_change_of_linear_light_is_spoken_of_alike(pack: Any, harmonizer: Any, scene: Any) -> None:
    dark = scene.image**3
    image, _, correction = pack.run("RegHarmHarmonize", harmonizer, dark, scene.mask, 2.0, encoding="linear")
    words = pack.facts[0].rsplit(": ")[1]
    (result,) = pack.run("RegHarmApply", correction, dark, 1.0, "regional", scene.mask)
    assert torch.allclose(result, image, atol=1e-5) and pack.facts[0].rsplit(": ")[1] == words


def test_values_that_are_not_finite_are_refused(pack: Any, scene: Any, found: Any) -> None:
    error, spoiled = pack.module("regharm_core").InputError, scene.image.clone()
    spoiled[0, 5, 5, 0] = float("nan")
    with pytest.raises(error, match="image holds values that are not finite"):
        pack.run("RegHarmApply", found[1], spoiled, 1.0, "regional", scene.mask)
    with pytest.raises(error, match="mask holds values that are not finite"):
        pack.run("RegHarmApply", found[1], scene.image, 1.0, "regional", scene.mask * float("inf"))


def test_without_a_mask_none_is_spoken_of(pack: Any, scene: Any, found: Any) -> None:
    pack.run("RegHarmApply", found[1][:1], scene.image[:1], 1.0, "overall")
    assert pack.facts[0].startswith("1 image: ")
    pack.run("RegHarmApply", found[1], torch.rand(2, 400, 400, 3), 0.0, "regional", torch.ones(2, 400, 400))
    assert not pack.cautions
    with pytest.raises(pack.module("regharm_core").RegHarmError, match="holds no picture"):
        pack.run("RegHarmApply", found[1][:1], torch.rand(0, 20, 20, 3), 1.0, "overall")


@pytest.mark.parametrize("prefix", ["looks/", "", "looks/one"])
def test_no_table_overwrites_another(pack: Any, found: Any, tmp_path: Any, monkeypatch: Any, prefix: str) -> None:
    """The host counts from 1 each time where a prefix ends in a slash, or is empty."""
    host = pack.module("nodes.host")
    place = (str(tmp_path), prefix.rpartition("/")[2], 1, "", prefix)
    monkeypatch.setattr(host.folder_paths, "get_save_image_path", lambda *_: place)
    names = [name for text in ("a", "b", "c") for name in host.save_text(prefix, ".cube", [text])]
    assert len(set(names)) == 3 and [(tmp_path / name).read_text() for name in names] == ["a", "b", "c"]
