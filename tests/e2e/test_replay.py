# SPDX-License-Identifier: Apache-2.0
"""The replay on a small company made here, on the real one if it is at hand, on spoiled outcomes and bad input."""

import csv
import datetime
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
REPLAY = os.path.join(HERE, "..", "replay", "replay.py")
NORTHWIND = os.path.join(HERE, "..", "..", "..", "shared", "data", "northwind")
ORDERS = 36


def write(folder, name, columns, rows):
    with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split(","))
        writer.writerows(rows)


def make_company(folder):
    """Three employees, eight customers, a few dozen orders whose prices carry single-precision noise."""
    draw = random.Random(7)
    write(folder, "employees.csv", "employee_id,first_name,last_name,title,reports_to",
          [(1, "Nancy", "One", "Rep", 2), (2, "Andrew", "Two", "Manager", ""), (3, "Janet", "Three", "Rep", 2)])
    write(folder, "customers.csv", "customer_id,company_name,contact_name,contact_title,address,city,region,"
          "postal_code,country,phone",
          [(f"C{n}", f"Käufer {n} 客户", "x", "y", f"Street {n}", "Berlin", "", "1000", "Germany", f"030-00{n}4321")
           for n in range(8)])
    write(folder, "region.csv", "region_id,region_description", [(1, "Eastern")])
    write(folder, "territories.csv", "territory_id,territory_description,region_id", [("01581", "Westboro", 1)])
    write(folder, "employee_territories.csv", "employee_id,territory_id", [(1, "01581"), (3, "01581")])
    write(folder, "products.csv", "product_id,product_name,quantity_per_unit,unit_price",
          [(n, f"Product {n}", "box", "9.80000019") for n in range(1, 5)])
    start = datetime.date(1996, 7, 4)
    write(folder, "orders.csv", "order_id,customer_id,employee_id,order_date",
          [(100 + n, f"C{draw.randrange(8)}", draw.randint(1, 3), start + datetime.timedelta(days=n))
           for n in range(ORDERS)])
    write(folder, "order_details.csv", "order_id,product_id,unit_price,quantity,discount",
          [(100 + n, product, draw.choice(["9.80000019", "0.0149999997", "263.5"]), draw.randint(1, 99),
            draw.choice(["0", "0.0500000007", "0.150000006"])) for n in range(ORDERS) for product in (1, 3)])


class Replay(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="satchel-company-")
        self.addCleanup(shutil.rmtree, self.folder)
        make_company(self.folder)

    def replay(self, *options, folder=None):
        return subprocess.run([sys.executable, REPLAY, folder or self.folder, "--json", *options],
                              capture_output=True, text=True, check=False)

    def test_the_judge_agrees_and_harm_was_done(self):
        done = self.replay("--orders", str(ORDERS), "--seed", "3")
        self.assertEqual(done.returncode, 0, done.stderr)
        verdict = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual((verdict["orders"], verdict["lines"], verdict["agree"]), (ORDERS, 2 * ORDERS, True))
        for name in ("cuts", "kills", "lost_replies", "conflicts"):
            self.assertGreater(verdict[name], 0, name)

    def test_each_sabotage_is_noticed(self):
        for kind in ("flip", "drop", "dup"):
            with self.subTest(kind=kind):
                done = self.replay("--orders", "8", "--sabotage", kind)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertFalse(json.loads(done.stdout.splitlines()[-1])["agree"])

    def test_bad_input_is_told_with_file_line_and_reason(self):
        cases = [("orders.csv", "100,C1,9,1996-07-04", "employee_id names no employee"),
                 ("orders.csv", "100,C1,1,4 July", "order_date is not a day"),
                 ("orders.csv", "100,C1,1", "3 values where the heading has 4"),
                 ("order_details.csv", "100,1,cheap,1,0", "unit_price is not a number"),
                 ("order_details.csv", "100,1,9.8,1.5,0", "quantity is not whole"),
                 ("order_details.csv", "100,1,9.8,1,2", "discount is outside"),
                 ("customers.csv", 'C9,"open', "not CSV")]
        for name, line, reason in cases:
            with self.subTest(name=name, line=line):
                make_company(self.folder)
                path = os.path.join(self.folder, name)
                with open(path, encoding="utf-8") as file:
                    lines = file.read().splitlines()
                with open(path, "w", encoding="utf-8") as file:
                    file.write("\n".join([lines[0], line, *lines[2:]]) + "\n")
                done = self.replay()
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(f"{name}:", done.stderr)
                self.assertIn(reason, done.stderr)

    def test_a_missing_folder_or_file_is_told(self):
        self.assertEqual(self.replay(folder=os.path.join(self.folder, "absent")).returncode, 2)
        os.remove(os.path.join(self.folder, "products.csv"))
        done = self.replay()
        self.assertEqual(done.returncode, 2)
        self.assertIn("products.csv: the file is missing", done.stderr)

    @unittest.skipUnless(os.path.isdir(NORTHWIND), "the Northwind folder is not at hand")
    def test_the_real_company_agrees_over_its_first_orders(self):
        done = self.replay("--orders", "60", folder=NORTHWIND)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
