"""What people give by mistake: each ends with one line that quotes it, exit status 2, and nothing written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from regharm_core import HarmonizerConfig, HarmonizerNet, save_checkpoint
from regharm_core.cli import main
from regharm_core.media.picture import Picture
from regharm_core.media.reading import read_picture
from regharm_core.media.writing import write_picture

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: Path, values: np.ndarray, mask: Path) -> Path:
    """A folder to stand in: in.png, mask.png, w.safetensors, and P/ and M/ with a and b."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(values).save("in.png")
    shutil.copy(weights, "w.safetensors")
    for folder, source in (("P", "in.png"), ("M", "mask.png")):
        os.mkdir(folder)
        for name in "ab":
            shutil.copy(source, f"{folder}/{name}.png")
    return tmp_path


def listed(folder: Path) -> dict[str, bytes | None]:
    return {str(p): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def refused(capsys: pytest.CaptureFixture[str], arguments: str) -> str:
    """One line on stderr, exit status 2, not a file changed."""
    before = listed(Path.cwd())
    try:
        status = main(arguments.split())
    except SystemExit as left:
        status = left.code
    said = capsys.readouterr().err
    assert status == 2, said
    assert said.startswith("error: ") and said.count("\n") == 1 and said[:-1].isprintable()
    assert listed(Path.cwd()) == before
    return said


@pytest.mark.parametrize(
    ("arguments", "quoted"),
    [
        ("", "COMMAND"),
        ("harmonise in.png mask.png -o out.png", "harmonise"),
        ("harmonize in.png mask.png", "-o"),
        ("harmonize in.png -o out.png", "in.png"),
        ("harmonize in.png mask.png -o out.png --strength much", "much"),
        ("harmonize in.png mask.png -o out.png --strength nan", "nan"),
        ("harmonize in.png mask.png -o out.png --weights w.safetensors --context 1", "1.0"),
        ("harmonize in.png mask.png -o out.png --weights w.safetensors --context nan", "nan"),
        ("harmonize in.png mask.png -o out.png --device tpu", "tpu"),
        ("harmonize in.png mask.png -o out.png --weights M", "'M'"),
        ("harmonize M/gone.png mask.png -o out.png --weights w.safetensors", "M/gone.png"),
        ("harmonize in.png M/gone.png -o out.png --weights w.safetensors", "M/gone.png"),
        ("harmonize in.png M -o out.png --weights w.safetensors", "in.*"),
        ("harmonize in.png mask.png -o out --weights w.safetensors", "out"),
        ("harmonize in.png mask.png -o none/out.png --weights w.safetensors", "no folder none"),
        ("harmonize in.png mask.png -o out.png --attention heat.gif --weights w.safetensors", "heat.gif"),
        ("harmonize in.png mask.png -o mask.png --weights w.safetensors", "overwrite"),
        ("harmonize in.png mask.png -o out.png --attention in.png --weights w.safetensors", "overwrite"),
        ("harmonize in.png mask.png -o out.png --attention out.png --weights w.safetensors", "two results"),
        ("harmonize in.png mask.png -o M/b.png --reference M/b.png --weights w.safetensors", "M/b.png"),
        ("harmonize P mask.png -o P --weights w.safetensors", "composites' own"),
        ("harmonize P M -o M --weights w.safetensors", "overwrite"),
        ("harmonize P M -o out --attention out --weights w.safetensors", "two results"),
        ("harmonize P M -o in.png --weights w.safetensors", "in.png"),
        ("harmonize P/a.png in.png in.png mask.png -o out --weights w.safetensors", "in.png"),
        ("harmonize P M -o out --weights gone.safetensors", "gone.safetensors"),
        ("info", "--width"),
        ("info --width 1 w.safetensors", "one of the two"),
        ("info --width wide", "wide"),
        ("info in.png", "in.png"),
        ("info P", "P"),
        ("evaluate gone", "gone"),
        ("evaluate in.png", "in.png"),
        ("evaluate P --size 512", "512"),
        ("evaluate P --json M --weights w.safetensors", "M"),
        ("evaluate P --json none/figures.json --weights w.safetensors", "none"),
        ("train gone.json", "gone.json"),
        ("train in.png", "in.png"),
        ("train P", "P"),
        ("split w.safetensors -o in.png", "in.png"),
        ("join gone -o whole.safetensors", "gone"),
        ("join in.png -o whole.safetensors", "in.png"),
    ],
)
def test_mistakes(capsys: pytest.CaptureFixture[str], arguments: str, quoted: str) -> None:
    assert quoted in refused(capsys, arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is here")
@pytest.mark.parametrize("command", ["harmonize in.png mask.png -o out.png", "evaluate P"])
def test_cuda_where_there_is_none(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert "--device cuda" in refused(capsys, f"{command} --device cuda")


@pytest.mark.parametrize(
    "recipe", ["", "[]", "{", "[" * 100_000, '{"steps": ' + "1" * 5000 + "}", '{"data": ["P"], "steps": 1, "out": 3}']
)
def test_recipes_that_are_none(capsys: pytest.CaptureFixture[str], recipe: str) -> None:
    Path("recipe.json").write_text(recipe)
    assert "recipe.json" in refused(capsys, "train recipe.json")


def test_pictures_that_are_none(capsys: pytest.CaptureFixture[str], values: np.ndarray) -> None:
    """Also kinds of numbers that would come out wrong: below zero, beyond 16 bits with a sign, not finite."""
    Path("empty.png").touch()
    Path("text.png").write_text("hello")
    Image.fromarray(np.full_like(values[..., 0], np.inf, np.float32)).save("float.tif")
    Image.fromarray(values[..., 0].astype(np.int32) * 70_000).save("long.tif")
    Image.new("RGB", (1, 1)).save("one.png")
    Image.new("L", (20, 40000)).save("tall.png")
    if sys.platform != "win32":
        os.mkfifo("pipe.png")  # opening it would wait for ever
    for path in ("empty.png", "text.png", "float.tif", "long.tif", "one.png", "tall.png", "pipe.png"):
        if Path(path).exists():
            assert path in refused(capsys, f"harmonize {path} mask.png -o out.png --weights w.safetensors")


def test_folders_that_do_not_match(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy("M/b.png", "M/b.tif")
    use = "harmonize P M -o out --weights w.safetensors"
    os.remove("M/a.png")
    assert "no mask for a.png" in refused(capsys, use)  # nothing could be done
    shutil.copy("mask.png", "M/a.png")
    assert main([*use.split(), "--device", "cpu"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert "several masks for b.png: b.png and b.tif" in said[0]
    assert said[1] == "1/2 done; skipped: 1 without exactly one mask" and os.listdir("out") == ["a.png"]


def test_names_with_a_leading_dot_are_no_composites(capsys: pytest.CaptureFixture[str]) -> None:
    """What macOS writes beside files, and what a killed run leaves behind."""
    Path("P/.a.x8f3.png").write_bytes(b"half a pict")
    Path("M/.a.png").write_bytes(b"half a mask")
    assert main("harmonize P M -o out --weights w.safetensors --device cpu".split()) == 0
    assert sorted(os.listdir("out")) == ["a.png", "b.png"]
    assert capsys.readouterr().err.count("\n") == 1  # no terminal: the bar's last state only


def test_the_composite_itself_may_be_the_output(values: np.ndarray) -> None:
    assert main("harmonize in.png mask.png -o in.png --weights w.safetensors --device cpu".split()) == 0
    with Image.open("in.png") as made:
        assert made.size == (60, 40) and not np.array_equal(np.asarray(made), values)


@pytest.mark.parametrize("name", ["ünïcödé 文字.png", "a" * 251 + ".png", "new\nline.png"])
def test_names_of_all_kinds(capsys: pytest.CaptureFixture[str], name: str) -> None:
    shutil.copy("in.png", "P/" + name)
    use = ["--weights", "w.safetensors", "--device", "cpu"]
    assert main(["harmonize", "P/" + name, "mask.png", "-o", name, *use]) == 0
    assert Path(name).is_file()
    assert main(["harmonize", "P/" + name, "M/gone.png", "-o", name, *use]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_context_without_bounds_shows_everything() -> None:
    for context in ("inf", "1e308", "1e9"):
        use = f"--weights w.safetensors --device cpu --context {context}"
        assert main(f"harmonize in.png mask.png -o {context}.png {use}".split()) == 0
    assert Path("inf.png").read_bytes() == Path("1e308.png").read_bytes() == Path("1e9.png").read_bytes()


def test_facts_cannot_speak_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"licence": "\x1b]0;title\x07\u202emine\nparameters  0", "\x1b[2J": "\ud800", "images": 3}
    save_checkpoint(HarmonizerNet(HarmonizerConfig(width=1)), Path("loud.safetensors"), facts=facts)
    assert main(["info", "loud.safetensors"]) == 0
    said = capsys.readouterr().out
    assert all(line.isprintable() for line in said.splitlines())
    assert "\\x1b]0;title" in said and "\\ud800" in said and said.count("\nparameters") == 1


def test_what_is_written_is_read_by_a_machine_without_unicode() -> None:
    """The real command, with names and facts that the terminal cannot show, and a reader that leaves early."""
    facts = {"licence": "für alle — 文字"}
    save_checkpoint(HarmonizerNet(HarmonizerConfig(width=1)), Path("文字.safetensors"), facts=facts)
    command = [sys.executable, "-m", "regharm_core", "info", "文字.safetensors"]
    plain = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=plain, capture_output=True, check=False)
    assert done.returncode == 0 and b"f\\xfcr alle" in done.stdout and not done.stderr
    with subprocess.Popen(command, env=plain, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as left:
        assert left.stdout is not None and left.stderr is not None
        left.stdout.close()
        assert left.stderr.read() == b""


def test_memory_that_runs_out_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes")

    monkeypatch.setattr("regharm_core.cli.harmonize.harmonize", full)
    assert "out of memory" in refused(capsys, "harmonize in.png mask.png -o out.png --weights w.safetensors")


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("alpha", [False, True])
def test_16_bits_keep_their_profile(suffix: str, alpha: bool) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    deep = torch.randint(0, 65536, (1, 4, 50, 70), generator=torch.Generator().manual_seed(0)) / 65535
    like = Picture(deep[:, :3], deep[:, 3:] if alpha else None, 16, {"icc_profile": profile})
    write_picture(Path(f"deep.{suffix}"), deep[:, :3], like)
    back = read_picture(Path(f"deep.{suffix}"))
    assert back.depth == 16 and back.extras["icc_profile"] == profile
    assert torch.equal((back.pixels * 65535).round(), (deep[:, :3] * 65535).round())
    assert (back.alpha is not None) is alpha


def test_a_grey_profile_is_not_put_on_colours(values: np.ndarray) -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[16:20] = b"GRAY"
    Image.fromarray(values[..., 0]).save("grey.png", icc_profile=bytes(profile))
    picture = read_picture(Path("grey.png"))
    write_picture(Path("grey.webp"), picture.pixels, picture)  # which has no room for a single channel
    assert picture.extras["icc_profile"] == bytes(profile) and "icc_profile" not in Image.open("grey.webp").info


def test_evaluate_names_the_pair(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("real", "composite", "mask"):
        os.makedirs(f"pairs/{kind}")
        Image.new("L" if kind == "mask" else "RGB", (9, 9)).save(f"pairs/{kind}/small.png")
    assert "'small'" in refused(capsys, "evaluate pairs --size full --weights w.safetensors")
    data = bytearray(Path("in.png").read_bytes())
    data[40:60] = b"\xff" * 20  # Pillow raises a SyntaxError
    Path("pairs/composite/small.png").write_bytes(data)
    assert "'small'" in refused(capsys, "evaluate pairs --weights w.safetensors")


def test_evaluate_writes_figures(capsys: pytest.CaptureFixture[str]) -> None:
    for kind, source in (("real", "in.png"), ("composite", "in.png"), ("mask", "mask.png")):
        os.makedirs(f"pairs/{kind}")
        shutil.copy(source, f"pairs/{kind}/a.png")
    assert main("evaluate pairs --weights w.safetensors --json f.json --device cpu".split()) == 0
    assert json.loads(Path("f.json").read_text())["images"] == 1
