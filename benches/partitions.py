#!/usr/bin/env python3
"""A hundred files, one changed: `dq check --cache` against a check that reads all of them.

usage: partitions.py DQ [ROWS=200000] [FILES=100] [ROUNDS=5]        needs: python3 -m pip install pyarrow

Every round changes one file and checks twice, as processes of their own: with the cache and without. Medians and the
share are printed; exits with 1 if the share is above 3 %.
"""
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

import pyarrow as pa
import pyarrow.parquet as pq

RULES = """Rules = [
    RowCount > 0, IsComplete "status", Completeness "price" > 0.9, Mean "price" between 0 and 1000,
    StandardDeviation "price" < 1000, Sum "quantity" > 0, ColumnValues "status" in ["new", "paid", "sent"],
    ColumnValues "email" matches "[^@]+@[^@]+" with threshold > 0.9, ColumnLength "email" between 3 and 60,
    ColumnCorrelation "price" "quantity" < 0.5, Entropy "status" > 0.5, DistinctValuesCount "customer" > 10
]
"""


def write(path, rows, seed):
    rng = random.Random(seed)
    customers = [f"c{rng.randrange(5_000)}" for _ in range(rows)]
    table = pa.table({
        "customer": customers,
        "email": [f"{customer}@example.com" for customer in customers],
        "status": [rng.choice(["new", "paid", "sent"]) for _ in range(rows)],
        "price": [rng.random() * 1000 for _ in range(rows)],
        "quantity": [rng.randrange(1, 100) for _ in range(rows)],
    })
    pq.write_table(table, path)
    # Old enough for its states to be kept.
    old = time.time() - 3600 + seed % 3000
    os.utime(path, (old, old))


def seconds(command):
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode in (0, 1), done.stdout
    return time.perf_counter() - start, done.stdout


def main():
    dq = os.path.abspath(sys.argv[1])
    rows, files, rounds = (int(sys.argv[at]) if len(sys.argv) > at else default
                           for at, default in [(2, 200_000), (3, 100), (4, 5)])
    with tempfile.TemporaryDirectory() as directory:
        data = os.path.join(directory, "data")
        os.mkdir(data)
        for at in range(files):
            write(os.path.join(data, f"part-{at:04}.parquet"), rows, at)
        rules = os.path.join(directory, "rules.dqdl")
        with open(rules, "w") as file:
            file.write(RULES)
        full = [dq, "check", "--quiet", "--samples", "0", "--ruleset", rules, data]
        cached = full + ["--cache", os.path.join(directory, "cache")]
        print(f"{files} files, {rows} rows each; the first run with a cache takes {seconds(cached)[0]:.3f} s")
        last = os.path.join(data, f"part-{files - 1:04}.parquet")
        # The run that joins the states of the other files.
        write(last, rows, files)
        print(f"one file changed for the first time: {seconds(cached)[0]:.3f} s")
        whole, changed = [], []
        for turn in range(rounds):
            write(last, rows, files + 1 + turn)
            taken, shown = seconds(cached)
            assert "cache: 1 of" in shown, shown
            changed.append(taken)
            whole.append(seconds(full)[0])
        share = statistics.median(changed) / statistics.median(whole)
        print(f"all files {statistics.median(whole):.3f} s, one changed {statistics.median(changed):.3f} s: {share:.1%}")
        sys.exit(share > 0.03)


if __name__ == "__main__":
    main()
