"""An Uwazi that answers as its API does, on a real server: sessions, a search, entities of one template.

It keeps one language. What a test wants to see, it reads from `entities`.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.harness.receiver import Answer, ReceivedRequest, Receiver

NAME, PASSWORD = "adquem", "correct horse"
TEMPLATE = "58ad7d240d44252fee4e6208"


class Uwazi(Receiver):
    """`with Uwazi() as uwazi:`; `address` is what an endpoint has as its URL. `lost`: so many answers are
    not given although the entity was saved."""

    def __init__(self) -> None:
        super().__init__()
        self.entities: dict[str, dict[str, Any]] = {}
        self.lost = 0
        self._sessions: set[str] = set()
        self.respond = self._answer

    @property
    def address(self) -> str:
        return self.url("")

    @property
    def calls(self) -> list[str]:
        return [f"{one.method} {urlsplit(one.path).path}" for one in self.requests]

    def forget_sessions(self) -> None:
        """As it does when they have ended, or when it was restarted."""
        self._sessions.clear()

    def _answer(self, request: ReceivedRequest) -> Answer:
        parts = urlsplit(request.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if request.method == "POST" and request.headers.get("x-requested-with") != "XMLHttpRequest":
            text = "Forbidden: X-Requested-With header was not sent!"
            return _json({"error": "Unauthorized", "message": text}, 403)
        if (request.method, parts.path) == ("POST", "/api/login"):
            return self._login(json.loads(request.body))
        signed_in = request.headers.get("cookie", "").removeprefix("connect.sid=") in self._sessions
        if (request.method, parts.path) == ("GET", "/api/user"):
            return _json({"username": NAME, "role": "editor"} if signed_in else {})
        if not signed_in:
            return _json({"error": "Unauthorized", "message": "Unauthorized"}, 401)
        if (request.method, parts.path) == ("POST", "/api/entities"):
            return self._save(json.loads(request.body))
        if parts.path == "/api/search":
            return _json({"rows": self._found(asked), "totalRows": len(self.entities)})
        found = self.entities.get(asked.get("sharedId", ""))
        return _json({"rows": [found] if found else []}, 200 if found else 404)

    def _login(self, body: Mapping[str, str]) -> Answer:
        if (body["username"], body["password"]) != (NAME, PASSWORD):
            return _json({"error": "Unauthorized", "message": "Unauthorized"}, 401)
        session = secrets.token_hex(8)
        self._sessions.add(session)
        cookie = f"connect.sid={session}; Path=/; HttpOnly"
        return _json({"success": True}, headers={"set-cookie": cookie})

    def _found(self, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        """Rows of a search are shorter than entities."""
        keys = ("_id", "sharedId", "title", "template", "metadata")
        term = asked["searchTerm"].strip('"')
        return [
            {key: one[key] for key in keys}
            for one in self.entities.values()
            if term in one["title"] and one["template"] in json.loads(asked["types"])
        ]

    def _save(self, entity: dict[str, Any]) -> Answer:
        if entity.get("template") != TEMPLATE:
            errors = [{"keyword": "templateExists", "message": "template does not exist"}]
            return _json({"error": "validation failed", "validations": errors}, 422)
        shared_id = entity.get("sharedId")
        if shared_id and self.entities[shared_id]["_id"] != entity.get("_id"):
            return _json({"error": "Cannot read properties of undefined"}, 500)
        shared_id = shared_id or f"{len(self.entities) + 1}k7d2x9ab1cd"
        own = {"_id": f"{len(self.entities):024}", "sharedId": shared_id, "language": "en"}
        # What is sent takes the place of all that there was.
        self.entities[shared_id] = own | {"documents": [], "published": False} | entity
        if self.lost:
            self.lost -= 1
            return Answer(hang_up=True)
        return _json({"entity": self.entities[shared_id], "errors": []})


def _json(
    value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    own = {"content-type": "application/json"} | dict(headers or {})
    return Answer(status, own, json.dumps(value).encode())
