"""Two records of one customer side by side: choose field by field, see what moves, make them one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.merging import merge_customers
from app.actions.moving import counts_of
from app.admin_base import formats
from app.admin_base.asking import asking, reach
from app.admin_base.fields import cleaned
from app.admin_base.once import Answer
from app.admin_base.showing import readable, shown
from app.admin_base.writing import Refused, write
from app.i18n import gettext
from app.labels import word_of
from app.models import Customer
from app.queries.customers import customer_by_number
from app.queries.finding import customers_like
from app.queries.merging import candidates, contacts_changed, receipts_of, said_distinct
from app.queries.points import balance_of
from app.rules.merging import (
    FIELD_WORDS,
    FIELDS,
    JOINABLE,
    NotConfirmed,
    Receipt,
    SaidDistinct,
    Side,
    differing,
    is_empty,
    join_consents,
    proposed,
    survivor_first,
)
from app.rules.refusals import NotFound, words
from app.vocabulary import ContactKind

PATH = "/desk/merge"
_DONE = words("两份档案已合并成一份，{days} 天内可以撤销。")
MOVES = {
    "purchases": words("消费和退货共 {n} 笔"),
    "visits": words("到店 {n} 次"),
    "skin_records": words("皮肤记录 {n} 条"),
    "photos": words("照片 {n} 张"),
    "survey_responses": words("问卷 {n} 份"),
    "survey_invitations": words("问卷邀请 {n} 份"),
    "low_feedbacks": words("低分跟进 {n} 条"),
    "complaints": words("反馈与投诉 {n} 件"),
    "consents": words("同意记录 {n} 条"),
    "customer_tags": words("标签 {n} 个"),
    "points_pending": words("待入账积分 {n} 笔"),
    "redemptions": words("兑换 {n} 次"),
    "points_requests": words("积分调整申请 {n} 个"),
    "tier_changes": words("等级变动 {n} 次"),
    "benefit_uses": words("用过的权益 {n} 次"),
    "outbound_messages": words("消息 {n} 条"),
    "sign_ups": words("扫码登记 {n} 次"),
    "social_accounts": words("社交账号 {n} 个"),
    "contact_events": words("联系方式变动 {n} 条"),
    "public_tokens": words("会员卡二维码 {n} 个（继续有效）"),
    "customers": words("她介绍来的顾客 {n} 位"),
    "customer_aliases": words("以前的会员号 {n} 个"),
    "customer_merges": words("以前的合并记录 {n} 条"),
}
"""What goes from one record to the other, in the order it is told."""
_POINTS = words("积分 {n} 分（到期日不变）")
_HIDDEN = words("已填（不显示）")
_VERIFIED = words("{phone}（{day} 核实过）")
_UNVERIFIED = words("{phone}（没有核实过）")
_INVALID = words("{phone}（{day} 起打不通）")
_ANY_CHANNEL = words("所有渠道")


@dataclass(frozen=True)
class Option:
    """One of the values a field may get. `changed_at`: when this way to her was last another one."""

    side: Side
    text: str
    is_chosen: bool
    changed_at: datetime | None = None


@dataclass(frozen=True)
class Row:
    """A field of both records. `options` only where they say different things."""

    name: str
    label: str
    own: str
    other: str
    options: tuple[Option, ...] = ()


@dataclass(frozen=True)
class Face:
    """A record as far as one must see it to know whose it is, and what hangs on it, in words."""

    member_no: str
    name: str
    tier: str
    phone_masked: str
    created_at: datetime
    updated_at: datetime
    holds: tuple[str, ...]


class MergePage(BaseView):
    """Making one record out of two. In no menu: a customer's page and the list of likely twins lead here."""

    subject: ClassVar[str] = "merges"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    def is_visible(self, request: Request) -> bool:
        """Never in the menu by itself."""
        return False

    @expose(PATH, methods=["GET", "POST"], identity="desk-merge")
    async def merge(self, request: Request) -> Response:
        """Find the other record, choose, merge. For the owner, and for a manager whose store may see both."""
        form = await request.form() if request.method == "POST" else FormData()
        sentence = ""
        if request.method == "POST":
            try:
                return (await self._merged(request, form)).lead(request)
            except Refused as refused:
                sentence = str(refused)
        typed = {**request.query_params, **{key: str(value) for key, value in form.items()}}
        read = await anyio.to_thread.run_sync(self._read, typed)
        if isinstance(read, str):
            return RedirectResponse(read, 303)
        status = getattr(request.state, "refused_status", 422) if request.method == "POST" else 200
        template = "merging/page.html" if "rows" in read else "merging/find.html"
        return await self.templates.TemplateResponse(request, template, read | {"error": sentence}, status_code=status)

    async def _merged(self, request: Request, form: FormData) -> Answer:
        here = asking()

        def work(session: Session) -> Answer:
            if not form.get("same"):
                raise NotConfirmed
            survivor, absorbed = (_by_number(session, str(form.get(name, ""))) for name in ("survivor", "absorbed"))
            if survivor is None or absorbed is None:
                raise NotFound
            if said_distinct(session, survivor.id or 0, absorbed.id or 0) and not form.get("mistaken"):
                raise SaidDistinct
            done = merge_customers(
                session,
                survivor.id or 0,
                absorbed.id or 0,
                _choices(form),
                policy=here.policy,
                now=here.now,
                zone=here.zone,
                staff_id=here.actor.staff_id,
                within=reach(Customer),
                seen=_seen(str(form.get("seen", ""))),
            )
            days = (done.undo_until - done.merged_at).days
            return Answer(f"/desk/customers/{survivor.member_no}", gettext(_DONE).format(days=days))

        return await write(request, self._admin_ref.database, work)

    def _read(self, typed: Mapping[str, str]) -> dict[str, Any] | str:
        """What the page shows, or where it leads instead."""
        numbers = [typed.get(name, "") for name in (("survivor", "absorbed") if "survivor" in typed else ("a", "b"))]
        with self._admin_ref.database.reading() as session:
            found = [_by_number(session, number) for number in numbers]
            if found[0] is None:
                raise HTTPException(404)
            if found[1] is None:
                return _search(session, found[0], numbers[1], cleaned(typed.get("q", "")))
            if found[0].id == found[1].id:
                return f"/desk/customers/{found[0].member_no}"
            return _side_by_side(session, found[0], found[1], typed)


def _by_number(session: Session, number: str) -> Customer | None:
    return customer_by_number(session, number.strip().upper(), within=reach(Customer)) if number else None


def _search(session: Session, customer: Customer, number: str, term: str) -> dict[str, Any]:
    hits = candidates(session, customers_like(term), customer.id or 0, within=reach(Customer)) if term else ()
    return {"customer": customer, "term": term, "hits": hits, "is_unknown": bool(number), "tier": customer.tier.name}


def _side_by_side(session: Session, one: Customer, other: Customer, typed: Mapping[str, str]) -> dict[str, Any]:
    pair = {each.id: each for each in (one, other)}
    records = [_record(each, but=tuple(pair)) for each in (one, other)]
    first, second = survivor_first(*records)
    keep = typed.get("survivor") or typed.get("keep")
    if keep == second["member_no"]:
        first, second = second, first
    survivor, absorbed = pair[first["id"]], pair[second["id"]]
    sides, differ = proposed(first, second) | _choices(typed), differing(first, second)
    changed = [contacts_changed(session, each.id or 0) for each in (survivor, absorbed)]
    rows = [
        Row(
            name,
            gettext(FIELD_WORDS[name]),
            _text(survivor, name, first),
            _text(absorbed, name, second),
            _options(name, (survivor, absorbed), sides[name], changed) if name in differ else (),
        )
        for name in FIELDS
    ]
    return {
        "survivor": _face(session, survivor),
        "absorbed": _face(session, absorbed),
        "rows": [row for row in rows if row.options],
        "kept": [row for row in rows if not row.options and (row.own or row.other) and row.own != row.other],
        "same": [row.label for row in rows if row.own and row.own == row.other and not row.options],
        "consents": _consents(receipts_of(session, survivor.id or 0), receipts_of(session, absorbed.id or 0)),
        "is_grave": "allergy_note" in differ,
        "doubts": [gettext(FIELD_WORDS[name]) for name in ("birthday", "gender") if name in differ],
        "seen": f"{survivor.updated_at.isoformat()} {absorbed.updated_at.isoformat()}",
        "days": asking().policy.merge_undo_days,
        "is_checked": bool(typed.get("same")),
        "distinct": said_distinct(session, survivor.id or 0, absorbed.id or 0),
        "is_mistaken": bool(typed.get("mistaken")),
    }


def _record(customer: Customer, but: tuple[int | None, ...] = ()) -> dict[str, Any]:
    """A record's columns; that one of the two was brought by the other says nothing any more."""
    record = {column.key: getattr(customer, column.key) for column in Customer.__table__.columns}  # type: ignore[attr-defined]
    return record | ({"referred_by_id": None} if customer.referred_by_id in but else {})


def _options(
    name: str, pair: tuple[Customer, Customer], chosen: Side, changed: Sequence[Mapping[ContactKind, datetime]]
) -> tuple[Option, ...]:
    kind = ContactKind(name) if name in set(ContactKind) else None
    options = [
        Option(side, _text(one, name, _record(one)), side is chosen, at.get(kind) if kind else None)
        for side, one, at in zip((Side.SURVIVOR, Side.ABSORBED), pair, changed, strict=True)
    ]
    if name in JOINABLE:
        options.append(Option(Side.BOTH, "", chosen is Side.BOTH))
    return tuple(options)


def _text(customer: Customer, name: str, record: Mapping[str, Any]) -> str:
    """A field as people read it. A phone only masked, with what tells which of two is the right one; a WeChat id never."""
    if is_empty(record, name):
        return ""
    if name == "wechat":
        return gettext(_HIDDEN)
    if name == "phone":
        return _phone(customer)
    if name == "birthday":
        return formats.birthday(customer, name)
    if name in {"store_id", "referred_by_id"}:
        return str(getattr(customer, name.removesuffix("_id")))
    return str(shown(readable(customer, name, getattr(customer, name)), name))


def _phone(customer: Customer) -> str:
    if customer.phone_invalid_on:
        return gettext(_INVALID).format(phone=customer.phone_masked, day=customer.phone_invalid_on)
    if customer.verified_on:
        return gettext(_VERIFIED).format(phone=customer.phone_masked, day=customer.verified_on)
    return gettext(_UNVERIFIED).format(phone=customer.phone_masked)


def _face(session: Session, customer: Customer) -> Face:
    counts = counts_of(session, customer.id or 0)
    told = [gettext(text).format(n=counts[table]) for table, text in MOVES.items() if table in counts]
    balance = balance_of(session, customer.id or 0)
    return Face(
        customer.member_no,
        customer.name,
        customer.tier.name,
        customer.phone_masked,
        customer.created_at,
        customer.updated_at,
        (*told, *((gettext(_POINTS).format(n=f"{balance:,}"),) if balance else ())),
    )


def _consents(own: tuple[Receipt, ...], other: tuple[Receipt, ...]) -> dict[str, list[str]]:
    """What she still agrees to afterwards, and what ends."""
    joined = join_consents(own, other)
    return {name: [_consent(one) for one in getattr(joined, name)] for name in ("standing", "ended")}


def _consent(receipt: Receipt) -> str:
    channel = word_of(receipt.channel) if receipt.channel else gettext(_ANY_CHANNEL)
    return f"{word_of(receipt.purpose)} · {channel}"


def _choices(form: Mapping[str, Any]) -> dict[str, Side]:
    wished = {name: str(form.get(f"field-{name}", "")) for name in FIELDS}
    return {name: Side(side) for name, side in wished.items() if side in set(Side)}


def _seen(text: str) -> tuple[datetime, datetime] | None:
    """When the records had last been changed as the page showed them; None for what is no such thing."""
    try:
        own, other = (datetime.fromisoformat(one) for one in text.split())
    except ValueError:
        return None
    return own, other
