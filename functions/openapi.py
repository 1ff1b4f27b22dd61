"""Temporary: writes an empty document."""

import sys
from pathlib import Path

if __name__ == "__main__":
    Path(sys.argv[1]).write_text("{}")
