"""Print the set-up commands of the README, one a line: the sh blocks of that section."""

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
SECTION = "Set up"
EXPECTED = 2


def setup_commands(text: str) -> list[str]:
    """Find the commands in the section that is named "Set up".

    Parameters
    ----------
    text
        The README.

    Returns
    -------
    list of str
        One command for each non-empty line of the section's ``sh`` blocks.
    """
    section = re.search(rf"^## {SECTION}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if section is None:
        return []
    blocks = re.findall(r"^```sh\n(.*?)^```", section.group(1), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def main() -> int:
    """Print the commands; fail when there are not exactly two."""
    commands = setup_commands(README.read_text(encoding="utf-8"))
    print("\n".join(commands))
    if len(commands) != EXPECTED:
        print(f"README.md: expected {EXPECTED} commands, found {len(commands)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
