"""What a tier gives, so often in a membership year and no more."""

from datetime import UTC, date, datetime
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, select

from app.actions import benefits
from app.actions.benefits import take_back_use, use_benefit
from app.actions.customers import create_customer
from app.db import Database
from app.models import BenefitUse, Customer, Tier, TierBenefit
from app.queries.benefits import benefits_of
from app.rules.benefits import BenefitNotHers, BenefitUsedUp, NotHerBirthdayMonth, UseTakenBack, year_from, year_until
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def silver(session: Session, now: datetime = NOON, birthday: str | None = "1990-11-03") -> tuple[int, int]:
    """Somebody with silver, and its one free care a year, in the month of her birthday."""
    tier = session.exec(select(Tier.id).where(Tier.rank == 2)).one()
    her = create_customer(
        session, CustomerDetails(name="张", tier_id=tier, birthday=birthday), policy=Policy(), now=now, zone=ZONE
    )
    return her.id or 0, session.exec(select(TierBenefit.id).where(TierBenefit.tier_id == tier)).one() or 0


@pytest.mark.parametrize(
    ("joined", "today", "first", "last"),
    [
        (date(2026, 11, 24), date(2026, 11, 24), date(2026, 11, 24), date(2027, 11, 23)),
        (date(2024, 11, 25), date(2026, 11, 24), date(2025, 11, 25), date(2026, 11, 24)),
        (date(2024, 11, 24), date(2026, 11, 24), date(2026, 11, 24), date(2027, 11, 23)),
        (date(2024, 2, 29), date(2026, 2, 27), date(2025, 2, 28), date(2026, 2, 27)),
        (date(2024, 2, 29), date(2026, 2, 28), date(2026, 2, 28), date(2027, 2, 27)),
        (date(2024, 2, 29), date(2028, 2, 29), date(2028, 2, 29), date(2029, 2, 27)),
        (date(2024, 12, 31), date(2026, 1, 1), date(2025, 12, 31), date(2026, 12, 30)),
    ],
)
def test_a_membership_year_runs_from_the_day_she_joined(joined: date, today: date, first: date, last: date) -> None:
    assert year_from(joined, today) == first
    assert year_until(joined, first) == last
    assert first <= today <= last


def test_a_quota_is_refused_beyond_its_number_and_is_there_again_next_year(database: Database) -> None:
    with database.writing() as session:
        her, care = silver(session)
        use_benefit(session, her, care, now=NOON, zone=ZONE, note=" 补水 ")
        with pytest.raises(BenefitUsedUp) as refused:
            use_benefit(session, her, care, now=NOON, zone=ZONE)
        assert refused.value.values["day"] == "2027-11-24"
        line = benefits_of(session, her, today=date(2027, 11, 23), zone=ZONE)[0]
        assert (line.used, line.left, line.year_until_on, line.uses[0].note) == (1, 0, date(2027, 11, 23), "补水")
        later = datetime(2027, 11, 24, 4, 0, tzinfo=UTC)
        use_benefit(session, her, care, now=later, zone=ZONE)


@pytest.mark.parametrize(("birthday", "is_given"), [("1990-11-30", True), ("1990-12-01", False), (None, False)])
def test_what_is_for_the_month_of_her_birthday_is_given_in_that_month(
    database: Database, birthday: str | None, is_given: bool
) -> None:
    with database.writing() as session:
        her, care = silver(session, birthday=birthday)
        assert benefits_of(session, her, today=NOON.date(), zone=ZONE)[0].is_now is is_given
        if is_given:
            use_benefit(session, her, care, now=NOON, zone=ZONE)
        else:
            with pytest.raises(NotHerBirthdayMonth):
                use_benefit(session, her, care, now=NOON, zone=ZONE)
        session.get_one(TierBenefit, care).in_birthday_month = False
        assert benefits_of(session, her, today=NOON.date(), zone=ZONE)[0].is_now


def test_a_use_taken_back_counts_no_more_and_only_once(database: Database) -> None:
    with database.writing() as session:
        her, care = silver(session)
        use = use_benefit(session, her, care, now=NOON, zone=ZONE)
        take_back_use(session, use.id or 0, now=NOON)
        assert benefits_of(session, her, today=date(2026, 11, 24), zone=ZONE)[0].left == 1
        with pytest.raises(UseTakenBack):
            take_back_use(session, use.id or 0, now=NOON)
        use_benefit(session, her, care, now=NOON, zone=ZONE)


def test_what_was_not_used_lapses_visibly(database: Database) -> None:
    with database.writing() as session:
        her, care = silver(session)
        assert benefits_of(session, her, today=date(2027, 11, 23), zone=ZONE)[0].lapsed == 0
        assert benefits_of(session, her, today=date(2027, 11, 24), zone=ZONE)[0].lapsed == 1
        use_benefit(session, her, care, now=NOON, zone=ZONE)
        assert benefits_of(session, her, today=date(2027, 11, 24), zone=ZONE)[0].lapsed == 0


def test_a_benefit_of_another_tier_or_out_of_use_is_refused(database: Database) -> None:
    with database.writing() as session:
        her, care = silver(session)
        others = session.exec(select(TierBenefit.id).where(TierBenefit.tier_id != session.get(Customer, her).tier_id))
        with pytest.raises(BenefitNotHers):
            use_benefit(session, her, others.first() or 0, now=NOON, zone=ZONE)
        session.get(TierBenefit, care).is_active = False
        with pytest.raises(BenefitNotHers):
            use_benefit(session, her, care, now=NOON, zone=ZONE)


def _race(database: Database, her: int, care: int) -> int:
    """Two counters give her the last one in the same moment; how many stand."""
    start, refused = Barrier(2), []

    def give() -> None:
        start.wait()
        try:
            with database.writing() as session:
                use_benefit(session, her, care, now=NOON, zone=ZONE)
        except BenefitUsedUp:
            refused.append(1)

    counters = [Thread(target=give) for _ in range(2)]
    for one in counters:
        one.start()
    for one in counters:
        one.join()
    with database.reading() as session:
        return len(session.exec(select(BenefitUse)).all())


def test_two_counters_at_once_give_the_last_one_once(database: Database) -> None:
    with database.writing() as session:
        her, care = silver(session)
    assert _race(database, her, care) == 1


@pytest.mark.postgres
def test_without_the_lock_the_last_one_would_be_given_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: SQLite has one writer anyway."""
    if database.is_sqlite:
        pytest.skip("one writer")
    with database.writing() as session:
        her, care = silver(session)
    both_counted = Barrier(2)
    counted = benefits.used_in_year

    def slowly(*given: object) -> int:
        n = counted(*given)  # type: ignore[arg-type]
        both_counted.wait(5)
        return n

    monkeypatch.setattr(benefits, "lock_row", lambda session, table, number: session.get(table, number))
    monkeypatch.setattr(benefits, "used_in_year", slowly)
    assert _race(database, her, care) == 2
