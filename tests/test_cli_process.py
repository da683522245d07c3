"""The command as a process: pipes, signals, exit codes and the time it takes to start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli_helpers import COMMAND, FOREST, read_csv, series, spawn, write_csv

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("plain") / "in.csv", {"value": series(2000)})


def test_pipe_through(plain: Path) -> None:
    piped = spawn("score", "-", "--format", "csv", *FOREST, input=plain.read_bytes())
    assert piped.returncode == 0
    assert piped.stdout == spawn("score", plain, *FOREST).stdout
    assert len(piped.stderr.decode().splitlines()) == 2
    again = spawn("score", "-", *FOREST, "--suffix", "_2", input=piped.stdout)
    assert again.returncode == 0
    assert read_csv(again.stdout).num_rows == 2000


def test_exit_codes(plain: Path, tmp_path: Path) -> None:
    bad = write_csv(tmp_path / "bad.csv", {"value": ["1", "2", "3", "x"]})
    cases = {
        0: ["score", plain, *FOREST],
        2: ["score", plain, "--nope"],
        3: ["score", plain, *FOREST, "--fail-on-anomaly"],
        65: ["score", bad],
        66: ["score", tmp_path / "absent.csv"],
        78: ["score", plain, "--value-cols", "absent"],
    }
    for code, arguments in cases.items():
        result = spawn(*arguments)
        assert result.returncode == code, result.stderr.decode()
        assert b"Traceback" not in result.stderr


def test_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", {"value": series(30_000)})
    command = [*COMMAND, "score", str(path), "--trees", "2", "--samples", "16"]
    with subprocess.Popen(
        [*command, "--chunk-rows", "100"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(30) == 128 + signal.SIGPIPE
    assert said == b""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_leaves_no_file(tmp_path: Path, number: signal.Signals, code: int) -> None:
    out = tmp_path / "out.csv"
    command = [*COMMAND, "score", "-", "--value-cols", "value", *FOREST, "-o", str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"value\n1\n2\n")
        process.stdin.flush()
        wait_for(lambda: any(tmp_path.iterdir()))
        process.send_signal(number)
        said = process.stderr.read()
        process.stdin.close()
        assert process.wait(30) == code
    assert b"Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def wait_for(condition: object, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def test_rows_flow_while_the_pipe_is_open() -> None:
    """A live source: every row comes back before the next is sent."""
    command = [*COMMAND, "score", "-", "--format", "csv", "--value-cols", "value", *FOREST]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"at,value\n")
        for row, value in enumerate(series(200)):
            process.stdin.write(f"{row},{value}\n".encode())
            process.stdin.flush()
            if row == 0:
                assert process.stdout.readline() == b"at,value,score,is_anomaly,threshold\n"
            assert process.stdout.readline().startswith(f"{row},{value},".encode())
        process.stdin.close()
        assert process.wait(30) == 0


def test_named_pipe_as_output(plain: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    os.mkfifo(out)
    command = [*COMMAND, "score", str(plain), *FOREST, "-o", str(out)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        table = read_csv(out.read_bytes())
        assert process.wait(30) == 0
    assert table.num_rows == 2000


def test_no_progress_bar_without_a_terminal(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", {"value": series(20_000)})
    result = spawn("score", path, "--chunk-rows", "100", "--trees", "5")
    assert b"\x1b" not in result.stderr
    assert len(result.stderr.splitlines()) == 2


def test_progress_bar_on_a_terminal() -> None:
    from fastrcf.cli.progress import Progress

    bar = Progress(is_shown=True)
    bar.step(0.1, 100)
    assert bar._bar is None  # too early to bother anybody
    bar._started -= 2
    bar.step(None, 400)
    assert bar._bar.tasks[0].total is None
    bar.step(0.5, 500)
    assert bar._bar.tasks[0].completed == 0.5
    bar.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_constant(tmp_path: Path) -> None:
    """Ten times the rows take the same memory."""

    def peak_kilobytes(n_rows: int) -> int:
        path = tmp_path / f"{n_rows}.csv"
        block = "".join(f"{value}\n" for value in series(10_000))
        path.write_text("value\n" + block * (n_rows // 10_000), encoding="utf-8")
        options = ["--trees", "1", "--samples", "8", "-o", str(tmp_path / "out.csv")]
        code = (
            "from pathlib import Path; from fastrcf.cli.app import app\n"
            f"app({['score', str(path), *options]!r}, standalone_mode=False)\n"
            "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
        )
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, timeout=300
        )
        return int(result.stdout.split()[-1])

    small, large = peak_kilobytes(200_000), peak_kilobytes(2_000_000)
    assert large < small + 60_000  # the rows themselves would be 100 MB and more


def test_version_and_help() -> None:
    import fastrcf

    assert spawn("--version").stdout.decode() == f"fastrcf {fastrcf.__version__}\n"
    result = spawn("--help")
    assert result.returncode == 0
    assert {b"score", b"demo", b"doctor"} <= set(result.stdout.split())


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from fastrcf.cli.app import app\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'numba', 'matplotlib', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert result.stdout == b"[]\n"


def test_command_line_packages_missing() -> None:
    code = "import sys; sys.modules['typer'] = None\nfrom fastrcf.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert result.returncode == 69
    assert b"pip install fastrcf" in result.stderr


def test_the_command_is_installed() -> None:
    from importlib.metadata import entry_points

    (entry,) = entry_points(group="console_scripts", name="fastrcf")
    assert entry.value == "fastrcf.cli:main"


def test_scoring_loads_no_package_it_does_not_use(plain: Path) -> None:
    code = (
        "import sys; from fastrcf.cli.app import app\n"
        f"app({['score', str(plain), *FOREST]!r}, standalone_mode=False)\n"
        "heavy = {'numba', 'matplotlib', 'sklearn', 'scipy', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert result.stderr.splitlines()[-1] == b"[]"
