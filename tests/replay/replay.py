# SPDX-License-Identifier: Apache-2.0
"""Replays a trading company's orders through real phones, a harmful proxy and a real server, then has it judged.

usage: replay.py DIR [--seed N] [--json] [--orders N] [--keep FOLDER] [--sabotage flip|drop|dup]
Exit 0: the judge agrees; 1: it does not; 2: the input is not usable.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

import northwind
import sabotage
from work import Replay


def arguments():
    parser = argparse.ArgumentParser(prog="run replay", description="Replays a trading company's orders.")
    parser.add_argument("folder", help="folder with the CSV files")
    parser.add_argument("--programs", default=os.environ.get("SATCHEL_BIN", "build/release/bin"),
                        help="folder with satchel and satcheld")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders", type=int, default=0, help="only the first N orders (0: all)")
    parser.add_argument("--json", action="store_true", help="the last line is the verdict as JSON")
    parser.add_argument("--keep", help="keep stores, dumps and journal in this folder")
    parser.add_argument("--sabotage", choices=sorted(sabotage.KINDS), help="spoil the outcome: the judge must notice")
    return parser.parse_args()


def judge(options, folder, counters):
    """The judge is a program of its own: it sees the CSV, the server's database, the dumps and the journal."""
    command = [sys.executable, os.path.join(os.path.dirname(__file__), "judge.py"), options.folder, folder,
               "--counters", counters, "--orders", str(options.orders)]
    if options.json:
        command.append("--json")
    return subprocess.run(command, check=False).returncode


def main():
    options = arguments()
    try:
        company = northwind.read(options.folder)
    except northwind.BadInput as error:
        print(f"replay: {error}", file=sys.stderr)
        return 2
    if options.orders:
        company.orders = company.orders[:options.orders]
    folder = options.keep or tempfile.mkdtemp(prefix="satchel-replay-")
    os.makedirs(folder, exist_ok=True)
    try:
        replay = Replay(company, options.seed, options.programs, folder, quiet=options.json)
        counters = replay.run()
        if options.sabotage:
            sabotage.KINDS[options.sabotage](folder, options.seed)
        return judge(options, folder, counters)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
