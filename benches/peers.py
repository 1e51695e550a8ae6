#!/usr/bin/env python3
"""The checks of orders.dqdl by hand in Polars and DuckDB, against `dq check`, on one file.

usage: peers.py DQ FILE [ROUNDS=5]        needs: python3 -m pip install polars duckdb

Every round runs each program once, as a process of its own; medians and ratios are printed. Data
has the columns of orders.dqdl; absolute times differ from machine to machine, ratios much less.
"""
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
EMAIL = r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$"
STATUS = ["pending", "shipped", "delivered", "cancelled", "returned"]
COMPLETE = ["email", "status", "amount", "price", "quantity", "flag", "country", "note"]


def polars(path):
    import polars as pl

    scan = {"parquet": pl.scan_parquet, "jsonl": pl.scan_ndjson, "arrow": pl.scan_ipc}
    kind = path.rsplit(".", 1)[-1]
    frame = pl.scan_csv(path, try_parse_dates=True) if kind == "csv" else scan[kind](path)
    c = pl.col
    print(frame.select(
        pl.len(), *[c(name).count().alias("n_" + name) for name in COMPLETE],
        c("id").n_unique().alias("ids"), c("email").n_unique().alias("emails"),
        c("customer_id").n_unique().alias("customers"), c("status").is_in(STATUS).sum().alias("statuses"),
        c("email").str.contains(EMAIL).sum().alias("good"), c("country").str.contains("^[A-Z]{2}$").sum().alias("countries"),
        c("amount").is_between(0, 10_000).sum().alias("amounts"), c("quantity").is_between(1, 100).sum().alias("quantities"),
        (c("price") >= 0).sum().alias("prices"), c("amount").mean().alias("mean"), c("amount").std().alias("deviation"),
        c("amount").sum().alias("sum"), c("note").str.len_chars().is_between(15, 60).sum().alias("notes"),
        c("order_date").min().alias("oldest"), c("created_at").min().alias("first"),
        pl.corr("amount", "quantity").alias("correlation"), c("status").unique_counts().entropy().alias("entropy"),
    ).collect(engine="streaming"))


def duckdb(path):
    import duckdb

    kind = path.rsplit(".", 1)[-1]
    table = f"'{path}'"
    if kind == "jsonl":
        # Types found from a sample fail on later values.
        types = {"id": "BIGINT", "customer_id": "BIGINT", "amount": "DOUBLE", "price": "DOUBLE", "quantity": "INTEGER", "flag": "BOOLEAN"}
        names = ["id", "customer_id", "email", "status", "amount", "price", "quantity", "flag", "order_date", "created_at", "country", "note"]
        columns = ", ".join(f"{name}: '{types.get(name, 'VARCHAR')}'" for name in names)
        table = f"read_json('{path}', format='newline_delimited', columns={{{columns}}})"
    counts = ", ".join(f"count({name})" for name in COMPLETE)
    statuses = ", ".join(f"'{status}'" for status in STATUS)
    print(duckdb.sql(f"""
        select count(*), {counts}, count(distinct id), count(distinct email), count(distinct customer_id),
            count(*) filter (status in ({statuses})), count(*) filter (regexp_matches(email, '{EMAIL}')),
            count(*) filter (regexp_matches(country, '^[A-Z]{{2}}$')), count(*) filter (amount between 0 and 10000),
            count(*) filter (quantity between 1 and 100), count(*) filter (price >= 0), avg(amount), stddev_pop(amount),
            sum(amount), count(*) filter (length(note) between 15 and 60), min(order_date), min(created_at),
            corr(amount, quantity), entropy(status)
        from {table}""").fetchall())


def main():
    program, path = sys.argv[1:3]
    if program in ("polars", "duckdb"):
        return {"polars": polars, "duckdb": duckdb}[program](path)
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    commands = {"dq": [program, "check", "--ruleset", f"{HERE}/orders.dqdl", path]}
    for peer in ("polars", "duckdb"):
        commands[peer] = [sys.executable, __file__, peer, path]
    seen = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            start = time.perf_counter()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            if os.waitstatus_to_exitcode(status) > 1:
                sys.exit(f"{name} failed")
            seen[name].append((time.perf_counter() - start, usage.ru_maxrss / 1024))
    median = {name: [statistics.median(column) for column in zip(*runs)] for name, runs in seen.items()}
    for name, (wall, peak) in median.items():
        print(f"{name:8} {wall:7.3f} s  {peak:6.0f} MiB  x{wall / median['dq'][0]:.2f}")


main()
