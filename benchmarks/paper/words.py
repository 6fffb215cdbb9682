"""The sentences of ../paper.md that are not computed, and those that say under which conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HEAD = """# The paper's tables, made again

*Image Harmonization by Matching Regional References* (Zhu et al., 2022), Tables 2 to 5 and Figures 1 and 5, beside what
this project measures. Made by `python -m benchmarks.paper.report` from the files in `paper/`; a row is trained and
measured by

    python -m regharm_core tables --table 2 --data TAR... --validate PAIRS --out benchmarks/paper/results

(`--row NAME` for one network, `--list` for their names, `--seeds 0 1 2`; a stopped row goes on, a finished one is
skipped; `--composites FOLDER` keeps a seed's composites for its other rows, 7.9 GB, and saves each of them 5 of 20 to
33 CPU minutes; the wide row takes about 260 a seed, `--widest 1` leaves it out). The rows themselves are data:
`regharm_core/training/tables/rows.py`.
"""

DIFFERENT = """
What differs from the paper:

- Photographs with region maps and composites made on the fly instead of iHarmony4; 64 fixed pairs of each of three
  kinds (inside an object's mask; clean cut-outs; soft blobs), counted alike. PSNR of one table cannot be compared with
  the other's; gains over RBase can, with the rest of this list in mind.
- A small fraction of the paper's budget (140 epochs of 65,742 pictures), at a reduced width and size; gates and extra
  convolutions are as in the full network.
- Adam with a cosine after a short rise instead of a step at epoch 120; the average of the weights is measured.
- The softmax has a temperature of sqrt(C), which the paper does not print: tokens of unit variance would else give
  one-hot attention.
- The budget is a number of steps: with one seed every network sees the same composites in the same order and starts
  from the same weights in the layers that all have. Seconds would give a cheap network more of them, and on a shared
  machine would measure the neighbours. What a module costs in memory is below.
- Measured where the network works, as in the paper. The public call carries the answer to larger pictures as local
  colour maps, which have every detail of the composite: what direct prediction loses does not show there, and of the
  first two rows Base was the better one at 256 px (31.02 dB, RBase 30.62; `kinds_at_256` in the results).
- A view of 64 px and a rate of 3e-4 (the paper: 256 px), because a short run learns there (`choices.md`): at 128 px,
  with 1e-3 and as much time on one core, RBase left 98.6 % of the composites' foreground MSE, nothing to compare.
- Table 2 of the paper prints for "RBase + LTL" what Table 3 prints for LTL at all three levels, to every digit, though
  its final model has LTL at 32x32 only. Both are rows here.
- Direct prediction ("Base") has to learn to copy the picture before it can harmonize it; under a budget as short as
  this its distance to RBase says that, and little of what is left after 140 epochs.
"""

CLAIMS = """Difference of PSNR over the seeds that both networks have. The margin is a 95 % interval from the noise
that is left when each network's and each seed's own effect is taken off the largest table of networks by seeds that has
no gap ("Base" left out: another task; a network with fewer seeds adds nothing to it). A claim "holds" or "fails" when
the difference lies outside the margin; "one seed" means that no noise is known yet. The last columns ask the same of
one kind of composites alone, against the same rival.
"""

VERDICTS = """
In words:

- PTL helps, by as much as in print, and residual reconstruction beats direct prediction, by more. But nearly all of
  the latter comes from soft inpainting, whose composites are nearest to the truth, so that what is not copied exactly
  costs most; after 8,600 steps direct prediction is not told apart on plain composites, and 0.16 dB behind on pasted
  ones.
- LTL at 32 has the print's sign, not its size, and none of it on the kinds that resemble iHarmony4 (plain and paste).
  Beside PTL it adds nothing. At all three levels, the best LTL in print, it makes plain and pasted composites worse.
- PTL is no better than AdaIN, which in print is worse than RBase. Both beat self-attention, by what they beat RBase.
- Finer strides and higher levels of LTL: the print's steps are 0.04 to 0.13 dB, which one seed cannot show. To see
  0.1 dB between two rows takes about 10 seeds of each.
- Four times the width (38 M numbers here, 117 M at the paper's C) is +0.10 dB over the same network at C, +0.60 in
  print; the margin is 0.19. Most of it lies in soft inpainting; on plain composites the two are equal. A row sees
  68,800 composites, the paper's 9 million pictures, which may be why; not tested.
- The noise lies in soft inpainting: there RBase's seeds are 0.8 dB apart, those with the background's statistics
  (AdaIN, PTL) half of that. RBase's seed 0 is its worst (30.69 dB; the others 30.96 and 31.09), so that a row of that
  seed alone (hollow in the plot: most of Tables 3 and 4) stands about 0.2 dB too far above RBase. With seed 0 alone
  PTL's gain looked twice as large. Claims that compare two rows of the same seeds have nothing of this.
"""

MEMORY = """Batch 4, 256 x 256, fp32, full width, a fifth of the picture foreground, one training step, every allocation
counted (`python -m benchmarks.memory`, `memory.md`). Alone: the module's own peak, above its input, its output's
gradient and its weights. In the network: peak of a step of RBase with the module, less that of RBase.
"""

LOOKS = """![Figure 5 of the paper with our weights](paper/figure5.jpg)

As the paper's Fig. 5: composites (foreground outlined), what the whole foreground looks at in PTL and in LTL, and the
harmonized picture. `python -m benchmarks.paper.figures`; provenance: `paper/pictures/PROVENANCE.md`.

![Figure 1 of the paper with our weights](paper/figure1.jpg)

As the paper's Fig. 1: two points of one foreground (green), and where each looks.

Seen in these pictures: LTL's map is a few spots. From one eye of the cat it finds the other, and from a patch of fur
the eye too; in Fig. 1 wood finds wood, but the saucer finds the coffee, and two points of the cat the same spot on
its nose. PTL's map lies around the foreground's rim (the eye, the sky) or is spread over many blocks, some of them at
the picture's border, far from the foreground. Nothing is as clean as the paper's pineapple. Numbers say more than
pictures:

On photographs (`python -m benchmarks.paper.regions`): the share of attention that falls into the background's part of
the colour-texture cluster that is asked about (k-means, six clusters a photograph, before the colours were moved; pairs
that no weights were trained on), or into the other half of a region whose one half is the foreground (photographs that
the weights have seen in training). "By area" is what attention that is equal everywhere would give; "larger in"
says in how many photographs the share is larger than that. Region maps have no classes, so kinds of objects cannot be
asked about. The intervals are bootstraps over photographs. Width: how many references a location really looks at (e to
the entropy of its attention), as a share of those there are. The other half of a region is also what lies nearest, so
nearness has a part in that question, but not in the difference between the layers.

PTL's attention is learned: an untrained one looks at everything alike, a trained one at what resembles. LTL's is drawn
to what is alike as much before training as after: tokens of like colour and texture give larger products whatever the
weights. Training has made it look at fewer places, not at others.
"""

WHY = """What trained attention is worth: the same weights, measured once more with the attention of a layer made equal
everywhere (`python -m benchmarks.paper.even PAIRS [--weights W ... --size 64]`). PTL then gives every location the mean
of all blocks' appearances, in essence AdaIN; LTL the mean of the background's tokens. Nothing is trained again, so the
loss holds what training could have made up for. "Looks at": how many references a location really looks at (e to the
entropy of its attention), as a share of all; beside it the same before training. In the bundled weights, trained on
several times as many composites and at 128 px, PTL's matching by region carries much of the answer. In the rows (seed
0) it is less: five of the six rows of Table 4 look at 19 to 60 % of their blocks and lose 0.04 to 0.33 dB
without, and the one that Table 2 calls PTL (1/8, 1/32) still looks at three quarters and loses nothing: it is AdaIN in
all but name, and the two come out equal. Rows that do match by region are hardly better than AdaIN either, so what is
missing here is more than that. Budget and size are the suspects; blocks of 1/8 being small at 64 px (4 x 4 of PTL's
feature) is no explanation by itself, since with coarser strides their attention was learned.
"""

PROBES = """
Is it the temperature that keeps PTL's attention wide? Under sqrt(C) it starts out looking at nearly all blocks, because
the tokens of blocks are smaller than those of locations. `ptl-8-32-printed` is Eq. 4 to the letter (0.177 =
1/sqrt(C), so that the softmax is that of Q K): it ends at one block in fifty and needs that, but is no better for it.
`choices.md` has a sharper (0.1) and a flatter temperature (4) for both layers under other terms: neither was better.
"""

TAIL = ""


def conditions(results: Sequence[dict[str, Any]], noise: str) -> str:
    """Under which terms the results were made."""
    if not results:
        return "No row has been trained yet.\n" + DIFFERENT
    first = results[0]
    c = first["conditions"]
    pairs = sum(kind["pairs"] for kind in first["kinds"].values())
    bare = sum(kind["composite"]["psnr"] for kind in first["kinds"].values()) / len(first["kinds"])
    precision = "bf16" if c["bf16"] else "fp32"
    return (
        f"Equal for all rows: C = {c['width']} (the paper: 32), {c['size']} px (256), batch {c['batch']} (4), "
        f"{c['steps']:,} steps, so {first['images']:,} composites from {first['photographs']:,} photographs, "
        f"{precision}; measured on {pairs} pairs of {c['size']} px, the network's own size. The bare composites have "
        f"{bare:.2f} dB. Runs so far: {len(results)}; {noise}.\n{DIFFERENT}"
    )
