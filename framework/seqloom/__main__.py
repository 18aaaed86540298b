"""``python -m seqloom``, which is ``seqloom``: ``torchrun -m seqloom train …``."""

import sys
from pathlib import Path

if not sys.flags.safe_path and sys.path and Path(sys.path[0]) == Path.cwd():
    del sys.path[0]  # Python puts the current folder there, whose files are not ours to import

from seqloom.cli.main import main

if __name__ == "__main__":
    main()
