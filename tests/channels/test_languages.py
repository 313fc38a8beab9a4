"""Whatever a person reads from us stands in their language: each text translated, each plural right."""

import ast
import re
import runpy
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from service.channels.wording import wording
from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import TRANSITIONS, DeadlineKind
from service.domain.escalation import Role
from service.flows.announcing import basis_of
from service.flows.reviewing import _because
from service.languages import Language, catalogue, preferred
from service.rules.library import Status
from service.runtime import TEMPLATES
from service.store.deadlines import Deadline

ROOT = Path(__file__).parents[2]
LOCALE = TEMPLATES / "locale"
TRANSLATED = [language for language in Language if language is not Language.ENGLISH]
TEXTS = sorted(
    path for path in TEMPLATES.rglob("*") if path.suffix in (".txt", ".html") and path.is_file()
)


@cache
def gatherer() -> dict[str, Any]:
    """What `make texts` runs."""
    return runpy.run_path(str(ROOT / ".ci" / "write_texts.py"))


@cache
def gathered() -> Catalog:
    catalog: Catalog = gatherer()["gathered"]()
    return catalog


@cache
def translations(language: Language) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / "adquem.po").open("rb") as file:
        return read_po(file, locale=language)


def texts(catalog: Catalog) -> dict[tuple[str | None, Any], Message]:
    """By context and English text; without the header."""
    return {(one.context, one.id): one for one in catalog if one.id}


def forms(text: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def fixed_parts(text: str) -> list[str]:
    """Placeholders and markup, which a translation moves about and never changes."""
    return sorted(re.findall(r"%\(\w+\)\w|%%|<[^>]*>|&\w+;", text))


def test_the_template_of_the_catalogues_is_what_the_texts_are_now() -> None:
    assert (LOCALE / "adquem.pot").read_bytes() == gatherer()["written"](gathered()), "make texts"


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_and_nothing_else_is(language: Language) -> None:
    found = texts(translations(language))
    assert found.keys() == texts(gathered()).keys(), "make texts"
    assert [key for key, one in found.items() if not all(forms(one.string))] == []
    assert [key for key, one in found.items() if one.fuzzy] == []
    assert not translations(language).obsolete


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_keeps_the_places_that_are_filled_in(language: Language) -> None:
    wrong = [
        key
        for key, one in texts(translations(language)).items()
        for said in forms(one.string)
        if fixed_parts(said) != fixed_parts(forms(one.id)[0])
    ]
    assert wrong == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_count_has_as_many_forms_as_the_language(language: Language) -> None:
    catalog = translations(language)
    counted = [one for one in texts(catalog).values() if one.pluralizable]
    assert counted
    assert catalog.plural_expr == get_plural(language).plural_expr
    assert {len(one.string) for one in counted} == {get_plural(language).num_plurals}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(TEMPLATES).as_posix())
def test_no_template_says_anything_past_the_catalogues(path: Path) -> None:
    """Outside of tags nothing but names stands bare; inside, every sentence is a text we gathered."""
    known = {form for one in texts(gathered()).values() for form in forms(one.id)}
    bare, quoted = "", []
    for _, kind, value in Environment().lex(path.read_text(encoding="utf-8")):
        if kind == "data":
            bare += value
        elif kind == "string":
            quoted.append(value[1:-1])
    bare = re.sub(r"<(style|pre)\b.*?</\1>|<[^>]*>", " ", bare, flags=re.DOTALL)
    bare = re.sub(r"/[\w./]+|\bAdquem\b|%\(\w+\)s", " ", bare)
    assert re.findall(r"[^\W\d_]{2,}", bare) == []
    sentences = [text for text in quoted if re.search(r"[A-Z]|[^\W\d_] [^\W\d_]", text)]
    assert [text for text in sentences if text not in known] == []


DAYS = {
    Language.ENGLISH: ["1 day", "2 days", "5 days", "11 days", "21 days", "22 days"],
    Language.RUSSIAN: ["1 день", "2 дня", "5 дней", "11 дней", "21 день", "22 дня"],
    Language.KAZAKH: ["1 күн", "2 күн", "5 күн", "11 күн", "21 күн", "22 күн"],
}
HOURS = {
    Language.ENGLISH: ["1 hour", "2 hours", "5 hours", "11 hours", "21 hours", "22 hours"],
    Language.RUSSIAN: ["1 час", "2 часа", "5 часов", "11 часов", "21 час", "22 часа"],
    Language.KAZAKH: ["1 сағат", "2 сағат", "5 сағат", "11 сағат", "21 сағат", "22 сағат"],
}


@pytest.mark.parametrize("language", list(Language))
def test_days_and_hours_are_counted_as_the_language_counts(language: Language) -> None:
    counts, words = (1, 2, 5, 11, 21, 22), wording(language)
    assert [words.days(count) for count in counts] == DAYS[language]
    assert [words.hours(count) for count in counts] == HOURS[language]
    assert [words.left(timedelta(hours=count)) for count in counts] == HOURS[language]


@given(st.integers(0, 100_000))
def test_the_russian_form_follows_the_last_two_digits(count: int) -> None:
    if count % 100 in range(11, 15) or count % 10 in (0, 5, 6, 7, 8, 9):
        expected = "дней"
    else:
        expected = "день" if count % 10 == 1 else "дня"
    assert wording(Language.RUSSIAN).days(count) == f"{count} {expected}"


def test_the_day_and_the_clock_are_written_as_the_language_writes_them() -> None:
    at = datetime(2026, 3, 9, 13, 0, tzinfo=UTC)
    said = {
        language: (words.long_day(at.date()), words.wall_clock(at, "Asia/Almaty"))
        for language in Language
        if (words := wording(language))
    }
    assert said == {
        Language.ENGLISH: ("Monday, 9 March 2026", "9 March 2026, 18:00 (Asia/Almaty)"),
        Language.RUSSIAN: (
            "понедельник, 9 марта 2026\N{NO-BREAK SPACE}г.",
            "9 марта 2026\N{NO-BREAK SPACE}г., 18:00 (Asia/Almaty)",
        ),
        Language.KAZAKH: (
            "2026\N{NO-BREAK SPACE}ж. 9 наурыз, дүйсенбі",
            "2026\N{NO-BREAK SPACE}ж. 9 наурыз, 18:00 (Asia/Almaty)",
        ),
    }


def test_midnight_is_the_end_of_the_day_before_in_every_language() -> None:
    midnight = datetime(2026, 2, 28, 19, 0, tzinfo=UTC)
    for language in Language:
        words = wording(language)
        expected = f"{words.day(date(2026, 2, 28))}, 24:00 (Asia/Almaty)"
        assert words.wall_clock(midnight, "Asia/Almaty") == expected


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  (bounds of it)
    st.sampled_from(["Asia/Almaty", "Europe/Paris", "Asia/Kathmandu", "UTC"]),
)
def test_all_languages_name_the_same_day_and_the_same_minute(at: datetime, zone: str) -> None:
    said = {
        tuple(sorted(re.findall(r"\d+", wording(one).wall_clock(at, zone)))) for one in Language
    }
    assert len(said) == 1


CLOSED_LISTS = {
    "role": list(Role),
    "kind": list(DeadlineKind),
    "verb": [*(verb for verb in TRANSITIONS if verb != "verify"), "override", "toll", "extend",
             "apply", "call not critical"],
    "standing": [None, *Status],
}  # fmt: skip


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("name", CLOSED_LISTS)
def test_every_word_of_a_closed_list_has_its_own_translation(name: str, language: Language) -> None:
    values = CLOSED_LISTS[name]
    english = [getattr(wording(Language.ENGLISH), name)(value) for value in values]
    said = [getattr(wording(language), name)(value) for value in values]
    assert len(set(said)) == len(said) == len(values)
    assert not set(said) & set(english)


def test_english_says_closed_lists_as_the_interface_names_them() -> None:
    words = wording(Language.ENGLISH)
    assert [words.role(role) for role in Role] == [role.value for role in Role]
    assert [words.kind(kind) for kind in DeadlineKind] == [kind.value for kind in DeadlineKind]


def test_every_deed_that_asks_for_a_second_person_has_its_word() -> None:
    deeds = {
        call.args[2].value
        for path in (ROOT / "service" / "flows").glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "seconded"
        and isinstance(call.args[2], ast.Constant)
    }
    assert len(deeds) >= 5
    assert deeds <= set(CLOSED_LISTS["verb"])


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("status", [None, *Status])
def test_what_we_say_of_a_citation_is_translated_and_the_citation_is_not(
    status: Status | None, language: Language
) -> None:
    """The words that `announcing` puts behind a citation are those that `Wording` knows."""
    rule = "kz.cpc.592" if status else None
    deadline = Deadline(rule_id=rule, rule_status=status, sources=[{"citation": "KZ-592"}])
    said = wording(language).basis(basis_of(deadline), status)
    assert ("KZ-592" in said) == (status is not None)
    assert re.findall("[A-Za-z]{2,}", said.replace("KZ-592", "")) == []


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("calendar", [None, CourtCalendar("KZ", "3", 2026, 2027)])
def test_the_reason_that_the_clockwork_gives_is_translated(
    calendar: CourtCalendar | None, language: Language
) -> None:
    """The words that `reviewing` gives for a move are those that `Wording` knows."""
    because = _because(calendar)
    assert wording(Language.ENGLISH).reason(because) == because
    said = wording(language).reason(because)
    assert re.findall("[A-Za-z]{2,}", said) == (["KZ"] if calendar else [])
    assert re.findall(r"\d+", said) == re.findall(r"\d+", because)
    assert wording(language).reason("The court moved it.") == "The court moved it."


@pytest.mark.parametrize("language", list(Language))
def test_a_word_that_nobody_has_translated_is_said_as_it_is(language: Language) -> None:
    words = wording(language)
    assert words.role("notary") == "notary"
    assert words.kind("own_kind") == "own kind"
    assert words.basis("art. 5", None) == "art. 5"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("kk-KZ,kk;q=0.9,ru;q=0.8,en;q=0.7", "kk"),
        ("de-DE, fr;q=0.9", "en"),
        ("de, ru;q=0.5, kk;q=0.7", "kk"),
        ("RU-ru", "ru"),
        ("ru;q=0, kk;q=0.1", "kk"),
        ("ru;q=0", "en"),
        ("ru;q=nan, kk;q=2, en;q=x", "en"),
        ("en;q=0.5, ru;q=0.5", "en"),
        ("*", "en"),
        ("рус;q=;;=,,", "en"),
    ],
)
def test_a_stranger_reads_what_the_browser_asks_for_first(header: str, language: str) -> None:
    assert preferred(header) == language


@given(st.text())
def test_whatever_a_browser_sends_is_answered_in_one_of_ours(header: str) -> None:
    assert isinstance(preferred(header), Language)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b'msgid ""\nmsgstr "Plural-Forms: x"\n'])
def test_without_a_readable_catalogue_people_are_told_in_english(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        file = tmp_path / "ru" / "LC_MESSAGES" / "adquem.po"
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    assert catalogue(Language.RUSSIAN, tmp_path).gettext("Case") == "Case"
    assert catalogue(Language.RUSSIAN).gettext("Case") == "Дело"
