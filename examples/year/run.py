#!/usr/bin/env python3
"""Checks a year of daily files, each against what the days before measured, and says what was found.

usage: run.py DQ [--days 365] [--directory DIRECTORY] [--keep-all]

DQ is the program. Every day is checked at six in the morning after it. What was found on a single day is left out of the
past the same day (`dq history exclude`), as people would do who look at a finding; with --keep-all it is not. Exits with 1
if a planted anomaly was not found.
"""
import argparse
import collections
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
# The first days have little to compare with: what is said then is counted on its own.
LEARNING = 14
# A new level is a finding until it has four of the last seven values; with a week in the model, a little longer.
UNTIL = 7


def call(arguments):
    done = subprocess.run([str(argument) for argument in arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stdout, done.stderr


def explains(entry, day, metrics):
    """Whether a planted anomaly moves one of these metrics on this day."""
    shift = entry["to"] > entry["from"] and "shift" in entry["name"]
    last = entry["from"] if shift else entry["to"]
    after = UNTIL if shift or "drift" in entry["name"] else 0
    return entry["from"] <= day <= last + after and bool(set(entry["moves"]) & set(metrics))


def main():
    parser = argparse.ArgumentParser(description="Checks a year of daily files, day by day.")
    parser.add_argument("dq")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--directory", type=pathlib.Path, help="keeps data and history there [default: a temporary one]")
    parser.add_argument("--keep-all", action="store_true", help="leaves nothing out of the past")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        return year(options, options.directory or pathlib.Path(temporary))


def year(options, directory):
    data, history = directory / "data", directory / "history.db"
    if history.exists():
        sys.exit(f"{history} is there: it has a year already")
    code, _, errors = call([sys.executable, HERE / "make_year.py", data, "--days", options.days])
    if code != 0:
        sys.exit(errors)
    plan = json.loads((data / "planted.json").read_text())
    first, planted = datetime.date.fromisoformat(plan["first"]), plan["planted"]
    codes, found, alarms, learning = collections.Counter(), collections.defaultdict(list), [], 0
    start = time.monotonic()
    for day in range(plan["days"]):
        date = first + datetime.timedelta(days=day)
        now = f"{date + datetime.timedelta(days=1)}T06:00:00Z"
        code, report, errors = call([
            options.dq, "check", "--quiet", "--ruleset", HERE / "rules.dqdl", "--history", history, "--dataset", "orders",
            "--now", now, "--samples", 0, "--format", "json", data / f"orders-{date}.csv"])
        codes[code] += 1
        if not report:
            # No file, no report: the exit code is the alarm.
            entry = next((entry for entry in planted if not entry["moves"] and entry["from"] <= day <= entry["to"]), None)
            if entry is None:
                alarms.append((date, errors.strip()))
            else:
                found[entry["name"]].append((day, f"exit code {code}"))
            continue
        exclude = False
        for rule in json.loads(report)["rules"]:
            if rule["verdict"] == "PASS":
                continue
            causes = [entry for entry in planted if explains(entry, day, rule["metrics"])]
            for entry in causes:
                if entry["shows"] in rule["metrics"]:
                    found[entry["name"]].append((day, rule["rule"].split(" labels=")[0]))
            if not causes and day < LEARNING:
                learning += 1
            elif not causes:
                alarms.append((date, rule["rule"].split(" labels=")[0]))
            exclude |= any(entry["from"] == entry["to"] for entry in causes)
        if exclude and not options.keep_all:
            code, _, errors = call([options.dq, "history", "exclude", "orders", "--history", history, "--from", now, "--to", now])
            if code != 0:
                sys.exit(errors)
    seconds = time.monotonic() - start
    print(f"{plan['days']} days, exit codes: " + ", ".join(f"{code} on {codes[code]}" for code in sorted(codes)))
    missed = 0
    for entry in planted:
        hits = found[entry["name"]]
        missed += not hits
        days = sorted({day for day, _ in hits})
        said = f"{first + datetime.timedelta(days=days[0])}, on {len(days)} {'day' if len(days) == 1 else 'days'}" if hits else "NOT FOUND"
        print(f"{entry['name']}: planted {first + datetime.timedelta(days=entry['from'])}, found {said}")
        for rule in sorted({rule for _, rule in hits}):
            print(f"    {rule}")
    print(f"{len(planted) - missed} of {len(planted)} found; {len(alarms)} false {'alarm' if len(alarms) == 1 else 'alarms'} after the first {LEARNING} days, {learning} in them")
    for date, rule in alarms:
        print(f"    {date}: {rule}")
    print()
    print(call([options.dq, "history", "show", "orders", "--history", history, "--last", 0])[1].rstrip())
    print(f"{seconds:.0f} seconds", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
