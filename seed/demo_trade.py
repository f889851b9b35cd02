"""The demo shop's business: the menu, a year of slips, what was done and what the skin looked like."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import col, func, select, update

from app.actions.purchases import record_purchase
from app.models import Customer, Product, Purchase, SkinRecord, Staff, Store, Treatment, Visit
from app.rules.purchases import Sale, SaleLine
from app.vocabulary import CategoryOfNeed, SaleChannel, VisitOutcome
from seed.demo_people import Person, Team
from seed.demo_stage import Stage
from seed.reference import rows_of

_CATEGORY_WORDS = {
    CategoryOfNeed.SKIN: "护肤",
    CategoryOfNeed.HAIR: "美发",
    CategoryOfNeed.NAILS: "美甲",
    CategoryOfNeed.MAKEUP: "彩妆",
    CategoryOfNeed.BODY: "身体护理",
}
_OUTCOMES = (
    (VisitOutcome.IMPROVED, 56.0),
    (VisitOutcome.UNCHANGED, 24.0),
    (VisitOutcome.UNKNOWN, 18.0),
    (VisitOutcome.REACTION, 2.0),
)
_CHANNELS = ((SaleChannel.STORE, 60.0), (SaleChannel.WECHAT, 30.0), (SaleChannel.ONLINE, 10.0))
_WALK_IN_SHARE = 0.04
_REFUND_SHARE = 0.012


@dataclass(frozen=True)
class Menu:
    """What the demo shop sells."""

    treatments: list[Treatment]
    products: list[Product]


@dataclass(frozen=True)
class _Slip:
    at: datetime
    person: Person
    treatment: Treatment | None
    product: Product | None
    beautician: Staff


def add_menu(stage: Stage) -> Menu:
    """Treatments and products with their prices."""
    treatments = [Treatment.model_validate(row) for row in rows_of("demo_treatments")]
    products = [Product.model_validate(row) for row in rows_of("demo_products")]
    stage.session.add_all([*treatments, *products])
    stage.session.flush()
    return Menu(treatments, products)


def add_trade(stage: Stage, people: list[Person], menu: Menu, team: Team) -> int:
    """Every slip of the year in the order it was written, some without a name, a few taken back, and the visits behind
    them. Returns how many slips there are."""
    store_id = stage.session.exec(select(Store.id).order_by(col(Store.id)).limit(1)).one()
    slips = sorted((_slip(stage, person, day, menu, team) for person in people for day in person.visit_days), key=_when)
    count = 0
    for number, slip in enumerate(slips, start=1):
        sale = _sale(stage, slip, f"{slip.at:%Y%m%d}-{number:04d}")
        _record(stage, sale)
        count += 1
        if slip.treatment is None and slip.at.date() < stage.day(3) and stage.happens(_REFUND_SHARE * 8):
            _record(stage, _refund(sale))
            count += 1
        elif slip.treatment is not None and sale.member_no:
            stage.session.add(_visit(stage, slip, store_id))
    stage.session.flush()
    _stamp_customers(stage)
    return count


def _when(slip: _Slip) -> datetime:
    return slip.at


def _slip(stage: Stage, person: Person, day: date, menu: Menu, team: Team) -> _Slip:
    need = stage.chance.choice(person.needs)
    fitting = [treatment for treatment in menu.treatments if treatment.category is need]
    cheap_first = [(treatment, 1e6 / treatment.price_fen) for treatment in fitting]
    treatment = stage.one_of(cheap_first) if stage.happens(0.86) else None
    product = stage.chance.choice(menu.products) if treatment is None or stage.happens(0.22) else None
    return _Slip(stage.open_hours(day), person, treatment, product, stage.chance.choice(team.beauticians))


def _sale(stage: Stage, slip: _Slip, order_no: str) -> Sale:
    lines = []
    if slip.treatment:
        lines.append(
            SaleLine(
                item=slip.treatment.name,
                sku=slip.treatment.code,
                category=_CATEGORY_WORDS[slip.treatment.category],
                unit_price_fen=slip.treatment.price_fen,
                amount_fen=slip.treatment.price_fen,
                staff=slip.beautician.login,
            )
        )
    if slip.product:
        quantity = 2 if stage.happens(0.15) else 1
        lines.append(
            SaleLine(
                item=slip.product.name,
                sku=slip.product.sku,
                category=_CATEGORY_WORDS[slip.product.category],
                quantity=quantity,
                unit_price_fen=slip.product.price_fen,
                amount_fen=slip.product.price_fen * quantity,
            )
        )
    return Sale(
        order_no=order_no,
        occurred_at=slip.at,
        lines=tuple(lines),
        member_no="" if stage.happens(_WALK_IN_SHARE) else slip.person.customer.member_no,
        channel=SaleChannel.STORE if slip.treatment else stage.one_of(_CHANNELS),
    )


def _refund(sale: Sale) -> Sale:
    """The whole slip taken back two days later."""
    return Sale(
        order_no=f"{sale.order_no}T",
        occurred_at=sale.occurred_at + timedelta(days=2),
        lines=sale.lines,
        member_no=sale.member_no,
        channel=sale.channel,
        refund_of=sale.order_no,
    )


def _record(stage: Stage, sale: Sale) -> None:
    record_purchase(stage.session, sale, policy=stage.policy, now=sale.occurred_at, zone=stage.zone)


def _visit(stage: Stage, slip: _Slip, store_id: int | None) -> Visit:
    assert slip.treatment is not None
    outcome = stage.one_of(_OUTCOMES)
    scores = {VisitOutcome.IMPROVED: (4, 5), VisitOutcome.UNCHANGED: (3, 4), VisitOutcome.REACTION: (2,)}
    return Visit(
        customer_id=slip.person.customer_id,
        visited_at=slip.at - timedelta(minutes=slip.treatment.minutes),
        store_id=store_id,
        staff_id=slip.beautician.id,
        treatment_id=slip.treatment.id,
        outcome=outcome,
        effect_score=stage.chance.choice(scores[outcome]) if outcome in scores else None,
        created_at=slip.at,
    )


def _stamp_customers(stage: Stage) -> None:
    """A rise of tier stamped the record with the machine's clock: the demo shop has its own."""
    last = select(func.max(Purchase.created_at)).where(Purchase.customer_id == Customer.id).scalar_subquery()
    stage.session.execute(
        update(Customer).values(updated_at=func.coalesce(last, Customer.created_at)),
        execution_options={"synchronize_session": False},
    )


def add_skin_records(stage: Stage, people: list[Person], team: Team) -> None:
    """What the beauticians wrote down, for those who said yes to it."""
    concerns = [row["concerns"] for row in rows_of("demo_skin_concerns")]
    for person in people:
        skin_type = person.customer.skin_type
        if skin_type is None or not stage.happens(0.6):
            continue
        for day in person.visit_days[:: max(1, len(person.visit_days) // 3)][:3]:
            stage.session.add(
                SkinRecord(
                    customer_id=person.customer_id,
                    seen_on=day,
                    skin_type=skin_type,
                    concerns=stage.chance.choice(concerns),
                    is_sensitive=stage.happens(0.2),
                    staff_id=stage.chance.choice(team.beauticians).id,
                    created_at=stage.at(day, 12),
                )
            )
    stage.session.flush()
