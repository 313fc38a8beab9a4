"""What leaves is what is published: each event, at each level and detail, against the document."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from service.app import create_app
from service.domain.access import Level
from service.domain.notifications import UNPUBLISHED, EventType
from service.domain.webhooks import Detail, Format, carries
from service.settings import Settings
from tests.channels.webhook_samples import channel, form, of

EVENTS = [event for event in EventType if event not in UNPUBLISHED]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return asyncio.run(served(tmp_path_factory.mktemp("home")))


async def served(home: Path) -> dict[str, Any]:
    transport = httpx.ASGITransport(create_app(Settings(home=home)))
    async with httpx.AsyncClient(transport=transport, base_url="http://adquem") as client:
        published: dict[str, Any] = (await client.get("/api/v1/openapi.json")).json()
    return published


def validator(document: dict[str, Any], event: str) -> jsonschema.Draft202012Validator:
    body = document["webhooks"][event]["post"]["requestBody"]["content"]["application/json"]
    schema = body["schema"] | {"components": document["components"]}
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def published_names(document: dict[str, Any], event: str) -> set[str]:
    """The fields of `data`: what is said must be among them."""
    schemas = document["components"]["schemas"]
    body = document["webhooks"][event]["post"]["requestBody"]["content"]["application/json"]
    shape = schemas[body["schema"]["$ref"].rpartition("/")[2]]
    return set(schemas[shape["properties"]["data"]["$ref"].rpartition("/")[2]]["properties"])


def test_every_event_that_an_endpoint_can_hear_of_is_published(document: dict[str, Any]) -> None:
    assert set(document["webhooks"]) == set(EVENTS)
    assert all(carries(Format.STANDARD, event) for event in EVENTS)
    for item in document["webhooks"].values():
        assert {"204", "410", "4XX", "5XX"} <= item["post"]["responses"].keys()


@pytest.mark.parametrize("event", EVENTS)
def test_each_event_is_as_published_at_each_level_and_detail(
    document: dict[str, Any], event: EventType
) -> None:
    checked, names = validator(document, event), published_names(document, event)
    for level in Level:
        for detail in Detail:
            for own in ({}, {"reader_zone": "Europe/Paris", "step": 2, "actor": None}):
                about = of(event, level, form=form(Format.STANDARD, detail), **own)
                body = json.loads(channel().compose(about))
                checked.validate(body)
                assert body["data"].keys() <= names


def test_the_published_shape_turns_away_what_is_no_event(document: dict[str, Any]) -> None:
    checked = validator(document, EventType.REMINDER_DUE)
    good = json.loads(channel().compose(of(EventType.REMINDER_DUE)))
    wrong: list[dict[str, Any]] = [
        good | {"type": "reminder.sent"},
        good | {"schema_version": "2"},
        good | {"sequence": "7"},
        good | {"data": good["data"] | {"status": "unheard of"}},
        {name: value for name, value in good.items() if name != "id"},
    ]
    for body in wrong:
        assert not checked.is_valid(body)
