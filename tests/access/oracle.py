#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may do what, decided a second time.

Written from the words of core/doc/access.md, without a look at core/access: relations from trees of people and
territories, verbs and classes from rules, ops from the writer kinds and classes that model.proto gives their fields.
Random policies, users, rows and ops are put to both; so is the shipped policy, read here from the document's sentences.

    oracle.py PROGRAM [--full] [--seed N]     PROGRAM is access_answers; prints how many requests agreed
"""

import argparse
import collections
import itertools
import pathlib
import random
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

VERBS = ("read", "create", "edit", "delete", "assign", "export", "approve")
RELATIONS = ("own", "assigned", "shared", "team", "territory", "company", "any")
CLASSES = ("open", "personal", "commercial", "secret")
LEVELS = ("hidden", "masked", "read", "write")
KINDS = {"create": 1, "edit": 2, "delete": 3, "take back": 4, "command": 5}

CUSTOMER = 1

Field = collections.namedtuple("Field", "number writer sensitivity derived")


# ---- the model, from its text ----

def read_model(text):
    """{entity name: (number, {field number: Field})}"""
    text = re.sub(r"//[^\n]*", "", text)
    entities = {}
    for name, body in re.findall(r"^message (\w+) \{(.*?)^\}", text, re.S | re.M):
        head = re.search(r"option \(entity\) = \{(.*?)\};", body, re.S)
        if head is None:
            continue
        number = int(re.search(r"\bnumber: (\d+)", head.group(1)).group(1))
        made_by_server = "server_made: true" in head.group(1)
        fields = {}
        for declared in re.finditer(r"(\w+) = (\d+)\s*(?:\[\(field\) = \{(.*?)\}\])?;", body[head.end():], re.S):
            field = read_field(int(declared.group(2)), declared.group(3) or "", made_by_server)
            fields[field.number] = field
        entities[re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()] = (number, fields)
    return entities


def read_field(number, options, made_by_server):
    options = re.sub(r'"[^"]*"', '""', options)
    word = {key: value for key, value in re.findall(r"(\w+): (\w+)", options)}
    merge = word.get("merge", "SERVER" if made_by_server else "LATER")
    writer = word.get("write", "ANY_EDITOR")
    if merge == "SERVER" or made_by_server or number == 1 or number > 900:
        writer = "SERVER_ONLY"
    return Field(number, writer, CLASSES.index(word.get("sensitivity", "OPEN").lower()), word.get("derived") == "true")


# ---- decisions ----

class Policy:
    """Rules as tuples of numbers, masks over RELATIONS and VERBS; entity 0 is any."""

    def __init__(self, rules, class_rules):
        self.rules = rules
        self.class_rules = class_rules

    def verbs(self, roles, entity, relations):
        allowed = set()
        for role, on, through, verbs in self.rules:
            if role in roles and on in (0, entity) and through & relations:
                allowed.update(verb for bit, verb in enumerate(VERBS) if verbs >> bit & 1)
        return allowed

    def verbs_to(self, user, row, relations):
        """Of this very row: nobody reads what hangs on a customer whom he does not read."""
        allowed = self.verbs(user.roles, row.entity, relations)
        if row.anchored and "read" not in self.verbs(user.roles, CUSTOMER, relations):
            allowed -= {"read"}
        return allowed

    def level(self, roles, entity, relations, sensitivity):
        found = [level for role, on, through, of, level in self.class_rules
                 if role in roles and on in (0, entity) and through & relations and of == sensitivity]
        return max(found, default=0)


class World:
    """People under their managers and teams, territories under their parents. Numbers are ids; 0 is nobody."""

    def __init__(self, draw):
        self.people = list(range(1, draw.randint(2, 12)))
        self.manager = {who: draw.choice([0, *self.people[:place]]) for place, who in enumerate(self.people)}
        self.places = list(range(100, 100 + draw.randint(1, 10)))
        self.parent = {place: draw.choice([0, *self.places[:at]]) for at, place in enumerate(self.places)}
        self.team = {who: draw.choice([0, 200, 201]) for who in self.people}
        self.leader = {team: draw.choice([0, *self.people]) for team in (200, 201)}

    def below(self, who):
        """Those who report to him, directly or not, or are in a team that he leads."""
        found = set()
        for other in self.people:
            above = self.manager[other]
            while above not in (0, who):
                above = self.manager[above]
            if above == who or (self.team[other] and self.leader[self.team[other]] == who):
                found.add(other)
        return found - {who}

    def within(self, place):
        """The territory and everything below."""
        found = set()
        for other in self.places:
            at = other
            while at not in (0, place):
                at = self.parent[at]
            if at == place:
                found.add(other)
        return found


User = collections.namedtuple("User", "id roles active territories reports")
Row = collections.namedtuple("Row", "entity owner anchor_owner creator territory assigned shared company anchored")


def relations_of(user, row):
    if not user.active:
        return 0
    # Children follow their customer: only what hangs on none stands by its own owner.
    owners = {row.anchor_owner if row.anchored else row.owner} - {0}
    stands = {
        "own": user.id in owners, "assigned": row.assigned, "shared": row.shared,
        "team": bool(owners & user.reports), "territory": row.territory in user.territories,
        "company": row.company, "any": True,
    }
    return sum(1 << bit for bit, name in enumerate(RELATIONS) if stands[name])


def decide_field(policy, user, row, relations, field, creates):
    """What the document says about one field of an op: a status, or None."""
    if field.derived:
        return None
    verbs = policy.verbs(user.roles, row.entity, relations)
    if field.writer == "SERVER_ONLY":
        return "READ_ONLY_FIELD"
    owns = row.owner == user.id if row.owner else row.anchor_owner == user.id and row.anchor_owner != 0
    fits = {"ANY_EDITOR": True, "OWNER": owns or "assign" in verbs, "CREATOR": creates or row.creator == user.id,
            "MANAGER": "assign" in verbs}[field.writer]
    if not fits:
        return "FORBIDDEN"
    level = LEVELS[policy.level(user.roles, row.entity, relations, field.sensitivity)]
    return {"write": None, "masked": "READ_ONLY_FIELD"}.get(level, "FORBIDDEN")


def decide_op(policy, user, row, fields, kind, touched):
    """(status, number of the field that it names, 0 if none). `touched`: fields set, then fields cleared."""
    relations = relations_of(user, row)
    verbs = policy.verbs_to(user, row, relations)
    if "read" not in verbs and not (kind == "create" and kind in verbs):
        return "OUT_OF_SCOPE", 0
    if kind == "command":
        return "OK", 0
    if kind == "take back":
        return ("OK", 0) if verbs & {"create", "edit", "delete"} else ("FORBIDDEN", 0)
    if kind not in verbs:
        return "FORBIDDEN", 0
    for number in touched:
        status = decide_field(policy, user, row, relations, fields[number], kind == "create")
        if status is not None:
            return status, number
    return "OK", 0


# ---- random requests ----

def random_policy(draw, entities):
    roles = list(range(draw.randint(1, 4)))
    on = [0, *draw.sample(entities, 3)]
    rules = [(draw.choice(roles), draw.choice(on), draw.randrange(128), draw.randrange(128))
             for _ in range(draw.randint(0, 8))]
    class_rules = [(draw.choice(roles), draw.choice(on), draw.randrange(128), draw.randrange(4), draw.randrange(4))
                   for _ in range(draw.randint(0, 12))]
    if draw.random() < 0.7:  # else most requests end at the first question
        rules.append((draw.choice(roles), 0, 127, draw.randrange(128) | 1))
    return Policy(rules, class_rules), on[1:]


def random_user(draw, world):
    territories = set()
    for place in draw.sample(world.places, draw.randint(0, min(2, len(world.places)))):
        territories |= world.within(place)
    who = draw.choice(world.people)
    return User(who, set(draw.sample(range(5), draw.randint(0, 3))), draw.random() < 0.9, territories, world.below(who))


def random_row(draw, world, entity):
    def person():
        return draw.choice([0, *world.people])

    return Row(entity, person(), person(), person(), draw.choice([0, *world.places]), draw.random() < 0.2,
               draw.random() < 0.2, draw.random() < 0.2, draw.random() < 0.5)


class Batch:
    """Lines for the program, and what it is expected to answer."""

    def __init__(self):
        self.lines = []
        self.expected = []

    def policy(self, policy):
        self.lines.append(f"P {len(policy.rules)} {len(policy.class_rules)}")
        self.lines.extend(" ".join(map(str, rule)) for rule in [*policy.rules, *policy.class_rules])

    def user(self, user):
        roles = sum(1 << role for role in user.roles)
        self.lines.append(" ".join(map(str, ["U", user.id, roles, int(user.active), len(user.territories),
                                             *sorted(user.territories), len(user.reports), *sorted(user.reports)])))

    def row(self, policy, user, row):
        relations = relations_of(user, row)
        verbs = policy.verbs_to(user, row, relations)
        self.lines.append("R " + " ".join(str(int(part)) for part in row))
        self.expected.append(" ".join(map(str, [
            relations, sum(1 << bit for bit, verb in enumerate(VERBS) if verb in verbs),
            *(policy.level(user.roles, row.entity, relations, of) for of in range(4))])))

    def op(self, policy, user, row, fields, kind, set_fields, cleared):
        status, field = decide_op(policy, user, row, fields, kind, [*set_fields, *cleared])
        self.lines.append(" ".join(map(str, ["O", KINDS[kind], len(set_fields), *set_fields, len(cleared), *cleared])))
        self.expected.append(f"{status} {field}")

    def settle(self, program):
        """Puts the lines to the program. Gives the number of answers that agree; prints the first that do not."""
        done = subprocess.run([program], input="\n".join(self.lines) + "\n", capture_output=True, text=True, check=True)
        answers = done.stdout.splitlines()
        wrong = [(expected, answer) for expected, answer in itertools.zip_longest(self.expected, answers)
                 if expected != answer]
        if wrong:
            self.tell(answers)
        return len(self.expected) - len(wrong), len(wrong)

    def tell(self, answers):
        context, at = [], 0
        for line in self.lines:
            if line[0] == "P":
                context = []
            context = [old for old in context if old[0] not in {"U": "UR", "R": "R"}.get(line[0], "")]
            if line[0] != "O":
                context.append(line)
            if line[0] not in "RO":
                continue
            if at >= len(answers) or answers[at] != self.expected[at]:
                print("\n".join([*context, *([line] if line[0] == "O" else [])]))
                print(f"oracle: {self.expected[at]}\nprogram: {answers[at] if at < len(answers) else 'nothing'}")
                return
            at += 1


def fill(draw, batch, model):
    policy, favoured = random_policy(draw, [number for number, _ in model.values()])
    fields_of = {number: fields for number, fields in model.values()}
    world = World(draw)
    batch.policy(policy)
    for _ in range(4):
        user = random_user(draw, world)
        batch.user(user)
        for _ in range(6):
            entity = draw.choice(favoured) if draw.random() < 0.8 else draw.choice(list(fields_of))
            row = random_row(draw, world, entity)
            batch.row(policy, user, row)
            fields = fields_of[entity]
            names = sorted(number for number in fields if number not in (1, 900))
            for _ in range(3):
                kind = draw.choice(list(KINDS))
                most = min(3, len(names)) if kind in ("create", "edit") else 0  # the others touch no field
                chosen = draw.sample(names, draw.randint(0, most))
                cut = draw.randint(0, len(chosen)) if kind == "edit" else len(chosen)
                batch.op(policy, user, row, fields, kind, sorted(chosen[:cut]), sorted(chosen[cut:]))


# ---- the shipped policy, from the document's table of reps and its sentences ----

def shipped(program):
    """The rules that the program ships, as a Policy."""
    done = subprocess.run([program], input="S\n", capture_output=True, text=True, check=True)
    lines = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    count = lines[0][0]
    return Policy(lines[1:1 + count], lines[1 + count:])


def rep_table(text):
    """{(entity, relation): verbs} and {(class, relation): level} of the table under "**Rep**"."""
    part = text[text.index("**Rep**"):text.index("**Service**")]
    verbs, levels = {}, {}
    for line in part.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 4 or cells[0] in ("", "---"):
            continue
        for relation, cell in zip(("own", "assigned", "shared"), cells[1:]):
            words = {word.strip() for word in cell.split(",")}
            for name in cells[0].removesuffix(" fields").split(", "):
                name = name.strip().replace(" ", "_")
                if cells[0].endswith("fields"):
                    levels[(name, relation)] = next(iter(words))
                else:
                    verbs[(name, relation)] = words
    return verbs, levels


def check_rep(policy, model, text):
    """The reps' table, cell by cell; gives (agreed, wrong)."""
    verbs, levels = rep_table(text)
    assert len(verbs) == 36 and len(levels) == 9, (len(verbs), len(levels))
    agreed = wrong = 0
    for (name, relation), words in verbs.items():
        found = policy.verbs({2}, model[name][0], 1 << RELATIONS.index(relation)) - {"read"}
        agreed, wrong = (agreed + 1, wrong) if found == words else (agreed, wrong + 1)
        if found != words:
            print(f"rep, {name}, {relation}: document {sorted(words)}, program {sorted(found)}")
    for (name, relation), word in levels.items():
        found = LEVELS[policy.level({2}, model["customer"][0], 1 << RELATIONS.index(relation), CLASSES.index(name))]
        agreed, wrong = (agreed + 1, wrong) if found == word else (agreed, wrong + 1)
        if found != word:
            print(f"rep, {name} fields, {relation}: document {word}, program {found}")
    return agreed, wrong


def check_sentences(policy, model):
    """What the sentences about the other roles say, over every entity, relation, verb and class."""
    numbers = {name: number for name, (number, _) in model.items()}
    office = {"own", "assigned", "shared", "team", "territory"}
    all_verbs = set(VERBS)

    def administrator(_name, _relation):
        return all_verbs, ("write",) * 4

    def manager(_name, relation):
        if relation in office:
            return all_verbs, ("write", "write", "write", "hidden")
        return ({"read"}, ("read", "read", "read", "hidden")) if relation == "company" else (set(), ("hidden",) * 4)

    def auditor(_name, _relation):
        return {"read"}, ("read",) * 4

    def marketing(name, relation):
        verbs, seen = set(), ["hidden"] * 4
        if name in ("customer", "contact"):
            verbs, seen = {"read"}, ["read", "masked", "hidden", "hidden"]
        if name in ("campaign", "campaign_member"):
            verbs = {"read", "create", "edit", "delete", "export"}
            seen = ["write", "hidden", "write" if name == "campaign" else "hidden", "hidden"]
        if relation == "company":
            verbs = verbs | {"read"}
            seen[0] = max(seen[0], "read", key=LEVELS.index)
        return verbs, tuple(seen)

    agreed = wrong = 0
    for role, sentence in ((0, administrator), (1, manager), (4, marketing), (5, auditor)):
        for name, relation in itertools.product(numbers, RELATIONS):
            # Every row stands in "any" as well, and a rule for any row holds in every relation.
            mask = 1 << RELATIONS.index(relation) | 1 << RELATIONS.index("any")
            found = (policy.verbs({role}, numbers[name], mask),
                     tuple(LEVELS[policy.level({role}, numbers[name], mask, of)] for of in range(4)))
            if found == sentence(name, relation):
                agreed += 1
            else:
                wrong += 1
                print(f"role {role}, {name}, {relation}: document {sentence(name, relation)}, program {found}")
    return agreed, wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--full", action="store_true", help="a million requests")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    model = read_model((ROOT / "proto/satchel/model.proto").read_text(encoding="utf-8"))
    text = (ROOT / "core/doc/access.md").read_text(encoding="utf-8")
    policy = shipped(given.program)
    counts = [check_rep(policy, model, text), check_sentences(policy, model)]
    wanted = 1_000_000 if given.full else 40_000
    seed = given.seed
    while sum(agreed for agreed, _ in counts) < wanted and not any(wrong for _, wrong in counts):
        batch = Batch()
        draw = random.Random(seed)
        for _ in range(100):
            fill(draw, batch, model)
        counts.append(batch.settle(given.program))
        if counts[-1][1]:
            print(f"seed {seed}: replay with --seed {seed}")
        seed += 1
    agreed, wrong = (sum(column) for column in zip(*counts))
    print(f"seeds {given.seed}..{seed - 1}")
    print(f"{agreed} passed, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
