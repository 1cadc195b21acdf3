"""What the tracker writes for Weights & Biases, uploaded by W&B's own `wandb sync` to a stand-in for its service.

    python -m venv wandb && wandb/bin/pip install wandb==0.31.0
    wandb/bin/python studies/wandb_sync.py .rlaif/wandb/offline-run-…

Prints the rows of the history, how often each step of a stage is there, and the files. Exit code 1 if a step is there twice.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

rows, files, summary = [], [], {}


def answer(path, body):
    """What the service answers, as far as `wandb sync` asks."""
    if path.endswith("/file_stream"):
        sent = json.loads(body).get("files", {})
        rows.extend(json.loads(line) for line in sent.get("wandb-history.jsonl", {}).get("content", []))
        for line in sent.get("wandb-summary.json", {}).get("content", []):
            summary.update(json.loads(line))
        return {}
    if not path.endswith("/graphql"):
        files.append(path.removeprefix("/upload/"))
        return {}
    asked = json.loads(body)
    given = asked.get("variables", {})
    if "UpsertBucket" in asked["query"]:
        project = {"id": "p", "name": "rlaif", "entity": {"id": "e", "name": "me"}}
        bucket = {"id": "r", "name": given.get("name"), "displayName": given.get("displayName"), "project": project}
        return {"data": {"upsertBucket": {"bucket": {**bucket, "config": "{}"}, "inserted": True}}}
    if "CreateRunFiles" in asked["query"]:
        urls = [{"name": name, "uploadUrl": f"{address}/upload/{name}"} for name in given["files"]]
        return {"data": {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": urls}}}
    return {"data": {}}


class Service(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def reply(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        data = json.dumps(answer(self.path, body)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = reply


server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
address = f"http://127.0.0.1:{server.server_address[1]}"
threading.Thread(target=server.serve_forever, daemon=True).start()
wandb = os.path.join(os.path.dirname(sys.executable), "wandb")
env = {**os.environ, "WANDB_BASE_URL": address, "WANDB_API_KEY": "local-" + "a" * 40, "WANDB_ERROR_REPORTING": "false"}
# in a folder of its own, as it writes its logs into the one it stands in
with tempfile.TemporaryDirectory() as folder:
    runs = [os.path.abspath(run) for run in sys.argv[1:]]
    subprocess.run([wandb, "sync", *runs], cwd=folder, env=env, check=True)

steps = {name for row in rows for name in row if name.endswith("/step")}
twice = 0
for name in sorted(steps):
    counts = Counter(row[name] for row in rows if name in row)
    twice += sum(count > 1 for count in counts.values())
    print(f"{name}: {len(counts)} steps, the most often one {max(counts.values())} times")
print(f"{len(rows)} rows, {len(summary)} figures, files {', '.join(sorted(set(files)))}")
sys.exit(1 if twice or not rows else 0)
