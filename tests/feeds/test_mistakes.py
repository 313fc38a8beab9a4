"""The mistakes that calendars of others make, each with the test that keeps ours from it; here stand those
tests that have no better place."""

import ast
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from icalendar import Calendar

from tests.api.installation import Installation, Team, change, create, installed
from tests.feeds.subscription import Subscription, of, subscribe

ROOMS = [Path(__file__).parent, Path(__file__).parents[1] / "api"]

#: By the row that the docstrings of tests name.
MISTAKES = {
    # --- what carries it
    1: "test_the_address_is_neutral_and_its_secret_cannot_be_guessed",
    2: "test_over_tls_the_address_has_a_twin_that_opens_a_calendar_program",
    7: "test_a_browser_shows_it_and_nothing_is_compressed",
    9: "test_the_etag_is_strong_and_that_of_the_exact_bytes",
    10: "test_whoever_names_the_etag_in_any_form_is_told_that_nothing_changed",
    11: "test_last_modified_is_never_now",
    12: "test_an_answer_that_nothing_changed_repeats_the_validators",
    13: "test_it_may_be_stored_by_its_reader_alone_and_asked_for_anew_each_time",
    14: "test_no_robot_indexes_a_calendar_and_none_is_kept_from_fetching_it",
    15: "test_the_address_is_never_asked_for_in_clear_again_nor_told_to_others",
    16: "test_an_unknown_feed_and_a_wrong_secret_are_told_the_same",
    17: "test_what_calendars_keep_is_taken_back_by_a_farewell_and_then_all_is_gone",
    19: "test_however_often_it_is_polled_the_answer_is_never_a_refusal",
    21: "test_too_many_events_are_cut_to_what_calendars_bear_and_that_is_said",
    # --- the calendar itself
    24: "test_the_calendar_says_once_what_clients_look_for",
    25: "test_nothing_tells_when_we_learnt_of_it_or_who_we_are",
    27: "test_a_calendar_has_the_name_that_its_person_gave_it_and_no_other",
    28: "test_the_first_answer_tells_nextcloud_to_come_back_within_the_hour",
    29: "test_the_calendar_says_once_what_clients_look_for",
    31: "test_nothing_in_the_calendar_leads_back_to_its_address",
    34: "test_the_calendar_itself_has_no_uid",
    35: "test_every_zone_that_is_named_is_defined_before_the_events",
    # --- its events
    38: "test_the_uid_is_random_in_form_stable_for_ever_and_unlike_in_every_feed",
    39: "test_dtstamp_is_the_time_of_the_last_change_and_never_now",
    40: "test_several_changes_within_one_second_are_told_apart",
    41: "test_every_change_raises_sequence_and_last_modified",
    43: "test_a_whole_day_stands_on_its_date_and_ends_before_the_next",
    44: "test_a_hearing_begins_at_its_hour_and_any_other_deadline_ends_at_it",
    45: "test_a_legal_hour_is_a_block_that_ends_at_it_on_the_forums_clock",
    46: "test_how_it_stands_is_said_in_front_at_every_level",
    47: "test_only_from_the_level_of_titles_on_is_there_more_than_a_title",
    48: "test_notes_and_the_place_are_for_the_highest_level_alone",
    49: "test_the_status_says_what_is_not_certain_and_what_is_off",
    50: "test_the_state_is_told_in_words_for_clients_that_show_no_status",
    51: "test_a_deadline_blocks_nobodys_day_and_a_hearing_does",
    52: "test_only_a_whole_day_is_called_one",
    53: "test_every_entry_is_private_and_none_tells_more_than_it_must",
    54: "test_every_entry_is_private_and_none_tells_more_than_it_must",
    55: "test_the_description_says_why_and_how_old_it_may_be",
    # --- its alarms
    58: "test_no_calendar_rings_unless_asked_to",
    60: "test_a_whole_day_rings_at_nine_the_morning_before",
    61: "test_a_locked_screen_shows_no_title",
    # --- its life
    62: "test_the_same_items_give_the_same_bytes_in_whatever_order",
    64: "test_a_secret_is_shown_once_and_kept_nowhere_in_clear",
    65: "test_each_device_has_a_calendar_of_its_own_that_ends_alone",
    66: "test_a_feed_expires_in_half_a_year_unless_another_day_is_named",
    67: "test_who_leaves_the_case_loses_its_events_at_the_next_fetch",
    68: "test_the_preview_is_what_a_stranger_with_the_address_reads",
    69: "test_every_reader_takes_the_events_for_the_same_instants",
}


def test_every_mistake_of_the_list_has_its_test() -> None:
    found = {
        one.name
        for room in ROOMS
        for file in room.glob("test_*.py")
        for one in ast.parse(file.read_text()).body
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {row: name for row, name in MISTAKES.items() if name not in found} == {}


async def test_over_tls_the_address_has_a_twin_that_opens_a_calendar_program(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Row 2."""
    async with installed(sqlite_url, tmp_path, public_url="https://dates.example") as one:
        team = await one.team()
        made = await create(team.admin, "/feeds", {"name": "f", "user_id": team.people["owner"]})
        assert made["url"].startswith("https://dates.example/f/")
        assert made["webcal_url"] == made["url"].replace("https", "webcal", 1)


async def test_the_address_is_never_asked_for_in_clear_again_nor_told_to_others(
    sqlite_url: str, tmp_path: Path, feed: Subscription
) -> None:
    """Row 15."""
    plain = await feed.fetch()
    assert plain.headers["referrer-policy"] == "no-referrer"
    assert plain.headers["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" not in plain.headers
    async with installed(sqlite_url, tmp_path, public_url="https://dates.example") as one:
        secure = await one.outside.get(feed.path)
        assert secure.headers["strict-transport-security"] == "max-age=31536000"


async def test_no_robot_indexes_a_calendar_and_none_is_kept_from_fetching_it(
    installation: Installation, feed: Subscription
) -> None:
    """Row 14: importers obey robots.txt."""
    assert "noindex" in (await feed.fetch()).headers["x-robots-tag"]
    assert (await installation.outside.get("/robots.txt")).status_code == httpx.codes.NOT_FOUND


async def test_however_often_it_is_polled_the_answer_is_never_a_refusal(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    """Row 19: a refusal would switch the calendar off on some devices."""
    await team.deadline()
    fresh = await feed.fetch()
    for _ in range(150):
        again = await feed.fetch(if_none_match=fresh.headers["etag"])
        assert again.status_code == httpx.codes.NOT_MODIFIED
        installation.clock.advance(timedelta(seconds=1))
    assert (await feed.fetch()).content == fresh.content


async def test_a_calendar_has_the_name_that_its_person_gave_it_and_no_other(
    team: Team, feed: Subscription
) -> None:
    """Row 27."""
    before = await feed.fetch()
    await change(team.admin, f"/feeds/{feed.id}", {"name": "Мерзімдер"})
    after = await feed.fetch(if_none_match=before.headers["etag"])
    names = [_names(one) for one in (before, after)]
    assert names == [("Сроки", "Сроки"), ("Мерзімдер", "Мерзімдер")]
    for word in ("Team", "owner", "K-17"):
        assert word not in after.text


def _names(answer: httpx.Response) -> tuple[str, str]:
    calendar = Calendar.from_ical(answer.content)
    return str(calendar["NAME"]), str(calendar["X-WR-CALNAME"])


@pytest.mark.parametrize("way", ["rotate", "revoke"])
async def test_each_device_has_a_calendar_of_its_own_that_ends_alone(
    installation: Installation, team: Team, way: str
) -> None:
    """Row 65."""
    await team.deadline(title="Marked")
    phone = await subscribe(installation, team, "owner", 0, name="Phone")
    laptop = await subscribe(installation, team, "owner", 2, name="Laptop")
    shown = [await phone.content(), await laptop.content()]
    assert [b"Marked" in one for one in shown] == [False, True]
    crossed = phone.path.replace(phone.id, laptop.id)
    assert (await installation.outside.get(crossed)).status_code == httpx.codes.NOT_FOUND
    answer = await create(team.admin, f"/feeds/{laptop.id}/{way}", {})
    assert await phone.content() == shown[0]
    again = of(installation, answer) if way == "rotate" else laptop
    assert (b"Marked" in await again.content()) is (way == "rotate")
