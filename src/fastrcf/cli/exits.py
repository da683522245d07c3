"""Exit codes, and the way from an exception to one of them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, NoReturn

from fastrcf.errors import FastRCFError, MissingExtraError

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["CliError", "ExitCode", "bad_data", "exit_codes", "note"]


class ExitCode(IntEnum):
    """What the process says when it ends."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    ANOMALIES = 3  # only with --fail-on-anomaly
    BAD_DATA = 65
    INPUT_MISSING = 66
    EXTRA_MISSING = 69
    BAD_CONFIG = 78
    INTERRUPTED = 130  # 128 + SIGINT
    PIPE_CLOSED = 141  # 128 + SIGPIPE, as other filters end
    TERMINATED = 143  # 128 + SIGTERM


class CliError(FastRCFError):
    """Something the user can put right: a sentence and an exit code, never a traceback."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def bad_data(message: str) -> CliError:
    """Make the error for input that cannot be used; the message names row and column."""
    return CliError(ExitCode.BAD_DATA, message)


def note(message: str) -> None:
    """Write one line to standard error."""
    sys.stderr.write(f"fastrcf: {message}\n")
    sys.stderr.flush()


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn every exception of a command into a line on standard error and an exit code."""
    with _terminable():
        try:
            yield
        except CliError as error:
            _end(error.code, str(error))
        except MissingExtraError as error:
            _end(ExitCode.EXTRA_MISSING, str(error))
        except BrokenPipeError:
            _silence_stdout()
            sys.exit(ExitCode.PIPE_CLOSED)
        except KeyboardInterrupt:
            _end(ExitCode.INTERRUPTED, "interrupted")
        except MemoryError:
            _end(ExitCode.INTERNAL, "out of memory; smaller --chunk-rows or fewer --trees may help")
        except OSError as error:
            _end(ExitCode.INTERNAL, _describe(error))
        except Exception as error:
            if os.environ.get("FASTRCF_TRACEBACK"):
                raise
            _end(
                ExitCode.INTERNAL,
                f"internal error: {type(error).__name__}: {error} "
                "(set FASTRCF_TRACEBACK=1 to see where)",
            )


def _end(code: ExitCode, message: str) -> NoReturn:
    note(message)
    sys.exit(code)


def _describe(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def _silence_stdout() -> None:
    """Keep the interpreter from complaining when it flushes a closed pipe at exit."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, descriptor)
    os.close(sink)


@contextmanager
def _terminable() -> Iterator[None]:
    """End on SIGTERM as on an error, so that half-written files are removed."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        sys.exit(ExitCode.TERMINATED)

    try:
        previous = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
