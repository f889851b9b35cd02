"""Where several web processes count together, so that any of them can say what all have done."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which the library of the numbers knows the folder; it looks once, when it is first imported."""


@contextmanager
def counted_together(processes: int) -> Iterator[None]:
    """While this lasts, processes that are started count in one fresh folder. One process alone needs none."""
    if processes < 2:
        yield
        return
    folder = tempfile.mkdtemp(prefix="rouge-metrics-")
    os.environ[FOLDER] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
