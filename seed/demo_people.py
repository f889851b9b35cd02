"""The demo shop's people: who works there, who comes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlmodel import col, select

from app.actions.consents import ConsentDetails, grant_consent, withdraw_consent
from app.actions.customers import create_customer
from app.actions.staff import StaffDetails, create_staff
from app.models import Customer, Staff, Tag
from app.rules.customers import CustomerDetails
from app.rules.days import months_after
from app.vocabulary import Calendar, CategoryOfNeed, Channel, Gender, Purpose, Role, SkinType, Source
from seed.demo_stage import Stage
from seed.reference import rows_of

_YEAR = 365
_BIRTHDAYS_THIS_WEEK = 6
_TWINS = (12, 60, 120)
_NOTICE_BEFORE = "2025-01"
"""What the privacy notice was called that customers of before last spring agreed to."""
_HABITS: tuple[tuple[str, float, tuple[int, int]], ...] = (
    # name, share of customers, days between visits
    ("devoted", 0.02, (8, 12)),
    ("loyal", 0.07, (12, 24)),
    ("regular", 0.25, (28, 60)),
    ("occasional", 0.32, (75, 150)),
    ("lapsed", 0.16, (30, 70)),
    ("fresh", 0.10, (6, 20)),
    ("silent", 0.08, (0, 0)),
)
_NEEDS = (
    (CategoryOfNeed.SKIN, 45.0),
    (CategoryOfNeed.HAIR, 24.0),
    (CategoryOfNeed.NAILS, 13.0),
    (CategoryOfNeed.BODY, 12.0),
    (CategoryOfNeed.MAKEUP, 6.0),
)
_SOURCES = (
    (Source.STORE, 40.0),
    (Source.REFERRAL, 22.0),
    (Source.SOCIAL, 14.0),
    (Source.EVENT, 8.0),
    (Source.CARD, 6.0),
    (Source.WEBSITE, 4.0),
    (Source.HOTLINE, 4.0),
    (Source.OTHER, 2.0),
)
_SKIN_TYPES = (
    (SkinType.COMBINATION, 35.0),
    (SkinType.DRY, 25.0),
    (SkinType.OILY, 15.0),
    (SkinType.NORMAL, 13.0),
    (SkinType.SENSITIVE, 12.0),
)


@dataclass(frozen=True)
class Team:
    """The demo shop's staff by what they do."""

    reception: Staff
    manager: Staff
    beauticians: list[Staff]


@dataclass(frozen=True)
class Person:
    """A made-up customer with her habits: the days she came, and what for."""

    customer: Customer
    customer_id: int
    phone: str
    joined_on: date
    visit_days: list[date]
    needs: list[CategoryOfNeed]


def add_staff(stage: Stage, password_hash: str) -> Team:
    """An account for every role; all with the one public password."""
    opened = stage.at(stage.day(2 * _YEAR), 9)
    team = [
        create_staff(
            stage.session,
            StaffDetails(row["name"], row["login"], Role(row["role"])),
            password_hash=password_hash,
            now=opened,
        )
        for row in rows_of("demo_staff")
    ]
    by_role = {person.role: person for person in reversed(team)}
    beauticians = [person for person in team if person.role is Role.BEAUTICIAN]
    return Team(by_role[Role.RECEPTION], by_role[Role.MANAGER], beauticians)


def add_customers(stage: Stage, team: Team, count: int) -> list[Person]:
    """Customers in the order they joined, with consents for exactly what is kept about them."""
    surnames = [(row["surname"], float(row["weight"])) for row in rows_of("demo_surnames")]
    given_names = [(row["name"], Gender(row["gender"])) for row in rows_of("demo_given_names")]
    occupations = [row["occupation"] for row in rows_of("demo_occupations")]
    allergies = [row["note"] for row in rows_of("demo_allergies")]
    tags = stage.session.exec(select(Tag).order_by(col(Tag.id))).all()
    lives = sorted((_life(stage, number, count) for number in range(count)), key=lambda life: life[0])
    people: list[Person] = []
    for number, (joined_on, visit_days) in enumerate(lives, start=1):
        given_name, gender = stage.chance.choice(given_names)
        needs = _needs(stage)
        phone = f"1000000{number:04d}"
        birthday, calendar = _birthday(stage, number)
        details = CustomerDetails(
            name=stage.one_of(surnames) + given_name,
            phone=phone,
            gender=gender if stage.happens(0.95) else Gender.UNKNOWN,
            birthday=birthday,
            birthday_calendar=calendar,
            occupation=stage.chance.choice(occupations) if stage.happens(0.6) else "",
            source=stage.one_of(_SOURCES),
            wechat=f"demo_{number:04d}" if stage.happens(0.45) else "",
            skin_type=stage.one_of(_SKIN_TYPES) if CategoryOfNeed.SKIN in needs else None,
            allergy_note=stage.chance.choice(allergies) if stage.happens(0.09) else None,
            card_until_on=months_after(joined_on, stage.policy.card_valid_months),
            tag_ids=_tag_ids(stage, tags, needs),
        )
        if number in _TWINS:
            details = _as_twin(details, people)
        joined_at = stage.open_hours(joined_on)
        customer = create_customer(stage.session, details, policy=stage.policy, now=joined_at)
        person = Person(customer, customer.id or 0, phone, joined_on, visit_days, needs)
        _add_consents(stage, person, team)
        people.append(person)
    return people


def _as_twin(details: CustomerDetails, people: Sequence[Person]) -> CustomerDetails:
    """The same person a second time, under her other phone: what a shop finds when it looks for such records."""
    known = (one.customer for one in reversed(people) if len(one.customer.birthday) > len("01-02"))
    hers = next(known, None)
    if hers is None:
        return details
    return replace(
        details,
        name=hers.name,
        gender=hers.gender,
        birthday=hers.birthday,
        birthday_calendar=hers.birthday_calendar,
    )


def _life(stage: Stage, number: int, count: int) -> tuple[date, list[date]]:
    """When somebody joined, and the days she came in the last year. The first of all join today."""
    habit, _, (shortest, longest) = stage.one_of([(habit, habit[1]) for habit in _HABITS])
    joined = 0 if number * 100 < count else stage.chance.randrange(2, 58)
    if habit != "fresh" and joined:
        joined = stage.chance.randrange(29, 2 * _YEAR)
    ends = stage.chance.randrange(130, 330) if habit == "lapsed" else 0
    days = []
    ago = min(joined, _YEAR - stage.chance.randrange(0, 30))
    while habit != "silent" and ago >= ends:
        days.append(stage.day(ago))
        ago -= stage.chance.randrange(shortest, longest)
    # Those whose next visit would be soon come today, so that the first page has something to show.
    if habit in {"devoted", "loyal", "regular"} and -3 <= ago < 0 and stage.today not in days:
        days.append(stage.today)
    return stage.day(joined), days


def _needs(stage: Stage) -> list[CategoryOfNeed]:
    first, second = stage.one_of(_NEEDS), stage.one_of(_NEEDS)
    return [first] if first is second else [first, second]


def _birthday(stage: Stage, number: int) -> tuple[str, Calendar]:
    """A birthday in the shop's own spelling, "" when she did not say. Some are this week."""
    year = stage.today.year - stage.chance.randrange(19, 62)
    if number % 31 == 7 and number // 31 < _BIRTHDAYS_THIS_WEEK:
        soon = stage.today + timedelta(days=number // 31 % 7)
        return f"{soon:%m-%d}", Calendar.SOLAR
    if not stage.happens(0.85):
        return "", Calendar.SOLAR
    month, day = stage.chance.randrange(1, 13), stage.chance.randrange(1, 29)
    calendar = Calendar.LUNAR if stage.happens(0.1) else Calendar.SOLAR
    return (f"{year}-{month:02d}-{day:02d}" if stage.happens(0.7) else f"{month:02d}-{day:02d}"), calendar


def _tag_ids(stage: Stage, tags: Sequence[Tag], needs: list[CategoryOfNeed]) -> tuple[int, ...]:
    fitting = [tag.id or 0 for tag in tags if tag.category in needs]
    others = [tag.id or 0 for tag in tags if tag.category is CategoryOfNeed.OTHER]
    chosen = stage.chance.sample(fitting, min(len(fitting), stage.chance.randrange(1, 4)))
    if others and stage.happens(0.35):
        chosen.append(stage.chance.choice(others))
    return tuple(chosen)


def _add_consents(stage: Stage, person: Person, team: Team) -> None:
    given = stage.at(person.joined_on, 12)
    is_early = person.joined_on < stage.day(240)
    policy = replace(stage.policy, notice_version=_NOTICE_BEFORE) if is_early else stage.policy

    def grant(purpose: Purpose, channel: Channel | None = None) -> None:
        consent = grant_consent(
            stage.session,
            ConsentDetails(person.customer_id, purpose, channel, "柜台签字"),  # data
            policy=policy,
            now=given,
            staff_id=team.reception.id,
        )
        if purpose is Purpose.MARKETING and person.joined_on < stage.day(40) and stage.happens(0.08):
            withdraw_consent(
                stage.session,
                consent.id or 0,
                how="短信",  # data
                now=stage.open_hours(stage.day(15)),
                staff_id=team.reception.id,
            )

    grant(Purpose.MEMBERSHIP)
    if stage.happens(0.6):
        grant(Purpose.MARKETING, Channel.SMS)
    if person.customer.wechat and stage.happens(0.7):
        grant(Purpose.SERVICE_CARE, Channel.WECHAT)
    # Skin and allergies are kept only with a separate yes. Source: PIPL 29.
    if person.customer.skin_type or person.customer.allergy_note:
        grant(Purpose.HEALTH_RECORD)
