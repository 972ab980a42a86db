"""A local stand-in of the Hub's endpoints, which stores what it is sent and gives it out again."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_secret_of_the_test"
REPO = "me/tiny"


@dataclass
class Hub:
    """The state of the stand-in: what was committed, and large objects by their hash."""

    endpoint: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    created: dict[str, Any] = field(default_factory=dict)
    fail_after_uploads: int | None = None  # large objects accepted before every further one is refused

    @property
    def folders(self) -> set[str]:
        return {str(above) for name in self.files for above in PurePosixPath(name).parents} - {"."}


class Endpoints(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def answer(self, value: object, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_POST(self) -> None:
        data, hub = self.body(), self.hub
        hub.requests.append(self.path)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer({"error": "Invalid username or password."}, 401)
        elif self.path == "/api/repos/create":
            hub.created = json.loads(data)
            self.answer({"url": f"{hub.endpoint}/datasets/{REPO}"})
        elif self.path == f"/api/datasets/{REPO}/paths-info/main":
            names = [name for name in parse_qs(data.decode())["paths"] if name in hub.files or name in hub.folders]
            self.answer([self.entry(name) for name in names])
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif self.path == f"/api/datasets/{REPO}/preupload/main":
            self.answer({"files": [self.mode(file) for file in json.loads(data)["files"]]})
        elif self.path == f"/datasets/{REPO}.git/info/lfs/objects/batch":
            self.answer({"transfer": "basic", "objects": [self.place(o) for o in json.loads(data)["objects"]]})
        elif self.path == f"/api/datasets/{REPO}/commit/main":
            for line in data.splitlines():
                self.commit(**json.loads(line))
            self.answer({"commitUrl": f"{hub.endpoint}/datasets/{REPO}/commit/1", "commitOid": "1" * 40})
        else:
            self.answer({"error": f"the stand-in has no {self.path}"}, 404)

    def mode(self, file: dict[str, Any]) -> dict[str, Any]:
        large = file["path"].endswith((".tar", ".parquet"))
        held = self.hub.files.get(file["path"])
        oid = None if held is None or not large else hashlib.sha256(held).hexdigest()
        return {
            "path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False, "oid": oid
        }  # fmt: skip

    def place(self, item: dict[str, Any]) -> dict[str, Any]:
        held = {"oid": item["oid"], "size": item["size"]}
        if item["oid"] in self.hub.objects:
            return held
        return held | {"actions": {"upload": {"href": f"{self.hub.endpoint}/lfs/{item['oid']}"}}}

    def commit(self, key: str, value: dict[str, Any]) -> None:
        if key == "file":
            self.hub.files[value["path"]] = base64.b64decode(value["content"])
        elif key == "lfsFile":
            self.hub.files[value["path"]] = self.hub.objects[value["oid"]]
        elif key == "deletedFile":
            del self.hub.files[value["path"]]

    def do_PUT(self) -> None:
        data, hub = self.body(), self.hub
        hub.requests.append(self.path)
        if hub.fail_after_uploads is not None and len(hub.objects) >= hub.fail_after_uploads:
            self.answer({"error": "out of space"}, 400)
            return
        oid = self.path.rsplit("/", 1)[1]
        assert hashlib.sha256(data).hexdigest() == oid
        hub.objects[oid] = data
        self.answer({})

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        hub.requests.append(self.path)
        files, tree = f"/datasets/{REPO}/resolve/", f"/api/datasets/{REPO}/tree/"
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer({"error": "Invalid username or password."}, 401)
        elif path.startswith(files) and (name := path.removeprefix(files).partition("/")[2]) in hub.files:
            self.give(hub.files[name])
        elif path.startswith(tree):
            below = path.removeprefix(tree).partition("/")[2]
            every = "recursive=true" in self.path.lower()
            names = [name for name in (*hub.files, *hub.folders) if not below or name.startswith(f"{below}/")]
            self.answer([self.entry(name) for name in names if every or name.rpartition("/")[0] == below])
        elif path in (f"/api/datasets/{REPO}", f"/api/datasets/{REPO}/revision/main"):
            siblings = [{"rfilename": name} for name in hub.files]
            self.answer({"id": REPO, "sha": "1" * 40, "private": True, "siblings": siblings})
        else:
            self.answer({"error": "not found"}, 404)

    def entry(self, name: str) -> dict[str, Any]:
        if name in self.hub.folders:
            return {"type": "directory", "path": name, "size": 0, "oid": hashlib.sha1(name.encode()).hexdigest()}
        data = self.hub.files[name]
        return {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}

    def give(self, data: bytes) -> None:
        """A file, or the range of it that is asked for."""
        asked = self.headers.get("Range")
        first, last = 0, len(data) - 1
        if asked:
            first, last = (int(end) for end in asked.removeprefix("bytes=").split("-"))
            last = min(last, len(data) - 1)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        self.wfile.write(data[first : last + 1])


@contextmanager
def serving() -> Iterator[Hub]:
    state = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Endpoints,), {"hub": state}))
    state.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
