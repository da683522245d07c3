"""The file from which a training goes on: losses so far, and numbers; nothing that is executed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.container import pack, unpack, write_whole
from fastrcf.errors import ModelFormatError
from fastrcf.neural._history import History

if TYPE_CHECKING:
    from fastrcf._typing import StrPath
__all__ = ["read_checkpoint", "write_checkpoint"]

_KIND = "fastrcf checkpoint"
_HEADER = 2**26  # bytes that the losses may take


def write_checkpoint(path: StrPath, tensors: list[Any], identity: str, history: History) -> None:
    """Write where a training stands, whole or not at all.

    Parameters
    ----------
    path : path-like
        The file; it is replaced.
    tensors : list of torch.Tensor
        Float32.
    identity : str
        Of the training.
    history : History
        The losses so far.
    """
    header = {"kind": _KIND, "identity": identity, "history": history.to_dict()}
    arrays = [np.ascontiguousarray(each.cpu().numpy(), "<f4") for each in tensors]
    write_whole(path, pack(header, b"".join(each.tobytes() for each in arrays)))


def read_checkpoint(path: StrPath, tensors: list[Any], identity: str, epochs: int) -> History:
    """Fill tensors from a checkpoint; without a file nothing happens.

    Parameters
    ----------
    path : path-like
        The file. It need not be trusted.
    tensors : list of torch.Tensor
        As they were written.
    identity : str
        Of the training that is to go on.
    epochs : int
        That it has at most.

    Returns
    -------
    History
        The losses so far, none if there is no file.

    Raises
    ------
    ModelFormatError
        It is not a checkpoint.
    ValueError
        It is that of another training, or has more epochs behind it. No tensor is changed then.
    """
    file = Path(path)
    if not file.exists():
        return History()
    size = 4 * sum(each.numel() for each in tensors)
    with file.open("rb") as opened:
        data = opened.read(size + _HEADER + 1)  # a file that is longer is cut short, and refused
    try:
        header, core = unpack(data)
        history = _history(header)
    except ModelFormatError as error:
        raise ModelFormatError(f"checkpoint {file}: {error}; remove it to begin anew") from error
    done = len(history.loss)
    if header.get("identity") != identity or len(core) != size:
        raise ValueError(
            f"checkpoint: {file} belongs to another training (other data, options or network); "
            "remove it or name another file"
        )
    if done > epochs:
        raise ValueError(f"checkpoint: {file} has {done} epochs behind it, more than {epochs}")
    numbers = np.frombuffer(core, "<f4").astype(np.float32)
    if not np.isfinite(numbers).all():
        raise ModelFormatError(f"checkpoint {file}: some numbers are NaN or infinite")
    _fill(tensors, numbers)
    return history


def _history(header: dict[str, Any]) -> History:
    if header.get("kind") != _KIND:
        raise ModelFormatError("not a checkpoint of a training")
    try:
        history = History.from_dict(header["history"])
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise ModelFormatError(f"the losses: {error}") from error
    if not history.loss:
        raise ModelFormatError("the losses: expected those of at least one epoch")
    return history


def _fill(tensors: list[Any], numbers: Any) -> None:
    import torch

    place = 0
    for each in tensors:
        piece = numbers[place : place + each.numel()].reshape(tuple(each.shape))
        each.copy_(torch.from_numpy(piece))
        place += each.numel()
