"""What happened with a customer in words: one line and what belongs to it, veiled as the reader's role wants it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.admin_base.asking import asking
from app.admin_base.showing import VEILED, is_health, name_of, readable, shown
from app.columns import Sealed
from app.i18n import gettext, yuan
from app.labels import word_of
from app.models import PurchaseLine
from app.queries.timeline import Event
from app.rules.access import may, may_see
from app.rules.refusals import words
from app.vocabulary import TimelineKind, VisitOutcome

ICONS = {
    TimelineKind.VISIT: "fa-spa",
    TimelineKind.PURCHASE: "fa-receipt",
    TimelineKind.POINTS: "fa-coins",
    TimelineKind.SKIN: "fa-hand-sparkles",
    TimelineKind.SURVEY: "fa-clipboard-check",
    TimelineKind.COMPLAINT: "fa-comment-dots",
    TimelineKind.MESSAGE: "fa-envelope",
    TimelineKind.CONSENT: "fa-file-signature",
    TimelineKind.CONTACT: "fa-address-book",
    TimelineKind.TIER: "fa-stairs",
}
_VIEWS = {
    "visit": "visit", "skin": "skin-record", "purchase": "purchase", "survey": "survey-response",
    "complaint": "complaint", "message": "outbound-message", "consent": "consent", "withdrawn": "consent",
    "tier": "tier-change",
}  # fmt: skip
_ITEMS_SHOWN = 4
_BY = words("由 {staff} 接待")
_SEEN_BY = words("{staff} 记录")
_EFFECT = words("效果：{effect}")
_MARK = words("效果打分 {score} / 5")
_MORE = words("等 {n} 样")
_REFUND = words("退款 {amount}")
_SCORE = words("得分 {score}")
_NPS = words("推荐意愿 {nps} / 10")
_LOW = words("低分")
_DUE = words("{at} 前答复")
_NO_MORE = words("撤回：{purpose}")
_SENSITIVE = words("敏感")
_UNTIL = words("到 {day}")


@dataclass(frozen=True)
class Told:
    """One line of a customer's page. `tone`: alarm, amber or empty; `href` is empty where the reader may open no record;
    `has_hour`: what happened on a day has none."""

    kind: TimelineKind
    icon: str
    at: datetime
    has_hour: bool
    title: str
    details: tuple[str, ...]
    tone: str = ""
    href: str = ""


def told(event: Event) -> Told:
    """An event as this reader may know it."""
    title, details, tone = _TELLERS[event.source](event)
    known = tuple(one for one in details if one)
    return Told(event.kind, ICONS[event.kind], event.at, event.source != "skin", title, known, tone, _way(event))


def _way(event: Event) -> str:
    person, view = asking().person, _VIEWS.get(event.source)
    is_open = view and person is not None and may(person.role, event.record.__tablename__, "details")
    return f"/admin/{view}/details/{event.record.id}" if is_open else ""


def _line(*facts: str) -> str:
    """Short facts beside each other."""
    return " · ".join(fact for fact in facts if fact)


def _value(record: Any, name: str) -> str:
    """A field as this reader reads it; a health note she may not read only says that it is there."""
    value = getattr(record, name)
    if value is None or value == "" or (isinstance(value, Sealed) and not value):
        return ""
    person = asking().person
    if is_health(type(record), name) and not (person is not None and may(person.role, "health", "details")):
        return str(VEILED)
    return str(shown(readable(record, name, value), name))


def _said(sentence: str, **values: str) -> str:
    return gettext(sentence).format(**values) if all(values.values()) else ""


def _staff(record: Any, sentence: str) -> str:
    return _said(sentence, staff=name_of(record.staff) if record.staff else "")


def _visit(event: Event) -> tuple[str, tuple[str, ...], str]:
    visit = event.record
    outcome, mark = _value(visit, "outcome"), _value(visit, "effect_score")
    is_told = visit.outcome is not VisitOutcome.UNKNOWN and outcome != str(VEILED)
    effect = _line(_said(_EFFECT, effect=outcome), _said(_MARK, score=mark)) if is_told else ""
    title = name_of(visit.treatment) if visit.treatment else word_of(TimelineKind.VISIT)
    details = (_line(_staff(visit, _BY), effect), _value(visit, "note"))
    return title, details, "alarm" if is_told and visit.outcome is VisitOutcome.REACTION else ""


def _skin(event: Event) -> tuple[str, tuple[str, ...], str]:
    skin = event.record
    sensitive = gettext(_SENSITIVE) if skin.is_sensitive and _value(skin, "skin_type") != str(VEILED) else ""
    return _value(skin, "skin_type"), (_line(sensitive, _staff(skin, _SEEN_BY)), _value(skin, "concerns")), ""


def _purchase(event: Event) -> tuple[str, tuple[str, ...], str]:
    slip = event.record
    is_refund = slip.refund_of_id is not None
    title = _said(_REFUND, amount=yuan(abs(slip.paid_fen))) if is_refund else yuan(slip.paid_fen)
    place = name_of(slip.store) if slip.store else ""
    return title, (_items(event.lines), _line(place, slip.order_no)), "amber" if is_refund else ""


def _items(lines: tuple[PurchaseLine, ...]) -> str:
    names = [f"{one.item} × {one.quantity}" if one.quantity != 1 else one.item for one in lines[:_ITEMS_SHOWN]]
    listed = gettext("、").join(names)
    return listed if len(lines) <= _ITEMS_SHOWN else f"{listed} {gettext(_MORE).format(n=len(lines))}"


def _points(event: Event) -> tuple[str, tuple[str, ...], str]:
    entry = event.record
    return f"{entry.points:+,}", (_line(word_of(entry.kind), gettext(_value(entry, "reason"))),), ""


def _survey(event: Event) -> tuple[str, tuple[str, ...], str]:
    run = event.record
    figures = (
        _said(_SCORE, score=_value(run, "score")),
        _said(_NPS, nps=_value(run, "nps")),
        gettext(_LOW) if run.is_low else "",
    )
    return name_of(run.survey), (_line(*figures),), "alarm" if run.is_low else ""


def _complaint(event: Event) -> tuple[str, tuple[str, ...], str]:
    case = event.record
    due = _said(_DUE, at=str(shown(case.due_at))) if case.solved_at is None else ""
    is_late = case.solved_at is None and case.closed_at is None and case.due_at < asking().now
    details = (_line(word_of(case.status), due, case.receipt_no), _value(case, "text"))
    return word_of(case.kind), details, "alarm" if is_late else ""


def _message(event: Event) -> tuple[str, tuple[str, ...], str]:
    message = event.record
    title = message.subject or word_of(message.purpose)
    return title, (_line(word_of(message.channel), word_of(message.state)), _value(message, "body")), ""


def _consent(event: Event) -> tuple[str, tuple[str, ...], str]:
    receipt = event.record
    channel = word_of(receipt.channel) if receipt.channel else ""
    purpose = word_of(receipt.purpose)
    if event.source == "withdrawn":
        return _said(_NO_MORE, purpose=purpose), (_line(channel, receipt.withdrawn_how),), "amber"
    return purpose, (_line(channel, receipt.given_by),), ""


def _contact(event: Event) -> tuple[str, tuple[str, ...], str]:
    change = event.record
    person = asking().person
    is_read = person is not None and may_see(person.role, "contact_events", "old_masked", "contact")
    title = f"{word_of(change.contact)} {word_of(change.kind)}"
    before = change.old_masked if is_read else ""
    return title, (_line(before, _value(change, "reason"), _staff(change, _SEEN_BY)),), ""


def _tier(event: Event) -> tuple[str, tuple[str, ...], str]:
    change = event.record
    after = name_of(change.to_tier)
    before = name_of(change.from_tier) if change.from_tier and change.from_tier_id != change.to_tier_id else ""
    is_down = bool(before) and change.from_tier.rank > change.to_tier.rank
    until = _said(_UNTIL, day=str(change.until_on or ""))
    return (
        f"{before} → {after}" if before else after,
        (
            _line(word_of(change.why), until),
            _value(change, "reason"),
        ),
        "amber" if is_down else "",
    )


_TELLERS: dict[str, Callable[[Event], tuple[str, tuple[str, ...], str]]] = {
    "visit": _visit,
    "skin": _skin,
    "purchase": _purchase,
    "points": _points,
    "survey": _survey,
    "complaint": _complaint,
    "message": _message,
    "consent": _consent,
    "withdrawn": _consent,
    "contact": _contact,
    "tier": _tier,
}
