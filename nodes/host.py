"""The one file that touches the host: model folder, patcher, memory, progress, Cancel, status."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import comfy.model_management as mm
import comfy.model_patcher
import comfy.utils
import folder_paths
import torch
from torch import Tensor

from ..regharm_core import CheckpointError, Harmonizer, RegHarmError, load_harmonizer
from ..regharm_core.picture.carry import STRIP_PIXELS
from ..regharm_core.pipeline import DEFAULT_WEIGHTS, WEIGHTS_FOLDER

FOLDER = "harmonizers"
LARGEST_BATCH = 8
STEPS = 4  # of the progress bar, a picture
BATCH_PIXELS = 1 << 25  # full-size pixels on the device at once; a single picture may be larger

Rows = slice
Progress = Callable[[int, int], None]
# work(network, rows of the batch, pictures at once, progress) -> the rows' answer, B C H W
Work = Callable[[Harmonizer, Rows, int, Progress], Tensor]

log = logging.getLogger(__name__)


class DeviceMemoryError(RegHarmError, RuntimeError):
    """Not even one picture fits the device's memory."""


def register_weights_folder() -> None:
    """Make models/harmonizers known, with the bundled weights behind it: the user's file of the same name wins."""
    paths, extensions = folder_paths.folder_names_and_paths.get(FOLDER, ([], set()))
    folder_paths.folder_names_and_paths[FOLDER] = (list(paths), set(extensions) | {".safetensors"})
    folder_paths.add_model_folder_path(FOLDER, str(Path(folder_paths.models_dir) / FOLDER), is_default=True)
    folder_paths.add_model_folder_path(FOLDER, str(WEIGHTS_FOLDER))


def weights_names() -> list[str]:
    """Weights to choose from, the bundled default first."""
    names = folder_paths.get_filename_list(FOLDER)
    return sorted(names, key=lambda name: (DEFAULT_WEIGHTS.index(name) if name in DEFAULT_WEIGHTS else 99, name))


def weights_path(name: str) -> Path:
    """The file behind a name of :func:`weights_names`.

    Raises:
        CheckpointError: when there is none, the folders that were searched are named; or when it is a link that
            leads out of them.
    """
    folders = folder_paths.get_folder_paths(FOLDER)
    try:
        if name in weights_names():  # and so no way out by "../"
            path = Path(folder_paths.get_full_path_or_raise(FOLDER, name))
            if any(path.resolve().is_relative_to(Path(folder).resolve()) for folder in folders):
                return path
            raise CheckpointError(f"{name!r} is a link out of {path.parent}; add its folder to extra_model_paths.yaml")
    except FileNotFoundError:
        pass  # listed a moment ago, and gone
    searched = ", ".join(folders)
    raise CheckpointError(f"no weights {name!r} in {searched}")


def load_patcher(path: Path, precision: str) -> comfy.model_patcher.ModelPatcher:
    """Load a network and hand it to the host, which decides from then on where it lives.

    Args:
        path: a weights file.
        precision: "fp32", "fp16", "bf16", or "auto" for what the host would use on its device.
    """
    device, offload = mm.get_torch_device(), mm.unet_offload_device()
    net = load_harmonizer(path).to(_dtype(precision, device)).to(offload)
    return comfy.model_patcher.CoreModelPatcher(net, load_device=device, offload_device=offload)


def describe(patcher: comfy.model_patcher.ModelPatcher) -> str:
    """A loaded network in a line: "1.9 million parameters, fp32, runs on cpu"."""
    names = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}
    net: Harmonizer = patcher.model
    millions = sum(parameter.numel() for parameter in net.parameters()) / 1e6
    return f"{millions:.1f} million parameters, {names[next(net.parameters()).dtype]}, runs on {patcher.load_device}"


def _dtype(precision: str, device: torch.device) -> torch.dtype:
    fixed = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
    if precision in fixed:
        return fixed[precision]
    if mm.should_use_fp16(device):
        return torch.float16
    return torch.bfloat16 if mm.should_use_bf16(device) else torch.float32


def activation_bytes(net: Harmonizer, batch: int, pixels: int) -> int:
    """Memory that a batch needs beside the weights, for the host to make room.

    The network's part was measured at widths 8 to 32 and batches of 1 and 4 (resident set, 256 px); the
    full-size part counts the strip being worked on and a picture's copies: in, out and masks.
    """
    parameter = next(net.parameters())
    shown = max(batch, 2)  # a picture and its mirror image share a pass
    network = shown * (100 + 14 * net.config.width) * net.config.view**2 * parameter.element_size()
    strip = 60 * 4 * min(pixels, STRIP_PIXELS)
    return network + strip + 12 * 4 * batch * pixels


def in_batches(
    patcher: comfy.model_patcher.ModelPatcher,
    work: Work,
    count: int,
    size: tuple[int, int],
    *,
    together: bool = False,
    turn: tuple[int, int] = (0, 1),
) -> Tensor:
    """Run ``work`` over ``count`` pictures: the model loaded, progress shown, Cancel heard, memory respected.

    Out of memory is answered by half the batch, down to one picture.

    Args:
        patcher: from :func:`load_patcher`.
        work: called with the network, the rows to do, how many pictures at once, and a progress callback.
        count: pictures.
        size: their height and width.
        together: all rows in one call of ``work``, which is left to batch them itself.
        turn: this call's number, from 0, and how many calls of this kind a run makes, for the progress bar.

    Returns:
        The answers, B H W C, on the host's device for what travels between nodes.

    Raises:
        DeviceMemoryError: when one picture alone does not fit; all models are off the device then.
    """
    height, width = size
    batch = _first_batch(patcher.load_device, count, height * width)
    net: Harmonizer = patcher.model
    mm.load_models_gpu([patcher], memory_required=activation_bytes(net, batch, height * width), force_full_load=True)
    bar = comfy.utils.ProgressBar(STEPS * count * turn[1])
    result: Tensor | None = None
    done = 0
    while done < count:
        rows = slice(done, count if together else min(done + batch, count))
        part: Tensor | None = None
        try:
            check_cancel()
            with _cancel_in_every_layer(net):
                part = work(net, rows, batch, _reporter(bar, rows, turn[0] * count))
        except Exception as error:
            mm.raise_non_oom(error)
        if part is None:  # outside the handler, whose traceback would keep the failed batch alive
            batch = _smaller(batch, patcher.load_device, size)
            continue
        if result is None:
            result = part.new_empty((count, height, width, part.shape[1]), device=mm.intermediate_device())
        result[rows] = part.movedim(1, -1)
        done = rows.stop
    if result is None:
        raise RegHarmError("the batch holds no picture")
    return result


def one_by_one(count: int, work: Callable[[int], Tensor]) -> Tensor:
    """Stack ``work(n)`` of every picture, on the host's device for what travels between nodes.

    Progress is shown and Cancel heard; for what runs no network.
    """
    if count == 0:
        raise RegHarmError("the batch holds no picture")
    bar = comfy.utils.ProgressBar(count)
    done: list[Tensor] = []
    for n in range(count):
        check_cancel()
        done.append(work(n).to(mm.intermediate_device()))
        bar.update_absolute(n + 1)
    return torch.stack(done)


def check_cancel() -> None:
    """Raise what the host raises when Cancel was pressed."""
    mm.throw_exception_if_processing_interrupted()


def status(facts: list[str], cautions: list[str] | None = None) -> dict[str, list[str]]:
    """The status line of a run as a node's ``ui`` output, which the host keeps in its cache with the result.

    Args:
        facts: what the run did.
        cautions: what a person should look at; they go to the log too.
    """
    for caution in cautions or []:
        log.warning("Regional Harmonizer: %s", caution)
    return {"text": facts, "caution": list(cautions or [])}


def save_text(prefix: str, suffix: str, texts: list[str]) -> list[str]:
    """Write texts into the output folder as the host names its files: prefix, counter, suffix.

    Returns:
        The files' names below the output folder.
    """
    output = folder_paths.get_output_directory()
    folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, output)
    saved: list[str] = []
    for text in texts:
        while (path := Path(folder) / f"{name}_{counter:05}_{suffix}").exists():
            counter += 1  # the host does not see what is there where a prefix ends in / or is empty
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        saved.append((Path(subfolder) / path.name).as_posix())
        counter += 1
    return saved


def publish(tensor: Tensor) -> Tensor:
    """A tensor that a node made from nothing, on the device and in the dtype that travel between nodes."""
    return tensor.to(mm.intermediate_device(), mm.intermediate_dtype())


@contextmanager
def _cancel_in_every_layer(net: Harmonizer) -> Iterator[None]:
    """Hear Cancel within a pass of the network too: one of a wide network takes seconds on a CPU."""
    hooks = [module.register_forward_pre_hook(lambda *_: check_cancel()) for module in net.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _first_batch(device: torch.device, count: int, pixels: int) -> int:
    if mm.is_device_cpu(device):
        return 1  # nothing is gained by more, and Cancel is heard sooner
    return max(min(count, LARGEST_BATCH, BATCH_PIXELS // pixels), 1)


def _smaller(batch: int, device: torch.device, size: tuple[int, int]) -> int:
    if batch > 1:
        mm.soft_empty_cache()
        log.warning("Regional Harmonizer: out of memory with %d pictures at once, trying %d", batch, batch // 2)
        return batch // 2
    mm.unload_all_models()
    mm.soft_empty_cache()
    raise DeviceMemoryError(
        f"out of memory on {device} with a single picture of {size[1]} x {size[0]} px; all models were moved off "
        f"the device. Make the picture smaller, or close what else uses the memory{_or_the_cpu(device)}."
    )


def _or_the_cpu(device: torch.device) -> str:
    return "" if device.type == "cpu" else ", or start ComfyUI with --cpu"


def _reporter(bar: comfy.utils.ProgressBar, rows: Rows, before: int) -> Progress:
    def report(done: int, total: int) -> None:
        check_cancel()  # the bar's own check is throttled
        bar.update_absolute(STEPS * (before + rows.start) + STEPS * (rows.stop - rows.start) * done // total)

    return report
