"""A clone of this repository in a folder with an unusual name, readable by its owner only."""

import shutil
import stat
from pathlib import Path

from tests.environment import ROOT

ODD = """it's ;a #b 100% $HOME `c` "d" (e) &f ä"""
NOT_CLONED = shutil.ignore_patterns(
    ".git", ".venv*", "var", "__pycache__", ".*_cache", ".hypothesis", "htmlcov", ".env"
)


def clone(to: Path) -> Path:
    """The files as `umask 077` and `git clone` create them."""
    copy = shutil.copytree(ROOT, to / ODD, ignore=NOT_CLONED)
    for path in [copy, *copy.rglob("*")]:
        path.chmod(path.stat().st_mode & ~(stat.S_IRWXG | stat.S_IRWXO))
    return copy
