"""What torch and the libraries raise, under the few names that workers know."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from generation.refusals import DeviceLost, OutOfMemory, Trouble

# What allocators say in errors of other kinds than torch.OutOfMemoryError.
FULL = (
    "not enough memory",
    "can't allocate memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


@contextmanager
def named() -> Iterator[None]:
    """Give memory that is used up, and a GPU that is lost, their own names.

    Raises:
        OutOfMemory: torch, Python or an allocator says so.
        DeviceLost: after an error like this every further call on the device fails, in this process.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as full:
        raise OutOfMemory(str(full)) from full
    except RuntimeError as trouble:
        words = str(trouble)
        if any(full in words for full in FULL):
            raise OutOfMemory(words) from trouble
        if isinstance(trouble, torch.AcceleratorError) or words.startswith("CUDA error"):
            raise DeviceLost(words) from trouble
        raise


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Whatever the libraries raise inside becomes ``Trouble`` that begins with ``what``; a lost device stays one."""
    try:
        with named():
            yield
    except (Trouble, DeviceLost):
        raise
    except Exception as trouble:  # a folder or a setting can make them raise anything; its reader needs the words
        raise Trouble(f"{what}: {first_line(trouble)}") from trouble


def first_line(trouble: Exception) -> str:
    return (str(trouble).strip().splitlines() or [type(trouble).__name__])[0][:200]
