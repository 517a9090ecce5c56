# SPDX-License-Identifier: Apache-2.0
"""The plan of a replay, made from the company and a seed before anything runs.

Each order becomes a visit. When a phone is offline, where connections break, who is killed and which edits collide is
drawn here, so that every seed has its share of everything.
"""

import dataclasses
import random
import uuid

CUTS = 90
LOST_REPLIES = 26
PHONE_KILLS_EACH = 2
SERVER_KILLS = 4
COLLISIONS = 110
FOLLOW_UPS = 60

# Fields that reps and the office both like to edit, and how a rep and the office would write them.
COLLIDING_FIELDS = ["street", "short_name", "industry", "opening_hours", "name"]
OTHER_FIELDS = ["website", "note", "district"]


@dataclasses.dataclass
class Stop:
    """What goes with one order, by its place in the sequence of orders."""

    collide: str = ""        # field that rep and office both set
    beside: str = ""         # field that only the office sets meanwhile
    points: int = 0          # loyalty points that the rep gives
    note: bool = False
    stay_offline: bool = False
    kill_phone: str = ""     # "command" or "sync"
    kill_server: bool = False
    harm: str = ""           # "cut" or "lose" for the sync of this stop
    cut_after: int = 0       # bytes
    kill_delay: float = 0.0  # seconds
    follow_up: bool = False  # before this phone's sync, work on a customer that moved away meanwhile


class Story:
    def __init__(self, company, seed):
        self.company = company
        self.seed = seed
        self.random = random.Random(f"satchel replay {seed}")
        self.stops = [Stop() for _ in company.orders]
        self.draw()

    def identity(self, *parts):
        """The same id for the same thing in each run of a seed, so that a command may be said again after a kill."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join(["satchel", str(self.seed), *parts])))

    def some(self, count):
        return self.random.sample(range(len(self.stops)), min(count, len(self.stops)))

    def draw(self):
        draw = self.random
        for stop in self.stops:
            stop.note = draw.random() < 0.5
            stop.points = draw.randint(1, 50) if draw.random() < 0.3 else 0
            stop.stay_offline = draw.random() < 0.55
            stop.follow_up = draw.random() < 0.5
            stop.kill_delay = draw.random() * 0.02
        for index in self.some(COLLISIONS):
            self.stops[index].collide = draw.choice(COLLIDING_FIELDS)
            self.stops[index].beside = draw.choice(OTHER_FIELDS)
        self.draw_harm()
        self.draw_kills()

    def draw_harm(self):
        draw = self.random
        indices = self.some(CUTS + LOST_REPLIES)
        for place, index in enumerate(indices):
            stop = self.stops[index]
            stop.harm = "lose" if place < LOST_REPLIES else "cut"
            stop.cut_after = draw.choice([1, 40, 300, 700, 1200, 2000]) + draw.randint(0, 400)
            stop.stay_offline = False

    def draw_kills(self):
        draw = self.random
        by_employee = {}
        for index, order in enumerate(self.company.orders):
            by_employee.setdefault(order.employee, []).append(index)
        for indices in by_employee.values():
            for kind in draw.sample(["command", "sync"], 2)[:PHONE_KILLS_EACH]:
                self.stops[draw.choice(indices)].kill_phone = kind
        calm = [index for index, stop in enumerate(self.stops) if not stop.harm and not stop.kill_phone]
        for index in draw.sample(calm, min(SERVER_KILLS, len(calm))):
            self.stops[index].kill_server = True
            self.stops[index].stay_offline = False
