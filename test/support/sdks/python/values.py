# Every call with values of Python's own kinds, and more tracks than one batch takes.
#   values.py <folder of the packages> <module> <address> <write key>
import importlib
import sys
from datetime import date, datetime, timezone
from decimal import Decimal

folder, module, address, write_key = sys.argv[1:]
sys.path.insert(0, folder)
Client = importlib.import_module(module).Client


def fail(error, batch):
    print(error, file=sys.stderr)
    failed.append(error)


failed = []
client = Client(write_key, host=address, on_error=fail, gzip=True)
client.identify("user-1", {"plan": "é😀 \"quoted\" \u2028 \x00", "since": date(2020, 2, 29)})
client.track(
    "user-1",
    "Order Completed",
    {
        "big": 2**63 + 1,
        "total": 12.0,
        "tiny": 1e-7,
        "exact": Decimal("0.1"),
        "at": datetime(2020, 2, 29, 12, 0, 0, 1, tzinfo=timezone.utc),
        "deep": {"list": [1, {"none": None}], "pair": (True, False)},
    },
    timestamp=datetime(2020, 2, 29, 12, 0, tzinfo=timezone.utc),
)
client.page("user-1", "Docs", "Home", {"url": "https://shop.example/?a=<b>&c"})
client.screen(anonymous_id="anon-1", name="Start")
client.group("user-1", 2**53 + 1, {"seats": 5})
client.alias("user-1", 2**53 + 1)
for number in range(250):
    client.track("user-1", f"Event {number}")
client.flush()
client.shutdown()
sys.exit(1 if failed else 0)
