# SPDX-License-Identifier: Apache-2.0
"""Makes the shared helpers of tests/support importable."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
