"""A made-up shop to try things in: a year of it, through the same actions as real use, the same for the same seed and
day. Every row is marked, so that `rouge demo --wipe` takes away exactly these."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from sqlmodel import select

from app.audit import Actor, note_deed
from app.db import Database
from app.gateways.passwords import hash_password
from app.models import DemoMark, DuplicatePair
from app.queries.demo import has_demo, has_own_people
from app.queries.policy import current_policy
from app.rules.demo import check_build
from app.vocabulary import AuditAction
from seed.demo_people import add_customers, add_staff
from seed.demo_stage import Stage
from seed.demo_trade import add_menu, add_skin_records, add_trade
from seed.demo_voice import add_cases, add_responses

DEMO_PASSWORD = "peony-mirror-velvet"  # noqa: S105  public on purpose; see `rouge serve` for where it must not be
DEMO_CUSTOMERS = 200
DEMO_SEED = 1
BUILDER = Actor("demo")


@dataclass(frozen=True)
class Built:
    """How much was made up."""

    customers: int
    purchases: int
    responses: int
    complaints: int


def last_demo_day(now: datetime) -> date:
    """The last day of a demo shop that is built now, `now` in the shop's zone. What happens on that day happens before
    noon; until then it is yesterday, so that no sale and no tier lies ahead."""
    return (now - timedelta(hours=12)).date()


def build_demo(
    database: Database, *, today: date, zone: ZoneInfo, customers: int = DEMO_CUSTOMERS, seed: int = DEMO_SEED
) -> Built:
    """Build the whole demo shop in one unit of work, all or nothing. `today` is its last day, in the shop's zone.

    Raises DemoThere and ShopInUse.
    """
    password_hash = hash_password(DEMO_PASSWORD)  # slow, so before the write turn
    with database.writing(BUILDER, demo=True) as session:
        check_build(has_demo=has_demo(session), has_own_people=has_own_people(session))
        stage = Stage(session, Random(seed), today, zone, current_policy(session))
        team = add_staff(stage, password_hash)
        menu = add_menu(stage)
        people = add_customers(stage, team, customers)
        # Pairs are found in one statement, which marks nothing.
        pairs = session.exec(select(DuplicatePair.id)).all()
        session.add_all(DemoMark(table_name=DuplicatePair.__tablename__, row_id=number or 0) for number in pairs)
        purchases = add_trade(stage, people, menu, team)
        add_skin_records(stage, people, team)
        responses = add_responses(stage, people)
        complaints = add_cases(stage, people, team)
        note_deed(session, AuditAction.CREATE, DemoMark.__tablename__, customers=len(people), purchases=purchases)
    return Built(len(people), purchases, responses, complaints)
