"""What files may hold, for the browser; placeholder."""

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps({}))
