#!/usr/bin/env python3
"""A year of daily files of orders, in which some days are not as the others.

usage: make_year.py DIRECTORY [--days 365]

Writes DIRECTORY/orders-2025-01-01.csv and so on, and DIRECTORY/planted.json: what was planted, and when. The table grows,
has fewer orders on weekends, and noise of a fixed seed: the same days have the same bytes, however many are written.
A file has the time of change of its delivery, at five in the morning after its day.
"""
import argparse
import datetime
import json
import os
import pathlib
import random

FIRST = datetime.date(2025, 1, 1)
ROWS = "Dataset.*.RowCount"
EMAIL = "Column.email.Completeness"
TOTAL = "Column.total.Mean"
SUM = "Column.total.Sum"
QUANTITY = "Column.quantity.Mean"
COUNTRY = "Column.country.DistinctValuesCount"
FRESH = "Column.created_at.DataFreshness.Compliance"
FILE = "Dataset.*.FileFreshness.Compliance"

# Days count from 0. `shows` is the metric in which the anomaly must be found, `moves` are all that it changes.
PLANTED = [
    {"name": "spike", "from": 45, "to": 45, "shows": ROWS, "moves": [ROWS, SUM, FRESH],
     "text": "half of the orders of the day before are delivered again"},
    {"name": "drop of completeness", "from": 52, "to": 52, "shows": EMAIL, "moves": [EMAIL],
     "text": "every fourth e-mail address is lost"},
    {"name": "missing days", "from": 56, "to": 57, "shows": None, "moves": [], "text": "there is no file"},
    {"name": "level shift of rows", "from": 120, "to": 364, "shows": ROWS, "moves": [ROWS, SUM],
     "text": "a new shop: a third more orders from now on"},
    {"name": "drift of a mean", "from": 170, "to": 181, "shows": TOTAL, "moves": [TOTAL, SUM],
     "text": "totals rise by 2.50 a day for twelve days, and stay"},
    {"name": "old file", "from": 215, "to": 215, "shows": FRESH, "moves": [FRESH, FILE, ROWS, SUM],
     "text": "the file of the day before is delivered again"},
    {"name": "new value", "from": 240, "to": 240, "shows": COUNTRY, "moves": [COUNTRY],
     "text": "a fifth country, in one order"},
    {"name": "cut off", "from": 270, "to": 270, "shows": ROWS, "moves": [ROWS, SUM, EMAIL],
     "text": "the file ends at noon"},
    {"name": "small drop of completeness", "from": 300, "to": 300, "shows": EMAIL, "moves": [EMAIL],
     "text": "a tenth of the e-mail addresses is lost"},
    {"name": "level shift of a mean", "from": 330, "to": 364, "shows": QUANTITY, "moves": [QUANTITY],
     "text": "pieces are counted and not packs"},
]


def active(day):
    return {entry["name"] for entry in PLANTED if entry["from"] <= day <= entry["to"]}


def rows_of(day):
    """The orders of a day, as lists of texts. Days do not hang on each other."""
    planted, rng, date = active(day), random.Random(f"orders {day}"), FIRST + datetime.timedelta(days=day)
    expected = 50 + 0.06 * day - (10 if date.weekday() >= 5 else 0)
    if "level shift of rows" in planted:
        expected *= 1.34
    count = round(expected + rng.gauss(0, 1.2))
    without_email = {"drop of completeness": 0.25, "small drop of completeness": 0.14}
    share = max([without_email[name] for name in planted if name in without_email], default=0.04)
    lost = set(rng.sample(range(count), max(0, round(count * share + rng.gauss(0, 0.6)))))
    mean = 40 + 2.5 * min(max(day - 169, 0), 12)
    times = sorted(rng.randrange(86_400) for _ in range(count))
    rows = []
    for at, second in enumerate(times):
        customer = rng.randrange(1000, 2000)
        country = "DE AT CH NL".split()[at % 4]
        if "new value" in planted and at == 17:
            country = "XX"
        quantity = rng.choice([1, 1, 2, 2, 3]) * (2 if "level shift of a mean" in planted else 1)
        rows.append([
            str(100_000 + 1_000 * day + at), f"c{customer}", "" if at in lost else f"c{customer}@example.com", country,
            rng.choice(["new", "paid", "sent"]), str(quantity), f"{max(1.0, rng.gauss(mean, 8)):.2f}",
            f"{date}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z",
        ])
    if "cut off" in planted:
        rows = rows[:count // 2]
    return rows


def delivered(day):
    if "old file" in active(day):
        return rows_of(day - 1)
    if "spike" in active(day):
        again = rows_of(day - 1)
        # Orders of the evening, which the next file may have.
        return again[len(again) // 2:] + rows_of(day)
    return rows_of(day)


def main():
    parser = argparse.ArgumentParser(description="Writes a year of daily files of orders, with anomalies.")
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--days", type=int, default=365, help="how many of them, at most 365")
    options = parser.parse_args()
    days = max(1, min(options.days, 365))
    options.directory.mkdir(parents=True, exist_ok=True)
    header = "order_id,customer_id,email,country,status,quantity,total,created_at\n"
    for day in range(days):
        date = FIRST + datetime.timedelta(days=day)
        if "missing days" in active(day):
            continue
        path = options.directory / f"orders-{date}.csv"
        path.write_text(header + "".join(",".join(row) + "\n" for row in delivered(day)), newline="\n")
        morning = date + datetime.timedelta(days=0 if "old file" in active(day) else 1)
        time = datetime.datetime.combine(morning, datetime.time(5), datetime.timezone.utc).timestamp()
        os.utime(path, (time, time))
    planted = [dict(entry, to=min(entry["to"], days - 1)) for entry in PLANTED if entry["from"] < days]
    text = json.dumps({"first": str(FIRST), "days": days, "planted": planted}, indent=1)
    (options.directory / "planted.json").write_text(text + "\n")
    print(f"{days} days from {FIRST}, {len(planted)} anomalies, in {options.directory}")


if __name__ == "__main__":
    main()
