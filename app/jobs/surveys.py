"""The hourly turn of survey rounds: what the clock opens and closes, and then the personal links of the open ones, some
customers at a time: the rest of the shop's day must not wait for them."""

from sqlmodel import Session

from app.actions.survey_invitations import send_invitations
from app.actions.survey_waves import invite_portion, turn_waves
from app.db import Database
from app.jobs.errands import Done, Errand
from app.queries.survey_rounds import round_to_invite
from app.rules.refusals import words
from app.settings import Settings

CUSTOMERS_AT_ONCE = 200
_TURNED = words(
    "{opened} 期开始，{closed} 期结束；发了 {invited} 份邀请，写好 {written} 条消息，{resting} 位最近刚问过"
)
_COUNTS = ("opened", "closed", "invited", "written", "resting")


def turn_rounds(database: Database, settings: Settings, errand: Errand) -> Done:
    """Rounds opened and closed, and everybody invited who belongs to an open one. A portion is one transaction: a link is
    made and its message written together, so that work done late, twice or killed between asks nobody twice."""
    now = errand.now.astimezone(errand.zone)
    with database.writing() as session:
        turned = turn_waves(session, now=now)
    counts = dict.fromkeys(_COUNTS, 0) | {"opened": len(turned.opened), "closed": len(turned.closed)}
    with database.reading() as session:
        wave_id, after_id = round_to_invite(session, now), 0
    while wave_id is not None:
        with database.writing() as session:
            last_id = _invite(session, wave_id, after_id, counts, base_url=settings.base_url, errand=errand)
        after_id = last_id or 0
        if last_id is None:
            with database.reading() as session:
                wave_id = round_to_invite(session, now, after=wave_id)
    return Done(_TURNED, counts)


def _invite(
    session: Session, wave_id: int, after_id: int, counts: dict[str, int], *, base_url: str, errand: Errand
) -> int | None:
    """The next customers of a round. None: there are no more."""
    now, policy = errand.now.astimezone(errand.zone), errand.policy
    portion = invite_portion(session, wave_id, after_id=after_id, most=CUSTOMERS_AT_ONCE, policy=policy, now=now)
    counts["written"] += send_invitations(
        session, portion.invited, base_url=base_url, policy=policy, now=now, zone=errand.zone
    )
    counts["invited"] += sum(not one.is_repeat for one in portion.invited)
    counts["resting"] += portion.resting
    return portion.last_id
