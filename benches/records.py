#!/usr/bin/env python3
"""Times `dq records` against Python validators on records of 20 members.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install jsonschema fastjsonschema jsonschema-rs orjson
    /tmp/venv/bin/python benches/records.py target/release/dq [RECORDS] [THREADS]

Prints seconds, records a second, and failed records, which must be equal for all. The plain Python
`jsonschema` judges a tenth of the records and is scaled.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "customer", "created", "status", "total", "currency", "items", "address"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "customer": {"type": "string", "minLength": 3, "maxLength": 40},
        "email": {"type": ["string", "null"], "maxLength": 100},
        "created": {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}T"},
        "status": {"enum": ["NEW", "PAID", "SENT", "DONE"]},
        "total": {"type": "number", "minimum": 0},
        "currency": {"type": "string", "minLength": 3, "maxLength": 3},
        "paid": {"type": "boolean"},
        "discount": {"type": ["number", "null"], "maximum": 1},
        "channel": {"type": "string"},
        "region": {"type": "string"},
        "note": {"type": ["string", "null"]},
        "weight": {"type": "number"},
        "priority": {"type": "integer", "minimum": 0, "maximum": 9},
        "gift": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 10},
        "items": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["sku", "count"],
                "properties": {"sku": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
            },
        },
        "address": {
            "type": "object",
            "required": ["city"],
            "properties": {"city": {"type": "string"}, "zip": {"type": "string"}},
        },
        "version": {"type": "integer"},
        "source": {"type": "string"},
    },
}


def record(number, rng):
    made = {
        "id": number + 1,
        "customer": f"customer {rng.randrange(100_000)}",
        "email": f"user{number}@example.com" if number % 5 else None,
        "created": f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}T12:00:00Z",
        "status": ("NEW", "PAID", "SENT", "DONE")[number % 4],
        "total": round(rng.random() * 1000, 2),
        "currency": "EUR",
        "paid": number % 2 == 0,
        "discount": None if number % 3 else 0.1,
        "channel": "web",
        "region": "north",
        "note": None,
        "weight": round(rng.random() * 10, 3),
        "priority": number % 10,
        "gift": False,
        "tags": ["a", "b"],
        "items": [{"sku": f"sku-{rng.randrange(1000)}", "count": 1 + number % 3}],
        "address": {"city": "Berlin", "zip": "10115"},
        "version": 1,
        "source": "shop",
    }
    if number % 100 == 37:
        kind = number // 100 % 4
        if kind == 0:
            made["id"] = str(number)
        elif kind == 1:
            del made["customer"]
        elif kind == 2:
            made["items"][0]["count"] = 0
        else:
            made["status"] = "LOST"
    return made


def timed(name, judge, lines, scale=1):
    start = time.perf_counter()
    failed = judge(lines)
    seconds = (time.perf_counter() - start) * scale
    print(f"{name:32} {seconds:8.2f} s {len(lines) * scale / seconds:12,.0f} records/s {failed * scale:8} failed")
    return seconds


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "target/release/dq"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    threads = sys.argv[3] if len(sys.argv) > 3 else "2"
    with tempfile.TemporaryDirectory() as directory:
        schema, data = Path(directory, "schema.json"), Path(directory, "data.jsonl")
        schema.write_text(json.dumps(SCHEMA))
        rng = random.Random(1)
        with data.open("w") as out:
            for number in range(count):
                out.write(json.dumps(record(number, rng), separators=(",", ":")) + "\n")
        lines = data.read_bytes().splitlines()

        best = None
        for _ in range(3):
            start = time.perf_counter()
            command = [program, "records", "--schema", schema, "--threads", threads, "--format", "json", data]
            ran = subprocess.run(command, capture_output=True, text=True)
            seconds = time.perf_counter() - start
            best = seconds if best is None else min(best, seconds)
        failed = json.loads(ran.stdout)["records"]["failed"]
        print(f"{'dq records, threads ' + threads:32} {best:8.2f} s {count / best:12,.0f} records/s {failed:8} failed")

        def with_jsonschema(lines):
            import jsonschema

            validator = jsonschema.Draft7Validator(SCHEMA)
            return sum(not validator.is_valid(json.loads(line)) for line in lines)

        def with_fastjsonschema(lines):
            import fastjsonschema

            validate = fastjsonschema.compile(SCHEMA)
            failed = 0
            for line in lines:
                try:
                    validate(json.loads(line))
                except fastjsonschema.JsonSchemaException:
                    failed += 1
            return failed

        def with_jsonschema_rs(lines, loads=json.loads):
            import jsonschema_rs

            validator = jsonschema_rs.validator_for(SCHEMA)
            return sum(not validator.is_valid(loads(line)) for line in lines)

        def with_orjson(lines):
            import orjson

            return with_jsonschema_rs(lines, orjson.loads)

        peers = [
            ("jsonschema (scaled)", with_jsonschema, lines[: count // 10], 10),
            ("fastjsonschema", with_fastjsonschema, lines, 1),
            ("jsonschema-rs", with_jsonschema_rs, lines, 1),
            ("jsonschema-rs with orjson", with_orjson, lines, 1),
        ]
        for name, judge, own, scale in peers:
            try:
                seconds = timed(name, judge, own, scale)
            except ImportError as error:
                print(f"{name:32} {error}")
                continue
            print(f"{'':32} dq records is {seconds / best:.1f} times as fast")


if __name__ == "__main__":
    main()
