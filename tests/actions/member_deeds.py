"""What staff, tills and files do to a customer's file, each once, for the test that asks what is written down."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from app.actions import (
    adjustments,
    api_keys,
    benefits,
    claims,
    consents,
    contacts,
    counter,
    customers,
    exports,
    import_batches,
    photos,
    points,
    profiles,
    redemptions,
    tags,
    tier_warnings,
    tiers,
    till,
    visits,
)
from app.models import ApiKey, Consent, Customer, ImportBatch, Photo, PointsAccount, Purchase, Staff, Tag, TierBenefit
from app.queries.api_keys import Caller
from app.rules.adjustments import Adjustment
from app.rules.api_keys import KeyDetails
from app.rules.conditions import Match, Rule, read_condition
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.rules.purchases import Sale, SaleLine
from app.rules.tiers import NOTHING, TierStep, missing_to
from app.vocabulary import (
    AdjustReason,
    BenefitKind,
    Channel,
    ContactKind,
    ImportKind,
    ImportMode,
    ImportStage,
    PhotoKind,
    Purpose,
    Role,
)
from tests.conftest import NOW

ZONE = ZoneInfo("Asia/Shanghai")
RULES = Policy()
HERS = {"policy": RULES, "now": NOW, "zone": ZONE}
ACTIVE = Rule(Match.ALL, (read_condition("status", "is", "active"),))
FILE = photos.PhotoFile(file_key="a" * 32, sha256="b" * 64, width=300, height=400)


def _beautician(session: Session) -> int:
    """Somebody who serves."""
    staff = Staff(name="小蓝", login="lan", password_hash="x", role=Role.BEAUTICIAN)
    session.add(staff)
    _begun(session)
    return staff.id or 0


def _begun(session: Session) -> None:
    """What was made ready is not what the deed itself writes down."""
    session.flush()
    session.gathered.entries.clear()  # type: ignore[attr-defined]


def _newcomer(session: Session) -> int:
    made = customers.create_customer(session, CustomerDetails(name="新客"), policy=RULES, now=NOW)
    _begun(session)
    return made.id or 0


def _key(session: Session) -> int:
    return session.exec(select(ApiKey.id).where(ApiKey.name == "收银机")).one() or 0


def _caller(session: Session) -> Caller:
    return Caller(_key(session), "收银机", None, "", None)


def _waits(session: Session, shop: Any, order_no: str) -> int:
    """A sale that waits for her number."""
    number = session.get_one(Customer, shop.customer).member_no
    sale = Purchase(order_no=order_no, occurred_at=NOW, paid_fen=100, buyer_member_no=number)
    session.add(sale)
    _begun(session)
    return sale.id or 0


def _hers(session: Session, shop: Any) -> Customer:
    return session.get_one(Customer, shop.customer)


def _upload(session: Session, sha256: str) -> int:
    file = import_batches.Uploaded(ImportKind.CUSTOMERS, "顾客.csv", sha256, "k" * 32)
    how = {"mode": ImportMode.BOTH, "store_id": None, "mapping": {}, "now": NOW, "staff_id": None}
    return import_batches.take_upload(session, file, **how)


def _old_upload(session: Session) -> None:
    session.add(
        ImportBatch(
            kind=ImportKind.CUSTOMERS, file_name="旧.csv", file_sha256="3" * 64, started_at=NOW - timedelta(days=30),
            stage=ImportStage.UPLOADED, upload_key="o" * 32,
        )
    )  # fmt: skip
    _begun(session)


def _thrown_away(session: Session) -> str:
    batch_id = _upload(session, "2" * 64)
    _begun(session)
    return import_batches.throw_away(session, batch_id)


def _photo(session: Session) -> int:
    """Of somebody whose yes there never was."""
    of = {"kind": PhotoKind.AFTER, "taken_on": NOW.date(), "file_key": "c" * 32, "sha256": "d" * 64}
    row = Photo(customer_id=_newcomer(session), width=300, height=400, created_at=NOW, **of)
    session.add(row)
    _begun(session)
    return row.id or 0


def _photographed(session: Session) -> Photo:
    customer_id = _newcomer(session)
    consents.grant_many(session, customer_id, [(Purpose.PHOTOS, None)], how="当面", policy=RULES, now=NOW)
    _begun(session)
    details = photos.PhotoDetails(customer_id, PhotoKind.AFTER, NOW.date())
    return photos.add_photo(session, details, FILE, now=NOW, staff_id=None)


def _account(session: Session, shop: Any) -> int:
    points.earn_points(session, shop.customer, 5, reference="D1", reason="礼", now=NOW, zone=ZONE)
    account = select(PointsAccount.id).where(PointsAccount.customer_id == shop.customer)
    _begun(session)
    return session.exec(account).one() or 0


def _redeemed(session: Session, shop: Any, reference: str) -> int:
    """She has handed in a point; without the points of the day it would be the first thing in her account."""
    points.earn_points(session, shop.customer, 1, reference=f"G{reference}", reason="礼", now=NOW, zone=ZONE)
    _begun(session)
    wanted = redemptions.Wanted(1, reference)
    return redemptions.redeem(session, shop.customer, wanted, now=NOW, zone=ZONE).id or 0


def _frozen(session: Session, shop: Any) -> int:
    account_id = _account(session, shop)
    points.freeze_account(session, account_id, now=NOW)
    _begun(session)
    return account_id


def _asked(session: Session, shop: Any, reference: str) -> int:
    """A change by hand that waits for a second person."""
    wanted = Adjustment(700, AdjustReason.GOODWILL, "等太久")
    asked = adjustments.adjust_or_ask(session, shop.customer, wanted, reference=reference, staff_id=shop.clerk, **HERS)
    return asked.id or 0


def _waiting(session: Session, shop: Any, reference: str) -> int:
    request_id = _asked(session, shop, reference)
    _begun(session)
    return request_id


def _benefit(session: Session, shop: Any) -> int:
    """Something her tier gives without end."""
    benefit = TierBenefit(tier_id=_hers(session, shop).tier_id, kind=BenefitKind.GIFT, name=f"礼品{NOW.timestamp()}")
    known = session.exec(
        select(TierBenefit).where(TierBenefit.tier_id == benefit.tier_id, TierBenefit.name == benefit.name)
    )
    benefit = known.first() or benefit
    session.add(benefit)
    _begun(session)
    return benefit.id or 0


def _given(session: Session, shop: Any) -> int:
    use = benefits.use_benefit(session, shop.customer, _benefit(session, shop), now=NOW, zone=ZONE)
    _begun(session)
    return use.id or 0


def _held(session: Session, shop: Any) -> bool:
    """A tier by hand that ends today."""
    tiers.set_tier_by_hand(session, shop.customer, 4, reason="试", until_on=NOW.date(), now=NOW, zone=ZONE)
    _begun(session)
    return True


def _on_the_lowest(session: Session, shop: Any) -> bool:
    customer = _hers(session, shop)
    customer.tier_id, customer.tier_until_on, customer.tier_held_until_on = 1, None, None
    _begun(session)
    return True


def _warned(session: Session, shop: Any) -> int:
    customer = _hers(session, shop)
    customer.email = "her@example.cn"
    granted = Consent(
        customer_id=shop.customer,
        purpose=Purpose.SERVICE_CARE,
        channel=Channel.EMAIL,
        notice_version="1",
        granted_at=NOW,
    )
    session.add(granted)
    _begun(session)
    missing = missing_to(TierStep(2, "银卡会员", 2, 100, 0, 12), NOTHING)
    return tier_warnings.warn(session, {shop.customer: (NOW.date(), missing)}, policy=RULES, now=NOW, today=NOW.date())


def _tag(session: Session, name: str) -> int:
    """A word of the shop, made where it is missing."""
    row = session.exec(select(Tag).where(Tag.name == name)).first() or Tag(name=name)
    session.add(row)
    _begun(session)
    return row.id or 0


def _worn(session: Session, shop: Any, name: str) -> int:
    tag_id = _tag(session, name)
    tags.tag_many(session, tag_id, col(Customer.id) == shop.customer, now=NOW, staff_id=None)
    _begun(session)
    return tag_id


def _ruled(session: Session) -> int:
    tag_id = _tag(session, "在册")
    tags.set_rule(session, tag_id, ACTIVE, staff_id=None)
    _begun(session)
    return tag_id


def _tagged(session: Session, shop: Any) -> None:
    done = tags.tag_many(session, _tag(session, "新贴"), col(Customer.id) == shop.customer, now=NOW, staff_id=None)
    shop.mark = done.mark


def _marked_invalid(session: Session, shop: Any) -> int:
    customer_id = _newcomer(session)
    session.get_one(Customer, customer_id).email_invalid_on = NOW.date()
    _begun(session)
    return customer_id


def _sale(order_no: str) -> Sale:
    return Sale(order_no=order_no, occurred_at=NOW, lines=(SaleLine(item="面霜", amount_fen=100),), phone="13812345678")


def _sold(session: Session, shop: Any, order_no: str) -> int:
    """A sale of hers at the counter."""
    sale = counter.CounterSale(order_no, (SaleLine(item="面霜", amount_fen=100),))
    return counter.sell_at_counter(session, shop.customer, sale, **HERS).id or 0


MEMBER_DEEDS = {
    "benefits.use_benefit": lambda s, w: benefits.use_benefit(s, w.customer, _benefit(s, w), now=NOW, zone=ZONE),
    "benefits.take_back_use": lambda s, w: benefits.take_back_use(s, _given(s, w), now=NOW),
    "tiers.set_tier_by_hand": lambda s, w: tiers.set_tier_by_hand(
        s, w.customer, 3, reason="老顾客", until_on=NOW.date(), now=NOW, zone=ZONE
    ),
    "tiers.end_hold": lambda s, w: _held(s, w) and tiers.end_hold(s, w.customer, **HERS),
    "tiers.review_due": lambda s, w: (
        _held(s, w) and tiers.review_due(s, [w.customer], **HERS | {"now": NOW + timedelta(days=1)})
    ),
    "tiers.apply_table": lambda s, w: _on_the_lowest(s, w) and tiers.apply_table(s, [w.customer], **HERS),
    "tier_warnings.warn": _warned,
    "adjustments.adjust_or_ask": lambda s, w: _asked(s, w, "A1"),
    "adjustments.approve": lambda s, w: adjustments.approve(
        s, _waiting(s, w, "A2"), now=NOW, zone=ZONE, staff_id=w.boss
    ),
    "adjustments.refuse": lambda s, w: adjustments.refuse(s, _waiting(s, w, "A3"), now=NOW, staff_id=w.boss),
    "api_keys.create_api_key": lambda s, w: api_keys.create_api_key(
        s, KeyDetails(name="收银机", store_id=None), now=NOW
    ),
    "api_keys.issue_api_key": lambda s, w: api_keys.issue_api_key(s, _key(s)),
    "till.register": lambda s, w: till.register(
        s, CustomerDetails(name="周女士", phone="13633334444"), (), caller=_caller(s), **HERS
    ),
    "till.take_sale": lambda s, w: till.take_sale(s, _sale("T1"), caller=_caller(s), **HERS),
    "api_keys.revoke_api_key": lambda s, w: api_keys.revoke_api_key(s, _key(s), now=NOW),
    "claims.claim_waiting": lambda s, w: _waits(s, w, "W1") and claims.claim_waiting(s, _hers(s, w), **HERS),
    "claims.take_waiting": lambda s, w: _waits(s, w, "W2") and claims.take_waiting(s, [_hers(s, w)], now=NOW),
    "claims.claim_purchase": lambda s, w: claims.claim_purchase(s, _waits(s, w, "W3"), customer_id=w.customer, **HERS),
    "claims.claim_by_number": lambda s, w: claims.claim_by_number(
        s, _waits(s, w, "W4"), member_no=_hers(s, w).member_no, **HERS
    ),
    "contacts.mark_invalid": lambda s, w: contacts.mark_invalid(
        s, w.customer, contact=ContactKind.PHONE, reason="空号", now=NOW, zone=ZONE
    ),
    "contacts.mark_valid": lambda s, w: contacts.mark_valid(
        s, _marked_invalid(s, w), contact=ContactKind.EMAIL, now=NOW
    ),
    "contacts.note_changes": lambda s, w: contacts.note_changes(s, _hers(s, w), {"email": "a@example.com"}, now=NOW),
    "contacts.note_left": lambda s, w: contacts.note_left(
        s, _hers(s, w).model_dump(), _hers(s, w).model_dump() | {"email": "a@example.com"}, now=NOW
    ),
    "exports.note_whole_export": lambda s, w: exports.note_whole_export(s, rows=9, tables=3),
    "import_batches.take_upload": lambda s, w: _upload(s, "1" * 64),
    "import_batches.throw_away": lambda s, w: _thrown_away(s),
    "import_batches.forget_uploads": lambda s, w: _old_upload(s) or import_batches.forget_uploads(s, now=NOW),
    "import_batches.keep_map": lambda s, w: import_batches.keep_map(
        s, ImportKind.CUSTOMERS, "收银系统", {"顾客": "name"}, now=NOW, staff_id=w.boss
    ),
    "photos.add_photo": lambda s, w: _photographed(s),
    "photos.remove_withdrawn": lambda s, w: _photo(s) and photos.remove_withdrawn(s, now=NOW),
    "points.freeze_account": lambda s, w: points.freeze_account(s, _account(s, w), now=NOW),
    "points.release_account": lambda s, w: points.release_account(s, _frozen(s, w)),
    "redemptions.redeem": lambda s, w: _redeemed(s, w, "D1"),
    "redemptions.return_redemption": lambda s, w: redemptions.return_redemption(s, _redeemed(s, w, "D2"), **HERS),
    "till.take_redemption": lambda s, w: till.take_redemption(
        s, till.RedemptionAsked(_hers(s, w).member_no, 1, "D3"), caller=_caller(s), now=NOW, zone=ZONE
    ),
    "till.take_refund": lambda s, w: till.take_refund(
        s, till.RefundAsked("T1", "T1-R", 100), caller=_caller(s), **HERS
    ),
    "counter.sell_at_counter": lambda s, w: _sold(s, w, "S261124-AAAAAA"),
    "counter.refund_at_counter": lambda s, w: counter.refund_at_counter(
        s, _sold(s, w, "S261124-BBBBBB"), amount="", reason="记错了", **HERS
    ),
    "profiles.create_profile": lambda s, w: profiles.create_profile(s, CustomerDetails(name="孙女士"), **HERS),
    "profiles.update_profile": lambda s, w: profiles.update_profile(
        s, w.customer, CustomerDetails(address="杭州"), **HERS
    ),
    "profiles.confirm_profile": lambda s, w: profiles.confirm_profile(s, w.customer, NOW.date(), now=NOW),
    "profiles.decline_field": lambda s, w: profiles.decline_field(s, w.customer, "birthday", NOW.date(), **HERS),
    "visits.hand_over": lambda s, w: visits.hand_over(s, w.customer, _beautician(s), now=NOW, zone=ZONE),
    "tags.tag_many": _tagged,
    "tags.undo_tagging": lambda s, w: tags.undo_tagging(
        s, _tag(s, "新贴"), w.mark, within=col(Customer.id) == w.customer, now=NOW, staff_id=w.boss
    ),
    "tags.untag_many": lambda s, w: tags.untag_many(s, _worn(s, w, "要摘"), col(Customer.id) == w.customer, now=NOW),
    "tags.set_hand_tags": lambda s, w: tags.set_hand_tags(s, w.customer, [_tag(s, "手贴")], now=NOW, staff_id=w.boss),
    "tags.set_rule": lambda s, w: tags.set_rule(s, _tag(s, "有规则"), ACTIVE, staff_id=w.boss),
    "tags.apply_rule": lambda s, w: tags.apply_rule(s, _ruled(s), now=NOW, zone=ZONE),
}
"""Action → doing it. They come in this order."""
