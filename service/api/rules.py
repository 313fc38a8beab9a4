"""/rules"""

from service.api.routing import new_router
from service.dependencies import Reader, RuntimeNow
from service.errors import Code, Refusal, not_found
from service.rules.library import Rule, Status
from service.schemas.rules import RuleOut

router = new_router("rules", "/rules")


def _answer(rule: Rule) -> RuleOut:
    warning = None
    if rule.status is not Status.VERIFIED:
        warning = f"This rule is {rule.status}: confirm before relying on it."
    return RuleOut.model_validate(rule.model_dump(mode="json") | {"warning": warning})


@router.get("")
async def read_rules(_: Reader, runtime: RuntimeNow) -> list[RuleOut]:
    return [_answer(rule) for rule in runtime.rules.all()]


@router.get("/{rule_id}")
async def read_rule(rule_id: str, _: Reader, runtime: RuntimeNow) -> RuleOut:
    try:
        return _answer(runtime.rules.get(rule_id))
    except Refusal as refusal:
        if refusal.code is Code.UNKNOWN_RULE:
            raise not_found("rule") from None
        raise
