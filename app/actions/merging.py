"""Two records become one, and two again if the shop changes its mind within the days it may."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, CursorResult, delete, insert, or_, update
from sqlalchemy import select as columns_of
from sqlmodel import Session, SQLModel, col, select

from app.actions import points
from app.actions.contacts import note_left
from app.actions.customers import lock_member_series
from app.actions.merge_plans import Changed, MergePlan, Stored, phone_given_up
from app.actions.moving import Merging, agree_again, missing_links, move_all, move_back, yeses_back
from app.actions.tiers import TIER_COLUMNS, change_tier, review_tier
from app.audit import note_deed
from app.columns import opened
from app.db import lock_row
from app.i18n import gettext
from app.models import ContactEvent, Customer, CustomerAlias, CustomerMerge, Tier, TierChange
from app.queries.merging import card_until_on
from app.queries.scopes import ANYTHING
from app.queries.tiers import changes_since, newest_change
from app.rules.merging import (
    FIELD_WORDS,
    FIELDS,
    JOINABLE,
    ChangedMeanwhile,
    MergeBuiltUpon,
    NeededGone,
    NumberGivenMeanwhile,
    SameRecord,
    Side,
    Standing,
    SurvivorGone,
    TakenMeanwhile,
    check_undo,
    columns_taken,
    decided,
    higher_tier,
    joined_text,
    later_card,
    stricter_status,
    undo_until,
)
from app.rules.policy import Policy
from app.rules.refusals import NotFound, words
from app.vocabulary import AuditAction, ContactKind, CustomerStatus, TierWhy

_UNDONE = words("已撤销合并，两份档案都回来了。")
_LEFT = words("已撤销合并，两份档案都回来了。这些合并后又改过，保持现在的样子：{names}。")
_GROUPS = (
    *FIELDS.items(),
    ("tier", TIER_COLUMNS),
    *((name, (name,)) for name in ("is_vip", "card_until_on", "status", "created_at", "declined_fields", "updated_at")),
)
"""What comes back together or not at all."""
_WHATEVER = frozenset({"verified_on", "phone_invalid_on", "phone"})
"""The phone is the same one as long as its blind index is, whoever has called it since."""


@dataclass(frozen=True)
class UndoneMerge:
    """A merge that was taken back. `left` names the fields that keep what somebody wrote after it."""

    merge: CustomerMerge
    left: tuple[str, ...] = ()

    def __str__(self) -> str:
        return gettext(_LEFT if self.left else _UNDONE).format(
            names=gettext("、").join(gettext(FIELD_WORDS[one]) for one in self.left)
        )


def merge_customers(
    session: Session,
    survivor_id: int,
    absorbed_id: int,
    choices: Mapping[str, Side],
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    staff_id: int | None = None,
    within: ColumnElement[bool] = ANYTHING,
    seen: tuple[datetime, datetime] | None = None,
) -> CustomerMerge:
    """One record out of two: everything that was the other's is the survivor's, whose number the other card leads to.
    The same again changes nothing. `choices` says which fields to take otherwise than proposed; `within` is the reach of
    whoever asks; `seen` when the two records had last been changed as she saw them.

    Raises SameRecord, NotFound, ErasedRecord, ChoiceWrong, ChangedMeanwhile, TextTooLong.
    """
    if survivor_id == absorbed_id:
        raise SameRecord
    lock_member_series(session)
    if (done := _standing_merge(session, survivor_id, absorbed_id)) is not None:
        return done
    survivor, absorbed = _both(session, survivor_id, absorbed_id, within)
    if seen is not None and seen != (survivor.updated_at, absorbed.updated_at):
        raise ChangedMeanwhile
    before, gone = _stored(session, survivor_id), _stored(session, absorbed_id)
    fresh = _fields(session, before, gone, choices) | _by_rule(session, survivor, absorbed, policy=policy, zone=zone)
    merge = _written(session, survivor, absorbed, policy=policy, now=now, staff_id=staff_id)
    plan = MergePlan(survivor_id, gone)
    move_all(session, Merging(survivor_id, absorbed_id, now, staff_id, plan))
    points.move_account(session, absorbed_id, survivor_id, merge_reference=_reference(merge), now=now, zone=zone)
    _take_away(session, absorbed_id)
    _fill(session, survivor, {name: value for name, value in fresh.items() if name not in TIER_COLUMNS}, now)
    last_change = newest_change(session)
    _take_tier(session, survivor, fresh, now=now, staff_id=staff_id)
    given_up = phone_given_up(before, gone, kept=before | fresh)
    alias = {"member_no": gone["member_no"], "customer_id": survivor_id, "merge_id": merge.id, "phone_index": given_up}
    session.add(CustomerAlias(**alias, created_at=now))
    review_tier(session, survivor_id, policy=policy, now=now, zone=zone)
    session.flush()
    plan.tiers = changes_since(session, [survivor_id], last_change)
    after = _stored(session, survivor_id)
    news = [name for name in after if after[name] != before[name]]
    plan.fields.append(
        Changed("customers", survivor_id, {one: before[one] for one in news}, {one: after[one] for one in news})
    )
    for record in (before, gone):  # whichever of two ways to her was not chosen
        ways = record | {one.value: opened(record[one.value]) for one in ContactKind}
        plan.noted += note_left(session, after, ways, now=now, staff_id=staff_id)
    merge.plan = plan.written()
    session.flush()
    moved = sum(len(ids) for ids in plan.moved.values())
    note_deed(session, AuditAction.MERGE, "customers", survivor_id, absorbed=absorbed_id, rows=moved)
    return merge


def undo_merge(
    session: Session, merge_id: int, *, policy: Policy, now: datetime, zone: ZoneInfo, staff_id: int | None = None
) -> UndoneMerge:
    """Two records again: the other comes back under its old number with all that came from it and is still there; the
    survivor gets back what the merge changed and nobody has changed since. The same again changes nothing.

    Raises NotFound, MergeOver, MergeBuiltUpon, SurvivorGone, TakenMeanwhile, NumberGivenMeanwhile, NeededGone, and what
    the points say when they have been spent.
    """
    lock_member_series(session)
    merge = lock_row(session, CustomerMerge, merge_id)
    if merge is None:
        raise NotFound
    if merge.undone_at is not None:
        return UndoneMerge(merge)
    check_undo(merge.undo_until, has_plan=merge.plan is not None, now=now)
    _check_newest(session, merge)
    survivor = lock_row(session, Customer, merge.survivor_id or 0)
    if survivor is None or survivor.status is CustomerStatus.ERASED:
        raise SurvivorGone
    plan = MergePlan.read(opened(merge.plan) or "")
    merging = Merging(plan.survivor_id, merge.absorbed_id, now, staff_id, plan)
    yeses = yeses_back(session, merging, merge.merged_at)
    values, left = _what_comes_back(session, plan)
    if values.keys() & set(TIER_COLUMNS):  # a merge that is taken back never lifted anybody
        session.execute(delete(TierChange).where(col(TierChange.id).in_(plan.tiers)))
    _restore(session, plan, {name: value for name, value in values.items() if name != "referred_by_id"})
    session.execute(delete(CustomerAlias).where(col(CustomerAlias.merge_id) == merge.id))
    session.execute(delete(ContactEvent).where(col(ContactEvent.id).in_(plan.noted)))
    _bring_back(session, plan)
    _restore(session, plan, values)  # once the one who brought her is there again
    move_back(session, merging)
    agree_again(session, yeses)
    points.unmove_account(session, merge.absorbed_id, plan.survivor_id, merge_reference=_reference(merge), now=now)
    merge.undone_at, merge.plan = now, None
    session.flush()
    session.expire(survivor)
    note_deed(session, AuditAction.UNMERGE, "customers", plan.survivor_id, absorbed=merge.absorbed_id, left=len(left))
    return UndoneMerge(merge, left)


def forget_merges(session: Session, now: datetime) -> int:
    """Empty the plans nobody may use any more: those whose days are over, and those of somebody who was erased, whose phones
    of before a merge go with her. Returns how many plans."""
    erased = select(Customer.id).where(Customer.status == CustomerStatus.ERASED)
    over = or_(
        col(CustomerMerge.undo_until) <= now,
        col(CustomerMerge.survivor_id).is_(None),
        col(CustomerMerge.survivor_id).in_(erased),
    )
    emptied: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(CustomerMerge).where(col(CustomerMerge.plan).is_not(None), over).values(plan=None)
    )
    session.execute(update(CustomerAlias).where(col(CustomerAlias.customer_id).in_(erased)).values(phone_index=None))
    return emptied.rowcount


# ── One out of two ────────────────────────────────────────────────────────────────────────────────────────────────────


def _standing_merge(session: Session, survivor_id: int, absorbed_id: int) -> CustomerMerge | None:
    return session.exec(
        select(CustomerMerge).where(
            CustomerMerge.survivor_id == survivor_id,
            CustomerMerge.absorbed_id == absorbed_id,
            col(CustomerMerge.undone_at).is_(None),
        )
    ).first()


def _both(
    session: Session, survivor_id: int, absorbed_id: int, within: ColumnElement[bool]
) -> tuple[Customer, Customer]:
    """Both records, ours until this unit of work ends; always the lower number first, so that two merges of the same two
    wait for each other instead of blocking each other."""
    held = {one: lock_row(session, Customer, one) for one in sorted((survivor_id, absorbed_id))}
    survivor, absorbed = held[survivor_id], held[absorbed_id]
    seen = session.exec(select(Customer.id).where(col(Customer.id).in_(held), within)).all()
    if survivor is None or absorbed is None or len(seen) != len(held):
        raise NotFound
    return survivor, absorbed


def _stored(session: Session, customer_id: int) -> Stored:
    """A record as it lies in the database."""
    table = SQLModel.metadata.tables["customers"]
    return dict(session.execute(columns_of(table).where(table.c.id == customer_id)).mappings().one())


def _fields(session: Session, before: Stored, gone: Stored, choices: Mapping[str, Side]) -> Stored:
    """What people chose, or would have."""
    pair = (before["id"], gone["id"])
    own, other = (one | ({"referred_by_id": None} if one["referred_by_id"] in pair else {}) for one in (before, gone))
    sides = decided(own, other, choices)
    fresh = {"referred_by_id": own["referred_by_id"]} | columns_taken(sides, other)
    for name in JOINABLE:
        if sides[name] is Side.BOTH:
            fresh[name] = joined_text(opened(before[name]) or "", opened(gone[name]) or "") or before[name]
    phone = before | fresh
    if phone["phone_shared_reason"] and not _is_shared(session, phone["phone_index"], pair):
        fresh["phone_shared_reason"] = ""
    return fresh


def _is_shared(session: Session, phone_index: bytes | None, but: tuple[int, int]) -> bool:
    others = select(Customer.id).where(Customer.phone_index == phone_index, col(Customer.id).not_in(but))
    return session.exec(others.limit(1)).first() is not None


def _by_rule(
    session: Session, survivor: Customer, absorbed: Customer, *, policy: Policy, zone: ZoneInfo
) -> dict[str, Any]:
    """What nobody chooses."""
    ranks = dict(session.exec(select(Tier.id, Tier.rank)).all())
    tier = higher_tier(
        *(
            Standing(one.tier_id, ranks[one.tier_id], one.tier_until_on, one.tier_held_until_on)
            for one in (survivor, absorbed)
        ),
    )
    return {
        "tier_id": tier.tier_id,
        "tier_until_on": tier.until_on,
        "tier_held_until_on": tier.held_until_on,
        "is_vip": survivor.is_vip or absorbed.is_vip,
        "card_until_on": _card_until(session, survivor, absorbed, policy=policy, zone=zone),
        "status": stricter_status(survivor.status, absorbed.status),
        "created_at": min(survivor.created_at, absorbed.created_at),
        "declined_fields": survivor.declined_fields or absorbed.declined_fields,
    }


def _card_until(
    session: Session, survivor: Customer, absorbed: Customer, *, policy: Policy, zone: ZoneInfo
) -> date | None:
    """The later day of the two cards. None as long as both follow from the days they were issued."""
    if survivor.card_until_on is None and absorbed.card_until_on is None:
        return None
    own, other = (card_until_on(session, one, policy=policy, zone=zone) for one in (survivor, absorbed))
    return survivor.card_until_on if later_card(own, other) == own else later_card(own, other)


def _written(
    session: Session,
    survivor: Customer,
    absorbed: Customer,
    *,
    policy: Policy,
    now: datetime,
    staff_id: int | None,
) -> CustomerMerge:
    merge = CustomerMerge(
        survivor_id=survivor.id,
        absorbed_id=absorbed.id or 0,
        absorbed_no=absorbed.member_no,
        absorbed_name=absorbed.name,
        merged_at=now,
        undo_until=undo_until(now, policy.merge_undo_days),
        staff_id=staff_id,
    )
    session.add(merge)
    session.flush()
    return merge


def _reference(merge: CustomerMerge) -> str:
    return f"merge:{merge.id}"


def _take_away(session: Session, customer_id: int) -> None:
    session.flush()
    session.execute(delete(Customer).where(col(Customer.id) == customer_id))


def _take_tier(session: Session, survivor: Customer, fresh: Stored, *, now: datetime, staff_id: int | None) -> None:
    """The higher of the two tiers, with the end and the word that came with it."""
    if all(getattr(survivor, name) == fresh[name] for name in TIER_COLUMNS):
        return
    change_tier(
        session,
        survivor,
        fresh["tier_id"],
        TierWhy.MERGE,
        now=now,
        until_on=fresh["tier_until_on"],
        held_until_on=fresh["tier_held_until_on"],
        staff_id=staff_id,
    )
    session.flush()


def _fill(session: Session, survivor: Customer, fresh: Stored, now: datetime) -> None:
    session.refresh(survivor)  # who referred her may have gone with the other record
    for name, value in (fresh | {"updated_at": now}).items():
        if getattr(survivor, name) != value:
            setattr(survivor, name, value)
    session.flush()


# ── Two out of one ────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_newest(session: Session, merge: CustomerMerge) -> None:
    later = select(CustomerMerge).where(
        CustomerMerge.survivor_id == merge.survivor_id,
        col(CustomerMerge.id) > merge.id,
        col(CustomerMerge.undone_at).is_(None),
    )
    newest = session.exec(later.order_by(col(CustomerMerge.id).desc())).first()
    if newest is not None:
        raise MergeBuiltUpon(member_no=newest.absorbed_no)


def _what_comes_back(session: Session, plan: MergePlan) -> tuple[Stored, tuple[str, ...]]:
    """What the survivor gets back, and the names of the fields somebody has changed since: those stay."""
    session.flush()
    now_held = _stored(session, plan.survivor_id)
    (change,) = plan.fields
    values: Stored = {}
    left = []
    for name, columns in _GROUPS:
        news = [one for one in columns if one in change.after]
        if all(now_held[one] == change.after[one] for one in news if one not in _WHATEVER):
            values |= {one: change.before[one] for one in news}
        elif name != "updated_at":
            left.append(name)
    _check_phone(session, now_held | values, plan.survivor_id)
    return {"updated_at": now_held["updated_at"]} | values, tuple(left)


def _restore(session: Session, plan: MergePlan, values: Stored) -> None:
    """Put these into the survivor's record; what they pointed at and is gone by now is left out."""
    table = SQLModel.metadata.tables["customers"]
    there = _stored(session, plan.survivor_id) | values
    missing = missing_links(session, table, there)
    fitting = {name: value for name, value in values.items() if name not in missing}
    session.execute(update(table).where(table.c.id == plan.survivor_id).values(fitting))


def _bring_back(session: Session, plan: MergePlan) -> None:
    """Store the record again under its old number."""
    table, row = SQLModel.metadata.tables["customers"], dict(plan.absorbed)
    for name in missing_links(session, table, row):
        if not table.columns[name].nullable:
            raise NeededGone
        row[name] = None
    if session.exec(select(Customer.id).where(Customer.member_no == row["member_no"])).first() is not None:
        raise NumberGivenMeanwhile(member_no=row["member_no"])
    _check_phone(session, row, row["id"])
    session.execute(insert(table).values(row))


def _check_phone(session: Session, row: Stored, customer_id: int) -> None:
    """Raises TakenMeanwhile where a phone that must come back belongs to somebody else by now."""
    if row["phone_index"] is None or row["phone_shared_reason"]:
        return
    owner = session.exec(
        select(Customer).where(
            Customer.phone_index == row["phone_index"],
            Customer.phone_shared_reason == "",
            col(Customer.id) != customer_id,
        )
    ).first()
    if owner is not None:
        raise TakenMeanwhile(member_no=owner.member_no)
