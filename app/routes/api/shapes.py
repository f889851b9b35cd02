"""What programs send and get, exactly: a field that is not here is refused by its name."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt

from app.queries.members import Member
from app.rules.customers import CustomerDetails
from app.rules.names import tidy_words
from app.rules.points import LARGEST_POINTS
from app.rules.purchases import Sale, SaleLine
from app.vocabulary import Channel, Gender, PointsKind, Purpose, SaleChannel, Source

_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
_MOST_FEN = 100_000_000_000
_MOST_PIECES = 100_000


def _as_text(value: Any) -> Any:
    """A moment is written out: a bare number could be seconds or milliseconds of any clock."""
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _not_too_old(at: datetime) -> datetime:
    if at < _OLDEST:
        raise ValueError("too old")
    return at


Instant = Annotated[AwareDatetime, BeforeValidator(_as_text), AfterValidator(_not_too_old)]
Fen = Annotated[StrictInt, Field(ge=-_MOST_FEN, le=_MOST_FEN)]
_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
_SAYS_SOMETHING = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"


def _text(longest: int, *, required: bool = False, **said: Any) -> Any:
    """One line of text."""
    shape = _SAYS_SOMETHING if required else _NO_CONTROLS
    return Field(max_length=longest, min_length=1 if required else None, pattern=shape, **said)


Phone = Annotated[
    str,
    _text(
        40, required=True, description="A number of mainland China, Hong Kong, Macau or Taiwan, however it is written."
    ),
]
MemberNo = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,20}$")]


class Sent(BaseModel):
    """What a program sends."""

    model_config = ConfigDict(extra="forbid")


class ConsentGiven(Sent):
    """One yes of the customer's own. `channel` left out: the purpose in all."""

    purpose: Purpose
    channel: Channel | None = None


class NewCustomer(Sent):
    """A customer as a till knows her. If the phone is known, nothing of this changes the record that is there."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "王小梅",  # data
                    "phone": "138 0013 8000",
                    "gender": "female",
                    "birthday": "1990-03-08",
                    "source": "store",
                    "consents": [{"purpose": "marketing", "channel": "sms"}],
                }
            ]
        }
    )

    name: Annotated[str, _text(80, required=True)]
    phone: Phone
    gender: Gender | None = None
    birthday: Annotated[str, Field(pattern=r"^(\d{4}-)?\d{2}-\d{2}$")] | None = Field(
        None, description="An ISO day, or month and day (03-08) where the year is not known."
    )
    source: Source | None = None
    consents: Annotated[list[ConsentGiven], Field(max_length=50)] = []

    def details(self) -> CustomerDetails:
        """As the member file takes it."""
        return CustomerDetails(
            name=self.name, phone=self.phone, gender=self.gender, birthday=self.birthday, source=self.source
        )


class PhoneAsked(Sent):
    """Whose number is it?"""

    model_config = ConfigDict(json_schema_extra={"examples": [{"phone": "13800138000"}]})

    phone: Phone


class LineSold(Sent):
    """One thing on a slip. `amount_fen` is what was paid for all pieces of it, no more than they cost; less is a discount,
    which may also be a line below zero."""

    sku: Annotated[str, _text(40)] | None = None
    item: Annotated[str, _text(120, required=True)]
    category: Annotated[str, _text(40)] | None = Field(
        None,
        description="The kind of care where `sku` is not on the shop's menu: skin, hair, nails, makeup, body, other, or the "
        "shop's word for one of them (护肤). Any other word is kept, and no rule for one kind counts it.",  # data
    )
    quantity: Annotated[StrictInt, Field(ge=-_MOST_PIECES, le=_MOST_PIECES)]
    unit_price_fen: Fen
    amount_fen: Fen
    staff: Annotated[str, _text(40)] | None = Field(None, description="Name or login of who served.")

    def line(self) -> SaleLine:
        """As the rules take it."""
        return SaleLine(
            item=tidy_words(self.item),
            amount_fen=self.amount_fen,
            quantity=self.quantity,
            unit_price_fen=self.unit_price_fen,
            sku=tidy_words(self.sku or ""),
            category=tidy_words(self.category or ""),
            staff=tidy_words(self.staff or ""),
        )


class SaleMade(Sent):
    """A slip. Neither `member_no` nor `phone`: somebody walked in. Somebody the shop does not know: the sale waits for
    her and becomes hers when her number or phone is entered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "order_no": "A20261124-0007",
                    "occurred_at": "2026-11-24T18:30:00+08:00",
                    "phone": "13800138000",
                    "lines": [
                        {
                            "sku": "F-60",
                            "item": "补水护理 60 分钟",  # data
                            "quantity": 1,
                            "unit_price_fen": 39800,
                            "amount_fen": 36800,
                        }
                    ],
                }
            ]
        }
    )

    order_no: Annotated[str, _text(60, required=True)]
    occurred_at: Instant = Field(description="RFC 3339 with offset, from 2000 on.")
    member_no: MemberNo | None = None
    phone: Annotated[str, _text(40)] | None = Field(
        None, description="Beside `member_no` it counts only where that is unknown."
    )
    store: Annotated[str, _text(80)] | None = Field(
        None, description="Code or name; left out, the key's or the only store."
    )
    channel: SaleChannel = SaleChannel.STORE
    lines: Annotated[list[LineSold], Field(min_length=1, max_length=500)]
    points_used: Annotated[StrictInt, Field(ge=0, le=LARGEST_POINTS)] = Field(
        0, description="Paid with points, at the shop's rate; `paid_fen` of the answer is the money."
    )
    coupon: Literal[""] | None = Field(None, description="Coupons are not there yet.")

    def sale(self) -> Sale:
        """As the rules take it."""
        return Sale(
            order_no=tidy_words(self.order_no),
            occurred_at=self.occurred_at,
            lines=tuple(line.line() for line in self.lines),
            member_no=self.member_no or "",
            phone=self.phone or "",
            store=tidy_words(self.store or ""),
            channel=self.channel,
            points_used=self.points_used,
        )


class RefundMade(Sent):
    """Money goes back. Several refunds of one sale may follow each other; 0 only for what was paid with points alone. The
    lines, where there are any, come to the amount; where points paid for a part, they may come to that much more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refund_no": "R20261125-0001", "amount_fen": 36800}]})

    refund_no: Annotated[str, _text(60, required=True)]
    amount_fen: Annotated[StrictInt, Field(ge=0, le=_MOST_FEN)]
    lines: Annotated[list[LineSold], Field(max_length=500)] | None = None


class PointsHandedIn(Sent):
    """Points for a reward, by its name in the catalogue, or for what the counter agreed on. `reference` names it: the same
    again is the same redemption."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"points": 300, "reward": "补水面膜一片", "reference": "D20261124-0003"}]  # data
        }
    )

    points: Annotated[StrictInt, Field(ge=1, le=LARGEST_POINTS)]
    reward: Annotated[str, _text(60)] | None = None
    reference: Annotated[str, _text(100, required=True)]


class ConsentStanding(BaseModel):
    """What a customer agrees to now."""

    purpose: Purpose
    channel: Channel | None


class CustomerShown(BaseModel):
    """A customer. `phone` is always masked."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "member_no": "00000018",
                    "name": "王小梅",  # data
                    "gender": "female",
                    "phone": "138****8000",
                    "tier": "银卡",  # data
                    "tier_until_on": None,
                    "points": 0,
                    "store": "main",
                    "consents": [{"purpose": "marketing", "channel": "sms"}],
                    "created_at": "2026-11-24T18:30:00+08:00",
                }
            ]
        }
    )

    member_no: str
    name: str
    gender: Gender
    phone: str
    tier: str
    tier_until_on: date | None
    points: int
    store: str | None
    consents: list[ConsentStanding]
    created_at: datetime

    @classmethod
    def of(cls, one: Member, zone: Any) -> "CustomerShown":
        """As the member file has her; moments in the shop's zone."""
        return cls(
            member_no=one.member_no,
            name=one.name,
            gender=one.gender,
            phone=one.phone_masked,
            tier=one.tier,
            tier_until_on=one.tier_until_on,
            points=one.points,
            store=one.store,
            consents=[ConsentStanding(purpose=purpose, channel=channel) for purpose, channel in one.consents],
            created_at=one.created_at.astimezone(zone),
        )


class SaleShown(BaseModel):
    """What became of a sale. `points_earned` may wait for some days before they count; `points_ended` of them are over
    already, as where a sale is told long after it happened. `balance` and `tier` are the customer's as they were after it;
    `is_waiting`: nobody of that number or phone is known yet, or several share that phone."""

    order_no: str
    paid_fen: int
    points_earned: int
    points_ended: int
    balance: int
    tier: str | None
    is_waiting: bool


class RefundShown(BaseModel):
    """What a refund did to her points, and what she has after it; below zero is a debt that her next points repay."""

    points_taken_back: int
    points_given_back: int
    balance: int


class LotShown(BaseModel):
    """Points that end together, after `expires_on`; null: never."""

    remaining: int
    expires_on: date | None


class EntryShown(BaseModel):
    """One movement; points that go out are negative."""

    at: datetime
    kind: PointsKind
    points: int
    reason: str
    order_no: str | None


class RedemptionShown(BaseModel):
    """The entry that was written, and what she had after it."""

    entry: EntryShown
    balance: int


class PointsShown(BaseModel):
    """All of a customer's points. `pending` come later and are not in the balance. The entries are the whole history, newest
    first; their sum is the balance."""

    balance: int
    pending: int
    lots: list[LotShown]
    entries: list[EntryShown]


class Fault(BaseModel):
    """One wrong place. `code` never changes; `detail` is in the caller's language."""

    field: str
    code: str
    detail: str


class Problem(BaseModel):
    """What went wrong. Source: RFC 9457."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[Fault] = []
