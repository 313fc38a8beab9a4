"""Everything that is sealed for long, opened with whichever key it takes and closed under the newest. What
is kept for a day only, the older keys go on opening."""

import base64
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from service.sealing import Seal
from service.store.endpoints import Endpoint, every_endpoint
from service.store.journal import Happening, record


async def reseal(session: AsyncSession, seal: Seal, now: datetime) -> int:
    """The number of secrets. Raises ValueError that names the endpoint where one opens with no key."""
    number = 0
    for endpoint in await every_endpoint(session):
        try:
            number += _reseal(endpoint, seal)
        except ValueError as error:
            raise ValueError(f"{endpoint.id}: {error}") from error
        session.add(endpoint)
    data = {"secrets": number}
    happening = Happening(None, "operator", "installation.resealed", "installation", None, data)
    await record(session, [happening], now)
    return number


def _reseal(endpoint: Endpoint, seal: Seal) -> int:
    def anew(sealed: bytes) -> bytes:
        return seal.close(seal.open(sealed, endpoint.id), endpoint.id)

    endpoint.sealed_secret = anew(endpoint.sealed_secret)
    endpoint.older_secrets = [
        [base64.b64encode(anew(base64.b64decode(older))).decode(), until]
        for older, until in endpoint.older_secrets
    ]
    if endpoint.sealed_credentials is None:
        return 1 + len(endpoint.older_secrets)
    endpoint.sealed_credentials = anew(endpoint.sealed_credentials)
    return 2 + len(endpoint.older_secrets)
