# SPDX-License-Identifier: Apache-2.0
"""Looks for readable text where none may be: in files, and in files that a process holds open, deleted ones too.

A text is looked for in every encoding that a program might write it in. One pass over the bytes finds the places that
begin like any needle: words of four bytes at each of the four alignments against one set, so thousands of needles cost
hardly more than one.
"""

import os
import stat
import sys

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
LEAST_BYTES = 4
# A shorter needle may turn up in random bytes once in a great many runs, a longer one never does.
CERTAIN_BYTES = 7


def needles_of(texts):
    """Encoded form → (text, encoding), for every text of at least four bytes."""
    needles = {}
    for text in texts:
        if len(text.encode()) < LEAST_BYTES:
            continue
        for encoding in ENCODINGS:
            needles.setdefault(text.encode(encoding), (text, encoding))
    return needles


class Scanner:
    def __init__(self, texts):
        self.needles = needles_of(texts)
        self.by_begin = {}
        for needle in self.needles:
            self.by_begin.setdefault(int.from_bytes(needle[:4], sys.byteorder), []).append(needle)
        self.begins = set(self.by_begin)

    def scan(self, data):
        """The needles that stand in `data`."""
        found = set()
        view = memoryview(data)
        for shift in range(4):
            words = (len(data) - shift) // 4
            if words <= 0:
                continue
            for begin in self.begins.intersection(view[shift:shift + 4 * words].cast("I")):
                found.update(needle for needle in self.by_begin[begin] if needle in data)
        return found

    def describe(self, needle):
        text, encoding = self.needles[needle]
        return f"{text!r} in {encoding}"


def files_under(*folders):
    """(path, content) of every regular file. A file that goes while it is looked for holds nothing any more."""
    for folder in folders:
        for path, _, names in os.walk(folder):
            for name in names:
                whole = os.path.join(path, name)
                try:
                    if stat.S_ISREG(os.lstat(whole).st_mode):
                        with open(whole, "rb") as file:
                            yield whole, file.read()
                except FileNotFoundError:
                    continue


def open_files_of(pid):
    """(name, content) of every regular file that the process holds open, whether it still has a name or not."""
    folder = f"/proc/{pid}/fd"
    for number in os.listdir(folder):
        link = os.path.join(folder, number)
        try:
            if stat.S_ISREG(os.stat(link).st_mode):
                with open(link, "rb") as file:
                    yield f"{link} → {os.readlink(link)}", file.read()
        except FileNotFoundError:
            continue
