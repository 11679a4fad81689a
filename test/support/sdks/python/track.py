# Every call of Customer.io's Track API client: track.py <folder of the packages> <host> <write key>
import sys
from datetime import datetime, timezone

folder, host, write_key, *only = sys.argv[1:]
sys.path.insert(0, folder)
from customerio import CustomerIO  # noqa: E402

odd = "é😀 \"quoted\" \x00"
then = datetime(2020, 2, 29, 12, tzinfo=timezone.utc)
with CustomerIO("any site id", write_key, host=host) as client:
    calls = {
        "identify": lambda: client.identify("a+b@c.de", plan=odd, created_at=then, big=2**63 + 1, score=float("nan")),
        "track": lambda: client.track("user/1", "Order Completed", {"total": 12.0, "note": odd}, id="01HB4HBDKTFWYZCK01DMRSWRFD", timestamp=then),
        "track_anonymous": lambda: client.track_anonymous("anon", "Seen", {"page": 1}),
        "pageview": lambda: client.pageview(5, "/home", referrer="/"),
        "backfill": lambda: client.backfill(5, "Then", then, plan=odd),
        "add_device": lambda: client.add_device(5, "token", "ios", last_used=then),
        "delete_device": lambda: client.delete_device(5, "to/ken"),
        "suppress": lambda: client.suppress(5),
        "unsuppress": lambda: client.unsuppress(5),
        "merge": lambda: client.merge_customers("id", "1", "email", "a@b.c"),
        "batch": lambda: client.batch(
            [
                {"type": "person", "identifiers": {"id": "5"}, "action": "event", "name": "a", "attributes": {"n": odd}},
                {"type": "object", "identifiers": {"object_type_id": "1", "object_id": "acme"}, "action": "delete"},
            ]
        ),
        "delete": lambda: client.delete(5),
    }
    for name in only or calls:
        calls[name]()
