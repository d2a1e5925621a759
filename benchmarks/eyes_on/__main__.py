"""``python -m benchmarks.eyes_on``."""

import sys

from benchmarks.eyes_on.run import main

if __name__ == "__main__":
    sys.exit(main())
