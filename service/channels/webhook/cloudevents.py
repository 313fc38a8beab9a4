"""The same event as a CloudEvent 1.0 in structured JSON. What our envelope says besides stands in extension
attributes, whose names take small letters and digits alone.
"""

from typing import Any

CONTENT_TYPE = "application/cloudevents+json"


def cloud_event(envelope: dict[str, Any]) -> dict[str, Any]:
    """`sequence` is text that sorts, as the extension of that name wants it."""
    subject, actor = envelope["subject"], envelope["actor"]
    about = {"subject": f"{subject['kind']}/{subject['id']}"} if subject else {}
    by = {"actorid": actor["id"]} if "id" in actor else {}
    return {
        "specversion": "1.0",
        "id": envelope["id"],
        "source": envelope["source"],
        "type": envelope["type"],
        **about,
        "time": envelope["timestamp"],
        "datacontenttype": "application/json",
        "schemaversion": envelope["schema_version"],
        "teamid": envelope["team_id"],
        "sequence": f"{envelope['sequence']:010}",
        "test": envelope["test"],
        "drill": envelope["drill"],
        "actorkind": actor["kind"],
        **by,
        "data": envelope["data"] | {"links": envelope["links"]},
    }
