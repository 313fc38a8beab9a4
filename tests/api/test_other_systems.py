"""Deadlines kept in the case systems that a team uses: one record for each, changed by what follows."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.installation import LOOPBACK, Installation, Team, create
from tests.api.test_endpoint_life import rounds
from tests.api.test_refusals import refused
from tests.harness import civicrm, uwazi
from tests.harness.civicrm import CiviCrm
from tests.harness.uwazi import Uwazi

SECOND = timedelta(seconds=1)
MAP = (
    f'{{"template": "{uwazi.TEMPLATE}", "due": "due_date", "status": "state", "sequence": "news"}}'
)


@pytest.fixture
def own_settings() -> dict[str, Any]:
    return {"webhook_networks": LOOPBACK}


async def moved_and_completed(installation: Installation, team: Team) -> dict[str, Any]:
    """A deadline that is entered, moved and completed, each told by itself."""
    due = await team.deadline(due_on="2026-06-10")
    await rounds(installation, SECOND)
    said = {"user_id": team.people["owner"], "reason": "an order", "source": "order"}
    path = f"/deadlines/{due['id']}"
    await create(team.admin, f"{path}/override", said | {"due_on": "2026-06-08"})
    await rounds(installation, 2 * SECOND)
    done = {"user_id": team.people["owner"], "proof": "receipt 1"}
    await create(team.admin, f"{path}/complete", done)
    await rounds(installation, 3 * SECOND)
    return due


async def test_a_deadline_is_one_activity_in_civicrm_from_its_entry_to_its_end(
    installation: Installation, team: Team
) -> None:
    with CiviCrm() as crm:
        body = {"name": "CiviCRM", "url": crm.address, "format": "civicrm"}
        refused(await team.admin.post("/endpoints", json=body), 422, "invalid_input")
        header = {"name": "X-Civi-Auth", "value": f"Bearer {civicrm.KEY}"}
        await create(team.admin, "/endpoints", body | {"header": header})
        due = await moved_and_completed(installation, team)
        (activity,) = crm.activities.values()
    assert activity["Adquem.deadline_id"] == due["id"]
    assert activity["activity_date_time"].startswith("2026-06-08")
    assert activity["status_id:name"] == "Completed"


async def test_a_deadline_is_one_entity_in_uwazi_whatever_its_editors_call_it(
    installation: Installation, team: Team
) -> None:
    with Uwazi() as archive:
        body = {"name": "Uwazi", "url": archive.address, "format": "uwazi"}
        body |= {"template": MAP}
        refused(await team.admin.post("/endpoints", json=body), 422, "invalid_input")
        account = {"username": uwazi.NAME, "password": uwazi.PASSWORD}
        await create(team.admin, "/endpoints", body | {"account": account})
        due = await team.deadline(due_on="2026-06-10")
        await rounds(installation, SECOND)
        (entity,) = archive.entities.values()
        entity["title"] = "As the archivist has it"
        said = {"user_id": team.people["owner"], "reason": "an order", "source": "order"}
        path = f"/deadlines/{due['id']}/override"
        await create(team.admin, path, said | {"due_on": "2026-06-08"})
        await rounds(installation, 2 * SECOND)
        assert len(archive.entities) == 1
