"""What mails and pages are worded with: days, clocks, spans and closed lists in the reader's language.

Says nothing by itself: the sentences stand in the templates, their translations in templates/locale.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.ext import InternationalizationExtension
from jinja2.runtime import Context
from markupsafe import Markup

from service.domain.deadlines import DeadlineKind
from service.domain.escalation import Role
from service.languages import Language, catalogue, marked

#: Without and with the weekday. English in the order of day, month, year; else as the language has it.
_DAY = {Language.ENGLISH: "d MMMM y"}
_LONG_DAY = {Language.ENGLISH: "EEEE, d MMMM y"}
_ROLES: dict[str, str] = {
    Role.LEAD: marked("role", "lead"),
    Role.OWNER: marked("role", "owner"),
    Role.DEPUTY: marked("role", "deputy"),
    Role.SUPERVISOR: marked("role", "supervisor"),
    Role.OBSERVER: marked("role", "observer"),
}
_KINDS: dict[str, str] = {
    DeadlineKind.FILING: marked("kind", "filing"),
    DeadlineKind.HEARING: marked("kind", "hearing"),
    DeadlineKind.CUSTODY: marked("kind", "custody"),
    DeadlineKind.WATCH: marked("kind", "watch"),
    DeadlineKind.EXPIRY: marked("kind", "expiry"),
    DeadlineKind.INTERNAL: marked("kind", "internal"),
}
#: What one person wants to do to a critical deadline, as it stands after "wants to".
_VERBS = {
    "complete": marked("wants to", "complete"),
    "miss": marked("wants to", "miss"),
    "waive": marked("wants to", "waive"),
    "cancel": marked("wants to", "cancel"),
    "override": marked("wants to", "override"),
    "toll": marked("wants to", "toll"),
    "extend": marked("wants to", "extend"),
    "apply": marked("wants to", "apply"),
    "call not critical": marked("wants to", "call not critical"),
}
_UNSURE = {
    "secondary": marked("standing", "a rule that is secondary: confirm before relying"),
    "unverified": marked("standing", "a rule that is unverified: confirm before relying"),
    "disputed": marked("standing", "a rule that is disputed: confirm before relying"),
}
_DOUBTS = {
    "secondary": marked("basis", "secondary: confirm before relying"),
    "unverified": marked("basis", "unverified: confirm before relying"),
    "disputed": marked("basis", "disputed: confirm before relying"),
}
_STATED = marked("basis", "stated by a person")
#: Why a date has moved, where no person has said it in words of their own.
_REASONS = (
    marked(
        "reason",
        "The law was read anew: the rules in force, court calendar %(code)s, version %(version)s,"
        " zone data %(zones)s.",
    ),
    marked("reason", "The law was read anew: the rules in force, zone data %(zones)s."),
    marked("reason", "Extension granted: %(source)s"),
)


class Wording:
    """One language. A word that the catalogue lacks stays as it is: no mail fails for want of one."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._locale = Locale.parse(language.value)
        texts = catalogue(language)
        self.gettext, self.ngettext = texts.gettext, texts.ngettext
        self.pgettext, self.npgettext = texts.pgettext, texts.npgettext

    def day(self, on: date) -> str:
        return self._date(on, _DAY.get(self.language, "long"))

    def long_day(self, on: date) -> str:
        """The day with its weekday."""
        return self._date(on, _LONG_DAY.get(self.language, "full"))

    @lru_cache(maxsize=1000)  # noqa: B019  (there is one for each language, for ever)
    def _date(self, on: date, pattern: str) -> str:
        """Many fonts lack the narrow no-break space before "г." and "ж."; all have the plain one."""
        return format_date(on, pattern, self._locale).replace("\u202f", "\u00a0")

    def wall_clock(self, at: datetime, zone: str) -> str:
        """An instant on the wall clock of a zone. Midnight is written as the end of the day before."""
        local = at.astimezone(ZoneInfo(zone))
        if (local.hour, local.minute) == (0, 0):
            return f"{self.day(local.date() - timedelta(days=1))}, 24:00 ({zone})"
        return f"{self.day(local.date())}, {local:%H:%M} ({zone})"

    def days(self, count: int) -> str:
        return self.ngettext("%(num)s day", "%(num)s days", count) % {"num": count}

    def hours(self, count: int) -> str:
        return self.ngettext("%(num)s hour", "%(num)s hours", count) % {"num": count}

    def left(self, left: timedelta) -> str:
        """How long there is until the due instant, or how long ago it was; in days from three days up."""
        hours = abs(left) // timedelta(hours=1)
        span = self.days(hours // 24) if hours >= 72 else self.hours(hours)
        return self.gettext("%(span)s ago") % {"span": span} if left <= timedelta() else span

    def role(self, name: str) -> str:
        return self.pgettext("role", _ROLES.get(name, name))

    def roles(self, names: Iterable[str]) -> str:
        return ", ".join(self.role(name) for name in names)

    def kind(self, name: str) -> str:
        return self.pgettext("kind", _KINDS.get(name, name.replace("_", " ")))

    def verb(self, name: str) -> str:
        """What somebody wants to do, as it stands after "wants to"."""
        return self.pgettext("wants to", _VERBS.get(name, name))

    def standing(self, status: str | None) -> str:
        """How far the rule can be relied on; at every level, for it names nobody and nothing."""
        if status is None:
            return self.gettext("stated by a person")
        if status == "verified":
            return self.gettext("a rule whose text has been verified")
        unsure = f"a rule that is {status}: confirm before relying"
        return self.pgettext("standing", _UNSURE.get(status, unsure))

    def basis(self, basis: str, status: str | None) -> str:
        """A citation stays in the words of its source; what we say of it is translated."""
        doubt = _DOUBTS.get(status or "", "")
        citation = basis.removesuffix(f" ({doubt})")
        if citation != basis:
            return f"{citation} ({self.pgettext('basis', doubt)})"
        return self.pgettext("basis", _STATED) if basis == _STATED else basis

    def reason(self, because: str) -> str:
        """A person's words stay as they are; those of the clockwork are translated."""
        for text, pattern in _REASON_PATTERNS:
            if found := pattern.fullmatch(because):
                return self.pgettext("reason", text) % found.groupdict()
        return because


def _filled(text: str) -> re.Pattern[str]:
    """Finds the text with something in each of its places."""
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(text)), re.DOTALL)


_REASON_PATTERNS = [(text, _filled(text)) for text in _REASONS]


@cache
def wording(language: Language) -> Wording:
    """Made once for each language."""
    return Wording(language)


def worded_templates(folder: Path | str) -> Environment:
    """Templates compiled once for all languages: each is rendered with `words`, a `Wording`, and its
    `_(...)` and `{% trans %}` speak that language."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[_Gettext],
    )
    environment.policies["ext.i18n.trimmed"] = True
    return environment


class _Gettext(InternationalizationExtension):
    """Installs callables that look the language up in what the template is rendered with. The library's own
    way leads through three more calls for each of a mail's fifty texts."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.extend(newstyle_gettext=True)
        names = ("gettext", "ngettext", "pgettext", "npgettext")
        environment.globals.update({name: _spoken(name) for name in names})
        environment.globals["_"] = environment.globals["gettext"]


def _spoken(name: str) -> Any:
    counts = name in ("ngettext", "npgettext")

    @pass_context
    def say(context: Context, *texts: Any, **given: Any) -> str:
        said: str = getattr(context["words"], name)(*texts)
        if "%" not in said:
            return Markup(said) if context.eval_ctx.autoescape else said
        given |= {"num": texts[-1]} if counts else {}
        return Markup(said) % given if context.eval_ctx.autoescape else said % given

    return say
