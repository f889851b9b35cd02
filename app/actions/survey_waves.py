"""Rounds of a survey: planned, opened, closed, and planned again; members are invited some at a time."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, col, select

from app.actions.survey_invitations import Invited, invite
from app.db import lock_row
from app.models import Customer, CustomerTag, Survey, SurveyWave
from app.queries.survey_rounds import rounds_over, rounds_to_begin
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.rules.survey_cooldown import AskedRecently
from app.rules.survey_waves import (
    Round,
    WaveSettled,
    check_beside,
    check_may_open,
    check_round,
    name_of_round,
    next_round,
)
from app.vocabulary import CustomerStatus, WaveAudience, WaveState


@dataclass(frozen=True)
class WaveDetails:
    """A round as it is planned. `tag_id` for a segment; `repeat_months` 0: once."""

    survey_id: int
    name: str
    opens_at: datetime
    closes_at: datetime
    audience: WaveAudience = WaveAudience.EVERYONE
    tag_id: int | None = None
    repeat_months: int = 0


@dataclass
class Portion:
    """Some customers of a round: links made for whom it may ask, how many were asked lately, and the last one looked at
    (None: there are no more)."""

    invited: list[Invited] = field(default_factory=list)
    resting: int = 0
    last_id: int | None = None


@dataclass(frozen=True)
class Turned:
    """What the clock did with rounds."""

    opened: tuple[int, ...]
    closed: tuple[int, ...]
    planned: tuple[int, ...]


def plan_wave(session: Session, details: WaveDetails, *, now: datetime, staff_id: int | None = None) -> SurveyWave:
    """A round to come. Raises NotFound, and what the rules of rounds find."""
    survey = _survey(session, details.survey_id)
    _check(session, survey, details)
    wave = SurveyWave(
        survey_id=details.survey_id,
        name=details.name,
        audience=details.audience,
        tag_id=details.tag_id if details.audience is WaveAudience.SEGMENT else None,
        opens_at=details.opens_at,
        closes_at=details.closes_at,
        repeat_months=details.repeat_months,
        created_at=now,
        staff_id=staff_id,
    )
    session.add(wave)
    session.flush()
    return wave


def update_wave(session: Session, wave_id: int, details: WaveDetails) -> SurveyWave:
    """Another plan for a round that has not begun; of an open one only the end and the repetition. Raises NotFound,
    WaveSettled, and what the rules of rounds find."""
    survey, wave = _survey(session, details.survey_id), _wave(session, wave_id)
    fixed = (wave.name, wave.opens_at, wave.audience, wave.tag_id)
    if wave.state is WaveState.CLOSED or (
        wave.state is WaveState.OPEN and fixed != (details.name, details.opens_at, details.audience, details.tag_id)
    ):
        raise WaveSettled
    _check(session, survey, details, but=wave_id)
    wave.name, wave.audience = details.name, details.audience
    wave.tag_id = details.tag_id if details.audience is WaveAudience.SEGMENT else None
    wave.opens_at, wave.closes_at, wave.repeat_months = details.opens_at, details.closes_at, details.repeat_months
    session.add(wave)
    return wave


def _check(session: Session, survey: Survey, details: WaveDetails, *, but: int | None = None) -> None:
    opens, closes, has_tag = details.opens_at, details.closes_at, details.tag_id is not None
    check_round(opens, closes, audience=details.audience, has_tag=has_tag, mode=survey.mode)
    others = select(SurveyWave).where(SurveyWave.survey_id == survey.id, SurveyWave.id != but)
    check_beside(opens, closes, details.name, [round_of(row) for row in session.exec(others)])


def round_of(row: SurveyWave) -> Round:
    """A stored round as the rules know it."""
    return Round(row.id or 0, row.name, row.opens_at, row.closes_at, row.state)


def is_unsettled(wave: SurveyWave) -> bool:
    """Whether anything of a round can still be changed."""
    return wave.state is not WaveState.CLOSED


def open_wave(session: Session, wave_id: int) -> SurveyWave:
    """Answers belong to this round from now on. Raises NotFound, WaveSettled, WaveNotAsked."""
    wave = _wave(session, wave_id)
    check_may_open(wave.state, _survey(session, wave.survey_id).status)
    wave.state = WaveState.OPEN
    session.add(wave)
    session.flush()
    return wave


def close_wave(session: Session, wave_id: int, *, now: datetime) -> SurveyWave:
    """The round is over, at its time or before it. Raises NotFound, WaveSettled."""
    wave = _wave(session, wave_id)
    if wave.state is not WaveState.OPEN:
        raise WaveSettled
    wave.state = WaveState.CLOSED
    if wave.opens_at < now < wave.closes_at:
        wave.closes_at = now
    session.add(wave)
    session.flush()
    return wave


def turn_waves(session: Session, *, now: datetime) -> Turned:
    """What the clock says: rounds whose end has come are closed and planned anew where they repeat, those whose time has
    come are opened. Late or twice does no harm. `now` comes in the shop's zone."""
    closed, planned = [], []
    ended = select(SurveyWave).where(rounds_over(now))
    for wave in session.exec(ended.order_by(col(SurveyWave.id)).with_for_update()).all():
        wave.state = WaveState.CLOSED
        session.add(wave)
        closed.append(wave.id or 0)
        following = _plan_next(session, wave, now)
        planned += [following.id or 0] if following else []
    session.flush()
    due = select(SurveyWave).where(rounds_to_begin(now))
    began = []
    for wave in session.exec(due.order_by(col(SurveyWave.id)).with_for_update()).all():
        wave.state = WaveState.OPEN
        session.add(wave)
        began.append(wave.id or 0)
    session.flush()
    return Turned(tuple(began), tuple(closed), tuple(planned))


def _plan_next(session: Session, wave: SurveyWave, now: datetime) -> SurveyWave | None:
    zone = now.tzinfo
    times = next_round(wave.opens_at.astimezone(zone), wave.closes_at.astimezone(zone), wave.repeat_months)
    if times is None:
        return None
    name = name_of_round(times[0])
    taken = select(SurveyWave.id).where(SurveyWave.survey_id == wave.survey_id)
    clash = (SurveyWave.name == name) | ((SurveyWave.opens_at < times[1]) & (SurveyWave.closes_at > times[0]))
    if session.exec(taken.where(SurveyWave.id != wave.id, clash)).first() is not None:
        return None  # somebody planned that time by hand
    following = SurveyWave(
        survey_id=wave.survey_id,
        name=name,
        audience=wave.audience,
        tag_id=wave.tag_id,
        opens_at=times[0],
        closes_at=times[1],
        repeat_months=wave.repeat_months,
        created_at=now,
    )
    session.add(following)
    session.flush()
    return following


def invite_portion(
    session: Session, wave_id: int, *, after_id: int, most: int, policy: Policy, now: datetime
) -> Portion:
    """Links for the next customers of an open round, in the order of their numbers; whoever was asked lately is left
    alone. The end marks the round as invited. `now` comes in the shop's zone."""
    wave = _wave(session, wave_id)
    if wave.state is not WaveState.OPEN or wave.audience is WaveAudience.EVERYONE or wave.invited_at is not None:
        return Portion()
    survey = _survey(session, wave.survey_id)
    wanted = select(Customer.id).where(Customer.status == CustomerStatus.ACTIVE, col(Customer.id) > after_id)
    if wave.audience is WaveAudience.SEGMENT:
        wanted = wanted.join(CustomerTag).where(CustomerTag.tag_id == wave.tag_id)
    if survey.store_id is not None:
        wanted = wanted.where(Customer.store_id == survey.store_id)
    numbers = [one or 0 for one in session.exec(wanted.order_by(col(Customer.id)).limit(most))]
    portion = Portion(last_id=numbers[-1] if numbers else None)
    for number in numbers:
        try:
            portion.invited.append(invite(session, wave.survey_id, number, policy=policy, now=now, wave_id=wave_id))
        except AskedRecently:
            portion.resting += 1
    if not numbers:
        wave.invited_at = now
        session.add(wave)
    return portion


def _survey(session: Session, survey_id: int) -> Survey:
    survey = lock_row(session, Survey, survey_id)
    if survey is None:
        raise NotFound("survey")
    return survey


def _wave(session: Session, wave_id: int) -> SurveyWave:
    wave = lock_row(session, SurveyWave, wave_id)
    if wave is None:
        raise NotFound("wave")
    return wave
