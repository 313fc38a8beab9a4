"""`adquem keys rotate-seal`: the key that seals is changed with everything sealed under it."""

from service.flows.resealing import reseal
from service.runtime import Runtime
from service.sealing import new_key, put_before


async def rotate(runtime: Runtime) -> list[str]:
    """Raises ValueError, and changes nothing, where something opens with none of the keys."""
    configured = bool(runtime.settings.secret_key.get_secret_value())
    lines = [] if configured else ["A new key stands first in HOME/secret.key."]
    # The new key is on the disk before anything is sealed under it.
    seal = runtime.seal if configured else put_before(runtime.settings.home)
    async with runtime.transaction() as session:
        sealed = await reseal(session, seal, await runtime.now(session))
    lines.append(f"{sealed} secrets are sealed under the newest of {len(seal.every)} keys.")
    if len(seal.every) == 1:
        return [
            *lines,
            f"For a new one put this, and a comma, before ADQUEM_SECRET_KEY: {new_key()}",
        ]
    return [*lines, "Start every process anew; take the older keys out in 14 days, not before."]
