"""What a customer's data may be used for: the purpose register, and the one question sending and export ask.

Default no. A purpose that needs a yes needs one for the channel, or one for the purpose in all. Under 14 the guardian's
yes comes first. Source: PIPL 13, 14, 15, 28–31; 实施条例 23, 24.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from app.rules.birthdays import Birthday, celebrated_on
from app.rules.names import tidy_words
from app.rules.refusals import RuleBroken, words
from app.vocabulary import Calendar, Channel, CustomerStatus, Purpose

OWN_CONSENT_FROM_AGE = 14
"""Years. Below, a guardian consents. Source: PIPL 31."""
HOW_MAX = 60


class ConsentStands(RuleBroken):
    """She has said yes to just that, and it stands."""

    code = "consent_stands"
    message = words("这一项顾客已经同意过，不用再登记。")
    status = 409


class ConsentWithdrawn(RuleBroken):
    """A no that was said before."""

    code = "consent_withdrawn"
    message = words("这一项顾客已经撤回了。")
    status = 409


class NothingToWithdraw(RuleBroken):
    """She never said yes to it, or has said no already: either way the answer is no."""

    code = "nothing_to_withdraw"
    message = words("这一项她没有同意过，或者已经撤回，本来就不能用。")
    status = 409


class GuardianFirst(RuleBroken):
    """A child cannot agree to being advertised to."""

    code = "guardian_first"
    message = words("她还没满 14 岁，要先登记监护人的同意。")


class LawAsksForConsent(RuleBroken):
    """The owner may not do without a yes where the law wants one."""

    code = "law_asks_for_consent"
    message = words("这个用途法律要求顾客先同意，不能改成“不用同意”。")


class WordingMissing(RuleBroken):
    """A customer who cannot read what she agrees to has agreed to nothing."""

    code = "wording_missing"
    message = words("请写清楚，顾客要看得懂自己同意了什么。")


class WordingTooLong(RuleBroken):
    """Nobody reads a notice of pages."""

    code = "wording_too_long"
    message = words("太长了，最多 {limit} 个字。")


class NoticeVersionSame(RuleBroken):
    """Who agreed to the old words has not agreed to the new ones: the receipts must be told apart."""

    code = "notice_version_same"
    message = words("顾客看到的话变了，隐私说明要换一个新的版本号，如 2026-12。")


class NoticeVersionWrong(RuleBroken):
    """It stands on every receipt."""

    code = "notice_version_wrong"
    message = words("请写一个版本号，最多 20 个字，如 2026-12。")


@dataclass(frozen=True)
class Terms:
    """One purpose as the customer reads it: what for, which data, how long. `needs_consent`: nothing happens without a
    yes. `is_offered`: the sign-up page asks for it."""

    wording: str
    uses: str
    kept: str
    needs_consent: bool = True
    is_offered: bool = False


LIMITS = {"wording": 300, "uses": 300, "kept": 200}
"""Letters each text may have."""
SENSITIVE = frozenset({Purpose.HEALTH_RECORD, Purpose.PHOTOS, Purpose.PHOTOS_PUBLIC, Purpose.GUARDIAN})
"""Asked for one by one, never together with anything else. Source: PIPL 28, 29, 31."""
BY_CHANNEL = frozenset({Purpose.SERVICE_CARE, Purpose.MARKETING})
"""Purposes that reach her somewhere: the yes is for a way of reaching her."""
NEEDS_GUARDIAN = frozenset(Purpose) - {Purpose.GUARDIAN, Purpose.MEMBERSHIP}
"""What nobody under 14 can agree to alone. Membership itself is refused a child on the sign-up page without one."""
OWNERS_CHOICE = frozenset({Purpose.MEMBERSHIP, Purpose.SERVICE_CARE})
"""Purposes whose necessity the shop may judge itself. Source: PIPL 13 (2): what the membership she asked for needs."""

# fmt: off
DEFAULTS: Mapping[Purpose, Terms] = {
    Purpose.MEMBERSHIP: Terms(
        words("为您建立会员档案：认出您、计算等级和积分、核对消费。"),
        words("姓名、手机号；您愿意说的生日、性别；消费和到店记录"),
        words("会员期间；您要求删除时删除，法律要求留存的交易记录除外（一般五年）"),
        needs_consent=False,
    ),
    Purpose.SERVICE_CARE: Terms(
        words("护理前后提醒您、回访护理效果；积分或等级快到期时提前告诉您。"),
        words("姓名、联系方式、到店和护理记录、积分和等级"),
        words("到您撤回为止"),
        is_offered=True,
    ),
    Purpose.MARKETING: Terms(
        words("把优惠和活动告诉您。"),
        words("姓名、联系方式"),
        words("到您撤回为止"),
        is_offered=True,
    ),
    Purpose.PERSONALISATION: Terms(
        words("按您的消费和护理记录，推荐适合您的项目。"),
        words("消费和护理记录、标签"),
        words("到您撤回为止；撤回后只发不分对象的内容"),
        is_offered=True,
    ),
    Purpose.HEALTH_RECORD: Terms(
        words("记下您的皮肤状况、过敏史和健康提示，避免用错产品。"),
        words("肤质、过敏史、皮肤和护理记录（敏感信息）"),
        words("到您撤回为止，撤回后不再使用并删除"),
    ),
    Purpose.PHOTOS: Terms(
        words("保存您护理前后的照片，只用来对比效果。"),
        words("面部或身体局部照片（敏感信息）"),
        words("到您撤回为止，撤回后删除"),
    ),
    Purpose.PHOTOS_PUBLIC: Terms(
        words("公开展示您护理前后的照片，比如发在店里或朋友圈。"),
        words("您同意公开的那几张照片（敏感信息）"),
        words("到您撤回为止，撤回后不再展示"),
    ),
    Purpose.GUARDIAN: Terms(
        words("孩子未满 14 岁，由监护人同意本店按上面的用途使用孩子的信息。"),
        words("孩子的姓名、生日和监护人的联系方式（敏感信息）"),
        words("到孩子满 14 岁或监护人撤回为止"),
    ),
}
# fmt: on


@dataclass(frozen=True)
class Register:
    """Every purpose with its terms as they stand: the defaults with the owner's changes on top."""

    changes: Mapping[Purpose, Terms]

    def of(self, purpose: Purpose) -> Terms:
        """The terms of one purpose."""
        return self.changes.get(purpose, DEFAULTS[purpose])

    def is_changed(self, purpose: Purpose) -> bool:
        """Whether the shop uses words of its own."""
        return self.of(purpose) != DEFAULTS[purpose]

    @property
    def offered(self) -> tuple[Purpose, ...]:
        """What the sign-up page asks for; the guardian is asked only about a child."""
        return tuple(one for one in Purpose if self.of(one).is_offered and one is not Purpose.GUARDIAN)


DEFAULT_REGISTER = Register({})


def checked_terms(purpose: Purpose, terms: Terms) -> Terms:
    """What the owner typed, tidied. Raises WordingMissing, WordingTooLong, LawAsksForConsent."""
    tidy = Terms(
        tidy_words(terms.wording),
        tidy_words(terms.uses),
        tidy_words(terms.kept),
        terms.needs_consent,
        terms.is_offered and may_be_offered(purpose, terms),
    )
    for name, limit in LIMITS.items():
        if not getattr(tidy, name):
            raise WordingMissing(name)
        if len(getattr(tidy, name)) > limit:
            raise WordingTooLong(name, limit=limit)
    if not tidy.needs_consent and purpose not in OWNERS_CHOICE:
        raise LawAsksForConsent("needs_consent")
    return tidy


def may_be_offered(purpose: Purpose, terms: Terms) -> bool:
    """Whether the sign-up page could ask for it: not for what needs no yes, and the guardian only about a child."""
    return terms.needs_consent and purpose is not Purpose.GUARDIAN


def says_otherwise(before: Terms, after: Terms) -> bool:
    """Whether a customer reads something else than before: then the notice is another one. Whether the page offers it is
    the shop's own matter."""
    return any(getattr(before, name) != getattr(after, name) for name in (*LIMITS, "needs_consent"))


def checked_version(version: str, *, before: str, has_changed: bool) -> str:
    """The notice's version after a change. Raises NoticeVersionWrong, NoticeVersionSame."""
    tidy = tidy_words(version) or before
    if len(tidy) > 20:
        raise NoticeVersionWrong("notice_version")
    if has_changed and tidy == before:
        raise NoticeVersionSame("notice_version")
    return tidy


# ── Who said what ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Receipt:
    """A yes and what became of it. `channel` None: the purpose in all."""

    purpose: Purpose
    channel: Channel | None
    granted_at: datetime
    withdrawn_at: datetime | None = None

    @property
    def stands(self) -> bool:
        """Whether it holds now."""
        return self.withdrawn_at is None


@dataclass(frozen=True)
class Standing:
    """A customer as this question sees her."""

    receipts: tuple[Receipt, ...] = ()
    is_child: bool = False
    status: CustomerStatus = CustomerStatus.ACTIVE

    def agreed(self, purpose: Purpose, channel: Channel | None = None) -> bool:
        """Whether a yes stands for this channel, or for the purpose in all."""
        return any(one.stands and one.purpose is purpose and one.channel in {channel, None} for one in self.receipts)

    def withdrew(self, purpose: Purpose, channel: Channel | None = None) -> bool:
        """Whether she once said yes to it."""
        return any(
            not one.stands and one.purpose is purpose and one.channel in {channel, None} for one in self.receipts
        )


class Reason(StrEnum):
    """Why something may be used, or not."""

    AGREED = "agreed"
    NECESSARY = "necessary"
    NEVER_ASKED = "never_asked"
    WITHDRAWN = "withdrawn"
    GUARDIAN_MISSING = "guardian_missing"
    RESTRICTED = "restricted"


REASONS: Mapping[Reason, str] = {
    Reason.AGREED: words("她同意了"),
    Reason.NECESSARY: words("会员服务必需，不用另外同意"),
    Reason.NEVER_ASKED: words("没有问过她，默认不用"),
    Reason.WITHDRAWN: words("她撤回了"),
    Reason.GUARDIAN_MISSING: words("未满 14 岁，还没有监护人的同意"),
    Reason.RESTRICTED: words("档案只保存、不使用"),
}


@dataclass(frozen=True)
class Verdict:
    """Whether her data may be used so, and why."""

    may: bool
    reason: Reason


def may_use(purpose: Purpose, channel: Channel | None, standing: Standing, register: Register) -> Verdict:
    """Whether her data may be used for this purpose over this channel (None: over none). What nobody agreed to is no."""
    if standing.status is not CustomerStatus.ACTIVE:
        return Verdict(False, Reason.RESTRICTED)
    if standing.is_child and purpose in NEEDS_GUARDIAN and not standing.agreed(Purpose.GUARDIAN):
        return Verdict(False, Reason.GUARDIAN_MISSING)
    if standing.agreed(purpose, channel):
        return Verdict(True, Reason.AGREED)
    if not register.of(purpose).needs_consent and not standing.withdrew(purpose, channel):
        return Verdict(True, Reason.NECESSARY)
    return Verdict(False, Reason.WITHDRAWN if standing.withdrew(purpose, channel) else Reason.NEVER_ASKED)


def check_grant(purpose: Purpose, standing: Standing) -> None:
    """Refuse a child's yes to what only her guardian may allow. Raises GuardianFirst."""
    if standing.is_child and purpose in NEEDS_GUARDIAN and not standing.agreed(Purpose.GUARDIAN):
        raise GuardianFirst("purpose")


def is_child(birthday: str, calendar: Calendar, today: date) -> bool:
    """Whether somebody with this birthday, as the record keeps it, is under 14. Without the year nobody knows: no.

    Years are counted in the solar calendar, from the day after the birthday. Source: 民法典 200; 未成年人保护法.
    """
    year, *rest = birthday.split("-") if len(birthday) == _WITH_YEAR else ("",)
    if not rest or int(year) < today.year - OWN_CONSENT_FROM_AGE - 2:
        return False
    born_on = celebrated_on(Birthday(int(rest[0]), int(rest[1]), int(year), calendar), int(year))
    of_age = celebrated_on(Birthday(born_on.month, born_on.day), born_on.year + OWN_CONSENT_FROM_AGE)
    return today <= of_age


_WITH_YEAR = len("1990-01-02")


def ways(purpose: Purpose) -> tuple[Channel | None, ...]:
    """The channels a yes to this purpose can be for; one None for a purpose that reaches nobody."""
    return tuple(Channel) if purpose in BY_CHANNEL else (None,)


def ended_by(purpose: Purpose, channel: Channel | None, standing: Standing) -> tuple[Receipt, ...]:
    """Which standing receipts a no ends. A no to the purpose in all ends every channel's; a no to one channel ends that
    one, and the yes in all as well: what remains of it is `left_after`."""
    return tuple(
        one
        for one in standing.receipts
        if one.stands and one.purpose is purpose and (channel is None or one.channel in {channel, None})
    )


def left_after(purpose: Purpose, channel: Channel | None, standing: Standing) -> tuple[Channel, ...]:
    """The channels a yes in all still covers after a no to one of them, and that have no receipt of their own."""
    own = {one.channel for one in standing.receipts if one.stands and one.purpose is purpose}
    if channel is None or None not in own or purpose not in BY_CHANNEL:
        return ()
    return tuple(one for one in Channel if one is not channel and one not in own)
