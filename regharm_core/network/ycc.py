"""Luma and two colour differences, as JPEG stores them (JFIF 1.02; ITU-R BT.601): rows of what makes them of RGB."""

from __future__ import annotations

TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
FROM_YCC = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))
