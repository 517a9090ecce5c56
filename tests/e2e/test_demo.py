# SPDX-License-Identifier: Apache-2.0
"""The demo's story, asserted from its facts."""

import json
import os
import subprocess
import sys
import unittest

FACTS = ["first_sync_exact", "found_offline", "unsent", "merged_fields", "conflict_both_values", "conflict_on_phone",
         "order_total", "visit_arrived", "task_done", "customer_made", "refused_with_reason", "nothing_blocked",
         "visit_accepted", "edit_parked", "customer_left", "customer_came", "nothing_in_clear"]


class Demo(unittest.TestCase):
    def test_every_fact_of_the_story_holds(self):
        story = os.path.join(os.path.dirname(os.path.abspath(__file__)), "demo.py")
        done = subprocess.run([sys.executable, story, "--json"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        facts = json.loads(done.stdout)
        for name in FACTS:
            self.assertTrue(facts.get(name), name)


if __name__ == "__main__":
    unittest.main()
