"""Sales and occasions earn, each once, by what was in force on their day."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session, select

from app.actions.claims import claim_purchase
from app.actions.earning import earn_for_occasion, earn_for_sale, give_birthday_points, settle_pending
from app.actions.merging import merge_customers, undo_merge
from app.actions.purchases import follow_refunds, insert_sales, look_up, planned_sale, record_purchase
from app.db import Database
from app.models import Customer, ImportBatch, PointsEntry, PointsPending, Product, Purchase, RuleVersion, Tier
from app.queries.earning import pending_points, rules_at, sale_earned, tier_at
from app.queries.members import why
from app.queries.points import lots_of
from app.rules.earning import EarnedOftenEnough, NothingToEarn
from app.rules.points import ReferenceTaken
from app.rules.policy import Policy
from app.rules.purchases import Sale, SaleLine
from app.vocabulary import Calendar, CategoryOfNeed, EarningKind, ImportKind, PointsKind
from tests.actions.earning_shop import Counter, counter, edit, rule
from tests.actions.points_shop import ZONE, new_customer
from tests.conftest import NOW

BIRTHDAY = date(2026, 11, 24)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One unit of work of a test."""
    with database.writing() as session:
        yield session


@pytest.fixture
def till(session: Session) -> Counter:
    """A counter with a customer of the lowest tier: a point for each yuan."""
    return counter(session)


def born(session: Session, customer_id: int, month: int, day: int, calendar: Calendar = Calendar.SOLAR) -> None:
    """She says when."""
    hers = session.get_one(Customer, customer_id)
    hers.birth_month, hers.birth_day, hers.birthday_calendar = month, day, calendar
    session.flush()


# ── Sales ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_entry_says_why_it_has_its_number(till: Counter, session: Session) -> None:
    till.sell(12_850)
    entry = session.exec(select(PointsEntry)).one()
    assert why(entry) == "消费 ¥128.50，每 1 元 1 分 = 128.5；取整 128"
    assert entry.rule_id == rule(session).id


def test_the_kind_of_care_a_till_names_counts_where_the_menu_does_not_know_the_thing(
    till: Counter, session: Session
) -> None:
    rule(session, name="护肤三倍", kind=EarningKind.PURCHASE, category=CategoryOfNeed.SKIN, points=3)
    session.add(Product(sku="SHAMPOO", name="洗发水", category=CategoryOfNeed.HAIR))
    session.flush()
    for sku, told, expected in (
        ("", "护肤", 300),
        ("", "skin", 300),
        ("GHOST", " 護膚 ", 300),
        ("", "", 100),
        ("", "玻尿酸", 100),
        ("SHAMPOO", "护肤", 100),
    ):
        line = SaleLine(item="面霜", sku=sku, category=told, amount_fen=10_000)
        sale = till.sell(lines=(line,))
        assert sale_earned(session, sale) == expected, (sku, told)


def test_the_same_order_earns_once_also_when_asked_again(till: Counter, session: Session) -> None:
    sale = till.sell(10_000, order_no="A")
    till.sell(10_000, order_no="A")
    edit(session, rule(session), till.now, points=9)
    assert earn_for_sale(session, sale, **till.how) == 100
    assert till.balance == 100


def test_a_sale_that_waited_earns_by_the_rules_of_its_day(till: Counter, session: Session) -> None:
    sale = Sale(order_no="W", occurred_at=NOW, lines=(SaleLine(item="护理", amount_fen=10_000),), phone="13800138000")
    waiting = record_purchase(session, sale, **till.how, may_wait=True)
    record_purchase(
        session, Sale(order_no="R", occurred_at=NOW, lines=(SaleLine(item="退", amount_fen=-2_500),), refund_of="W"),
        **till.how, may_wait=True,
    )  # fmt: skip
    edit(session, rule(session), NOW + timedelta(hours=1), points=7)
    till.now += timedelta(days=1)
    claim_purchase(session, waiting.id or 0, customer_id=till.customer_id, **till.how)
    assert till.balance == 75


def test_points_that_ended_before_they_were_told_do_not_stay(till: Counter) -> None:
    till.sell(10_000, at=NOW - timedelta(days=800))
    assert till.entries() == [(PointsKind.EARN, 100), (PointsKind.EXPIRE, -100)]
    assert till.balance == 0


def test_what_is_only_history_earns_nothing(till: Counter, session: Session) -> None:
    sale = till.sell(10_000, order_no="H", member_no="")
    batch = ImportBatch(kind=ImportKind.PURCHASES, file_name="till.csv", file_sha256="0" * 64, started_at=NOW)
    session.add(batch)
    session.flush()
    sale.customer_id, sale.import_batch_id = till.customer_id, batch.id
    assert earn_for_sale(session, sale, **till.how) == 0


# ── Pending ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_points_wait_for_the_days_of_taking_back(till: Counter, session: Session) -> None:
    rule(session, pending_days=7)
    sale = till.sell(10_000)
    [row] = session.exec(select(PointsPending)).all()
    assert (till.balance, pending_points(session, till.customer_id)) == (0, 100)
    assert settle_pending(session, row.id or 0, now=NOW + timedelta(days=6), zone=ZONE) is None
    till.refund(sale, 3_000)
    assert pending_points(session, till.customer_id) == 70
    entry = settle_pending(session, row.id or 0, now=NOW + timedelta(days=7), zone=ZONE)
    assert entry is not None
    assert (entry.points, till.balance, pending_points(session, till.customer_id)) == (70, 70, 0)
    assert why(entry) == "消费 ¥100.00，每 1 元 1 分 = 100；退货收回 30 分 = 70"
    assert settle_pending(session, row.id or 0, now=NOW + timedelta(days=8), zone=ZONE) is None
    till.refund(sale, 3_000)
    till.refund(sale, 4_000)
    assert till.balance == 0, "what waited and what counted add up to exactly all of it"


def test_a_whole_refund_before_they_count_leaves_nothing_waiting(till: Counter, session: Session) -> None:
    rule(session, pending_days=7)
    till.refund(till.sell(10_000), 10_000)
    [row] = session.exec(select(PointsPending)).all()
    assert (row.closed_at, row.entry_id, till.entries()) == (NOW, None, [])


# ── Refunds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_ended_unused_is_not_taken_a_second_time(till: Counter, session: Session) -> None:
    rule(session, expiry_months=1, round_up="none")
    old, other = till.sell(10_000), till.sell(5_000)
    rule(session, expiry="never")
    till.now += timedelta(days=40)
    till.sell(3_000)
    till.refund(old, 10_000)
    assert till.balance == 30
    assert other.paid_fen == 5_000


def test_spent_points_return_with_their_own_end_or_with_grace(till: Counter, session: Session) -> None:
    rule(session, expiry_months=1, round_up="none")
    till.sell(10_000)
    paid = till.sell(10_000, points_used=100)
    till.now += timedelta(days=60)
    till.refund(paid, 9_900)
    lots = [(lot.remaining, lot.expires_on) for lot in lots_of(session, till.customer_id)]
    assert lots == [(100, date(2027, 2, 22))], "sixty days later, and thirty of grace"


def test_without_grace_points_that_are_over_end_again_at_once(till: Counter, session: Session) -> None:
    till.policy = Policy(points_grace_days=0)
    rule(session, expiry_months=1, round_up="none")
    till.sell(10_000)
    paid = till.sell(10_000, points_used=100)
    till.now += timedelta(days=60)
    till.refund(paid, 9_900)
    assert till.balance == 0


# ── Rules and tiers as they stood ─────────────────────────────────────────────────────────────────────────────────────


def test_rules_are_read_as_they_stood(session: Session) -> None:
    row = rule(session)
    for hour, points in enumerate((2, 3), start=1):
        edit(session, row, NOW + timedelta(hours=hour), points=points)
    young = rule(session, EarningKind.BONUS, name="新规则", points=5, since_at=NOW + timedelta(hours=2))

    def seen(hour: float) -> list[int]:
        return [
            one.points for one in rules_at(session, NOW + timedelta(hours=hour)) if one.rule_id in {row.id, young.id}
        ]

    assert [seen(0), seen(1), seen(1.5), seen(2)] == [[1], [2], [2], [3, 5]]
    assert len(session.exec(select(RuleVersion)).all()) == 2


def test_a_rule_edited_twice_in_one_moment_keeps_the_first(session: Session) -> None:
    row = rule(session)
    edit(session, row, NOW, points=2)
    edit(session, row, NOW, points=3)
    assert [one.points for one in rules_at(session, NOW - timedelta(seconds=1)) if one.rule_id == row.id] == [1]


def test_her_tier_is_read_as_it_was(till: Counter, session: Session) -> None:
    till.sell(100_000)
    assert tier_at(session, till.customer_id, NOW - timedelta(seconds=1)).rank == 1
    assert tier_at(session, till.customer_id, NOW).rank == 2


def test_a_sale_told_late_earns_by_the_tier_that_earlier_sales_had_reached_by_its_moment(
    till: Counter, session: Session
) -> None:
    def ago(days: int) -> datetime:
        return NOW - timedelta(days=days)

    lifting = till.sell(100_000, at=ago(5))
    assert session.get_one(Customer, till.customer_id).tier_id == 2
    sales = [till.sell(10_000, at=at) for at in (ago(6), ago(5) - timedelta(seconds=1), ago(3), NOW)]
    assert [sale_earned(session, sale) for sale in (lifting, *sales)] == [1_000, 100, 100, 120, 120]


def test_a_tier_that_sales_reach_together_counts_from_the_day_the_last_of_them_happened(
    till: Counter, session: Session
) -> None:
    """Told in the wrong order: the slip that lifted her is not the one that happened last."""
    till.sell(60_000, at=NOW - timedelta(days=2))
    till.sell(60_000, at=NOW - timedelta(days=20))
    assert session.get_one(Customer, till.customer_id).tier_id == 2
    between, after = (till.sell(10_000, at=NOW - timedelta(days=days)) for days in (10, 1))
    assert (sale_earned(session, between), sale_earned(session, after)) == (100, 120)


def test_no_sale_told_late_earns_by_a_tier_she_never_had(till: Counter, session: Session) -> None:
    """The owner lowered the table "for later": nobody moves before her next purchase, and that one earns as before."""
    till.sell(50_000, at=NOW - timedelta(days=5))
    silver = session.get_one(Tier, 2)
    edit(session, silver, NOW - timedelta(days=4), threshold_fen=50_000)
    sale = till.sell(10_000, at=NOW - timedelta(days=3))
    assert sale_earned(session, sale) == 100
    assert session.get_one(Customer, till.customer_id).tier_id == 2


# ── Occasions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_occasion_earns_once_for_its_reference(till: Counter, session: Session) -> None:
    first, again = (
        earn_for_occasion(session, till.customer_id, EarningKind.EVENT, reference="E1", now=NOW, zone=ZONE)
        for _ in range(2)
    )
    assert (first.id, till.balance, first.rule_id) == (again.id, 50, rule(session, EarningKind.EVENT).id)
    with pytest.raises(ReferenceTaken):
        earn_for_occasion(session, new_customer(session), EarningKind.EVENT, reference="E1", now=NOW, zone=ZONE)


def test_no_more_often_a_year_than_the_rule_says(till: Counter, session: Session) -> None:
    rule(session, EarningKind.SHARING, most_times_a_year=2)

    def share(name: str, now: datetime) -> None:
        earn_for_occasion(session, till.customer_id, EarningKind.SHARING, reference=name, now=now, zone=ZONE)

    share("1", NOW)
    share("2", NOW)
    with pytest.raises(EarnedOftenEnough):
        share("3", datetime(2026, 12, 31, 15, 59, tzinfo=NOW.tzinfo))
    share("3", datetime(2026, 12, 31, 16, 0, tzinfo=NOW.tzinfo))
    assert till.balance == 30


def test_without_a_rule_an_occasion_gives_nothing(till: Counter, session: Session) -> None:
    rule(session, EarningKind.EVENT, is_active=False)
    with pytest.raises(NothingToEarn):
        earn_for_occasion(session, till.customer_id, EarningKind.EVENT, reference="E", now=NOW, zone=ZONE)


def test_whoever_brought_a_friend_earns_by_her_first_kept_sale(till: Counter, session: Session) -> None:
    friend = counter(session)
    session.get_one(Customer, friend.customer_id).referred_by_id = till.customer_id
    session.flush()
    first = friend.sell(10_000)
    friend.sell(10_000)
    assert (till.balance, friend.balance) == (200, 200)
    friend.refund(first, 5_000)
    assert till.balance == 200
    friend.refund(first, 5_000)
    assert till.balance == 0, "she kept nothing of it"


def test_nobody_brings_herself(till: Counter, session: Session) -> None:
    session.get_one(Customer, till.customer_id).referred_by_id = till.customer_id
    session.flush()
    till.sell(10_000)
    assert till.balance == 100


# ── Birthdays ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def birthday(session: Session, customer_id: int, on: date, till: Counter) -> int:
    """What a birthday gives."""
    now = datetime.combine(on, NOW.timetz())
    entry = give_birthday_points(session, customer_id, on, policy=till.policy, now=now, zone=ZONE)
    return entry.points if entry else 0


def test_a_birthday_earns_once_a_year_and_a_changed_date_nothing_twice(till: Counter, session: Session) -> None:
    hers = till.customer_id
    born(session, hers, 11, 24)
    assert [birthday(session, hers, BIRTHDAY, till) for _ in range(2)] == [100, 0]
    born(session, hers, 12, 1)
    assert birthday(session, hers, date(2026, 12, 1), till) == 0
    born(session, hers, 2, 1)
    assert birthday(session, hers, date(2027, 2, 1), till) == 0, "too soon after the last"
    born(session, hers, 11, 24)
    assert birthday(session, hers, date(2027, 11, 24), till) == 100
    assert birthday(session, hers, date(2027, 11, 25), till) == 0, "it is not that day"


@pytest.mark.parametrize(
    ("born_on", "calendar", "days"),
    [
        ((2, 29), Calendar.SOLAR, (date(2027, 2, 28), date(2028, 2, 29), date(2029, 2, 28))),
        ((8, 15), Calendar.LUNAR, (date(2026, 9, 25), date(2027, 9, 15), date(2028, 10, 3))),
        ((12, 10), Calendar.LUNAR, (date(2026, 1, 28), date(2027, 1, 17), date(2028, 1, 6))),
    ],
)
def test_birthdays_of_any_calendar_come_every_year(
    till: Counter, session: Session, born_on: tuple[int, int], calendar: Calendar, days: tuple[date, ...]
) -> None:
    born(session, till.customer_id, *born_on, calendar)
    assert [birthday(session, till.customer_id, on, till) for on in days] == [100] * 3


def test_a_merged_record_brings_no_second_birthday(till: Counter, session: Session) -> None:
    other = new_customer(session)
    for one in (till.customer_id, other):
        born(session, one, 11, 24)
    assert birthday(session, other, BIRTHDAY, till) == 100
    merge_customers(session, till.customer_id, other, {}, **till.how)
    assert birthday(session, till.customer_id, BIRTHDAY, till) == 0
    assert till.balance == 100


def test_a_merge_is_taken_back_after_a_refund_and_the_refund_goes_with_its_sale(
    till: Counter, session: Session
) -> None:
    other = counter(session)
    till.sell(5_000)
    sale = other.sell(15_300)
    merge = merge_customers(session, till.customer_id, other.customer_id, {}, **till.how)
    till.refund(sale, 15_300)
    assert till.balance == 50
    undo_merge(session, merge.id or 0, **till.how)
    session.expire_all()
    assert (till.balance, other.balance) == (50, 0)
    slips = session.exec(select(Purchase.customer_id, Purchase.paid_fen).order_by(Purchase.id)).all()
    assert slips == [(till.customer_id, 5_000), (other.customer_id, 15_300), (other.customer_id, -15_300)]


def test_without_looking_at_what_came_with_it_a_merged_record_would_earn_twice(
    till: Counter, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    monkeypatch.setattr("app.actions.earning.birthdays_given", lambda *_: [])
    other = new_customer(session)
    for one in (till.customer_id, other):
        born(session, one, 11, 24)
    assert birthday(session, other, BIRTHDAY, till) + birthday(session, till.customer_id, BIRTHDAY, till) == 200
    assert session.exec(select(Purchase)).all() == []


def test_refunds_of_a_file_take_back_what_their_sales_had_earned(till: Counter, session: Session) -> None:
    sale = till.sell(10_000)
    slip = Sale(
        order_no="FR", occurred_at=NOW, lines=(SaleLine(item="退", amount_fen=-4_000),), refund_of=sale.order_no
    )
    planned = [planned_sale(slip, look_up(session, [slip]), now=NOW)]
    insert_sales(session, planned)
    assert till.balance == 100, "the rows alone move nothing"
    follow_refunds(session, planned, **till.how)
    follow_refunds(session, planned, **till.how)
    assert till.balance == 60
