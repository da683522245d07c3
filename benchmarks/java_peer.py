"""The Java peer: a process of its own that loops over the series and times itself."""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import IO, ClassVar, cast

import numpy as np

from benchmarks.streamer import CHILDREN, MissingPeerError
from benchmarks.workloads import FloatArray, Workload

JAVA_FLAGS = ("-XX:+UseSerialGC", "-Xms512m", "-Xmx512m")
JAVA_WARM_UP = 10_000


class Java:
    """The AWS Java implementation from the jar inside jrcf, looped over in Java.

    The processor time is that of the loop's thread, measured in the virtual machine after a
    warm-up of its compiler; compiler and collector threads are not counted, which favours Java.
    """

    name: ClassVar[str] = "Java"

    def __init__(self, workload: Workload, length: int) -> None:
        jar, classes = java_jar(), java_classes()
        self._left = length
        with tempfile.NamedTemporaryFile(suffix=".f64", delete=False) as file:
            file.write(np.ascontiguousarray(workload.rows(length), dtype="<f8").tobytes())
        self._file = Path(file.name)
        forest = (workload.columns, workload.shingle_size, workload.n_trees, workload.sample_size)
        self._process = subprocess.Popen(
            ["java", *JAVA_FLAGS, "-cp", f"{jar}{os.pathsep}{classes}", "ScoreUpdate", file.name]
            + [str(value) for value in (*forest, 1, JAVA_WARM_UP)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        atexit.register(self.close)

    def next_block(self, n: int) -> int:
        """Return `n`: the rows are on the other side already."""
        self._left -= n
        if self._left < 0:
            raise ValueError("length: the series ends before this block does")
        return n

    def run(self, block: int) -> FloatArray:
        """Score and learn the next rows; return their scores."""
        pipe_in = cast("IO[bytes]", self._process.stdin)
        pipe_out = cast("IO[bytes]", self._process.stdout)
        pipe_in.write(f"{block}\n".encode())
        pipe_in.flush()
        head = pipe_out.readline().split()
        if len(head) != 3:
            raise RuntimeError("the Java process ended early")
        scores = np.frombuffer(pipe_out.read(8 * block), dtype="<f8").astype(np.float64)
        CHILDREN.seconds += int(head[0]) * 1e-9
        return scores

    def close(self) -> None:
        """End the process and remove the series."""
        atexit.unregister(self.close)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()
        self._file.unlink(missing_ok=True)


def java_jar() -> Path:
    """Return the jar that jrcf carries."""
    spec = importlib.util.find_spec("jrcf")  # found, not imported: importing it starts a JVM
    if spec is None or spec.origin is None:
        raise MissingPeerError("jrcf, which carries the jar, is not installed")
    jars = sorted(Path(spec.origin).parent.glob("lib/randomcutforest-core-*.jar"))
    if not jars:
        raise MissingPeerError("the jar inside jrcf was not found")
    return jars[-1]


@lru_cache(maxsize=1)
def java_classes() -> Path:
    """Compile the loop, once per run; return the folder of its class."""
    jar = java_jar()
    for tool in ("java", "javac"):
        if shutil.which(tool) is None:
            raise MissingPeerError(f"{tool} is not installed")
    folder = Path(tempfile.mkdtemp(prefix="fastrcf-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    source = Path(__file__).parent / "java" / "ScoreUpdate.java"
    command = ["javac", "-cp", str(jar), "-d", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MissingPeerError(f"javac failed: {done.stderr.strip()}")
    return folder
