# A client of the compatibility runner around the Python SDKs of Segment and Customer.io, which have one interface.
#   client.py <folder of the packages> <module> --input <JSON>
import importlib
import json
import sys
import time
from datetime import datetime

folder, module, _, given = sys.argv[1:]
sys.path.insert(0, folder)
Client = importlib.import_module(module).Client

told = json.loads(given)
config = told["config"]
errors = []
client = Client(
    told["writeKey"],
    host=told["apiHost"],
    on_error=lambda error, batch: errors.append(str(error)),
    max_retries=config["maxRetries"],
    timeout=config["timeout"],
    upload_size=config["flushAt"],
    upload_interval=config["flushInterval"] / 1000,
)
names = {"userId": "user_id", "anonymousId": "anonymous_id", "previousId": "previous_id", "groupId": "group_id"}
for sequence in told["sequences"]:
    time.sleep(sequence["delayMs"] / 1000)
    for call in sequence["events"]:
        fields = {names.get(key, key): value for key, value in call.items() if key != "type"}
        if "timestamp" in fields:
            fields["timestamp"] = datetime.fromisoformat(fields["timestamp"].replace("Z", "+00:00"))
        getattr(client, call["type"])(**fields)
client.shutdown()
print(json.dumps({"success": not errors, **({"error": errors[0]} if errors else {})}))
