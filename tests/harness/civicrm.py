"""A CiviCRM that answers as its API v4 does, on a real server: activities, two custom fields, its errors.

It knows no other entity. What a test wants to see, it reads from `activities`.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from tests.harness.receiver import Answer, ReceivedRequest, Receiver

KEY = "a-key-for-the-api"
_SPECIAL = {"user_contact_id": 2}


class CiviCrm(Receiver):
    """`with CiviCrm() as civicrm:`; `address` is what an endpoint has as its URL. `lost`: so many answers
    are not given although the call was carried out. `without_fields`: nobody has made the custom fields."""

    def __init__(self, without_fields: bool = False) -> None:
        super().__init__()
        self.activities: dict[int, dict[str, Any]] = {}
        self.lost = 0
        self._fields = {"id"} if without_fields else {"id", "Adquem.deadline_id"}
        self.respond = self._answer

    @property
    def address(self) -> str:
        return self.url("/civicrm/ajax/api4")

    @property
    def actions(self) -> list[str]:
        return [request.path.rpartition("/")[2] for request in self.requests]

    def _answer(self, request: ReceivedRequest) -> Answer:
        if request.headers.get("x-requested-with") != "XMLHttpRequest":
            text = "SECURITY ALERT: Ajax requests can only be issued by javascript clients."
            return _json({"error_code": 400, "error_message": text}, 400)
        if request.headers.get("x-civi-auth") != f"Bearer {KEY}":
            return _json({"error_code": 401, "error_message": "Authorization failed"}, 401)
        given = parse_qs(request.body.decode()).get("params", ["{}"])[0]
        entity, _, action = request.path.removeprefix("/civicrm/ajax/api4/").partition("/")
        try:
            values = (
                getattr(self, f"_{action}")(json.loads(given)) if entity == "Activity" else None
            )
        except ValueError as error:
            # As it answered until its errors got a status of their own.
            return _json({"error_code": 0, "error_message": str(error), "status": 500})
        if values is None:
            return _json({"error_code": 0, "error_message": f'API "{entity}" does not exist'})
        counts = {"count": len(values), "countFetched": len(values)}
        if action == "save" and self.lost:
            self.lost -= 1
            return Answer(hang_up=True)
        return _json({"values": values, "entity": entity, "action": action, "version": 4} | counts)

    def _get(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        [[field, operator, wanted]] = params["where"]
        if field not in self._fields:
            raise ValueError(f"Invalid field '{field}'")
        assert operator == "="
        found = [one for one in self.activities.values() if one.get(field) == wanted]
        keys = params["select"]
        return [{key: one.get(key) for key in keys} for one in found[: params["limit"]]]

    def _save(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        return [self._saved(dict(one), params["match"]) for one in params["records"]]

    def _saved(self, record: dict[str, Any], match: list[str]) -> dict[str, Any]:
        """Creates or updates, by the id or by the fields to match; answers what was written."""
        same = [
            one["id"]
            for one in self.activities.values()
            if all(one.get(field) == record.get(field) for field in match)
        ]
        if "id" not in record and len(same) == 1:
            record["id"] = same[0]
        new = "id" not in record
        if new and "source_contact_id" not in record:
            raise ValueError("Mandatory values missing from Api4 Activity::save: source_contact_id")
        record.setdefault("id", len(self.activities) + 1)
        if record.get("source_contact_id") in _SPECIAL:
            record["source_contact_id"] = _SPECIAL[record["source_contact_id"]]
        self.activities[record["id"]] = self.activities.get(record["id"], {}) | record
        return record


def _json(value: Mapping[str, Any], status: int = 200) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(value).encode())
