"""A person's OpenPGP key: given, verified by a mail that its holder alone can read, used, replaced."""

import email
import email.policy
import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import httpx
import pysequoia
import pytest

from tests.api.installation import Installation, Team, read
from tests.api.test_routes import laddered
from tests.harness.smtp import Mail, SmtpServer
from tests.harness.world import START
from workers import tasks

DAY = timedelta(days=1)
YEAR = int(timedelta(days=365).total_seconds())


@pytest.fixture
def own_settings(smtp: SmtpServer) -> dict[str, Any]:
    return {"smtp_url": smtp.url}


class Holder:
    """The owner of the case and both halves of a key."""

    def __init__(self, team: Team, mailbox: str | None = None, seconds: int = YEAR) -> None:
        self.mailbox = mailbox or f"owner.{team.id}@example.org"
        self.path = f"/users/{team.people['owner']}"
        self._team = team
        self._key = pysequoia.Tsk.generate(user_id=f"<{self.mailbox}>", validity_seconds=seconds)

    @property
    def public(self) -> str:
        return str(self._key.extract_certificate())

    async def give(self, **given: Any) -> httpx.Response:
        body = {"key": self.public} | given
        return await self._team.admin.put(f"{self.path}/openpgp-key", json=body)

    async def facts(self) -> tuple[Any, ...]:
        user = await read(self._team.admin, self.path)
        return user["openpgp_state"], (user["openpgp_fingerprint"] or "")[:40]

    @property
    def fingerprint(self) -> str:
        return str(self._key.extract_certificate().fingerprint).upper()

    def opens(self, mail: Mail) -> EmailMessage:
        """What is inside."""
        assert mail.message.get_content_type() == "multipart/encrypted"
        assert mail.subject == "..."
        _, armored = mail.message.iter_parts()
        done = pysequoia.decrypt(armored.get_content(), decryptor=self._key.decryptor())
        inside = email.message_from_bytes(done.bytes or b"", policy=email.policy.default)
        assert isinstance(inside, EmailMessage)
        return inside

    def link_in(self, mail: Mail) -> str:
        found = re.search(r"http://\S+?(/v/\S+)", text_of(self.opens(mail)))
        assert found is not None
        return found[1]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def newest(smtp: SmtpServer, holder: Holder) -> Mail:
    return [mail for mail in smtp.mails if mail.recipients[0].startswith("owner")][-1]


async def verified(installation: Installation, smtp: SmtpServer, holder: Holder) -> None:
    assert (await holder.give()).status_code == 200
    await tasks.deliver(installation.runtime)
    link = holder.link_in(newest(smtp, holder))
    assert (await installation.outside.post(link)).status_code == 200
    assert await holder.facts() == ("verified", holder.fingerprint)


async def reminded(installation: Installation, team: Team, smtp: SmtpServer, at: datetime) -> Mail:
    """The newest mail to the owner, of a deadline of which the mark is now."""
    await laddered(team, at + DAY)
    installation.clock.set(at)
    await tasks.tick(installation.runtime)
    await tasks.deliver(installation.runtime)
    return [mail for mail in smtp.mails if mail.recipients[0].startswith("owner")][-1]


async def test_the_link_in_an_encrypted_mail_verifies_the_key_and_from_then_on_mails_are_encrypted(
    installation: Installation, team: Team, smtp: SmtpServer
) -> None:
    holder = Holder(team)
    assert await holder.facts() == (None, "")
    assert "K-17" in (await reminded(installation, team, smtp, START + DAY)).subject
    given = await holder.give()
    assert given.json()["openpgp_state"] == "unverified"
    assert given.json()["openpgp_expires_at"] is not None
    assert given.headers["etag"]
    await tasks.deliver(installation.runtime)
    asking = newest(smtp, holder)
    assert holder.link_in(asking).encode() not in asking.raw
    # Until it is verified nothing else is encrypted to it.
    assert "K-17" in (await reminded(installation, team, smtp, START + 2 * DAY)).subject
    link = holder.link_in(asking)
    page = await installation.outside.get(link)
    assert (page.status_code, "Encrypt mails to you?" in page.text) == (200, True)
    assert await holder.facts() == ("unverified", holder.fingerprint)
    assert "every mail to you is encrypted" in (await installation.outside.post(link)).text
    assert await holder.facts() == ("verified", holder.fingerprint)
    assert (await installation.outside.post(link)).status_code == 404, "once"
    mail = await reminded(installation, team, smtp, START + 3 * DAY)
    inside = holder.opens(mail)
    assert "K-17" in str(inside["Subject"])
    assert "K-17" in text_of(inside)
    assert b"K-17" not in mail.raw
    (journalled,) = [
        row
        for row in (await installation.rows())["journal_entries"]
        if "user.openpgp_key_verified" in row
    ]
    assert holder.fingerprint in str(journalled)


async def test_a_new_key_counts_once_it_is_verified_and_until_then_the_old_one_is_used(
    installation: Installation, team: Team, smtp: SmtpServer
) -> None:
    old, new = Holder(team), Holder(team)
    await verified(installation, smtp, old)
    await new.give()
    await tasks.deliver(installation.runtime)
    link = new.link_in(newest(smtp, new))
    assert await new.facts() == ("unverified", new.fingerprint)
    mail = await reminded(installation, team, smtp, START + DAY)
    assert "K-17" in text_of(old.opens(mail)), "never in clear meanwhile"
    await installation.outside.post(link)
    assert "K-17" in text_of(new.opens(await reminded(installation, team, smtp, START + 2 * DAY)))
    assert (await team.admin.delete(f"{new.path}/openpgp-key")).json()["openpgp_state"] is None
    assert await new.facts() == (None, "")
    assert "K-17" in (await reminded(installation, team, smtp, START + 3 * DAY)).subject
    assert (await team.admin.delete(f"{new.path}/openpgp-key")).status_code == 200, "twice is once"


async def test_the_link_to_a_key_that_was_replaced_verifies_nothing(
    installation: Installation, team: Team, smtp: SmtpServer
) -> None:
    first, second = Holder(team), Holder(team)
    await first.give()
    await tasks.deliver(installation.runtime)
    link = first.link_in(newest(smtp, first))
    await second.give()
    assert (await installation.outside.post(link)).status_code == 404
    assert await second.facts() == ("unverified", second.fingerprint)
    await team.admin.delete(f"{second.path}/openpgp-key")
    smtp.clear()
    await tasks.deliver(installation.runtime)
    assert smtp.mails == [], "the link to a key that is gone leaves neither in clear nor at all"


async def test_once_the_key_has_expired_mails_say_that_there_is_a_date_and_no_more(
    installation: Installation, team: Team, smtp: SmtpServer
) -> None:
    holder = Holder(team)
    await verified(installation, smtp, holder)
    end = datetime.fromisoformat((await read(team.admin, holder.path))["openpgp_expires_at"])
    assert end > datetime.now(UTC)
    mail = await reminded(installation, team, smtp, end + DAY)
    assert mail.message.get_content_type() == "multipart/alternative"
    assert "Nothing can be encrypted to your OpenPGP key any more" in mail.text
    assert re.search(r"Due: +\w+, \d+ \w+ \d{4}", mail.text)
    assert "K-17" not in mail.subject + mail.text
    assert b"K-17" not in mail.raw


async def test_what_is_no_usable_key_of_that_person_is_refused(team: Team) -> None:
    holder, stranger = Holder(team), Holder(team, "somebody@example.org")
    for given, sentence in (
        ({"key": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nsecret"}, "private key"),
        ({"key": "nonsense"}, "not an OpenPGP key"),
        ({"key": "x" * 65_537}, "at most 65536"),
        ({"key": stranger.public}, "any_address"),
    ):
        answer = await holder.give(**given)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), sentence
        assert sentence in answer.text, answer.text
        assert "secret" not in answer.text
    assert await holder.facts() == (None, "")
    assert (await stranger.give(any_address=True)).status_code == 200
    reader = await team.admin.put("/users/usr_nobody/openpgp-key", json={"key": holder.public})
    assert reader.status_code == 404


async def test_only_an_administrator_of_the_team_changes_a_key(
    installation: Installation, team: Team
) -> None:
    holder = Holder(team)
    other = await installation.team("L-1", "Other")
    key = await installation.key(scope="write", team_id=team.id)
    for client, status in ((installation.client(key), 403), (other.admin, 404)):
        answer = await client.put(f"{holder.path}/openpgp-key", json={"key": holder.public})
        assert answer.status_code == status
        assert (await client.delete(f"{holder.path}/openpgp-key")).status_code == status
