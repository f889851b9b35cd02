"""What happened with a customer, newest first, over all registers, page by page."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import false
from sqlmodel import select

from app.actions.complaints import ComplaintIntake, open_complaint
from app.actions.customers import create_customer
from app.actions.points import earn_points
from app.db import Database
from app.models import (
    Complaint,
    Consent,
    ContactEvent,
    OutboundMessage,
    PointsEntry,
    Purchase,
    PurchaseLine,
    SkinRecord,
    Survey,
    SurveyResponse,
    TierChange,
    Visit,
)
from app.queries.policy import current_policy
from app.queries.scopes import ANYTHING
from app.queries.timeline import SOURCES, Place, timeline
from app.rules.customers import CustomerDetails
from app.vocabulary import Channel, Purpose, SkinType, SurveyMode, TierWhy, TimelineKind
from tests.questionnaires import version_of

ZONE = ZoneInfo("Asia/Shanghai")
ALL = dict.fromkeys(
    (Visit, Purchase, PurchaseLine, PointsEntry, SkinRecord, SurveyResponse, Complaint, OutboundMessage, Consent, ContactEvent,
     TierChange),
    ANYTHING,
)  # fmt: skip
MIDNIGHT = datetime(2026, 11, 24, tzinfo=ZONE)


@pytest.fixture
def her(database: Database, now: datetime) -> int:
    """One of everything, some at one and the same moment; and another customer with the same."""
    with database.writing() as session:
        policy = current_policy(session)
        both = [
            create_customer(session, CustomerDetails(name=name), policy=policy, now=now).id
            for name in ("张晓丽", "王梅")
        ]
        survey = session.exec(select(Survey)).one()
        for number in both:
            session.add_all(
                [
                    Visit(customer_id=number, visited_at=now - timedelta(hours=1)),
                    Visit(customer_id=number, visited_at=MIDNIGHT),
                    slip := Purchase(order_no=f"S{number}", occurred_at=now, customer_id=number, paid_fen=100),
                    Purchase(order_no=f"T{number}", occurred_at=MIDNIGHT, customer_id=number, paid_fen=200),
                    SkinRecord(customer_id=number, seen_on=date(2026, 11, 24), skin_type=SkinType.DRY),
                    SkinRecord(customer_id=number, seen_on=date(2026, 11, 24), skin_type=SkinType.OILY),
                    SkinRecord(customer_id=number, seen_on=date(2026, 11, 23), skin_type=SkinType.DRY),
                    SurveyResponse(
                        survey_id=survey.id, version_id=version_of(session, survey.id), submission_id=f"r{number}",
                        customer_id=number, started_at=now, finished_at=now - timedelta(days=2),
                    ),
                    OutboundMessage(
                        key=f"m{number}", customer_id=number, purpose=Purpose.SERVICE_CARE, channel=Channel.SMS, body="来", due_at=now,
                    ),
                    TierChange(customer_id=number, at=now - timedelta(days=4), from_tier_id=1, to_tier_id=2, why=TierWhy.REACHED),
                    Consent(
                        customer_id=number, purpose=Purpose.MARKETING, notice_version="1", granted_at=now - timedelta(days=9),
                        withdrawn_at=now - timedelta(days=3),
                    ),
                ]
            )  # fmt: skip
            session.flush()
            session.add_all(
                [
                    PurchaseLine(purchase_id=slip.id, position=n, item=f"样{n}", unit_price_fen=1, amount_fen=1)
                    for n in (2, 1)
                ]
            )
            open_complaint(session, ComplaintIntake("慢", customer_id=number), policy=policy, now=now)
            earn_points(session, number, 10, reference=f"p{number}", reason="消费", now=now, zone=ZONE)
    return both[0]


def read(database: Database, customer_id: int, **how: Any) -> Any:
    """A page of hers, with everything in reach unless told otherwise."""
    with database.reading() as session:
        return timeline(session, customer_id, **{"within": ALL, "zone": ZONE} | how)


def names(page: Any) -> list[tuple[str, int]]:
    """Which records, in order."""
    return [(event.source, event.record.id) for event in page.events]


def test_everything_comes_newest_first_and_is_hers(database: Database, her: int) -> None:
    page = read(database, her)
    moments = [event.at for event in page.events]
    assert moments == sorted(moments, reverse=True)
    assert {event.source for event in page.events} == set(SOURCES) - {"contact"}
    assert len(page.events) == 14
    assert {getattr(event.record, "customer_id", her) for event in page.events} == {her}
    assert page.older is None


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_page_by_page_nothing_is_left_out_and_nothing_comes_twice(database: Database, her: int, most: int) -> None:
    whole, pieces, after = names(read(database, her)), [], None
    while True:
        page = read(database, her, after=after, most=most)
        pieces += names(page)
        if page.older is None:
            break
        after = Place.read(str(page.older))
        assert after == page.older
    assert pieces == whole


def test_what_stands_on_a_slip_comes_in_its_order(database: Database, her: int) -> None:
    slip = next(event for event in read(database, her).events if event.source == "purchase")
    assert [line.item for line in slip.lines] == ["样1", "样2"]
    without = read(database, her, within={Purchase: ANYTHING})
    assert [event.lines for event in without.events] == [(), ()]


@pytest.mark.parametrize("kind", TimelineKind)
def test_one_kind_is_that_kind_and_nothing_else(database: Database, her: int, kind: TimelineKind) -> None:
    page = read(database, her, kinds=(kind,))
    assert {event.kind for event in page.events} == ({kind} if kind is not TimelineKind.CONTACT else set())


def test_what_a_reader_may_not_list_or_see_is_not_read(database: Database, her: int) -> None:
    assert read(database, her, within={}).events == ()
    assert read(database, her, within={Visit: false()}).events == ()
    assert {event.source for event in read(database, her, within={Visit: ANYTHING}).events} == {"visit"}


def test_an_anonymous_answer_never_appears_whatever_its_row_says(database: Database, her: int) -> None:
    assert "survey" in {event.source for event in read(database, her).events}
    with database.writing() as session:
        session.exec(select(Survey)).one().mode = SurveyMode.ANONYMOUS
    assert "survey" not in {event.source for event in read(database, her).events}


def test_an_answer_somebody_broke_off_is_no_event(database: Database, her: int) -> None:
    with database.writing() as session:
        for run in session.exec(select(SurveyResponse)):
            run.finished_at = None
    assert "survey" not in {event.source for event in read(database, her).events}


@pytest.mark.parametrize(
    "text", ["", "x", "~~", "2026-11-24~visit~1", "2026-11-24T00:00:00+00:00~nothing~1", "2026-11-24T00:00:00+00:00~visit~-1",
             "2026-11-24T00:00:00+00:00~visit~99999999999", "2026-11-24T00:00:00+00:00~visit~x"],
)  # fmt: skip
def test_a_place_nobody_gave_is_none(text: str) -> None:
    assert Place.read(text) is None


def test_a_place_comes_back_as_it_went() -> None:
    place = Place(datetime(2026, 11, 24, 1, 2, 3, 4, tzinfo=UTC), "skin", 7)
    assert Place.read(str(place)) == place
