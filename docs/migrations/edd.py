"""Add to an export of EDD Software Licensing what its columns say together; see edd.md.

python edd.py EXPORT.csv > edd.csv
"""

import csv
import sys
from datetime import UTC, datetime

EXPIRES, LIMIT = "Expiration Date", "Activation Limit"
ADDED = ("license__license_type", "license__allow_unlimited_activations")

with open(sys.argv[1], encoding="utf-8-sig", newline="") as file:  # noqa: PTH123  # a short script to read
    rows = csv.DictReader(file)
    writer = csv.DictWriter(sys.stdout, [*(rows.fieldnames or ()), *ADDED], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        ends = row[EXPIRES] not in ("", "0", "lifetime")
        if row[EXPIRES].isdigit():
            day = datetime.fromtimestamp(int(row[EXPIRES]), UTC).date()
            row[EXPIRES] = day.isoformat() if ends else ""
        row[ADDED[0]] = "time-limited" if ends else "perpetual"
        row[ADDED[1]] = str(row[LIMIT] in ("", "0")).lower()
        writer.writerow(row)
