"""Tiers follow what customers buy, and a person's word; every change leaves a row."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event
from sqlmodel import Session, col, select

from app.actions.consents import ConsentDetails, grant_consent
from app.actions.customers import create_customer, update_customer
from app.actions.purchases import record_purchase
from app.actions.tiers import apply_table, end_hold, review_due, review_tier, review_tiers, set_tier_by_hand
from app.db import Database
from app.models import Customer, OutboundMessage, Purchase, Tier, TierChange
from app.queries.tier_preview import who_would_move
from app.queries.tiers import due_after, past_tiers, tier_standing, tier_steps
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.rules.purchases import Sale, SaleLine
from app.rules.tier_moves import HoldWithoutReason, TierGone
from app.vocabulary import Channel, Purpose, TierWhy, TierWindow

ZONE = ZoneInfo("Asia/Shanghai")
POLICY = Policy()


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One unit of work of a test."""
    with database.writing() as session:
        yield session


@pytest.fixture
def customer(session: Session, now: datetime) -> Customer:
    """Somebody on the lowest tier."""
    return create_customer(session, CustomerDetails(name="张", member_no="V1"), policy=POLICY, now=now)


def buy(session: Session, fen: int, at: datetime, now: datetime, **values: str) -> None:
    """V1 buys something."""
    number = values.pop("order_no", f"{at.isoformat()}/{fen}")
    sale = Sale(order_no=number, occurred_at=at, member_no="V1", lines=(SaleLine(item="x", amount_fen=fen),), **values)  # type: ignore[arg-type]
    record_purchase(session, sale, policy=POLICY, now=now, zone=ZONE)


def tier_of(session: Session, customer: Customer) -> int:
    """The rank she has."""
    return session.exec(select(Tier.rank).where(Tier.id == customer.tier_id)).one()


def changes(session: Session, customer: Customer) -> list[tuple[Any, ...]]:
    """Her history: from, to, why."""
    rows = select(TierChange).where(TierChange.customer_id == customer.id).order_by(col(TierChange.id))
    return [(row.from_tier_id, row.to_tier_id, row.why) for row in session.exec(rows)]


def due(session: Session, customer: Customer, at: datetime, policy: Policy = POLICY) -> Any:
    """The night's look at her."""
    numbers = due_after(session, 0, 10, today=at.astimezone(ZONE).date(), policy=policy)
    return review_due(session, numbers, policy=policy, now=at, zone=ZONE)


# ── Up at once ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("fen", "rank"), [(99_999, 1), (100_000, 2), (499_999, 2), (500_000, 3), (2_000_000, 4)])
def test_a_purchase_lifts_at_once_when_the_threshold_is_met(
    session: Session, customer: Customer, now: datetime, fen: int, rank: int
) -> None:
    buy(session, fen, now, now)
    assert tier_of(session, customer) == rank


def test_a_rise_leaves_a_row_with_its_figures_and_its_sale(session: Session, customer: Customer, now: datetime) -> None:
    assert customer.tier_until_on is None
    buy(session, 100_000, now, now, order_no="A1")
    assert customer.tier_until_on == date(2027, 11, 24)
    row = session.exec(select(TierChange)).one()
    sale = session.exec(select(Purchase.id).where(Purchase.order_no == "A1")).one()
    assert (row.from_tier_id, row.to_tier_id, row.why, row.purchase_id) == (1, 2, TierWhy.REACHED, sale)
    assert (row.amount_fen, row.visits, row.window_from_on, row.until_on) == (
        100_000,
        1,
        date(2025, 11, 24),
        date(2027, 11, 24),
    )


@pytest.mark.parametrize(("days", "rank"), [(5, 1), (6, 2)])
def test_visits_on_different_days_lift_too(
    session: Session, customer: Customer, now: datetime, days: int, rank: int
) -> None:
    for day in range(days):
        buy(session, 1, now - timedelta(days=day), now)
        buy(session, 2, now - timedelta(days=day), now)
    assert tier_of(session, customer) == rank


@pytest.mark.parametrize(
    ("at", "rank"),
    [
        (datetime(2025, 11, 23, 15, 59, 59, tzinfo=UTC), 1),  # 23 November 23:59:59 in Shanghai: a day too old
        (datetime(2025, 11, 23, 16, 0, tzinfo=UTC), 2),  # 24 November 00:00 in Shanghai: the window's first moment
    ],
)
def test_only_what_was_bought_in_the_window_counts(
    session: Session, customer: Customer, now: datetime, at: datetime, rank: int
) -> None:
    buy(session, 100_000, at, now)
    assert tier_of(session, customer) == rank


def test_each_tier_is_judged_by_its_own_window(session: Session, customer: Customer, now: datetime) -> None:
    gold = session.exec(select(Tier).where(Tier.rank == 3)).one()
    gold.window = TierWindow.LIFETIME
    for years in range(5):
        buy(session, 100_000, now - timedelta(days=400 * years), now)
    assert tier_of(session, customer) == 3


def test_a_refunded_sale_never_counted(session: Session, customer: Customer, now: datetime) -> None:
    buy(session, 60_000, now - timedelta(days=2), now, order_no="A1")
    buy(session, 60_000, now - timedelta(days=1), now, order_no="R1", refund_of="A1")
    buy(session, 40_000, now, now)
    assert tier_of(session, customer) == 1


def test_nobody_falls_at_a_purchase(session: Session, customer: Customer, now: datetime) -> None:
    buy(session, 500_000, now, now)
    later = now + timedelta(days=400)
    buy(session, 1, later, later)
    assert tier_of(session, customer) == 3
    assert not review_tier(session, customer.id or 0, policy=POLICY, now=later, zone=ZONE)


def test_a_tier_out_of_use_is_not_given(session: Session, customer: Customer, now: datetime) -> None:
    session.exec(select(Tier).where(Tier.rank == 2)).one().is_active = False
    buy(session, 100_000, now, now)
    assert tier_of(session, customer) == 1


def test_many_are_reviewed_in_a_handful_of_statements(session: Session, now: datetime) -> None:
    ids = [create_customer(session, CustomerDetails(name=f"客{n}"), policy=POLICY, now=now).id or 0 for n in range(30)]
    session.add_all(
        Purchase(order_no=f"B{n}", occurred_at=now, customer_id=number, paid_fen=100_000)
        for n, number in enumerate(ids)
    )
    session.flush()
    asked = []

    def count(*given: Any) -> None:
        asked.append(given[2])

    event.listen(session.get_bind(), "before_cursor_execute", count)
    risen = review_tiers(session, ids, policy=POLICY, now=now, zone=ZONE)
    event.remove(session.get_bind(), "before_cursor_execute", count)
    assert risen == ids
    assert len([one for one in asked if one.startswith("SELECT")]) < 8


# ── Refunds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refund_takes_back_the_upgrade_it_carried_and_a_new_sale_lifts_again(
    session: Session, customer: Customer, now: datetime
) -> None:
    buy(session, 120_000, now - timedelta(days=3), now - timedelta(days=3), order_no="A1")
    buy(session, 20_000, now - timedelta(days=2), now - timedelta(days=2), order_no="R1", refund_of="A1")
    assert tier_of(session, customer) == 2  # ¥1000.00 is enough
    buy(session, 1, now - timedelta(days=1), now - timedelta(days=1), order_no="R2", refund_of="A1")
    assert (tier_of(session, customer), customer.tier_until_on) == (1, None)
    buy(session, 1, now, now)
    assert [why for *_, why in changes(session, customer)] == [TierWhy.REACHED, TierWhy.REFUND, TierWhy.REACHED]


# ── Review ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_she_falls_one_step_after_the_grace_and_late_or_twice_is_the_same(
    session: Session, customer: Customer, now: datetime
) -> None:
    buy(session, 500_000, now, now)
    until = datetime(2027, 11, 24, 12, tzinfo=ZONE)
    for days in (0, 1, 30):
        assert due(session, customer, until + timedelta(days=days)).fallen == 0
    late = until + timedelta(days=45)
    assert due(session, customer, late).fallen == 1
    assert due(session, customer, late).fallen == 0
    assert tier_of(session, customer) == 2
    assert changes(session, customer)[-1] == (3, 2, TierWhy.REVIEW)


def test_a_purchase_in_the_grace_keeps_her_tier(session: Session, customer: Customer, now: datetime) -> None:
    buy(session, 500_000, now, now)
    grace = datetime(2027, 12, 1, 12, tzinfo=ZONE)
    buy(session, 500_000, grace, grace)
    assert (tier_of(session, customer), customer.tier_until_on) == (3, date(2028, 11, 24))
    assert past_tiers(session, customer.id or 0)[0].is_renewal


def test_she_is_warned_once_for_each_end_and_only_where_she_agreed(
    session: Session, now: datetime, customer: Customer
) -> None:
    buy(session, 500_000, now, now)
    near = datetime(2027, 11, 1, 12, tzinfo=ZONE)
    assert due(session, customer, near).warned == 0  # no way to her, and no yes
    update_customer(session, customer.id or 0, CustomerDetails(phone="13800138000"), now=now)
    assert due(session, customer, near).warned == 0
    grant_consent(session, ConsentDetails(customer.id or 0, Purpose.SERVICE_CARE, Channel.SMS), policy=POLICY, now=now)
    assert due(session, customer, near).warned == 1
    assert due(session, customer, near + timedelta(days=3)).warned == 0
    message = session.exec(select(OutboundMessage)).one()
    assert message.key == f"tier-warning:{customer.id}:2027-11-24"
    assert "¥5,000.00" in message.body
    assert "2027-11-24" in message.body
    assert "138" not in message.body


def test_only_those_whose_end_is_near_or_past_are_looked_at(
    session: Session, customer: Customer, now: datetime
) -> None:
    buy(session, 100_000, now, now)
    assert due_after(session, 0, 10, today=date(2027, 10, 24), policy=POLICY) == []
    assert due_after(session, 0, 10, today=date(2027, 10, 25), policy=POLICY) == [customer.id]
    assert due_after(session, customer.id or 0, 10, today=date(2027, 10, 25), policy=POLICY) == []


# ── A person's word ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tier_by_hand_outranks_the_rule_until_its_end_and_then_the_rule_decides(
    session: Session, customer: Customer, now: datetime
) -> None:
    buy(session, 100_000, now, now)
    hold = {"reason": "开业请来的", "until_on": date(2026, 12, 31), "now": now, "zone": ZONE}
    set_tier_by_hand(session, customer.id or 0, 4, **hold)  # type: ignore[arg-type]
    buy(session, 400_000, now + timedelta(days=1), now + timedelta(days=1))
    assert tier_of(session, customer) == 4  # gold by her purchases, diamond by our word
    due(session, customer, datetime(2026, 12, 31, 23, 0, tzinfo=ZONE))
    assert tier_of(session, customer) == 4
    due(session, customer, datetime(2027, 1, 1, 3, 0, tzinfo=ZONE))
    assert (tier_of(session, customer), customer.tier_held_until_on) == (3, None)
    assert [why for *_, why in changes(session, customer)] == [TierWhy.REACHED, TierWhy.MANUAL, TierWhy.MANUAL_OVER]


def test_a_word_taken_back_leaves_what_the_rule_had_given(session: Session, customer: Customer, now: datetime) -> None:
    buy(session, 100_000, now, now)
    hold = {"reason": "试试", "until_on": date(2026, 12, 31), "now": now, "zone": ZONE}
    set_tier_by_hand(session, customer.id or 0, 1, **hold)  # type: ignore[arg-type]
    assert end_hold(session, customer.id or 0, policy=POLICY, now=now, zone=ZONE)
    assert (tier_of(session, customer), customer.tier_until_on) == (2, date(2027, 11, 24))
    assert not end_hold(session, customer.id or 0, policy=POLICY, now=now, zone=ZONE)


@pytest.mark.parametrize(("tier_id", "reason", "refusal"), [(99, "老顾客", TierGone), (4, " ", HoldWithoutReason)])
def test_a_tier_by_hand_is_refused_without_a_tier_or_a_reason(
    session: Session, customer: Customer, now: datetime, tier_id: int, reason: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        set_tier_by_hand(
            session, customer.id or 0, tier_id, reason=reason, until_on=date(2026, 12, 1), now=now, zone=ZONE
        )


def test_a_tier_in_the_form_leaves_its_row_too(session: Session, now: datetime) -> None:
    made = create_customer(session, CustomerDetails(name="李", tier_id=3), policy=POLICY, now=now, zone=ZONE)
    assert made.tier_until_on == date(2027, 11, 24)
    update_customer(session, made.id or 0, CustomerDetails(tier_id=2), now=now)
    assert changes(session, made) == [(None, 3, TierWhy.MANUAL), (3, 2, TierWhy.MANUAL)]


# ── The table of tiers ────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_would_move_is_known_before_the_table_is_changed(
    session: Session, customer: Customer, now: datetime
) -> None:
    buy(session, 90_000, now, now)
    steps = tier_steps(session)
    easier = tuple(replace(one, threshold_fen=90_000) if one.rank == 2 else one for one in steps)
    found = who_would_move(session, easier, policy=POLICY, now=now, zone=ZONE, before=steps)
    assert (found.up, found.down, found.risers[0].after) == (1, 0, "银卡会员")
    assert (found.now["普通会员"], found.after["银卡会员"]) == (1, 1)
    assert tier_of(session, customer) == 1


def test_who_would_fall_is_counted_and_keeps_what_was_promised(
    session: Session, customer: Customer, now: datetime
) -> None:
    buy(session, 100_000, now, now)
    steps = tier_steps(session)
    harder = tuple(replace(one, threshold_fen=200_000) if one.rank == 2 else one for one in steps)
    found = who_would_move(session, harder, policy=POLICY, now=now, zone=ZONE, before=steps)
    assert (found.up, found.down, found.kept, found.fallers[0].until_on) == (0, 1, 1, date(2027, 11, 24))
    session.exec(select(Tier).where(Tier.rank == 2)).one().threshold_fen = 200_000
    apply_table(session, [customer.id or 0], policy=POLICY, now=now, zone=ZONE)
    assert tier_of(session, customer) == 2
    customer.tier_until_on = None
    session.flush()
    apply_table(session, [customer.id or 0], policy=POLICY, now=now, zone=ZONE)
    assert changes(session, customer)[-1] == (2, 1, TierWhy.TABLE)


def test_her_standing_says_what_counts_and_what_is_missing(session: Session, customer: Customer, now: datetime) -> None:
    buy(session, 450_000, now, now)
    found = tier_standing(session, customer.id or 0, policy=POLICY, now=now, zone=ZONE)
    assert found
    assert found.next
    assert found.to_keep is None
    assert (found.name, found.counted.amount_fen, found.next.step.rank, found.next.amount_fen, found.next.visits) == (
        "银卡会员",
        450_000,
        3,
        50_000,
        14,
    )
