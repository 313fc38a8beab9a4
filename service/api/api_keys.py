"""/api-keys"""

from fastapi import Depends

from service.api.routing import new_router
from service.dependencies import Admin, Now, Page, Session, keep_answer
from service.flows import enrolment
from service.schemas import fields
from service.schemas.api_keys import ApiKeyIn, ApiKeyMade, ApiKeyOut
from service.store.api_keys import list_api_keys

router = new_router("api-keys", "/api-keys")


@router.post("", status_code=201, dependencies=[Depends(keep_answer)])
async def make_api_key(body: ApiKeyIn, session: Session, caller: Admin, now: Now) -> ApiKeyMade:
    """The key is shown this once."""
    key, secret = await enrolment.make_key(session, body, caller, now)
    return ApiKeyMade(**key.model_dump(exclude={"fingerprint"}), key=secret)


@router.get("")
async def read_api_keys(session: Session, caller: Admin, page: Page) -> fields.Page[ApiKeyOut]:
    rows = await list_api_keys(session, caller.reach, page.after_id, page.limit)
    items = [ApiKeyOut.model_validate(row) for row in rows]
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.post("/{key_id}/revoke", dependencies=[Depends(keep_answer)])
async def revoke_api_key(key_id: str, session: Session, caller: Admin, now: Now) -> ApiKeyOut:
    """The key opens nothing from the next request on."""
    return ApiKeyOut.model_validate(await enrolment.revoke_key(session, key_id, caller, now))
