"""Tags by rule, a portion of the customers at a time: the rest of the shop's day must not wait for it."""

from sqlmodel import Session

from app.actions.tags import apply_rule
from app.jobs.errands import Done, Errand
from app.queries.tagged import last_customer, rule_tags
from app.rules.refusals import words

CUSTOMERS_AT_ONCE = 5_000
_APPLIED = words("按规则贴上 {put_on} 个标签，摘下 {taken_off} 个")


def apply_rules(session: Session, errand: Errand) -> Done:
    """Every tag with a rule, or the `only` one somebody has just given a rule."""
    at = {name: int(errand.payload.get(name, 0)) for name in ("only", "tag", "after", "put_on", "taken_off")}
    tag_id = next((one for one in rule_tags(session) if one >= at["tag"] and at["only"] in {0, one}), None)
    if tag_id is None:
        return Done(_APPLIED, {"put_on": at["put_on"], "taken_off": at["taken_off"]})
    if tag_id != at["tag"]:
        at["after"] = 0
    until = at["after"] + CUSTOMERS_AT_ONCE
    applied = apply_rule(session, tag_id, now=errand.now, zone=errand.zone, first=at["after"] + 1, last=until)
    is_through = until >= last_customer(session)
    return Done(
        then=at
        | {
            "tag": tag_id + 1 if is_through else tag_id,
            "after": 0 if is_through else until,
            "put_on": at["put_on"] + applied.put_on,
            "taken_off": at["taken_off"] + applied.taken_off,
        }
    )
