# SPDX-License-Identifier: Apache-2.0
"""Spoils the outcome of a replay before it is judged, to show that the judge notices."""

import glob
import json
import os
import random
import sqlite3
import uuid


def open_database(folder):
    return sqlite3.connect(os.path.join(folder, "server", "satchel.db"))


def flip(folder, seed):
    """One figure on one phone differs by one."""
    path = sorted(glob.glob(os.path.join(folder, "dumps", "*.jsonl")))[seed % 9]
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    line = random.Random(seed).choice([row for row in rows if row["entity"] == "order_line"])
    line["record"]["quantity_e3"] += 1
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def drop(folder, seed):
    """One order line is missing on the server."""
    with open_database(folder) as database:
        ids = [row[0] for row in database.execute('SELECT id FROM order_line ORDER BY id')]
        database.execute("DELETE FROM order_line WHERE id = ?", (random.Random(seed).choice(ids),))


def dup(folder, seed):
    """One order line is there twice on the server."""
    with open_database(folder) as database:
        names = [row[1] for row in database.execute("PRAGMA table_info(order_line)") if row[1] not in ("rowid", "id")]
        ids = [row[0] for row in database.execute('SELECT id FROM order_line ORDER BY id')]
        columns = ", ".join(f'"{name}"' for name in names)
        database.execute(f"INSERT INTO order_line (id, {columns}) SELECT ?, {columns} FROM order_line WHERE id = ?",
                         (uuid.UUID(int=random.Random(seed).getrandbits(128)).bytes,
                          random.Random(seed).choice(ids)))


KINDS = {"flip": flip, "drop": drop, "dup": dup}
