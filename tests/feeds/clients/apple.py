"""Apple Calendar on a Mac, "On My Mac", where its person has unticked "Remove: Alerts"."""

from typing import Any

from tests.feeds.clients.program import Revalidating


class Apple(Revalidating):
    """Asks by date alone, rings, and strikes through what is cancelled."""

    user_agent = "macOS/14.5 (23F79) CalendarAgent/1020"

    def validators(self) -> dict[str, str]:
        return self.by_date()

    def line(self, event: Any) -> str:
        plain = super().line(event)
        return f"~{plain}~" if event["STATUS"] == "CANCELLED" else plain
