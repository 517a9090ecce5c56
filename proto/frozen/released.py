# SPDX-License-Identifier: Apache-2.0
"""What the tools of this folder share: reading a version of the model, and making sample records of it."""
import pathlib
import subprocess
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

sys.dont_write_bytecode = True
FROZEN = pathlib.Path(__file__).resolve().parent
PROTO = FROZEN.parent
sys.path.insert(0, str(PROTO / "generator"))
import description  # noqa: E402

NAME = "satchel/model.proto"


class Broken(Exception):
    """protoc does not take the files."""


class Version:
    """A model with the folder that holds its satchel/*.proto: tables, and message classes by entity."""

    def __init__(self, folder):
        command = ["protoc", "-I", str(folder), "--include_imports", "--descriptor_set_out=/dev/stdout", NAME]
        run = subprocess.run(command, capture_output=True, check=False)
        if run.returncode != 0:
            raise Broken(run.stderr.decode("utf-8"))
        files = descriptor_pb2.FileDescriptorSet.FromString(run.stdout).file
        self.model = description.read_model(files, NAME)
        self.pool = descriptor_pool.DescriptorPool()
        for proto in files:
            self.pool.AddSerializedFile(proto.SerializeToString())
        self.factory = message_factory.MessageFactory(self.pool)
        self.package = next(f.package for f in files if f.name == NAME)

    def entity(self, name):
        return next(e for e in self.model.entities if e.name == name)

    def message(self, name):
        return self.factory.GetPrototype(self.pool.FindMessageTypeByName("%s.%s" % (self.package, name)))()


def folder_of(version):
    return FROZEN / ("v%d" % version)


def versions():
    """Numbers of all frozen versions, ascending."""
    return sorted(int(path.name[1:]) for path in FROZEN.glob("v[0-9]*") if path.name[1:].isdigit())


SAMPLES = {"phone": "+86 138 1234 4729", "email": "anna@example.com", "currency": "CNY", "url": "https://example.com/"}


def sample_text(field, more=""):
    text = SAMPLES.get(field.pattern, "文本 %s%s" % (field.name, more))
    return text.encode("utf-8")[:field.max_bytes].decode("utf-8", "ignore")


def sample_id(field, more=0):
    return bytes([field.number & 0xFF, field.number >> 8, more]) + bytes(range(1, 14))


def sample(field, last):
    """A value that the field takes; `last`: the largest of its range, else one from the middle or the smallest."""
    if field.type == "BOOL":
        return True
    if field.choices:
        numbers = sorted(item.number for item in field.choices.items if item.number)
        return numbers[-1] if last else numbers[0]
    if field.type in ("INT", "TIME"):
        return field.max if last else min(max(field.number * 77, field.min), field.max)
    if field.type == "REAL":
        return -0.5 if last else 1e300
    if field.type == "TEXT":
        return sample_text(field)
    if field.type == "ID":
        return sample_id(field)
    if field.type == "BYTES":
        return bytes(range(min(field.max_bytes, 32)))
    if field.element == "TEXT":
        # Canonical order is that of the bytes: 乙 stands before 甲.
        return [sample_text(field)] if field.pattern else [sample_text(field, "乙"), sample_text(field, "甲")]
    return [sample_id(field, 1), sample_id(field, 2)]


def fill(message, values):
    """Sets fields by name; lists become repeated fields."""
    for name, value in values.items():
        if isinstance(value, list):
            getattr(message, name).extend(value)
        else:
            setattr(message, name, value)
    return message


def as_json(value):
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    return [as_json(element) for element in value] if isinstance(value, list) else value


def from_json(value):
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return [from_json(element) for element in value] if isinstance(value, list) else value
