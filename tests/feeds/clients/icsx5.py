"""ICSx5 on Android: fetched by the phone itself, once a day unless set otherwise."""

import httpx

from tests.feeds.clients.program import Revalidating


class ICSx5(Revalidating):
    """Asks by both validators. Deletes what did not come, and takes an edit only where LAST-MODIFIED is
    later than that of its copy. Rings; knows no tasks."""

    user_agent = "ICSx5/2.2 (okhttp/4.12; Android/14)"

    def validators(self) -> dict[str, str]:
        return self.by_etag() | self.by_date()

    def take(self, answer: httpx.Response) -> None:
        known = self.kept
        super().take(answer)
        for uid in set(known) & set(self.kept):
            if self.kept[uid]["LAST-MODIFIED"].dt <= known[uid]["LAST-MODIFIED"].dt:
                self.kept[uid] = known[uid]
