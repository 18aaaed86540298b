"""Have the ranks that joblib's workers start be forks; a worker itself starts anew."""

import os
import sys

if "TEST_PYTHON" in os.environ:
    sys.executable = os.environ["TEST_PYTHON"]
