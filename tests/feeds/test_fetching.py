"""The calendar over HTTP: what every client may ask, and how it learns that nothing has changed."""

import hashlib
from datetime import timedelta

from service.ids import new_id
from tests.api.installation import Installation, Team, change, create
from tests.feeds.subscription import Subscription, modified_at, subscribe
from tests.harness.world import START

DAY = timedelta(days=1)


async def test_the_address_is_neutral_and_its_secret_cannot_be_guessed(
    feed: Subscription,
) -> None:
    """Row 1."""
    assert feed.path.startswith(f"/f/{feed.id}.")
    assert feed.path.endswith(".ics")
    assert len(feed.path.split(".")[1]) == 43


async def test_a_webcal_twin_is_offered_only_where_the_service_speaks_tls(
    installation: Installation, team: Team
) -> None:
    """Row 2: some clients turn webcal into https."""
    made = await create(team.admin, "/feeds", {"name": "f", "user_id": team.people["owner"]})
    assert made["url"].startswith("http://")
    assert made["webcal_url"] is None


async def test_head_says_all_that_get_says_but_the_body(team: Team, feed: Subscription) -> None:
    """Row 3."""
    await team.deadline()
    get, head = await feed.fetch(), await feed.fetch("HEAD")
    assert (get.status_code, head.status_code, head.content) == (200, 200, b"")
    assert head.headers["content-length"] == str(len(get.content))
    own = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in get.headers.items() if k not in own
    }


async def test_no_key_is_asked_for_and_none_is_looked_at(feed: Subscription) -> None:
    """Row 4."""
    assert (await feed.fetch()).status_code == 200
    assert (await feed.fetch(authorization="Bearer nonsense")).status_code == 200


async def test_accept_is_ignored(feed: Subscription) -> None:
    """Row 5."""
    for accept in ("application/json", "image/*", "text/html", "nonsense", ""):
        response = await feed.fetch(accept=accept)
        assert response.status_code == 200, accept
        assert response.headers["content-type"] == "text/calendar; charset=utf-8"


async def test_the_content_type_names_the_charset_and_cyrillic_arrives_whole(
    team: Team, feed: Subscription
) -> None:
    """Row 6."""
    await team.deadline(title="Жалоба: қазақша ә, ғ, ң, ө, ұ, ү, һ, і")
    response = await feed.fetch()
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    unfolded = response.content.decode("utf-8").replace("\r\n ", "")
    assert "қазақша ә" in unfolded


async def test_a_browser_shows_it_and_nothing_is_compressed(feed: Subscription) -> None:
    """Rows 7 and 8."""
    response = await feed.fetch(accept_encoding="gzip, br")
    assert response.headers["content-disposition"] == 'inline; filename="deadlines.ics"'
    assert "content-encoding" not in response.headers


async def test_the_etag_is_strong_and_that_of_the_exact_bytes(
    team: Team, feed: Subscription
) -> None:
    """Row 9."""
    await team.deadline()
    response = await feed.fetch()
    digest = hashlib.sha256(response.content).hexdigest()
    assert response.headers["etag"] == f'"{digest}"'


async def test_whoever_names_the_etag_in_any_form_is_told_that_nothing_changed(
    feed: Subscription,
) -> None:
    """Row 10."""
    etag = (await feed.fetch()).headers["etag"]
    for form in ("{}", "*", '"x", {}', '{}, "y"', "W/{}", '"x" ,{} ,"y"', '"a,b", {}'):
        response = await feed.fetch(if_none_match=form.format(etag))
        assert (response.status_code, response.content) == (304, b""), form


async def test_whoever_names_another_etag_gets_the_calendar(feed: Subscription) -> None:
    etag = (await feed.fetch()).headers["etag"]
    for other in ('"x"', etag.strip('"'), etag[:-2] + '"', '"x", "y"', ""):
        assert (await feed.fetch(if_none_match=other)).status_code == 200, other


async def test_if_none_match_decides_alone_where_both_are_sent(feed: Subscription) -> None:
    """Row 10."""
    fresh = await feed.fetch()
    modified = fresh.headers["last-modified"]
    changed = await feed.fetch(if_none_match='"x"', if_modified_since=modified)
    same = await feed.fetch(
        if_none_match=fresh.headers["etag"], if_modified_since="Thu, 01 Jan 1998 00:00:00 GMT"
    )
    assert (changed.status_code, same.status_code) == (200, 304)


async def test_if_modified_since_alone_is_understood(
    installation: Installation, feed: Subscription
) -> None:
    """Row 11."""
    installation.clock.advance(DAY)
    fresh = await feed.fetch()
    assert fresh.headers["last-modified"].endswith(" GMT")
    since = fresh.headers["last-modified"]
    assert (await feed.fetch(if_modified_since=since)).status_code == 304
    early = "Sun, 01 Mar 2026 00:00:00 GMT"
    assert (await feed.fetch(if_modified_since=early)).status_code == 200
    for nonsense in ("yesterday", "", "0", "Mon, 99 Foo 2026 00:00:00 GMT"):
        assert (await feed.fetch(if_modified_since=nonsense)).status_code == 200, nonsense


async def test_last_modified_is_never_now(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    """Row 11."""
    await team.deadline()
    installation.clock.advance(timedelta(seconds=2))
    first = await feed.fetch()
    installation.clock.advance(3 * DAY)
    later = await feed.fetch()
    # The second after the change: one that comes later in the same second must still be newer.
    assert modified_at(first) == START + timedelta(seconds=1)
    assert (later.headers["last-modified"], later.content) == (
        first.headers["last-modified"],
        first.content,
    )


async def test_an_answer_that_nothing_changed_repeats_the_validators(feed: Subscription) -> None:
    """Row 12."""
    fresh = await feed.fetch()
    same = await feed.fetch(if_none_match=fresh.headers["etag"])
    for name in ("etag", "last-modified", "cache-control"):
        assert same.headers[name] == fresh.headers[name], name


async def test_it_may_be_stored_by_its_reader_alone_and_asked_for_anew_each_time(
    feed: Subscription,
) -> None:
    """Rows 13, 14 and 15."""
    headers = (await feed.fetch()).headers
    assert headers["cache-control"] == "private, no-cache"
    assert headers["x-robots-tag"] == "noindex, nofollow, noarchive"
    assert headers["referrer-policy"] == "no-referrer"


async def test_an_unknown_feed_and_a_wrong_secret_are_told_the_same(
    installation: Installation, feed: Subscription
) -> None:
    """Row 16."""
    secret = feed.path.split(".")[1]
    other = new_id("fed", START)
    answers = [
        await installation.outside.get(path)
        for path in (
            f"/f/{feed.id}.{secret[::-1]}.ics",
            f"/f/{feed.id}.{secret}x.ics",
            f"/f/{feed.id}..ics",
            f"/f/{feed.id}.ics",
            f"/f/{other}.{secret}.ics",
            f"/f/{other}..ics",
            f"/f/%00.{secret}.ics",
        )
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    names = [sorted(set(answer.headers) - {"date"}) for answer in answers]
    assert all(one == names[0] for one in names)


async def test_its_address_is_read_and_nothing_else_is_done_there(
    installation: Installation, feed: Subscription
) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
        answer = await installation.outside.request(method, feed.path)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), method
    assert (await feed.fetch()).status_code == 200


async def test_what_only_looks_like_its_address_is_nothing(
    installation: Installation, feed: Subscription
) -> None:
    without = feed.path.removesuffix(".ics")
    for path in ("/f/", "/f/.ics", "/f.ics", without, f"{feed.path}/", f"/f/a/{feed.path[3:]}"):
        answer = await installation.outside.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path


# --- what changes is noticed by whoever knows the time alone


async def noticed(feed: Subscription, before: object) -> None:
    """Both validators tell the change; `before` is an answer from before it."""
    known = before.headers  # type: ignore[attr-defined]
    after = await feed.fetch()
    assert after.headers["etag"] != known["etag"]
    assert (await feed.fetch(if_none_match=known["etag"])).status_code == 200
    response = await feed.fetch(if_modified_since=known["last-modified"])
    assert response.status_code == 200, "a change is hidden from If-Modified-Since"


async def test_who_leaves_the_case_loses_its_events_at_the_next_fetch(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    await team.deadline(title="Marked")
    installation.clock.advance(DAY)
    before = await feed.fetch()
    assert b"Marked" in before.content
    installation.clock.advance(DAY)
    roles = [{"role": "owner", "user_id": team.people["deputy"]}]
    await change(team.admin, f"/cases/{team.case}", {"roles": roles})
    await noticed(feed, before)
    assert await feed.events() == []
    assert modified_at(await feed.fetch()) > modified_at(before)


async def test_who_leaves_the_team_loses_its_events_at_the_next_fetch(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    other = await installation.team("K-99", "Others")
    await team.deadline(title="Marked")
    before = await feed.fetch()
    installation.clock.advance(DAY)
    path = f"/users/{team.people['owner']}"
    await change(installation.operator, path, {"team_ids": [other.id]})
    await noticed(feed, before)
    assert b"Marked" not in await feed.content()


async def test_who_is_disabled_loses_the_events_at_the_next_fetch(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    await team.deadline(title="Marked")
    installation.clock.advance(DAY)
    before = await feed.fetch()
    installation.clock.advance(DAY)
    await change(team.admin, f"/users/{team.people['owner']}", {"disabled": True})
    assert b"Marked" not in await feed.content()
    await noticed(feed, before)


async def test_an_ended_deadline_leaves_the_feed_after_a_month_and_that_is_noticed(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    due = await team.deadline()
    proof = {"user_id": team.people["owner"], "proof": "receipt 7/26"}
    installation.clock.advance(DAY)
    await create(team.admin, f"/deadlines/{due['id']}/complete", proof)
    before = await feed.fetch()
    installation.clock.advance(31 * DAY)
    assert await feed.events() == []
    await noticed(feed, before)


async def test_a_change_within_the_second_of_the_last_fetch_is_noticed(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    due = await team.deadline()
    before = await feed.fetch()
    installation.clock.advance(timedelta(milliseconds=300))
    await change(team.admin, f"/deadlines/{due['id']}", {"title": "Another"})
    await noticed(feed, before)


async def test_a_feed_holds_nothing_of_another_team(installation: Installation) -> None:
    ours, theirs = await installation.team("K-1", "Ours"), await installation.team("K-2", "Theirs")
    await theirs.deadline(title="Foreign")
    both = {"team_ids": [ours.id, theirs.id]}
    owner = ours.people["owner"]
    await change(installation.operator, f"/users/{owner}", both)
    roles = [{"role": "owner", "user_id": owner}]
    await change(theirs.admin, f"/cases/{theirs.case}", {"roles": roles})
    feed = await subscribe(installation, ours, "owner", 2)
    own = await ours.deadline(title="Own")
    content = await feed.content()
    assert b"Own" in content
    assert own["id"].encode() in content.replace(b"\r\n ", b"")  # the link to its page
    for word in (b"Foreign", b"K-2", theirs.id.encode()):
        assert word not in content
