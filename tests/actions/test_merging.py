"""Two records become one and two again: whatever the shop knew of both is there, once, and afterwards as it was."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import settings as given_settings
from hypothesis import strategies as st
from sqlalchemy import func, inspect, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col

from app.actions import moving, points
from app.actions.customers import create_customer, update_customer
from app.actions.merging import forget_merges, merge_customers, undo_merge
from app.actions.moving import FATES, Fate
from app.actions.tokens import standing_tokens
from app.columns import opened
from app.db import Database
from app.models import (
    AuditEntry,
    Consent,
    ContactEvent,
    Customer,
    CustomerAlias,
    CustomerMerge,
    CustomerTag,
    DemoMark,
    PublicToken,
    Purchase,
    Tier,
)
from app.queries.cards import card_holders
from app.queries.customers import customer_by_number
from app.queries.duplicates import people_like, people_of
from app.rules.cards import CardChoice
from app.rules.customers import CustomerDetails, MemberNumberTaken
from app.rules.duplicates import Person, likeness
from app.rules.merging import (
    BY_RULE,
    FIELDS,
    OWN,
    ChangedMeanwhile,
    ChoiceWrong,
    ErasedRecord,
    MergeBuiltUpon,
    MergeOver,
    SameRecord,
    Side,
    SurvivorGone,
    TakenMeanwhile,
)
from app.rules.refusals import NotFound, RuleBroken
from app.vocabulary import (
    Alike,
    AuditAction,
    Channel,
    ContactEventKind,
    ContactKind,
    CustomerStatus,
    Purpose,
    TagOrigin,
    TierWhy,
    TokenPurpose,
)
from tests.actions.merging_shop import RULES, ZONE, Life, everything, full, replace, two_customers
from tests.conftest import NOW

TABLES = SQLModel.metadata.tables
SMS, ALL = (Purpose.MARKETING, Channel.SMS), (Purpose.MARKETING, None)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One unit of work of a test."""
    with database.writing() as session:
        yield session


def merge(session: Session, survivor: int, absorbed: int, **choices: Side) -> CustomerMerge:
    """As the page does it."""
    return merge_customers(session, survivor, absorbed, choices, policy=RULES, now=NOW, zone=ZONE)


def undo(session: Session, done: CustomerMerge, now: datetime = NOW) -> Any:
    """As the deed does it."""
    return undo_merge(session, done.id or 0, policy=RULES, now=now, zone=ZONE)


# ── The property ──────────────────────────────────────────────────────────────────────────────────────────────────────

_keys = st.tuples(st.sampled_from([Purpose.MARKETING, Purpose.PHOTOS]), st.sampled_from([None, Channel.SMS]))
_said = st.tuples(st.just(9), st.none() | st.integers(0, 5))
_words = st.sampled_from(["", "甲", "乙"])

_choices = st.dictionaries(st.sampled_from(sorted(FIELDS)), st.sampled_from([Side.SURVIVOR, Side.ABSORBED]))


@st.composite
def lives(draw: st.DrawFn, number: int) -> Life:
    """Any record a shop may have."""
    shared = draw(st.booleans())
    details = CustomerDetails(
        name=draw(st.sampled_from(["王小丽", "王晓莉"])),
        phone=draw(st.sampled_from(["", f"1380013800{number}"])) if not shared else "13900139000",
        phone_shared_reason="母女共用" if shared else None,
        wechat=draw(st.sampled_from(["", "wx1", "wx2"])),
        note=draw(_words),
        allergy_note=draw(_words),
        occupation=draw(_words),
        birthday=draw(st.sampled_from(["", "03-04", "1990-03-04"])),
        card_until_on=draw(st.none() | st.just(date(2027, 1 + number, 1))),
        tier_id=draw(st.none() | st.sampled_from([1, 2, 3])),
    )
    few = st.integers(0, 2)
    return Life(
        details,
        days=draw(st.integers(1, 3)),
        purchases=tuple(draw(st.lists(st.sampled_from([100, 60_000, 600_000]), max_size=2))),
        visits=draw(few),
        follow=draw(few),
        consents=draw(st.dictionaries(_keys, _said, max_size=3)),
        tags=draw(st.dictionaries(st.integers(1, 3), st.sampled_from(TagOrigin), max_size=3)),
        handles=tuple(draw(st.sets(st.sampled_from(["group", "own"]), max_size=2))),
        cards=draw(few),
        points=tuple(draw(st.lists(st.integers(1, 500), max_size=2))),
        in_pair=draw(st.booleans()),
        brought=draw(st.booleans()),
        brought_by_other=draw(st.booleans()),
        verified_on=draw(st.none() | st.just(date(2026, 1 + number, 1))),
    )


@given_settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # to make a failing shop smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(lives(0), lives(1), st.booleans(), _choices)
@example(full(0), full(1), False, {})
@example(full(0), full(1), True, {"phone": Side.ABSORBED, "name": Side.ABSORBED})
def test_a_merge_keeps_all_there_was_and_its_undo_leaves_every_table_as_it_was(
    database: Database, first: Life, second: Life, turned: bool, choices: dict[str, Side]
) -> None:
    with database.writing() as session:
        pair = two_customers(session, first, second, NOW)
        survivor, absorbed = pair[::-1] if turned else pair
        before, counted = everything(session), counts(session, survivor, absorbed)
        done = merge(session, survivor, absorbed, **choices)
        assert counts(session, survivor) == counted
        assert sum_of(everything(session)) == sum_of(before)
        assert undo(session, done).left == ()
        assert differences(before, everything(session)) == []
        session.rollback()


def counts(session: Session, *customers: int) -> dict[str, tuple[Any, ...]]:
    """What hangs on these customers, table by table; of what counts once, the different ones."""
    session.flush()
    found: dict[str, tuple[Any, ...]] = {}
    for (name, column), fate in FATES.items():
        if fate in {Fate.FOLLOWS, Fate.AGREES} and name not in {"customers", "customer_aliases", "customer_merges"}:
            table = TABLES[name]
            wanted = select(table.c.id).where(table.c[column].in_(customers))
            if name == "contact_events":  # a merge adds what was not chosen
                wanted = wanted.where(table.c.kind != ContactEventKind.REPLACED)
            if name == "tier_changes":  # and the higher tier of the two
                wanted = wanted.where(table.c.why.not_in([TierWhy.MERGE, TierWhy.REACHED]))
            found[name] = tuple(session.execute(wanted).scalars())
    tags = select(TABLES["customer_tags"].c.tag_id).where(TABLES["customer_tags"].c.customer_id.in_(customers))
    paid = select(func.sum(Purchase.paid_fen)).where(col(Purchase.customer_id).in_(customers))
    return {name: tuple(sorted(ids)) for name, ids in found.items()} | {
        "tags": tuple(sorted(set(session.execute(tags).scalars()))),
        "paid": (session.execute(paid).scalar(),),
    }


def sum_of(tables: dict[str, Any]) -> int:
    """All points of the shop."""
    return sum(balance for balance, _ in tables["points"].values())


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The tables that are not as they were."""
    return [name for name in before if before[name] != after[name]]


ABLE_TO_FAIL = sorted(
    place for place, fate in FATES.items() if fate not in {Fate.STAYS, Fate.UNMARKED} and place[0] != "duplicate_pairs"
)


def test_a_link_that_is_forgotten_is_found_by_the_comparison(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as session:
        pair = two_customers(session, full(0), full(1), NOW)
    with database.writing() as session:
        assert is_whole_after_there_and_back(session, *pair)
        session.rollback()
    unseen = []
    for place in [*ABLE_TO_FAIL, ("duplicate_pairs", "")]:
        known = {key: one for key, one in FATES.items() if key != place and (place[1] or key[0] != place[0])}
        with monkeypatch.context() as forgetful, database.writing() as session:
            forgetful.setattr(moving, "FATES", known)
            if place[0] == "points_accounts":
                forgetful.setattr(points, "move_account", lambda *given, **named: None)
            if is_whole_after_there_and_back(session, *pair):
                unseen.append(place)
            session.rollback()
    assert unseen == []


def is_whole_after_there_and_back(session: Session, survivor: int, absorbed: int) -> bool:
    """Whether the merge kept all there was and its undo left every table as it was."""
    before, counted = everything(session), counts(session, survivor, absorbed)
    try:
        done = merge(session, survivor, absorbed)
        is_whole = counts(session, survivor) == counted
        undo(session, done)
        return is_whole and differences(before, everything(session)) == []
    except IntegrityError:
        return False


def test_every_column_that_can_name_a_customer_says_what_becomes_of_it() -> None:
    by_key = {
        (table.name, key.parent.name)
        for table in TABLES.values()
        for key in table.foreign_keys
        if key.column.table.name == "customers"
    }
    loose = {
        (table.name, column.name)
        for table in TABLES.values()
        for column in table.columns
        if column.name in {"subject_id", "row_id", "absorbed_id"} and not column.foreign_keys
    }
    assert set(FATES) == by_key | loose


def test_every_column_of_a_customer_is_chosen_decided_or_her_own() -> None:
    chosen = [column for columns in FIELDS.values() for column in columns]
    assert sorted([*chosen, *BY_RULE, *OWN]) == sorted(inspect(Customer).columns.keys())


# ── What a merge does ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_other_number_leads_to_her_and_is_nobody_elses_ever(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    number = session.get_one(Customer, absorbed).member_no
    merge(session, survivor, absorbed)
    found = customer_by_number(session, number)
    assert found is not None
    assert found.id == survivor
    with pytest.raises(MemberNumberTaken):
        create_customer(session, CustomerDetails(name="李", member_no=number), policy=RULES, now=NOW)


def test_the_cards_of_both_open_her_page(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    merge(session, survivor, absorbed)
    cards = session.scalars(select(PublicToken).where(col(PublicToken.purpose) == TokenPurpose.CARD)).all()
    assert [(one.subject_id, one.revoked_at) for one in cards] == [(survivor, None)] * 2


def test_no_card_is_printed_for_a_record_that_has_just_gone(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    merge(session, survivor, absorbed)
    with pytest.raises(NotFound):
        standing_tokens(session, [survivor, absorbed], now=NOW)


def test_cards_are_printed_for_a_number_that_was_joined(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    number = session.get_one(Customer, absorbed).member_no
    merge(session, survivor, absorbed)
    holders = card_holders(session, CardChoice(numbers=(number,)))
    assert [one.customer_id for one in holders] == [survivor]


@pytest.mark.parametrize(
    ("own", "other", "stands"),
    [
        ({SMS: (9, None)}, {SMS: (5, None)}, [SMS]),
        ({SMS: (9, None)}, {SMS: (5, 1)}, []),
        ({SMS: (9, 1)}, {SMS: (5, None)}, []),
        ({SMS: (9, None)}, {}, []),
        ({}, {SMS: (9, None)}, []),
        ({ALL: (9, None)}, {SMS: (5, None)}, [SMS]),
        ({ALL: (9, None), SMS: (9, 1)}, {SMS: (5, None)}, []),
    ],
)
def test_she_agrees_only_to_what_both_records_say_yes_to(
    session: Session, own: dict[Any, Any], other: dict[Any, Any], stands: list[Any]
) -> None:
    lives = [Life(CustomerDetails(name="王"), consents=one) for one in (own, other)]
    survivor, absorbed = two_customers(session, *lives, NOW)
    merge(session, survivor, absorbed)
    receipts = session.scalars(select(Consent).where(col(Consent.customer_id) == survivor)).all()
    assert [(one.purpose, one.channel) for one in receipts if one.withdrawn_at is None] == stands
    assert len(receipts) == len(own) + len(other)  # receipts are proof: none goes


def test_a_no_said_after_the_merge_outlives_its_undo(session: Session) -> None:
    lives = [Life(CustomerDetails(name="王"), consents={SMS: (9, None)}) for _ in range(2)]
    survivor, absorbed = two_customers(session, *lives, NOW)
    done = merge(session, survivor, absorbed)
    standing = session.scalars(select(Consent).where(col(Consent.withdrawn_at).is_(None))).one()
    standing.withdrawn_at = NOW + timedelta(days=1)
    undo(session, done, NOW + timedelta(days=2))
    assert session.scalars(select(Consent).where(col(Consent.withdrawn_at).is_(None))).all() == []


def test_a_tag_put_there_by_hand_stays_one(session: Session) -> None:
    lives = [Life(CustomerDetails(name="王"), tags={1: origin}) for origin in (TagOrigin.RULE, TagOrigin.MANUAL)]
    survivor, absorbed = two_customers(session, *lives, NOW)
    merge(session, survivor, absorbed)
    assert [(one.customer_id, one.origin) for one in session.scalars(select(CustomerTag))] == [
        (survivor, TagOrigin.MANUAL)
    ]


@pytest.mark.parametrize("side", [Side.SURVIVOR, Side.ABSORBED])
def test_a_way_to_her_that_was_not_chosen_stands_in_the_history_until_the_undo(session: Session, side: Side) -> None:
    pair = two_customers(session, full(0), full(1), NOW)
    lost = pair[1] if side is Side.SURVIVOR else pair[0]
    session.get_one(Customer, lost).address = "人民路 1 号"
    session.flush()
    survivor, absorbed = pair

    def history() -> list[tuple[Any, ...]]:
        wanted = select(ContactEvent).where(ContactEvent.kind == ContactEventKind.REPLACED).order_by(ContactEvent.id)
        return [(one.customer_id, one.contact, opened(one.old_value), one.at) for one in session.scalars(wanted)]

    done = merge(session, survivor, absorbed, phone=side, wechat=side, email=side, address=Side.SURVIVOR)
    number = pair.index(lost)
    kept = [(ContactKind.PHONE, f"+861380013800{number}"), (ContactKind.WECHAT, f"wx{number}")]
    kept += [(ContactKind.EMAIL, f"a{number}@example.cn")]
    kept += [(ContactKind.ADDRESS, "人民路 1 号")] if lost == absorbed else []
    assert history() == [(survivor, *one, NOW) for one in kept]
    masked = select(ContactEvent.old_masked).where(ContactEvent.contact == ContactKind.PHONE)
    assert f"138****800{number}" in session.scalars(masked).all()
    undo(session, done)
    assert history() == []


def test_ways_to_her_that_both_records_had_leave_no_trace(session: Session) -> None:
    survivor, absorbed = two_customers(
        session, full(0, phone="13900139000", shared="一家人"), full(1, phone="13900139000", shared="一家人"), NOW
    )
    for one in (survivor, absorbed):
        update_customer(session, one, CustomerDetails(wechat="", email=""), now=NOW - timedelta(days=1))
    merge(session, survivor, absorbed)
    since = select(ContactEvent).where(ContactEvent.kind == ContactEventKind.REPLACED, col(ContactEvent.at) >= NOW)
    assert session.scalars(since).all() == []


def test_both_allergies_are_kept_unless_somebody_chooses(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    merge(session, survivor, absorbed)
    assert opened(session.get_one(Customer, survivor).allergy_note) == "对果酸过敏\n对酒精过敏"


def test_her_tier_is_that_of_what_both_bought_and_her_card_is_valid_as_long_as_the_later_one(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    tiers = {one.id: one.rank for one in session.scalars(select(Tier))}
    alone = tiers[session.get_one(Customer, survivor).tier_id]
    merge(session, survivor, absorbed)
    joined = session.get_one(Customer, survivor)
    assert tiers[joined.tier_id] > alone
    assert joined.card_until_on == date(2027, 2, 1)


def test_a_phone_two_records_shared_needs_no_reason_any_more(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1, phone="13800138000", shared="母女共用"), NOW)
    merge(session, survivor, absorbed, phone=Side.ABSORBED)
    assert session.get_one(Customer, survivor).phone_shared_reason == ""


def test_a_phone_a_third_person_has_too_keeps_its_reason(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1, phone="13800138000", shared="母女共用"), NOW)
    third = CustomerDetails(name="外婆", phone="13800138000", phone_shared_reason="一家人")
    create_customer(session, third, policy=RULES, now=NOW)
    merge(session, survivor, absorbed, phone=Side.ABSORBED)
    assert session.get_one(Customer, survivor).phone_shared_reason == "母女共用"


def test_her_own_record_is_no_demo_row_because_it_went_into_one(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    session.add(DemoMark(table_name="customers", row_id=survivor))
    done = merge(session, survivor, absorbed)
    assert session.scalars(select(DemoMark)).all() == []
    undo(session, done)
    assert [one.row_id for one in session.scalars(select(DemoMark))] == [survivor]


def test_the_same_merge_and_the_same_undo_twice_change_nothing(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    before = everything(session)
    first = merge(session, survivor, absorbed)
    once = everything(session)
    assert merge(session, survivor, absorbed).id == first.id
    assert differences(once, everything(session)) == []
    undo(session, first)
    undo(session, first)
    assert differences(before, everything(session)) == []


def test_both_leave_a_line_in_the_journal_without_a_name_or_a_number(database: Database) -> None:
    with database.writing() as session:
        survivor, absorbed = two_customers(session, full(0), full(1), NOW)
        undo(session, merge(session, survivor, absorbed))
    with database.reading() as session:
        lines = session.scalars(
            select(AuditEntry).where(col(AuditEntry.action).in_([AuditAction.MERGE, AuditAction.UNMERGE]))
        ).all()
        changed = (col(AuditEntry.subject) == "consents") & (col(AuditEntry.action) == AuditAction.UPDATE)
        consents = session.scalars(select(AuditEntry.subject_id).where(changed)).all()
    assert len(consents) == 2 * len(set(consents)) > 0  # each that ended, and that it stands again
    assert [(one.action, one.subject_id) for one in lines] == [
        (AuditAction.MERGE, survivor),
        (AuditAction.UNMERGE, survivor),
    ]
    assert not any(word in one.changes for one in lines for word in ("138", "王", "过敏"))


def test_the_plan_tells_nobody_anything(database: Database) -> None:
    with database.writing() as session:
        merge(session, *two_customers(session, full(0), full(1), NOW))
        raw = session.connection().exec_driver_sql("SELECT plan FROM customer_merges WHERE plan IS NOT NULL").scalar()
    assert isinstance(raw, bytes | memoryview)
    assert "王小丽".encode() not in bytes(raw)


# ── What is refused ───────────────────────────────────────────────────────────────────────────────────────────────────


def _same(session: Session, one: int, two: int) -> None:
    merge(session, one, one)


def _erased(session: Session, one: int, two: int) -> None:
    session.get_one(Customer, two).status = CustomerStatus.ERASED
    session.flush()
    merge(session, one, two)


def _out_of_reach(session: Session, one: int, two: int) -> None:
    merge_customers(session, one, two, {}, policy=RULES, now=NOW, zone=ZONE, within=col(Customer.id) == one)


def _gone(session: Session, one: int, two: int) -> None:
    merge(session, one, 99_999)


def _odd_choice(session: Session, one: int, two: int) -> None:
    merge(session, one, two, member_no=Side.ABSORBED)


def _joined_phone(session: Session, one: int, two: int) -> None:
    merge(session, one, two, phone=Side.BOTH)


def _changed(session: Session, one: int, two: int) -> None:
    seen = session.get_one(Customer, one).updated_at, NOW - timedelta(days=1)
    merge_customers(session, one, two, {}, policy=RULES, now=NOW, zone=ZONE, seen=seen)


@pytest.mark.parametrize(
    ("attempt", "refusal"),
    [
        (_same, SameRecord),
        (_erased, ErasedRecord),
        (_out_of_reach, NotFound),
        (_gone, NotFound),
        (_odd_choice, ChoiceWrong),
        (_joined_phone, ChoiceWrong),
        (_changed, ChangedMeanwhile),
    ],
)
def test_a_merge_that_must_not_be_is_refused(
    session: Session, attempt: Callable[[Session, int, int], None], refusal: type[RuleBroken]
) -> None:
    one, two = two_customers(session, full(0), full(1), NOW)
    with pytest.raises(refusal):
        attempt(session, one, two)


def test_an_undo_is_possible_until_the_days_are_over(session: Session) -> None:
    done = merge(session, *two_customers(session, full(0), full(1), NOW))
    with pytest.raises(MergeOver):
        undo(session, done, NOW + timedelta(days=30))
    undo(session, done, NOW + timedelta(days=30, seconds=-1))


def test_what_nobody_may_use_any_more_is_forgotten_and_not_a_moment_sooner(session: Session) -> None:
    done = merge(session, *two_customers(session, full(0), full(1), NOW))
    assert forget_merges(session, NOW + timedelta(days=30, seconds=-1)) == 0
    assert forget_merges(session, NOW + timedelta(days=30)) == 1
    session.refresh(done)
    assert done.plan is None


def test_what_is_left_of_a_merge_goes_when_she_is_erased(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    done = merge(session, survivor, absorbed)
    session.get_one(Customer, survivor).status = CustomerStatus.ERASED
    session.flush()
    with pytest.raises(SurvivorGone):
        undo(session, done)
    given_up = select(CustomerAlias.phone_index).where(col(CustomerAlias.customer_id) == survivor)
    session.execute(update(CustomerAlias).values(phone_index=b"x"))
    assert forget_merges(session, NOW) == 1
    assert set(session.scalars(given_up)) == {None}


def test_by_night_a_phone_given_up_in_a_merge_still_tells_who_she_may_be(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    merge(session, survivor, absorbed)
    index = b"given up"
    session.execute(update(CustomerAlias).values(phone_index=index))
    stranger = Person(0, "钱多", "qianduo", "qd", "多", phone_index=index)
    assert survivor in people_like(session, [stranger]).alike[0]
    hers = people_of(session, [survivor])[survivor].person
    assert hers.given_up == {index}
    assert Alike.PHONE in likeness(hers, stranger).reasons
    assert Alike.PHONE in likeness(stranger, hers).reasons
    assert Alike.PHONE not in likeness(stranger, replace(hers, given_up=frozenset())).reasons


def test_a_merge_that_another_was_built_on_waits_for_it(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    third = create_customer(session, CustomerDetails(name="王小丽"), policy=RULES, now=NOW).id or 0
    before = everything(session)
    first = merge(session, survivor, absorbed)
    second = merge(session, third, survivor)
    with pytest.raises(MergeBuiltUpon):
        undo(session, first)
    undo(session, second)
    undo(session, first)
    assert differences(before, everything(session)) == []


def test_her_old_phone_may_belong_to_somebody_else_by_now(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    done = merge(session, survivor, absorbed, phone=Side.ABSORBED)
    hers = CustomerDetails(name="李", phone="13800138000", phone_shared_reason="号码转给了她")
    new = create_customer(session, hers, policy=RULES, now=NOW)
    update_customer(session, new.id or 0, CustomerDetails(phone_shared_reason=""), now=NOW)
    with pytest.raises(TakenMeanwhile):
        undo(session, done)


def test_points_that_were_spent_cannot_be_in_two_places(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    done = merge(session, survivor, absorbed)
    points.spend_points(session, survivor, 290, reference="r1", reason="兑换", now=NOW, zone=ZONE)
    with pytest.raises(RuleBroken):
        undo(session, done)


def test_what_somebody_wrote_after_the_merge_stays_and_is_named(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    done = merge(session, survivor, absorbed, name=Side.ABSORBED)
    update_customer(session, survivor, CustomerDetails(name="王丽"), now=NOW)
    assert undo(session, done).left == ("name",)
    assert [session.get_one(Customer, one).name for one in (survivor, absorbed)] == ["王丽", "王小丽乙"]


def test_what_was_bought_after_the_merge_stays_with_her(session: Session) -> None:
    survivor, absorbed = two_customers(session, full(0), full(1), NOW)
    done = merge(session, survivor, absorbed)
    session.add(Purchase(order_no="late", occurred_at=NOW, customer_id=survivor, paid_fen=1))
    gone = session.scalars(select(Purchase).where(col(Purchase.order_no) == "S1-0")).one()
    session.delete(gone)
    undo(session, done)
    owners = {one.order_no: one.customer_id for one in session.scalars(select(Purchase))}
    assert owners == {"S0-0": survivor, "S0-1": survivor, "S1-1": absorbed, "late": survivor}


def test_an_alias_goes_with_the_merge_that_made_it(session: Session) -> None:
    survivor, absorbed = two_customers(session, replace(full(0), follow=0), replace(full(1), follow=0), NOW)
    done = merge(session, survivor, absorbed)
    assert len(session.scalars(select(CustomerAlias)).all()) == 1
    undo(session, done)
    assert session.scalars(select(CustomerAlias)).all() == []
