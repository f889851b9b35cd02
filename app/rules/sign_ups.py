"""What somebody types on the sign-up page: read and judged before any record is looked at.

Only a name and a phone are asked for; everything else may stay empty. Source: S2 「避免引起反感」; PIPL 6, 14, 31.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from app.rules.consents import BY_CHANNEL, HOW_MAX, SENSITIVE, Register, Terms, is_child
from app.rules.customers import CustomerDetails, read_details
from app.rules.names import NAME_MAX, tidy_name
from app.rules.phones import Phone, parse_phone
from app.rules.refusals import RuleBroken, words
from app.vocabulary import Calendar, Channel, Gender, Purpose, Source

CHANNELS = (Channel.SMS, Channel.WECHAT, Channel.PHONE)
"""Ways to reach her that the page asks a yes for: those her phone number opens."""
OFFLINE = (Source.STORE, Source.REFERRAL, Source.EVENT, Source.OTHER)
ONLINE = (Source.SOCIAL, Source.WEBSITE, Source.SURVEY)
HURRY = timedelta(seconds=1)
"""Nobody fills in a form faster; a browser that fills it in by itself, and one tap, may."""


class PhoneMissing(RuleBroken):
    """The one contact a member is known by."""

    code = "phone_missing"
    message = words("请填写手机号，到店报它就能认出您。")


class GuardianMissing(RuleBroken):
    """A child signs up with her guardian or not at all."""

    code = "guardian_missing"
    message = words("未满 14 岁要由监护人同意：请监护人填写姓名，并勾选下面这一项。")


class SignUpSettled(RuleBroken):
    """A colleague was quicker."""

    code = "sign_up_settled"
    message = words("这一条已经核对过了。")
    status = 409


@dataclass(frozen=True, kw_only=True)
class SignUpForm:
    """What was typed. `consents` are values of the boxes ticked; `store` and `ref` came with the code she scanned."""

    name: str = ""
    phone: str = ""
    birthday: str = ""
    gender: str = ""
    source: str = ""
    consents: Sequence[str] = ()
    guardian_name: str = ""
    is_guardian: bool = False
    store: str = ""
    ref: str = ""


@dataclass(frozen=True)
class Offer:
    """One purpose as the page asks for it: a box for each way, `value` being what the box sends."""

    purpose: Purpose
    terms: Terms
    boxes: tuple[tuple[str, Channel | None], ...]

    @property
    def is_sensitive(self) -> bool:
        """Whether it must stand apart from everything else. Source: PIPL 28, 29."""
        return self.purpose in SENSITIVE


@dataclass(frozen=True)
class SignUpRead:
    """A form as it can be kept. `faults` by field: with any of them nothing is kept. `guardian`: who agreed for a
    child."""

    details: CustomerDetails
    phone: Phone | None
    wishes: tuple[tuple[Purpose, Channel | None], ...]
    asks_guardian: bool
    guardian: str = ""
    store: str = ""
    ref: str = ""
    faults: Mapping[str, RuleBroken] = field(default_factory=dict)


def offers(register: Register) -> tuple[Offer, ...]:
    """The boxes of the sign-up page, all of them empty when it opens."""
    return tuple(
        Offer(
            purpose,
            register.of(purpose),
            tuple((f"{purpose}.{one}", one) for one in CHANNELS) if purpose in BY_CHANNEL else ((str(purpose), None),),
        )
        for purpose in register.offered
    )


def read_sign_up(form: SignUpForm, *, register: Register, today: date) -> SignUpRead:
    """Judge what was typed. What no box of the page sends is not agreed to."""
    details = CustomerDetails(
        name=form.name,
        phone=form.phone,
        birthday=form.birthday,
        gender=Gender(form.gender) if form.gender in set(Gender) else None,
        source=_source(form),
    )
    read = read_details(details, today=today)
    faults: dict[str, RuleBroken] = {fault.field or "": fault for fault in read.faults}
    if not form.phone.strip():
        faults["phone"] = PhoneMissing("phone")
    child = is_child(read.columns.get("birthday", ""), read.columns.get("birthday_calendar", Calendar.SOLAR), today)
    guardian = tidy_name(form.guardian_name)[:NAME_MAX]
    if child and not (guardian and form.is_guardian):
        faults["guardian_name"] = GuardianMissing("guardian_name")
    boxes = {value: (offer.purpose, channel) for offer in offers(register) for value, channel in offer.boxes}
    return SignUpRead(
        details=details,
        phone=parse_phone(form.phone) if "phone" not in faults else None,
        wishes=(
            *(((Purpose.GUARDIAN, None),) if child else ()),
            *(boxes[value] for value in dict.fromkeys(form.consents) if value in boxes),
        ),
        asks_guardian=child,
        guardian=guardian if child else "",
        store=form.store.strip()[:20],
        ref=form.ref.strip()[:64],
        faults=faults,
    )


def said_by_guardian(name: str, how: str) -> str:
    """How a guardian's yes stands on its receipt: 监护人孩子妈，扫码登记时同意. A name too long for it is cut, the way she
    said it never is."""
    around = "监护人{name}，{how}"  # data: stands on the receipt
    room = HOW_MAX - len(around.format(name="", how=how))
    return around.format(name=tidy_name(name)[:room].rstrip(), how=how)


def _source(form: SignUpForm) -> Source:
    if form.source in {*OFFLINE, *ONLINE}:
        return Source(form.source)
    if form.ref.strip():
        return Source.REFERRAL
    return Source.STORE if form.store.strip() else Source.WEBSITE
