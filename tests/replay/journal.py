# SPDX-License-Identifier: Apache-2.0
"""What the replay was told: every acknowledged write and every sync, in the order in which they happened.

The judge reads it to demand that each acknowledged value is current, or superseded by a write that had seen it, or
listed as the loser of a conflict, or parked.
"""

import json


class Journal:
    def __init__(self, path):
        self.file = open(path, "w", encoding="utf-8")

    def write(self, kind, **facts):
        self.file.write(json.dumps({"kind": kind, **facts}, ensure_ascii=False) + "\n")
        self.file.flush()

    def edit(self, author, customer, field, value):
        """A scalar field of a customer was set; `author` is an employee's key, or "office"."""
        self.write("edit", author=author, customer=customer, field=field, value=value)

    def add(self, author, customer, field, delta):
        self.write("add", author=author, customer=customer, field=field, delta=delta)

    def note(self, author, customer, row):
        self.write("note", author=author, customer=customer, row=row)

    def sync(self, author):
        """The phone tried to sync; from here on the server may have seen what it wrote."""
        self.write("sync", author=author)

    def close(self):
        self.file.close()
