"""Copies the latest call of a number many times, spread over the days until now. Triggers of the database keep the totals.

copy_calls.py DATABASE NUMBER COUNT DAYS steady|mixed
"""

import json
import random
import sqlite3
import sys
import uuid
from datetime import datetime, timedelta, timezone

database, number, count, days, kind = sys.argv[1:]
count, days = int(count), int(days)
# The same calls in every run, and others for every number.
chance = random.Random(number)
connection = sqlite3.connect(database, timeout=20)
connection.row_factory = sqlite3.Row
found = connection.execute("SELECT * FROM calls WHERE called = ? ORDER BY started_at DESC LIMIT 1", (number,)).fetchone()
if found is None:
    sys.exit(f"{number} has no call to copy")
original = dict(found)
now = datetime.now(timezone.utc)
MIXED = {"agent": 82, "fallback": 9, "busy": 3, "unavailable": 3, "rejected": 3}
REASONS = {
    "fallback": "the agent is inactive; the fallback number takes it",
    "busy": "all call slots of the plan are in use",
    "unavailable": "the voice provider did not answer in time",
    "rejected": 'rule "Nuisance callers" rejects it',
}


def text(at):
    return at.isoformat(timespec="microseconds")


def hour():
    """Most calls arrive in the office's hours."""
    return chance.choices(range(24), [1] * 7 + [4, 10, 14, 15, 12, 8, 9, 13, 12, 9, 6] + [2] * 6)[0]


def started(index):
    if kind == "steady":
        return now - timedelta(days=days) * ((index + 1) / count)
    while True:
        day = now - timedelta(days=chance.randrange(days + 1))
        at = day.replace(hour=hour(), minute=chance.randrange(60), second=chance.randrange(60))
        if at < now - timedelta(minutes=15) and at > now - timedelta(days=days):
            return at


rows = []
for index in range(count):
    begin = started(index)
    outcome = original["outcome"]
    seconds = original["duration_seconds"] or 30
    row = dict(original)
    if kind == "mixed":
        outcome = chance.choices(list(MIXED), list(MIXED.values()))[0]
        seconds = {"agent": chance.randrange(25, 400), "fallback": chance.randrange(20, 240)}.get(outcome, 0)
        row["caller"] = f"+1{chance.choice(['212', '646', '917', '718', '415'])}555{chance.randrange(100, 9999):04d}"
        row["status"] = "completed" if seconds else {"busy": "busy"}.get(outcome, "completed")
        if outcome in REASONS:
            row["decision"] = json.dumps({"rule": None, "reason": REASONS[outcome]})
            row["conversation_id"] = None
    row.update(
        id=uuid.UUID(int=chance.getrandbits(128), version=4).bytes,
        sid="CA%032x" % chance.getrandbits(128),
        outcome=outcome,
        duration_seconds=seconds,
        started_at=text(begin),
        ended_at=text(begin + timedelta(seconds=seconds)),
        updated_at=text(begin + timedelta(seconds=seconds)),
        conversation_due_at=None,
        answered_at=original["answered_at"] and text(begin),
    )
    rows.append(row)

names = list(original)
connection.executemany(
    f"INSERT INTO calls ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)})", rows
)
connection.commit()
