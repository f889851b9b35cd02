"""Every table of the shop: columns, constraints, indexes, relations to one. No methods but a name to show.

Five sections: People · Loyalty · Voice · Outreach · Shop. Lists of children are queries, never relations, so that no
page loads them by accident. A relation's target may be deleted only where the foreign key says so.
"""

from datetime import UTC, date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Text, UniqueConstraint, false, text
from sqlmodel import Field, Relationship

from app.columns import SHOP, Row, Secret, encrypted, ordered_text, personal, word
from app.vocabulary import (
    AdjustReason,
    AuditAction,
    BenefitKind,
    Calendar,
    CategoryOfNeed,
    Channel,
    ComplaintEventKind,
    ComplaintStatus,
    ContactEventKind,
    ContactKind,
    CustomerStatus,
    EarningKind,
    ExpiryKind,
    FeedbackChannel,
    FeedbackKind,
    Gender,
    ImportKind,
    ImportMode,
    ImportStage,
    ImprovementState,
    JobStage,
    JobState,
    LogicDeed,
    LogicMatch,
    MemberField,
    MessageState,
    PairState,
    PhotoKind,
    PointsKind,
    Purpose,
    QuestionKind,
    RequestState,
    ResponseState,
    ResponseWay,
    RewardKind,
    Role,
    RoundUp,
    RuleSubject,
    SaleChannel,
    SignUpState,
    SkinType,
    SocialPlatform,
    Source,
    SurveyMode,
    SurveyOccasion,
    SurveyStatus,
    TagOrigin,
    TierWhy,
    TierWindow,
    TokenPurpose,
    VersionState,
    VisitOutcome,
    WaveAudience,
    WaveState,
)


def _now() -> datetime:
    return datetime.now(UTC)


# ── People ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Store(Row, table=True):
    """A shop of the house; the first one is made at set-up."""

    __tablename__ = "stores"

    code: str = Field(max_length=20, unique=True, sa_column_kwargs=SHOP)
    name: str = Field(max_length=80, sa_column_kwargs=SHOP)
    phone: str = Field(default="", max_length=40, sa_column_kwargs=SHOP)
    address: str = Field(default="", max_length=200, sa_column_kwargs=SHOP)
    is_active: bool = True

    def __str__(self) -> str:
        return self.name


class Staff(Row, table=True):
    """A person who works here and signs in. Disabled, never deleted: their name stays on what they did."""

    __tablename__ = "staff"

    name: str = Field(max_length=40, sa_column_kwargs=SHOP)
    login: str = Field(max_length=40, unique=True, sa_column_kwargs=SHOP)
    password_hash: str = Field(max_length=200, sa_column_kwargs=personal("secret"))
    role: Role = Field(sa_type=word(Role))
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    locale: str = Field(default="", max_length=5, sa_column_kwargs=SHOP)
    is_active: bool = True
    failed_logins: int = 0
    created_at: datetime = Field(default_factory=_now)

    store: Store | None = Relationship()

    def __str__(self) -> str:
        return self.name


class StaffSession(Row, table=True):
    """A sign-in on one device. The cookie holds the random id, this row only its fingerprint; ended means ended."""

    __tablename__ = "staff_sessions"

    sid_sha256: bytes = Field(unique=True, sa_column_kwargs=personal("secret"))
    staff_id: int = Field(foreign_key="staff.id", ondelete="CASCADE", index=True)
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    ip: str = Field(default="", max_length=45, sa_column_kwargs=personal("trace"))
    user_agent: str = Field(default="", max_length=200, sa_column_kwargs=personal("trace"))

    staff: Staff = Relationship()


class CustomerTag(Row, table=True):
    """A tag on a customer, and who put it there."""

    __tablename__ = "customer_tags"
    __table_args__ = (UniqueConstraint("customer_id", "tag_id"),)

    customer_id: int = Field(foreign_key="customers.id", ondelete="CASCADE", index=True)
    tag_id: int = Field(foreign_key="tags.id", ondelete="CASCADE", index=True)
    origin: TagOrigin = Field(
        default=TagOrigin.MANUAL, sa_type=word(TagOrigin), sa_column_kwargs={"server_default": "manual"}
    )
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    tagged_at: datetime | None = None


class Tag(Row, table=True):
    """A word the shop sorts its customers by. With a `rule` (rules/conditions.py, as JSON) the machine puts it on whoever
    fits and takes it off whoever no longer does; without one, people do."""

    __tablename__ = "tags"

    name: str = Field(max_length=30, unique=True, sa_column_kwargs=SHOP)
    category: CategoryOfNeed = Field(default=CategoryOfNeed.OTHER, sa_type=word(CategoryOfNeed))
    note: str = Field(default="", max_length=200, sa_column_kwargs=SHOP)
    rule: str = Field(default="", sa_column=Column(Text, nullable=False, server_default="", info={"personal": ""}))
    computed_at: datetime | None = None
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    staff: Staff | None = Relationship()

    def __str__(self) -> str:
        return self.name


class Tier(Row, table=True):
    """A step of membership. Reached by amount or visits in a window; names, number and thresholds are the owner's."""

    __tablename__ = "tiers"
    __table_args__ = (
        CheckConstraint("threshold_fen >= 0", name="threshold_not_negative"),
        CheckConstraint("threshold_visits >= 0", name="visits_not_negative"),
        CheckConstraint("points_percent >= 0", name="points_not_negative"),
        CheckConstraint("discount_percent BETWEEN 0 AND 100", name="discount_in_range"),
    )

    name: str = Field(max_length=20, unique=True, sa_column_kwargs=SHOP)
    rank: int = Field(unique=True)
    threshold_fen: int = Field(default=0, sa_type=BigInteger)
    threshold_visits: int = 0
    points_percent: int = 100
    discount_percent: int = 0
    needs_both: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    window: TierWindow = Field(
        default=TierWindow.ROLLING, sa_type=word(TierWindow), sa_column_kwargs={"server_default": TierWindow.ROLLING}
    )
    valid_months: int = 12
    colour: str = Field(default="rouge", max_length=20, sa_column_kwargs=SHOP)
    benefits: str = Field(default="", max_length=500, sa_column_kwargs=SHOP)
    is_active: bool = True
    since_at: datetime | None = None

    def __str__(self) -> str:
        return self.name


class Customer(Row, table=True):
    """The one true record of a customer. Phone, WeChat id and health notes lie encrypted; beside the phone stand its
    blind index (to find it whole), its last four digits and the masked form (to show)."""

    __tablename__ = "customers"
    __table_args__ = (
        CheckConstraint("birth_month IS NULL OR birth_month BETWEEN 1 AND 12", name="birth_month_in_range"),
        CheckConstraint("birth_day IS NULL OR birth_day BETWEEN 1 AND 31", name="birth_day_in_range"),
        # A family may share a number with a reason; otherwise a phone belongs to one record.
        Index(
            "uq_customers_phone_index",
            "phone_index",
            unique=True,
            sqlite_where=text("phone_shared_reason = ''"),
            postgresql_where=text("phone_shared_reason = ''"),
        ),
        Index("ix_customers_phone_index", "phone_index"),
        Index("ix_customers_name_id", "name", "id"),
        Index("ix_customers_name_pinyin_id", "name_pinyin", "id"),
        Index("ix_customers_name_initials_id", "name_initials", "id"),
        Index("ix_customers_given_name_id", "given_name", "id"),
        # With initials and year, and the surname's sound behind the four digits: duplicates are looked for among few.
        Index(
            "ix_customers_birth_month_birth_day",
            "birth_month",
            "birth_day",
            "birthday_calendar",
            "status",
            "name_initials",
            "birthday",
        ),
        Index("ix_customers_phone_last4", "phone_last4", "name_pinyin"),
        Index(
            "ix_customers_email",
            "email",
            sqlite_where=text("email <> ''"),
            postgresql_where=text("email <> ''"),
        ),
        Index("ix_customers_created_at_id", "created_at", "id"),
        Index("ix_customers_verified_on_created_at", "verified_on", "created_at"),
        Index("ix_customers_tier_until_on", "tier_until_on"),
        Index("ix_customers_tier_held_until_on", "tier_held_until_on"),
    )

    member_no: str = Field(sa_type=ordered_text(20), unique=True, sa_column_kwargs=personal("contact"))
    name: str = Field(sa_type=ordered_text(80), sa_column_kwargs=personal("name"))
    name_pinyin: str = Field(default="", sa_type=ordered_text(200), sa_column_kwargs=personal("name"))
    name_initials: str = Field(default="", sa_type=ordered_text(40), sa_column_kwargs=personal("name"))
    given_name: str = Field(
        default="", sa_type=ordered_text(80), sa_column_kwargs=personal("name") | {"server_default": ""}
    )
    gender: Gender = Field(default=Gender.UNKNOWN, sa_type=word(Gender), sa_column_kwargs=personal("trait"))

    phone: Secret | None = Field(
        default=None, sa_type=encrypted("customers.phone"), sa_column_kwargs=personal("contact")
    )
    phone_index: bytes | None = Field(default=None, sa_column_kwargs=personal("contact"))
    phone_last4: str = Field(default="", max_length=4, sa_column_kwargs=personal("contact"))
    phone_masked: str = Field(default="", max_length=24, sa_column_kwargs=personal("contact"))
    phone_shared_reason: str = Field(
        default="", max_length=100, sa_column_kwargs=personal("words") | {"server_default": ""}
    )
    wechat: Secret | None = Field(
        default=None, sa_type=encrypted("customers.wechat"), sa_column_kwargs=personal("contact")
    )
    wechat_index: bytes | None = Field(default=None, index=True, sa_column_kwargs=personal("contact"))
    email: str = Field(default="", max_length=120, sa_column_kwargs=personal("contact"))
    address: str = Field(default="", max_length=200, sa_column_kwargs=personal("contact"))
    preferred_channel: Channel | None = Field(default=None, sa_type=word(Channel), sa_column_kwargs=personal("trait"))

    birthday: str = Field(default="", max_length=10, sa_column_kwargs=personal("birth"))
    birthday_calendar: Calendar = Field(
        default=Calendar.SOLAR, sa_type=word(Calendar), sa_column_kwargs=personal("birth")
    )
    birth_month: int | None = Field(default=None, sa_column_kwargs=personal("birth"))
    birth_day: int | None = Field(default=None, sa_column_kwargs=personal("birth"))

    occupation: str = Field(default="", max_length=60, sa_column_kwargs=personal("words"))
    income_band: str = Field(default="", max_length=30, sa_column_kwargs=personal("words"))
    source: Source = Field(default=Source.STORE, sa_type=word(Source), sa_column_kwargs=SHOP, index=True)
    note: str = Field(default="", max_length=2000, sa_column_kwargs=personal("words"))

    skin_type: SkinType | None = Field(default=None, sa_type=word(SkinType), sa_column_kwargs=personal("health"))
    allergy_note: Secret | None = Field(
        default=None, sa_type=encrypted("customers.allergy_note"), sa_column_kwargs=personal("health")
    )
    health_note: Secret | None = Field(
        default=None, sa_type=encrypted("customers.health_note"), sa_column_kwargs=personal("health")
    )

    tier_id: int = Field(foreign_key="tiers.id", ondelete="RESTRICT", index=True)
    tier_until_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    # Through this day a person's word outranks the rule.
    tier_held_until_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    is_vip: bool = Field(default=False, sa_column_kwargs=SHOP | {"server_default": false()})
    card_until_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    status: CustomerStatus = Field(default=CustomerStatus.ACTIVE, sa_type=word(CustomerStatus), sa_column_kwargs=SHOP)
    verified_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    # What she would rather not say, and since when: {field: day} as JSON (rules/completeness.py).
    declined_fields: str = Field(
        default="", max_length=500, sa_column_kwargs=personal("trait") | {"server_default": ""}
    )
    # Since when a way to her is known to lead nowhere: nobody calls or writes there.
    phone_invalid_on: date | None = Field(default=None, sa_column_kwargs=personal("contact"))
    email_invalid_on: date | None = Field(default=None, sa_column_kwargs=personal("contact"))
    referred_by_id: int | None = Field(default=None, foreign_key="customers.id", ondelete="SET NULL", index=True)
    created_at: datetime = Field(default_factory=_now)
    updated_at: datetime = Field(default_factory=_now, sa_column_kwargs={"onupdate": _now})

    tier: Tier = Relationship()
    store: Store | None = Relationship()
    referred_by: "Customer" = Relationship(sa_relationship_kwargs={"remote_side": "Customer.id"})
    tags: list[Tag] = Relationship(link_model=CustomerTag)

    def __str__(self) -> str:
        return f"{self.name} {self.member_no}"


class SkinRecord(Row, table=True):
    """What a beautician saw on a day. The newest is shown, the old ones stay."""

    __tablename__ = "skin_records"
    __table_args__ = (Index("ix_skin_records_seen_on_id", "seen_on", "id"),)

    customer_id: int = Field(foreign_key="customers.id", ondelete="CASCADE", index=True)
    seen_on: date = Field(sa_column_kwargs=personal("health"))
    skin_type: SkinType = Field(sa_type=word(SkinType), sa_column_kwargs=personal("health"))
    concerns: Secret | None = Field(
        default=None, sa_type=encrypted("skin_records.concerns"), sa_column_kwargs=personal("health")
    )
    is_sensitive: bool = Field(default=False, sa_column_kwargs=personal("health"))
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    created_at: datetime = Field(default_factory=_now)

    customer: Customer = Relationship()
    staff: Staff | None = Relationship()


class Consent(Row, table=True):
    """A receipt: for this purpose and channel she said yes, under this notice, then; and no again, then."""

    __tablename__ = "consents"
    __table_args__ = (
        Index("ix_consents_granted_at_id", "granted_at", "id"),
        # One standing yes per purpose and channel; a purpose without channel has one in all.
        Index(
            "uq_consents_standing_by_channel",
            "customer_id",
            "purpose",
            "channel",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL AND channel IS NOT NULL"),
            postgresql_where=text("withdrawn_at IS NULL AND channel IS NOT NULL"),
        ),
        Index(
            "uq_consents_standing",
            "customer_id",
            "purpose",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL AND channel IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL AND channel IS NULL"),
        ),
    )

    customer_id: int = Field(foreign_key="customers.id", ondelete="CASCADE", index=True)
    purpose: Purpose = Field(sa_type=word(Purpose), sa_column_kwargs=SHOP)
    channel: Channel | None = Field(default=None, sa_type=word(Channel), sa_column_kwargs=SHOP)
    notice_version: str = Field(max_length=20, sa_column_kwargs=SHOP)
    granted_at: datetime
    withdrawn_at: datetime | None = None
    given_by: str = Field(default="", max_length=60, sa_column_kwargs=personal("words"))
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    withdrawn_how: str = Field(default="", max_length=60, sa_column_kwargs=SHOP | {"server_default": ""})
    withdrawn_staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    customer: Customer = Relationship()
    staff: Staff | None = Relationship(sa_relationship_kwargs={"foreign_keys": "Consent.staff_id"})
    withdrawn_staff: Staff | None = Relationship(sa_relationship_kwargs={"foreign_keys": "Consent.withdrawn_staff_id"})


class PurposeRule(Row, table=True):
    """The purpose register: what each consent is for, in the words the customer reads, and whether sending and export
    must have one. Source: PIPL 6, 13, 17."""

    __tablename__ = "purpose_rules"

    purpose: Purpose = Field(sa_type=word(Purpose), unique=True, sa_column_kwargs=SHOP)
    wording: str = Field(default="", max_length=300, sa_column_kwargs=SHOP)
    uses: str = Field(default="", max_length=300, sa_column_kwargs=SHOP)
    kept: str = Field(default="", max_length=200, sa_column_kwargs=SHOP)
    needs_consent: bool = True
    is_offered: bool = True
    updated_at: datetime = Field(default_factory=_now, sa_column_kwargs={"onupdate": _now})

    def __str__(self) -> str:
        return self.purpose.value


class SignUp(Row, table=True):
    """What somebody typed on the sign-up page. A phone that is known changes no record: a person looks at it first.
    `submission_id` is the visitor's own: a double tap signs up once."""

    __tablename__ = "sign_ups"
    __table_args__ = (Index("ix_sign_ups_state_signed_up_at", "state", "signed_up_at"),)

    submission_id: str = Field(max_length=64, unique=True, sa_column_kwargs=personal("secret"))
    customer_id: int | None = Field(default=None, foreign_key="customers.id", ondelete="SET NULL", index=True)
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    name: str = Field(default="", max_length=80, sa_column_kwargs=personal("name"))
    phone_masked: str = Field(default="", max_length=24, sa_column_kwargs=personal("contact"))
    told: Secret | None = Field(default=None, sa_type=encrypted("sign_ups.told"), sa_column_kwargs=personal("contact"))
    state: SignUpState = Field(sa_type=word(SignUpState), sa_column_kwargs=SHOP)
    signed_up_at: datetime = Field(index=True)
    settled_at: datetime | None = None
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    customer: Customer | None = Relationship()
    store: Store | None = Relationship()
    staff: Staff | None = Relationship()


class ContactEvent(Row, table=True):
    """A way to a customer changed, failed or works again. What it was before lies encrypted; append-only in use."""

    __tablename__ = "contact_events"

    customer_id: int = Field(foreign_key="customers.id", ondelete="CASCADE", index=True)
    contact: ContactKind = Field(sa_type=word(ContactKind), sa_column_kwargs=SHOP)
    kind: ContactEventKind = Field(sa_type=word(ContactEventKind), sa_column_kwargs=SHOP)
    old_value: Secret | None = Field(
        default=None, sa_type=encrypted("contact_events.old_value"), sa_column_kwargs=personal("contact")
    )
    old_masked: str = Field(default="", max_length=60, sa_column_kwargs=personal("contact"))
    reason: str = Field(default="", max_length=100, sa_column_kwargs=personal("words"))
    at: datetime
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    customer: Customer = Relationship()
    staff: Staff | None = Relationship()


class SocialAccount(Row, table=True):
    """An account or group through which a customer follows the shop."""

    __tablename__ = "social_accounts"
    __table_args__ = (UniqueConstraint("customer_id", "platform", "handle"),)

    customer_id: int = Field(foreign_key="customers.id", ondelete="CASCADE", index=True)
    platform: SocialPlatform = Field(sa_type=word(SocialPlatform), sa_column_kwargs=SHOP)
    handle: str = Field(default="", max_length=80, sa_column_kwargs=personal("contact"))
    is_following: bool = Field(default=True, sa_column_kwargs=SHOP)
    noted_on: date | None = Field(default=None, sa_column_kwargs=SHOP)

    customer: Customer = Relationship()


class CustomerAlias(Row, table=True):
    """A member number that was joined to another, with the phone that was given up for the other one: whoever shows the
    old card or says the old number is still found."""

    __tablename__ = "customer_aliases"

    member_no: str = Field(sa_type=ordered_text(20), unique=True, sa_column_kwargs=personal("contact"))
    customer_id: int = Field(foreign_key="customers.id", ondelete="CASCADE", index=True)
    merge_id: int | None = Field(default=None, foreign_key="customer_merges.id", ondelete="SET NULL", index=True)
    phone_index: bytes | None = Field(default=None, index=True, sa_column_kwargs=personal("contact"))
    created_at: datetime = Field(default_factory=_now)

    customer: Customer = Relationship()


class CustomerMerge(Row, table=True):
    """Two records became one. `plan` holds what must come back if the shop changes its mind within the days it may."""

    __tablename__ = "customer_merges"
    __table_args__ = (Index("ix_customer_merges_merged_at_id", "merged_at", "id"),)

    survivor_id: int | None = Field(default=None, foreign_key="customers.id", ondelete="SET NULL", index=True)
    absorbed_id: int = Field(index=True)
    absorbed_no: str = Field(max_length=20, sa_column_kwargs=personal("contact"))
    absorbed_name: str = Field(default="", max_length=80, sa_column_kwargs=personal("name"))
    plan: Secret | None = Field(
        default=None, sa_type=encrypted("customer_merges.plan"), sa_column_kwargs=personal("secret")
    )
    merged_at: datetime
    undo_until: datetime = Field(index=True)
    undone_at: datetime | None = None
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    survivor: Customer | None = Relationship()
    staff: Staff | None = Relationship()


class DuplicatePair(Row, table=True):
    """Two records that may be one person: how alike (0–100), why, and what the shop said. The lower number comes first."""

    __tablename__ = "duplicate_pairs"
    __table_args__ = (
        UniqueConstraint("low_id", "high_id"),
        CheckConstraint("low_id < high_id", name="lower_first"),
        CheckConstraint("score BETWEEN 0 AND 100", name="score_in_range"),
        Index("ix_duplicate_pairs_state_score", "state", "score"),
    )

    low_id: int = Field(foreign_key="customers.id", ondelete="CASCADE", index=True)
    high_id: int = Field(foreign_key="customers.id", ondelete="CASCADE", index=True)
    score: int = Field(sa_column_kwargs=SHOP)
    reasons: str = Field(default="", max_length=120, sa_column_kwargs=SHOP)
    state: PairState = Field(default=PairState.OPEN, sa_type=word(PairState), sa_column_kwargs=SHOP)
    found_at: datetime
    decided_at: datetime | None = None
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    low: Customer = Relationship(sa_relationship_kwargs={"foreign_keys": "DuplicatePair.low_id"})
    high: Customer = Relationship(sa_relationship_kwargs={"foreign_keys": "DuplicatePair.high_id"})
    staff: Staff | None = Relationship()


# ── Loyalty ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Treatment(Row, table=True):
    """A service on the menu."""

    __tablename__ = "treatments"
    __table_args__ = (CheckConstraint("price_fen >= 0", name="price_not_negative"),)

    code: str = Field(max_length=40, unique=True, sa_column_kwargs=SHOP)
    name: str = Field(max_length=80, sa_column_kwargs=SHOP)
    category: CategoryOfNeed = Field(default=CategoryOfNeed.SKIN, sa_type=word(CategoryOfNeed))
    minutes: int = 60
    price_fen: int = Field(default=0, sa_type=BigInteger)
    after_care: str = Field(default="", max_length=1000, sa_column_kwargs=SHOP)
    contraindications: str = Field(default="", max_length=500, sa_column_kwargs=SHOP)
    is_active: bool = True

    def __str__(self) -> str:
        return self.name


class Product(Row, table=True):
    """A thing on the shelf."""

    __tablename__ = "products"
    __table_args__ = (CheckConstraint("price_fen >= 0", name="price_not_negative"),)

    sku: str = Field(max_length=40, unique=True, sa_column_kwargs=SHOP)
    name: str = Field(max_length=120, sa_column_kwargs=SHOP)
    category: CategoryOfNeed = Field(default=CategoryOfNeed.SKIN, sa_type=word(CategoryOfNeed))
    series: str = Field(default="", max_length=60, sa_column_kwargs=SHOP)
    price_fen: int = Field(default=0, sa_type=BigInteger)
    registration_no: str = Field(default="", max_length=60, sa_column_kwargs=SHOP)
    is_active: bool = True

    def __str__(self) -> str:
        return self.name


class Purchase(Row, table=True):
    """A sale or a refund, as the till told it. The same order number never comes in twice."""

    __tablename__ = "purchases"
    __table_args__ = (
        Index("ix_purchases_occurred_at_id", "occurred_at", "id"),
        # The store beside them: whose customers these are is asked without opening the slips.
        Index("ix_purchases_customer_id_occurred_at_store_id", "customer_id", "occurred_at", "store_id"),
        # Sales that wait for their customer are few among many.
        Index(
            "ix_purchases_waiting_phone",
            "buyer_phone_index",
            sqlite_where=text("customer_id IS NULL AND buyer_phone_index IS NOT NULL"),
            postgresql_where=text("customer_id IS NULL AND buyer_phone_index IS NOT NULL"),
        ),
        Index(
            "ix_purchases_waiting_member_no",
            "buyer_member_no",
            sqlite_where=text("customer_id IS NULL AND buyer_member_no <> ''"),
            postgresql_where=text("customer_id IS NULL AND buyer_member_no <> ''"),
        ),
    )

    order_no: str = Field(sa_type=ordered_text(60), unique=True, sa_column_kwargs=SHOP)
    occurred_at: datetime
    customer_id: int | None = Field(default=None, foreign_key="customers.id", ondelete="RESTRICT")
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    channel: SaleChannel = Field(default=SaleChannel.STORE, sa_type=word(SaleChannel))
    paid_fen: int = Field(sa_type=BigInteger)
    # Paid with points instead of money: how many, and what they were worth. `paid_fen` is the money.
    points_used: int = Field(default=0, sa_column_kwargs=SHOP | {"server_default": "0"})
    points_fen: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=SHOP | {"server_default": "0"})
    refund_of_id: int | None = Field(default=None, foreign_key="purchases.id", ondelete="RESTRICT", index=True)
    import_batch_id: int | None = Field(default=None, foreign_key="import_batches.id", ondelete="RESTRICT", index=True)
    fingerprint: str = Field(default="", max_length=64, sa_column_kwargs=SHOP)
    # Whom the till named when we knew nobody of that number: the sale waits for her and can be claimed.
    buyer_member_no: str = Field(
        default="", max_length=20, sa_column_kwargs=personal("contact") | {"server_default": ""}
    )
    buyer_phone: Secret | None = Field(
        default=None, sa_type=encrypted("purchases.buyer_phone"), sa_column_kwargs=personal("contact")
    )
    buyer_phone_index: bytes | None = Field(default=None, sa_column_kwargs=personal("contact"))
    buyer_phone_masked: str = Field(
        default="", max_length=24, sa_column_kwargs=personal("contact") | {"server_default": ""}
    )
    claimed_at: datetime | None = None
    created_at: datetime = Field(default_factory=_now)

    customer: Customer | None = Relationship()
    store: Store | None = Relationship()

    def __str__(self) -> str:
        return self.order_no


class PurchaseLine(Row, table=True):
    """One thing on a slip: what the till called it, how many, what was paid for it."""

    __tablename__ = "purchase_lines"
    __table_args__ = (UniqueConstraint("purchase_id", "position"),)

    purchase_id: int = Field(foreign_key="purchases.id", ondelete="CASCADE", index=True)
    position: int
    sku: str = Field(default="", max_length=40, index=True, sa_column_kwargs=SHOP)
    item: str = Field(max_length=120, sa_column_kwargs=SHOP)
    category: str = Field(default="", max_length=40, sa_column_kwargs=SHOP)
    quantity: int = 1
    unit_price_fen: int = Field(sa_type=BigInteger)
    amount_fen: int = Field(sa_type=BigInteger)
    treatment_id: int | None = Field(default=None, foreign_key="treatments.id", ondelete="RESTRICT", index=True)
    product_id: int | None = Field(default=None, foreign_key="products.id", ondelete="RESTRICT", index=True)
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    purchase: Purchase = Relationship()
    treatment: Treatment | None = Relationship()
    product: Product | None = Relationship()
    staff: Staff | None = Relationship()

    def __str__(self) -> str:
        return self.item


class Visit(Row, table=True):
    """A customer came and something was done: by whom, what, and how it turned out."""

    __tablename__ = "visits"
    __table_args__ = (
        CheckConstraint("effect_score IS NULL OR effect_score BETWEEN 1 AND 5", name="effect_in_range"),
        Index("ix_visits_visited_at_id", "visited_at", "id"),
        Index("ix_visits_customer_id_store_id", "customer_id", "store_id"),
    )

    customer_id: int = Field(foreign_key="customers.id", ondelete="RESTRICT")
    visited_at: datetime
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    treatment_id: int | None = Field(default=None, foreign_key="treatments.id", ondelete="RESTRICT", index=True)
    outcome: VisitOutcome = Field(
        default=VisitOutcome.UNKNOWN, sa_type=word(VisitOutcome), sa_column_kwargs=personal("health")
    )
    effect_score: int | None = Field(default=None, sa_column_kwargs=personal("health"))
    note: Secret | None = Field(default=None, sa_type=encrypted("visits.note"), sa_column_kwargs=personal("health"))
    created_at: datetime = Field(default_factory=_now)

    customer: Customer = Relationship()
    store: Store | None = Relationship()
    staff: Staff | None = Relationship()
    treatment: Treatment | None = Relationship()


class Photo(Row, table=True):
    """A photo of a treatment: re-encoded, without place or camera in it, encrypted in the media folder under `file_key`.
    Only under a standing consent."""

    __tablename__ = "photos"

    customer_id: int = Field(foreign_key="customers.id", ondelete="RESTRICT", index=True)
    visit_id: int | None = Field(default=None, foreign_key="visits.id", ondelete="RESTRICT", index=True)
    kind: PhotoKind = Field(sa_type=word(PhotoKind), sa_column_kwargs=personal("health"))
    taken_on: date = Field(sa_column_kwargs=personal("health"))
    note: Secret | None = Field(default=None, sa_type=encrypted("photos.note"), sa_column_kwargs=personal("health"))
    file_key: str = Field(max_length=64, unique=True, sa_column_kwargs=personal("secret"))
    sha256: str = Field(max_length=64, sa_column_kwargs=personal("secret"))
    width: int
    height: int
    created_at: datetime = Field(default_factory=_now)
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    customer: Customer = Relationship()
    visit: Visit | None = Relationship()
    staff: Staff | None = Relationship()


class EarningRule(Row, table=True):
    """What points are given for, and how they end. A sale takes the steps base, tier, campaign, bonus, cap in this order;
    the other kinds give `points` each time. What it said before `since_at` stands in `rule_versions`."""

    __tablename__ = "earning_rules"
    __table_args__ = (
        CheckConstraint("points >= 0", name="points_not_negative"),
        CheckConstraint("per_fen > 0", name="per_fen_positive"),
        CheckConstraint("percent >= 0", name="percent_not_negative"),
        CheckConstraint("most_points >= 0", name="cap_not_negative"),
        CheckConstraint("most_times_a_year >= 0", name="times_not_negative"),
        CheckConstraint("pending_days BETWEEN 0 AND 90", name="pending_in_range"),
        CheckConstraint("expiry_months BETWEEN 1 AND 120", name="expiry_in_range"),
        CheckConstraint("expiry_year BETWEEN 2000 AND 2200", name="expiry_year_in_range"),
    )

    name: str = Field(max_length=40, unique=True, sa_column_kwargs=SHOP)
    kind: EarningKind = Field(sa_type=word(EarningKind), sa_column_kwargs=SHOP)
    # A purchase: so many points for `per_fen` paid, rounded down once an order. A bonus or an occasion: so many points.
    points: int = 0
    per_fen: int = Field(default=100, sa_type=BigInteger)
    # A campaign: what it makes of the points of a sale.
    percent: int = 100
    category: CategoryOfNeed | None = Field(default=None, sa_type=word(CategoryOfNeed))
    # From this tier up.
    tier_id: int | None = Field(default=None, foreign_key="tiers.id", ondelete="RESTRICT", index=True)
    in_birthday_month: bool = False
    from_paid_fen: int = Field(default=0, sa_type=BigInteger)
    most_points: int = 0
    most_times_a_year: int = 0
    starts_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    ends_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    pending_days: int = 0
    expiry: ExpiryKind = Field(default=ExpiryKind.MONTHS, sa_type=word(ExpiryKind), sa_column_kwargs=SHOP)
    expiry_months: int = 12
    expiry_day: str = Field(default="12-31", max_length=5, sa_column_kwargs=SHOP)
    # Of every two years: one in which they end. None: each lives for one at least.
    expiry_year: int | None = Field(default=None, sa_column_kwargs=SHOP)
    round_up: RoundUp = Field(default=RoundUp.NONE, sa_type=word(RoundUp), sa_column_kwargs=SHOP)
    is_active: bool = True
    since_at: datetime | None = None

    tier: Tier | None = Relationship()

    def __str__(self) -> str:
        return self.name


class RuleVersion(Row, table=True):
    """What an earning rule or a tier said from `since_at` (None: always) until `until_at`, as JSON."""

    __tablename__ = "rule_versions"
    __table_args__ = (Index("ix_rule_versions_subject_until_at", "subject", "until_at"),)

    subject: RuleSubject = Field(sa_type=word(RuleSubject), sa_column_kwargs=SHOP)
    row_id: int
    since_at: datetime | None = None
    until_at: datetime
    said: str = Field(sa_column=Column(Text, nullable=False, info=SHOP["info"]))


class PointsAccount(Row, table=True):
    """What a customer has: the guarded sum of its entries. Entries belong to the account, so that they stay as written
    when two records are merged: the other's account is emptied into hers and closed. `frozen_at`: the nightly check found
    a difference, so nothing is redeemed until a person has looked."""

    __tablename__ = "points_accounts"
    __table_args__ = (
        # Nobody's any more: she came in with a file that was taken back. What is written in it stays.
        CheckConstraint("customer_id IS NOT NULL OR closed_at IS NOT NULL", name="open_is_somebodys"),
        Index(
            "uq_points_accounts_open",
            "customer_id",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_points_accounts_frozen",
            "frozen_at",
            sqlite_where=text("frozen_at IS NOT NULL"),
            postgresql_where=text("frozen_at IS NOT NULL"),
        ),
    )

    customer_id: int | None = Field(default=None, foreign_key="customers.id", ondelete="RESTRICT", index=True)
    balance: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=SHOP)
    seq: int = Field(default=0, sa_column_kwargs=SHOP)
    frozen_at: datetime | None = None
    closed_at: datetime | None = None
    # The merge that closed it, and the account its lots went to: what an undo takes back.
    closed_by: str = Field(default="", max_length=120, sa_column_kwargs=SHOP)
    merged_into_id: int | None = Field(default=None, foreign_key="points_accounts.id", ondelete="RESTRICT", index=True)

    customer: Customer | None = Relationship()

    def __str__(self) -> str:
        return str(self.customer or "")


class PointsEntry(Row, table=True):
    """One movement of points, signed. Append-only by trigger; `reference` makes it happen once."""

    __tablename__ = "points_entries"
    __table_args__ = (
        UniqueConstraint("account_id", "seq"),
        UniqueConstraint("kind", "reference"),
        CheckConstraint("points <> 0", name="points_not_zero"),
        CheckConstraint("kind NOT IN ('opening', 'earn') OR points > 0", name="what_comes_in_is_positive"),
        CheckConstraint("kind NOT IN ('redeem', 'expire') OR points < 0", name="what_goes_out_is_negative"),
        CheckConstraint("kind <> 'reverse' OR reverses_id IS NOT NULL", name="reversal_names_its_entry"),
        CheckConstraint(
            "kind = 'reverse' OR kind = 'merge' OR balance_after >= 0 OR points > 0", name="no_spending_into_debt"
        ),
        Index("ix_points_entries_at_id", "at", "id"),
    )

    account_id: int = Field(foreign_key="points_accounts.id", ondelete="RESTRICT", index=True)
    seq: int = Field(sa_column_kwargs=SHOP)
    kind: PointsKind = Field(sa_type=word(PointsKind), sa_column_kwargs=SHOP)
    points: int = Field(sa_column_kwargs=SHOP)
    balance_after: int = Field(sa_type=BigInteger, sa_column_kwargs=SHOP)
    reference: str = Field(max_length=120, sa_column_kwargs=SHOP)
    reason: str = Field(default="", max_length=200, sa_column_kwargs=personal("words"))
    reason_code: AdjustReason | None = Field(default=None, sa_type=word(AdjustReason), sa_column_kwargs=SHOP)
    rule_id: int | None = Field(default=None, foreign_key="earning_rules.id", ondelete="RESTRICT", index=True)
    # How the figure came about, step by step, as JSON (rules/earning.py).
    working: str = Field(default="", sa_column=Column(Text, nullable=False, info=SHOP["info"]))
    purchase_id: int | None = Field(default=None, foreign_key="purchases.id", ondelete="RESTRICT", index=True)
    reverses_id: int | None = Field(default=None, foreign_key="points_entries.id", ondelete="RESTRICT", index=True)
    import_batch_id: int | None = Field(default=None, foreign_key="import_batches.id", ondelete="RESTRICT", index=True)
    at: datetime
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    account: PointsAccount = Relationship()
    purchase: Purchase | None = Relationship()
    rule: EarningRule | None = Relationship()
    staff: Staff | None = Relationship()

    def __str__(self) -> str:
        return self.reference


class PointsLot(Row, table=True):
    """Points that came in together and go out together at the end of `expires_on` (None: never)."""

    __tablename__ = "points_lots"
    __table_args__ = (
        CheckConstraint("points > 0", name="points_positive"),
        CheckConstraint("remaining BETWEEN 0 AND points", name="remaining_in_range"),
        Index("ix_points_lots_account_id_expires_on", "account_id", "expires_on"),
        Index(
            "ix_points_lots_expires_on",
            "expires_on",
            sqlite_where=text("remaining > 0"),
            postgresql_where=text("remaining > 0"),
        ),
    )

    account_id: int = Field(foreign_key="points_accounts.id", ondelete="RESTRICT")
    entry_id: int = Field(foreign_key="points_entries.id", ondelete="RESTRICT", index=True)
    points: int = Field(sa_column_kwargs=SHOP)
    remaining: int = Field(sa_column_kwargs=SHOP)
    earned_on: date = Field(sa_column_kwargs=SHOP)
    expires_on: date | None = Field(default=None, sa_column_kwargs=SHOP)

    account: PointsAccount = Relationship()
    entry: PointsEntry = Relationship()


class PointsAllocation(Row, table=True):
    """So many points of a spend came out of that lot (negative: went back into it). Append-only by trigger."""

    __tablename__ = "points_allocations"
    __table_args__ = (CheckConstraint("points <> 0", name="points_not_zero"),)

    entry_id: int = Field(foreign_key="points_entries.id", ondelete="RESTRICT", index=True)
    lot_id: int = Field(foreign_key="points_lots.id", ondelete="RESTRICT", index=True)
    points: int = Field(sa_column_kwargs=SHOP)

    entry: PointsEntry = Relationship()
    lot: PointsLot = Relationship()


class PointsPending(Row, table=True):
    """Points of a sale that count from `due_on`, when the days in which it may be taken back are over. What a refund takes
    back before that never comes into the account."""

    __tablename__ = "points_pending"
    __table_args__ = (
        CheckConstraint("points > 0", name="points_positive"),
        CheckConstraint("taken_back BETWEEN 0 AND points", name="taken_back_in_range"),
        Index(
            "ix_points_pending_due_on",
            "due_on",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    customer_id: int = Field(foreign_key="customers.id", ondelete="RESTRICT", index=True)
    purchase_id: int = Field(foreign_key="purchases.id", ondelete="RESTRICT", index=True)
    rule_id: int | None = Field(default=None, foreign_key="earning_rules.id", ondelete="RESTRICT", index=True)
    reference: str = Field(max_length=120, unique=True, sa_column_kwargs=SHOP)
    points: int
    taken_back: int = 0
    working: str = Field(default="", sa_column=Column(Text, nullable=False, info=SHOP["info"]))
    earned_on: date = Field(sa_column_kwargs=SHOP)
    due_on: date = Field(sa_column_kwargs=SHOP)
    expires_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    entry_id: int | None = Field(default=None, foreign_key="points_entries.id", ondelete="RESTRICT", index=True)
    closed_at: datetime | None = None

    customer: Customer = Relationship()
    purchase: Purchase = Relationship()
    rule: EarningRule | None = Relationship()

    def __str__(self) -> str:
        return f"{self.points:,}"


class PointsRequest(Row, table=True):
    """A change of points by hand that is larger than one person may make alone."""

    __tablename__ = "points_requests"
    __table_args__ = (
        CheckConstraint("points <> 0", name="points_not_zero"),
        Index("ix_points_requests_state_asked_at", "state", "asked_at"),
    )

    customer_id: int = Field(foreign_key="customers.id", ondelete="RESTRICT", index=True)
    points: int
    reason_code: AdjustReason = Field(sa_type=word(AdjustReason), sa_column_kwargs=SHOP)
    note: str = Field(max_length=200, sa_column_kwargs=personal("words"))
    expires_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    reference: str = Field(max_length=120, unique=True, sa_column_kwargs=SHOP)
    state: RequestState = Field(default=RequestState.WAITING, sa_type=word(RequestState), sa_column_kwargs=SHOP)
    asked_at: datetime
    staff_id: int = Field(foreign_key="staff.id", ondelete="RESTRICT", index=True)
    decided_at: datetime | None = None
    decided_staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    entry_id: int | None = Field(default=None, foreign_key="points_entries.id", ondelete="RESTRICT", index=True)

    customer: Customer = Relationship()
    staff: Staff = Relationship(sa_relationship_kwargs={"foreign_keys": "PointsRequest.staff_id"})
    decided_staff: Staff | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "PointsRequest.decided_staff_id"}
    )

    def __str__(self) -> str:
        return f"{self.points:+d}"


class Reward(Row, table=True):
    """What a customer may have for her points. `stock` None: as many as she likes; `tier_id`: from this tier up."""

    __tablename__ = "rewards"
    __table_args__ = (
        CheckConstraint("points > 0", name="points_positive"),
        CheckConstraint("stock IS NULL OR stock >= 0", name="stock_not_negative"),
        CheckConstraint("worth_fen >= 0", name="worth_not_negative"),
        CheckConstraint("most_per_customer >= 0", name="most_not_negative"),
    )

    name: str = Field(max_length=60, unique=True, sa_column_kwargs=SHOP)
    kind: RewardKind = Field(sa_type=word(RewardKind), sa_column_kwargs=SHOP)
    points: int
    worth_fen: int = Field(default=0, sa_type=BigInteger)
    stock: int | None = None
    tier_id: int | None = Field(default=None, foreign_key="tiers.id", ondelete="RESTRICT", index=True)
    most_per_customer: int = 0
    starts_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    ends_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    description: str = Field(default="", max_length=300, sa_column_kwargs=SHOP)
    is_active: bool = True

    tier: Tier | None = Relationship()

    def __str__(self) -> str:
        return self.name


class Redemption(Row, table=True):
    """Points handed in, for a reward or for something the counter agreed on. `returned_at`: taken back, points and all."""

    __tablename__ = "redemptions"
    __table_args__ = (
        CheckConstraint("points > 0", name="points_positive"),
        Index("ix_redemptions_at_id", "at", "id"),
    )

    reference: str = Field(max_length=120, unique=True, sa_column_kwargs=SHOP)
    customer_id: int = Field(foreign_key="customers.id", ondelete="RESTRICT", index=True)
    reward_id: int | None = Field(default=None, foreign_key="rewards.id", ondelete="RESTRICT", index=True)
    points: int
    entry_id: int = Field(foreign_key="points_entries.id", ondelete="RESTRICT", index=True)
    at: datetime
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    note: str = Field(default="", max_length=200, sa_column_kwargs=personal("words"))
    returned_at: datetime | None = None

    customer: Customer = Relationship()
    reward: Reward | None = Relationship()
    staff: Staff | None = Relationship()

    def __str__(self) -> str:
        return f"{self.points:,}"


class TierChange(Row, table=True):
    """A customer's tier changed: from what to what, why, and the figures of that moment."""

    __tablename__ = "tier_changes"
    __table_args__ = (Index("ix_tier_changes_customer_id_at", "customer_id", "at"), Index("ix_tier_changes_at_id", "at", "id"))  # fmt: skip

    customer_id: int = Field(foreign_key="customers.id", ondelete="CASCADE")
    at: datetime
    from_tier_id: int | None = Field(default=None, foreign_key="tiers.id", ondelete="RESTRICT", index=True)
    to_tier_id: int = Field(foreign_key="tiers.id", ondelete="RESTRICT", index=True)
    why: TierWhy = Field(sa_type=word(TierWhy), sa_column_kwargs=SHOP)
    amount_fen: int = Field(default=0, sa_type=BigInteger)
    visits: int = 0
    window_from_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    until_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    purchase_id: int | None = Field(default=None, foreign_key="purchases.id", ondelete="SET NULL", index=True)
    reason: str = Field(default="", max_length=200, sa_column_kwargs=personal("words"))
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    customer: Customer = Relationship()
    from_tier: Tier | None = Relationship(sa_relationship_kwargs={"foreign_keys": "TierChange.from_tier_id"})
    to_tier: Tier = Relationship(sa_relationship_kwargs={"foreign_keys": "TierChange.to_tier_id"})
    staff: Staff | None = Relationship()

    def __str__(self) -> str:
        return str(self.to_tier)


class TierBenefit(Row, table=True):
    """What a tier gives besides discount and points. `times_a_year` 0: as often as she likes."""

    __tablename__ = "tier_benefits"
    __table_args__ = (
        UniqueConstraint("tier_id", "name"),
        CheckConstraint("times_a_year >= 0", name="times_not_negative"),
    )

    tier_id: int = Field(foreign_key="tiers.id", ondelete="CASCADE")
    kind: BenefitKind = Field(sa_type=word(BenefitKind), sa_column_kwargs=SHOP)
    name: str = Field(max_length=60, sa_column_kwargs=SHOP)
    times_a_year: int = 0
    in_birthday_month: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    treatment_id: int | None = Field(default=None, foreign_key="treatments.id", ondelete="RESTRICT", index=True)
    is_active: bool = True

    tier: Tier = Relationship()
    treatment: Treatment | None = Relationship()

    def __str__(self) -> str:
        return self.name


class BenefitUse(Row, table=True):
    """A benefit was given. `year_from_on`: the first day of the membership year it counts in."""

    __tablename__ = "benefit_uses"
    __table_args__ = (
        Index("ix_benefit_uses_customer_id_benefit_id", "customer_id", "benefit_id", "year_from_on"),
        Index("ix_benefit_uses_used_on_id", "used_on", "id"),
    )

    customer_id: int = Field(foreign_key="customers.id", ondelete="CASCADE")
    benefit_id: int = Field(foreign_key="tier_benefits.id", ondelete="RESTRICT", index=True)
    used_on: date = Field(sa_column_kwargs=SHOP)
    year_from_on: date = Field(sa_column_kwargs=SHOP)
    note: str = Field(default="", max_length=200, sa_column_kwargs=personal("words"))
    created_at: datetime = Field(default_factory=_now)
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    taken_back_at: datetime | None = None

    customer: Customer = Relationship()
    benefit: TierBenefit = Relationship()
    staff: Staff | None = Relationship()

    def __str__(self) -> str:
        return str(self.benefit)


# ── Voice ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Survey(Row, table=True):
    """A questionnaire, its promise to those who answer (`mode`), and how often it may ask. What it asks stands in its
    versions, where it is asked in its places and waves."""

    __tablename__ = "surveys"
    __table_args__ = (
        CheckConstraint("slug <> ''", name="slug_given"),
        CheckConstraint("again_after_days >= 0", name="again_not_negative"),
        CheckConstraint("gift_days >= 0", name="gift_days_not_negative"),
    )

    slug: str = Field(max_length=60, unique=True, sa_column_kwargs=SHOP)
    title: str = Field(max_length=80, sa_column_kwargs=SHOP)
    intro: str = Field(default="", max_length=500, sa_column_kwargs=SHOP)
    thanks: str = Field(default="", max_length=500, sa_column_kwargs=SHOP)
    occasion: SurveyOccasion = Field(
        default=SurveyOccasion.OTHER, sa_type=word(SurveyOccasion), sa_column_kwargs={"server_default": "other"}
    )
    mode: SurveyMode = Field(default=SurveyMode.OPEN, sa_type=word(SurveyMode))
    status: SurveyStatus = Field(default=SurveyStatus.DRAFT, sa_type=word(SurveyStatus))
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    # The survey's own schedule: the same customer is not asked again before so many days; 0 leaves it to the house.
    again_after_days: int = Field(default=0, sa_column_kwargs=SHOP | {"server_default": "0"})
    # What a finished run is thanked with: "" for nothing; good for so many days, 0 without end.
    gift: str = Field(default="", max_length=200, sa_column_kwargs=SHOP | {"server_default": ""})
    gift_days: int = Field(default=30, sa_column_kwargs=SHOP | {"server_default": "30"})
    # {language: {title, intro, thanks, gift}} as JSON; what is missing is said in the shop's own words.
    translations: str = Field(
        default="{}", sa_column=Column(Text, nullable=False, server_default="{}", info={"personal": ""})
    )
    created_at: datetime = Field(default_factory=_now)

    store: Store | None = Relationship()

    def __str__(self) -> str:
        return self.title


class SurveyVersion(Row, table=True):
    """What a survey asks, as it was asked at a time. A draft is written, the published one is frozen and the one that new
    runs get; whoever began with an earlier one ends with it."""

    __tablename__ = "survey_versions"
    __table_args__ = (
        UniqueConstraint("survey_id", "number"),
        # One is being written, one is being asked.
        Index(
            "uq_survey_versions_survey_id_state",
            "survey_id",
            "state",
            unique=True,
            sqlite_where=text("state <> 'retired'"),
            postgresql_where=text("state <> 'retired'"),
        ),
    )

    survey_id: int = Field(foreign_key="surveys.id", ondelete="CASCADE", index=True)
    number: int
    state: VersionState = Field(default=VersionState.DRAFT, sa_type=word(VersionState))
    note: str = Field(default="", max_length=200, sa_column_kwargs=SHOP)
    created_at: datetime = Field(default_factory=_now)
    published_at: datetime | None = None
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    survey: Survey = Relationship()
    staff: Staff | None = Relationship()

    def __str__(self) -> str:
        return str(self.number)


class SurveySection(Row, table=True):
    """A part of a questionnaire with a heading of its own; a skip rule may show or skip it as a whole."""

    __tablename__ = "survey_sections"
    __table_args__ = (UniqueConstraint("version_id", "key"),)

    version_id: int = Field(foreign_key="survey_versions.id", ondelete="CASCADE", index=True)
    key: str = Field(max_length=40, sa_column_kwargs=SHOP)
    position: int
    title: str = Field(max_length=80, sa_column_kwargs=SHOP)
    intro: str = Field(default="", max_length=300, sa_column_kwargs=SHOP)
    # {language: {title, intro}} as JSON.
    translations: str = Field(
        default="{}", sa_column=Column(Text, nullable=False, server_default="{}", info={"personal": ""})
    )

    version: SurveyVersion = Relationship()

    def __str__(self) -> str:
        return self.title


class SurveyQuestion(Row, table=True):
    """One question of a version, one screen on the customer's phone. `options` holds one choice per line, `statements`
    those a matrix lets her rate. The same `key` in two versions is the same question as long as it is asked the same way
    (rules/questions.py, `asks_the_same`)."""

    __tablename__ = "survey_questions"
    __table_args__ = (
        UniqueConstraint("version_id", "key"),
        CheckConstraint("weight >= 0", name="weight_not_negative"),
        CheckConstraint("scale_max BETWEEN 2 AND 10", name="scale_in_range"),
    )

    survey_id: int = Field(foreign_key="surveys.id", ondelete="CASCADE", index=True)
    version_id: int = Field(foreign_key="survey_versions.id", ondelete="CASCADE", index=True)
    section_id: int | None = Field(default=None, foreign_key="survey_sections.id", ondelete="SET NULL", index=True)
    key: str = Field(max_length=40, sa_column_kwargs=SHOP)
    position: int
    kind: QuestionKind = Field(sa_type=word(QuestionKind))
    text: str = Field(max_length=200, sa_column_kwargs=SHOP)
    hint: str = Field(default="", max_length=200, sa_column_kwargs=SHOP)
    dimension: str = Field(default="", max_length=40, sa_column_kwargs=SHOP)
    weight: int = 1
    scale_max: int = 5
    is_required: bool = True
    options: str = Field(default="", max_length=2000, sa_column_kwargs=SHOP)
    statements: str = Field(default="", max_length=2000, sa_column_kwargs=SHOP | {"server_default": ""})
    maps_to: MemberField | None = Field(default=None, sa_type=word(MemberField))
    # {language: {text, hint, options, statements}} as JSON; the lists as above, line for line.
    translations: str = Field(
        default="{}", sa_column=Column(Text, nullable=False, server_default="{}", info={"personal": ""})
    )

    survey: Survey = Relationship()
    version: SurveyVersion = Relationship()
    section: SurveySection | None = Relationship()

    def __str__(self) -> str:
        return self.text


class SurveyRule(Row, table=True):
    """A skip rule of a version: if any or all of the conditions hold, show or skip the target, or end the survey."""

    __tablename__ = "survey_rules"
    __table_args__ = (
        CheckConstraint("(deed = 'end') = (target = '')", name="end_has_no_target"),
        Index("ix_survey_rules_version_id_position", "version_id", "position"),
    )

    version_id: int = Field(foreign_key="survey_versions.id", ondelete="CASCADE")
    position: int
    match: LogicMatch = Field(default=LogicMatch.ANY, sa_type=word(LogicMatch))
    # [{"question": key, "test": AnswerTest, "value": n}] as JSON.
    conditions: str = Field(sa_column=Column(Text, nullable=False, info={"personal": ""}))
    deed: LogicDeed = Field(sa_type=word(LogicDeed))
    # A question's key, or "section:" and a section's key; an end comes after the last question its conditions name.
    target: str = Field(default="", max_length=50, sa_column_kwargs=SHOP)

    version: SurveyVersion = Relationship()


class SurveyPlace(Row, table=True):
    """Where a survey is asked: a code on a table, a tablet at the counter, a link on the website. Its slug stands below
    /s like a survey's own."""

    __tablename__ = "survey_places"
    __table_args__ = (
        CheckConstraint("slug <> ''", name="slug_given"),
        CheckConstraint("way IN ('qr', 'kiosk', 'web')", name="way_of_a_place"),
    )

    survey_id: int = Field(foreign_key="surveys.id", ondelete="CASCADE", index=True)
    slug: str = Field(max_length=60, unique=True, sa_column_kwargs=SHOP)
    name: str = Field(max_length=60, sa_column_kwargs=SHOP)
    way: ResponseWay = Field(default=ResponseWay.QR, sa_type=word(ResponseWay), sa_column_kwargs=SHOP)
    channel: SaleChannel = Field(default=SaleChannel.STORE, sa_type=word(SaleChannel), sa_column_kwargs=SHOP)
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    # Whom the answers are about, where the code stands at one person's place.
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    is_active: bool = True
    created_at: datetime = Field(default_factory=_now)

    survey: Survey = Relationship()
    store: Store | None = Relationship()
    staff: Staff | None = Relationship()

    def __str__(self) -> str:
        return self.name


class SurveyWave(Row, table=True):
    """A round of a survey: a time in which its answers belong together, and whom it asks. Members and a segment are asked
    by personal links; only answers to those count into such a round."""

    __tablename__ = "survey_waves"
    __table_args__ = (
        UniqueConstraint("survey_id", "name"),
        CheckConstraint("closes_at > opens_at", name="ends_after_its_begin"),
        CheckConstraint("repeat_months BETWEEN 0 AND 24", name="repeat_in_range"),
        CheckConstraint("audience <> 'segment' OR tag_id IS NOT NULL", name="segment_has_a_tag"),
        Index(
            "uq_survey_waves_open",
            "survey_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_survey_waves_survey_id_opens_at", "survey_id", "opens_at"),
        Index("ix_survey_waves_state_opens_at", "state", "opens_at"),
    )

    survey_id: int = Field(foreign_key="surveys.id", ondelete="CASCADE")
    name: str = Field(max_length=40, sa_column_kwargs=SHOP)
    state: WaveState = Field(default=WaveState.PLANNED, sa_type=word(WaveState))
    audience: WaveAudience = Field(default=WaveAudience.EVERYONE, sa_type=word(WaveAudience))
    tag_id: int | None = Field(default=None, foreign_key="tags.id", ondelete="RESTRICT", index=True)
    opens_at: datetime
    closes_at: datetime
    # When it ends the next one is planned, so many months after this one began; 0: it was the last.
    repeat_months: int = 0
    invited_at: datetime | None = None
    created_at: datetime = Field(default_factory=_now)
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    survey: Survey = Relationship()
    tag: Tag | None = Relationship()
    staff: Staff | None = Relationship()

    def __str__(self) -> str:
        return self.name


class SurveyInvitation(Row, table=True):
    """A personal link: whom it asks, when it was sent and how long it opens. `submission_id` is its one run, whatever
    phone goes on with it."""

    __tablename__ = "survey_invitations"
    __table_args__ = (
        UniqueConstraint("survey_id", "visit_id"),
        Index("ix_survey_invitations_wave_id_customer_id", "wave_id", "customer_id"),
        Index("ix_survey_invitations_customer_id_created_at", "customer_id", "created_at"),
        Index("ix_survey_invitations_created_at_id", "created_at", "id"),
    )

    survey_id: int = Field(foreign_key="surveys.id", ondelete="RESTRICT", index=True)
    wave_id: int | None = Field(default=None, foreign_key="survey_waves.id", ondelete="RESTRICT")
    customer_id: int = Field(foreign_key="customers.id", ondelete="CASCADE")
    visit_id: int | None = Field(default=None, foreign_key="visits.id", ondelete="SET NULL", index=True)
    submission_id: str = Field(max_length=64, unique=True, sa_column_kwargs=personal("secret"))
    # None: the address is handed over by a person or another program.
    channel: Channel | None = Field(default=None, sa_type=word(Channel), sa_column_kwargs=SHOP)
    created_at: datetime
    expires_at: datetime
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    revoked_at: datetime | None = None
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    survey: Survey = Relationship()
    wave: SurveyWave | None = Relationship()
    customer: Customer = Relationship()
    visit: Visit | None = Relationship()
    staff: Staff | None = Relationship()


def _where_given(column: str) -> Index:
    """An index on a link few answers have: the others cost it nothing."""
    given = text(f"{column} IS NOT NULL")
    return Index(f"ix_survey_responses_{column}", column, sqlite_where=given, postgresql_where=given)


class SurveyResponse(Row, table=True):
    """One customer's run through a survey. `submission_id` is hers alone: a double tap cannot answer twice; a personal
    link has one run. `mode` is what she was promised when she began; an anonymous answer has nobody's name, ever."""

    __tablename__ = "survey_responses"
    __table_args__ = (
        CheckConstraint(
            "mode <> 'anonymous' OR (customer_id IS NULL AND contact_phone IS NULL AND contact_name = ''"
            " AND invitation_id IS NULL AND visit_id IS NULL AND gift_code IS NULL)",
            name="anonymous_is_nobody",
        ),
        CheckConstraint(
            "way NOT IN ('interview', 'observation') OR interviewer_id IS NOT NULL",
            name="interview_has_its_interviewer",
        ),
        Index("ix_survey_responses_finished_at_id", "finished_at", "id"),
        Index("ix_survey_responses_started_at_id", "started_at", "id"),
        Index("ix_survey_responses_is_low_finished_at", "is_low", "finished_at"),
        *map(_where_given, ("wave_id", "place_id", "visit_id", "staff_id", "interviewer_id")),
    )

    survey_id: int = Field(foreign_key="surveys.id", ondelete="RESTRICT", index=True)
    version_id: int = Field(foreign_key="survey_versions.id", ondelete="RESTRICT", index=True)
    wave_id: int | None = Field(default=None, foreign_key="survey_waves.id", ondelete="RESTRICT")
    place_id: int | None = Field(default=None, foreign_key="survey_places.id", ondelete="RESTRICT")
    invitation_id: int | None = Field(
        default=None, foreign_key="survey_invitations.id", ondelete="SET NULL", unique=True
    )
    submission_id: str = Field(max_length=64, unique=True, sa_column_kwargs=personal("secret"))
    mode: SurveyMode = Field(default=SurveyMode.OPEN, sa_type=word(SurveyMode), sa_column_kwargs=SHOP)
    way: ResponseWay = Field(default=ResponseWay.QR, sa_type=word(ResponseWay), sa_column_kwargs=SHOP)
    channel: SaleChannel = Field(default=SaleChannel.STORE, sa_type=word(SaleChannel), sa_column_kwargs=SHOP)
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    visit_id: int | None = Field(default=None, foreign_key="visits.id", ondelete="SET NULL")
    # Whom the answers are about, and who asked for them on the telephone or looked on.
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT")
    interviewer_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT")
    customer_id: int | None = Field(default=None, foreign_key="customers.id", ondelete="SET NULL", index=True)
    state: ResponseState = Field(default=ResponseState.PARTIAL, sa_type=word(ResponseState), sa_column_kwargs=SHOP)
    score: int | None = Field(default=None, sa_column_kwargs=personal("words"))
    nps: int | None = Field(default=None, sa_column_kwargs=personal("words"))
    is_low: bool = Field(default=False, sa_column_kwargs=personal("words"))
    # Many answers came from the same device within the hour.
    is_suspect: bool = Field(default=False, sa_column_kwargs=SHOP | {"server_default": false()})
    contact_name: str = Field(default="", max_length=80, sa_column_kwargs=personal("name"))
    contact_phone: Secret | None = Field(
        default=None, sa_type=encrypted("survey_responses.contact_phone"), sa_column_kwargs=personal("contact")
    )
    contact_masked: str = Field(default="", max_length=24, sa_column_kwargs=personal("contact"))
    gift_code: str | None = Field(default=None, max_length=12, unique=True, sa_column_kwargs=SHOP)
    gift_until_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    gift_used_at: datetime | None = None
    started_at: datetime
    finished_at: datetime | None = None

    survey: Survey = Relationship()
    version: SurveyVersion = Relationship()
    wave: SurveyWave | None = Relationship()
    place: SurveyPlace | None = Relationship()
    invitation: SurveyInvitation | None = Relationship()
    store: Store | None = Relationship()
    visit: Visit | None = Relationship()
    staff: Staff | None = Relationship(sa_relationship_kwargs={"foreign_keys": "SurveyResponse.staff_id"})
    interviewer: Staff | None = Relationship(sa_relationship_kwargs={"foreign_keys": "SurveyResponse.interviewer_id"})
    customer: Customer | None = Relationship()


class SurveyAnswer(Row, table=True):
    """One answer; of a matrix one for each `statement`, numbered from 1. `value` is the text or the option's
    number, `number` the figure where there is one. Hidden: she went back and the question is asked no more; such an
    answer never counts, and is gone when she finishes."""

    __tablename__ = "survey_answers"
    __table_args__ = (UniqueConstraint("response_id", "question_id", "statement"),)

    response_id: int = Field(foreign_key="survey_responses.id", ondelete="CASCADE", index=True)
    question_id: int = Field(foreign_key="survey_questions.id", ondelete="RESTRICT", index=True)
    statement: int = Field(default=0, sa_column_kwargs=SHOP | {"server_default": "0"})
    question_key: str = Field(max_length=40, sa_column_kwargs=SHOP)
    value: str = Field(sa_column=Column(Text, nullable=False, info={"personal": "words"}))
    number: int | None = Field(default=None, sa_column_kwargs=personal("words"))
    is_hidden: bool = Field(default=False, sa_column_kwargs=SHOP | {"server_default": false()})

    response: SurveyResponse = Relationship()
    question: SurveyQuestion = Relationship()


class LowFeedback(Row, table=True):
    """A low score somebody looks into within the hour. With a customer's name it also puts her into the low-feedback
    group, until she rates better (`improved_at`)."""

    __tablename__ = "low_feedbacks"
    __table_args__ = (
        Index("ix_low_feedbacks_handled_at_due_at", "handled_at", "due_at"),
        Index("ix_low_feedbacks_customer_id_improved_at", "customer_id", "improved_at"),
    )

    response_id: int = Field(foreign_key="survey_responses.id", ondelete="CASCADE", unique=True)
    customer_id: int | None = Field(default=None, foreign_key="customers.id", ondelete="SET NULL")
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    opened_at: datetime
    due_at: datetime
    handled_at: datetime | None = None
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    note: str = Field(default="", max_length=500, sa_column_kwargs=personal("words"))
    improved_at: datetime | None = None
    improved_response_id: int | None = Field(
        default=None, foreign_key="survey_responses.id", ondelete="SET NULL", index=True
    )

    response: SurveyResponse = Relationship(sa_relationship_kwargs={"foreign_keys": "LowFeedback.response_id"})
    customer: Customer | None = Relationship()
    store: Store | None = Relationship()
    staff: Staff | None = Relationship()


class Improvement(Row, table=True):
    """What the shop changes because a dimension came out weak: who sees to it, by when, and what customers are told. The
    wave it came from is the "before", the next one that opens after it was done the "after"."""

    __tablename__ = "improvements"
    __table_args__ = (
        CheckConstraint("state <> 'done' OR done_at IS NOT NULL", name="done_has_its_time"),
        Index("ix_improvements_state_due_on", "state", "due_on"),
        Index("ix_improvements_due_on_id", "due_on", "id"),
    )

    survey_id: int = Field(foreign_key="surveys.id", ondelete="RESTRICT", index=True)
    wave_id: int | None = Field(default=None, foreign_key="survey_waves.id", ondelete="RESTRICT", index=True)
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    dimension: str = Field(max_length=40, sa_column_kwargs=SHOP)
    title: str = Field(max_length=120, sa_column_kwargs=SHOP)
    plan: str = Field(default="", max_length=1000, sa_column_kwargs=SHOP)
    owner_id: int = Field(foreign_key="staff.id", ondelete="RESTRICT", index=True)
    due_on: date = Field(sa_column_kwargs=SHOP)
    state: ImprovementState = Field(default=ImprovementState.OPEN, sa_type=word(ImprovementState))
    done_at: datetime | None = None
    # What customers read of it, and since when.
    told: str = Field(default="", max_length=300, sa_column_kwargs=SHOP)
    told_at: datetime | None = None
    created_at: datetime = Field(default_factory=_now)
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    survey: Survey = Relationship()
    wave: SurveyWave | None = Relationship()
    store: Store | None = Relationship()
    owner: Staff = Relationship(sa_relationship_kwargs={"foreign_keys": "Improvement.owner_id"})
    staff: Staff | None = Relationship(sa_relationship_kwargs={"foreign_keys": "Improvement.staff_id"})

    def __str__(self) -> str:
        return self.title


class Complaint(Row, table=True):
    """A case: what a customer told us and by when she hears from us. `due_at` is stored at intake and never moves."""

    __tablename__ = "complaints"
    __table_args__ = (
        Index("ix_complaints_status_due_at", "status", "due_at"),
        Index("ix_complaints_opened_at_id", "opened_at", "id"),
        Index("ix_complaints_due_at_id", "due_at", "id"),
    )

    receipt_no: str = Field(sa_type=ordered_text(20), unique=True, sa_column_kwargs=SHOP)
    kind: FeedbackKind = Field(default=FeedbackKind.COMPLAINT, sa_type=word(FeedbackKind), sa_column_kwargs=SHOP)
    channel: FeedbackChannel = Field(
        default=FeedbackChannel.COUNTER, sa_type=word(FeedbackChannel), sa_column_kwargs=SHOP
    )
    text: str = Field(sa_column=Column(Text, nullable=False, info={"personal": "words"}))
    customer_id: int | None = Field(default=None, foreign_key="customers.id", ondelete="RESTRICT", index=True)
    contact_name: str = Field(default="", sa_type=ordered_text(80), index=True, sa_column_kwargs=personal("name"))
    contact_phone: Secret | None = Field(
        default=None, sa_type=encrypted("complaints.contact_phone"), sa_column_kwargs=personal("contact")
    )
    contact_masked: str = Field(default="", max_length=24, sa_column_kwargs=personal("contact"))
    response_id: int | None = Field(default=None, foreign_key="survey_responses.id", ondelete="RESTRICT", unique=True)
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    status: ComplaintStatus = Field(default=ComplaintStatus.OPEN, sa_type=word(ComplaintStatus), sa_column_kwargs=SHOP)
    opened_at: datetime
    due_at: datetime
    first_replied_at: datetime | None = None
    solved_at: datetime | None = None
    closed_at: datetime | None = None

    customer: Customer | None = Relationship()
    response: SurveyResponse | None = Relationship()
    store: Store | None = Relationship()
    staff: Staff | None = Relationship()

    def __str__(self) -> str:
        return self.receipt_no


class ComplaintEvent(Row, table=True):
    """What happened to a case, in order. Append-only by trigger."""

    __tablename__ = "complaint_events"

    complaint_id: int = Field(foreign_key="complaints.id", ondelete="CASCADE", index=True)
    kind: ComplaintEventKind = Field(sa_type=word(ComplaintEventKind), sa_column_kwargs=SHOP)
    at: datetime
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    text: str = Field(default="", sa_column=Column(Text, nullable=False, info={"personal": "words"}))

    complaint: Complaint = Relationship()
    staff: Staff | None = Relationship()


# ── Outreach ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class PublicToken(Row, table=True):
    """An unguessable address handed to a customer. Found by fingerprint; the token itself lies encrypted, so that the
    same card can be printed again."""

    __tablename__ = "public_tokens"
    __table_args__ = (Index("ix_public_tokens_purpose_subject_id", "purpose", "subject_id"),)

    sha256: bytes = Field(unique=True, sa_column_kwargs=personal("secret"))
    token: Secret = Field(sa_type=encrypted("public_tokens.token"), sa_column_kwargs=personal("secret"))
    purpose: TokenPurpose = Field(sa_type=word(TokenPurpose))
    subject_id: int
    created_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None


class OutboundMessage(Row, table=True):
    """Something to tell a customer. Written in the transaction that causes it, sent by a job, once (`key`)."""

    __tablename__ = "outbound_messages"
    __table_args__ = (
        Index("ix_outbound_messages_state_due_at", "state", "due_at"),
        Index("ix_outbound_messages_due_at_id", "due_at", "id"),
    )

    key: str = Field(max_length=120, unique=True, sa_column_kwargs=SHOP)
    customer_id: int | None = Field(default=None, foreign_key="customers.id", ondelete="SET NULL", index=True)
    purpose: Purpose = Field(sa_type=word(Purpose), sa_column_kwargs=SHOP)
    channel: Channel = Field(sa_type=word(Channel), sa_column_kwargs=SHOP)
    subject: str = Field(default="", max_length=120, sa_column_kwargs=personal("words"))
    body: str = Field(sa_column=Column(Text, nullable=False, info={"personal": "words"}))
    state: MessageState = Field(default=MessageState.WAITING, sa_type=word(MessageState), sa_column_kwargs=SHOP)
    due_at: datetime
    sent_at: datetime | None = None
    attempts: int = Field(default=0, sa_column_kwargs=SHOP)
    last_error: str = Field(default="", max_length=200, sa_column_kwargs=SHOP)

    customer: Customer | None = Relationship()


# ── Shop ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


class PolicySetting(Row, table=True):
    """What the owner changed of the shop's rules; what she did not change stands in `app/rules/policy.py`."""

    __tablename__ = "policy_settings"

    key: str = Field(max_length=60, unique=True, sa_column_kwargs=SHOP)
    value: str = Field(max_length=500, sa_column_kwargs=SHOP)
    updated_at: datetime = Field(default_factory=_now, sa_column_kwargs={"onupdate": _now})
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    staff: Staff | None = Relationship()


class Counter(Row, table=True):
    """The next number of a series (member numbers), taken under the row's lock."""

    __tablename__ = "counters"

    name: str = Field(max_length=30, unique=True, sa_column_kwargs=SHOP)
    value: int = 0


class ImportBatch(Row, table=True):
    """One file that came in: what it was, how many rows did what, which were refused and why."""

    __tablename__ = "import_batches"

    kind: ImportKind = Field(sa_type=word(ImportKind))
    file_name: str = Field(max_length=200, sa_column_kwargs=SHOP)
    file_sha256: str = Field(max_length=64, sa_column_kwargs=SHOP)
    started_at: datetime
    finished_at: datetime | None = None
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    mode: ImportMode = Field(
        default=ImportMode.BOTH, sa_type=word(ImportMode), sa_column_kwargs={"server_default": "both"}
    )
    stage: ImportStage = Field(
        default=ImportStage.DONE, sa_type=word(ImportStage), sa_column_kwargs={"server_default": "done"}
    )
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    # {heading: field} as JSON; where the upload waits, encrypted, until it is in; what the dry run said, as JSON.
    mapping: str = Field(
        default="{}", sa_column=Column(Text, nullable=False, server_default="{}", info={"personal": ""})
    )
    upload_key: str = Field(default="", max_length=64, sa_column_kwargs=personal("secret") | {"server_default": ""})
    check_report: str = Field(
        default="", sa_column=Column(Text, nullable=False, server_default="", info={"personal": ""})
    )
    rows_in_all: int = Field(default=0, sa_column_kwargs=SHOP | {"server_default": "0"})
    # Whether its sales give points, by the rules of their own day. A file is history unless somebody says otherwise.
    earns: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    reverted_at: datetime | None = None
    reverted_staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    # Row number, column and reason as JSON; never the refused value itself, which may be a phone.
    rejections: str = Field(default="[]", sa_column=Column(Text, nullable=False, info={"personal": ""}))

    staff: Staff | None = Relationship(sa_relationship_kwargs={"foreign_keys": "ImportBatch.staff_id"})
    store: Store | None = Relationship()
    reverted_staff: Staff | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "ImportBatch.reverted_staff_id"}
    )


class ImportChange(Row, table=True):
    """A record a file made or changed, with what its fields were before and became: enough to take the file back.
    Purchases carry their batch themselves."""

    __tablename__ = "import_changes"
    __table_args__ = (UniqueConstraint("batch_id", "subject", "subject_id"),)

    batch_id: int = Field(foreign_key="import_batches.id", ondelete="CASCADE")
    subject: str = Field(max_length=40, sa_column_kwargs=SHOP)
    subject_id: int
    is_created: bool = Field(sa_column_kwargs=SHOP)
    before: Secret | None = Field(
        default=None, sa_type=encrypted("import_changes.before"), sa_column_kwargs=personal("secret")
    )
    after: Secret | None = Field(
        default=None, sa_type=encrypted("import_changes.after"), sa_column_kwargs=personal("secret")
    )

    batch: ImportBatch = Relationship()


class ImportMap(Row, table=True):
    """What a till calls its columns, kept under a name for the next file. `mapping` is {heading: field} as JSON."""

    __tablename__ = "import_maps"
    __table_args__ = (UniqueConstraint("kind", "name"),)

    name: str = Field(max_length=40, sa_column_kwargs=SHOP)
    kind: ImportKind = Field(sa_type=word(ImportKind))
    mapping: str = Field(sa_column=Column(Text, nullable=False, info={"personal": ""}))
    created_at: datetime = Field(default_factory=_now)
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    staff: Staff | None = Relationship()

    def __str__(self) -> str:
        return self.name


class ApiKey(Row, table=True):
    """A key for a till or another program. Shown once; only its fingerprint is kept."""

    __tablename__ = "api_keys"

    name: str = Field(max_length=60, unique=True, sa_column_kwargs=SHOP)
    sha256: bytes = Field(unique=True, sa_column_kwargs=personal("secret"))
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    created_at: datetime
    last_used_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    revoked_at: datetime | None = None

    store: Store | None = Relationship()

    def __str__(self) -> str:
        return self.name


class JobRun(Row, table=True):
    """One run of a job: when, how it went, what it did."""

    __tablename__ = "job_runs"

    name: str = Field(max_length=40, index=True, sa_column_kwargs=SHOP)
    started_at: datetime
    finished_at: datetime | None = None
    state: JobState = Field(default=JobState.RUNNING, sa_type=word(JobState))
    outcome: str = Field(default="", max_length=500, sa_column_kwargs=SHOP)


class Job(Row, table=True):
    """Work for the machine, written in the transaction that causes it. `key` makes it happen once; whoever holds the
    lease does it, and a lease that ran out is anybody's."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
        Index("ix_jobs_stage_due_at", "stage", "due_at"),
        Index("ix_jobs_due_at_id", "due_at", "id"),
    )

    kind: str = Field(max_length=40, sa_column_kwargs=SHOP)
    key: str = Field(max_length=120, unique=True, sa_column_kwargs=SHOP)
    payload: str = Field(default="{}", sa_column=Column(Text, nullable=False, info={"personal": ""}))
    due_at: datetime
    stage: JobStage = Field(default=JobStage.WAITING, sa_type=word(JobStage))
    lease_until: datetime | None = None
    leased_by: str = Field(default="", max_length=60, sa_column_kwargs=SHOP)
    attempts: int = Field(default=0, sa_column_kwargs=SHOP)
    last_error: str = Field(default="", max_length=200, sa_column_kwargs=SHOP)
    created_at: datetime = Field(default_factory=_now)
    finished_at: datetime | None = None


class Heartbeat(Row, table=True):
    """When something that must not stop was last alive: the workers' sweep."""

    __tablename__ = "heartbeats"

    name: str = Field(max_length=40, unique=True, sa_column_kwargs=SHOP)
    beaten_at: datetime


class KeptAnswer(Row, table=True):
    """What a request with an idempotency key was answered: the same key again gets the same answer and does nothing."""

    __tablename__ = "kept_answers"
    __table_args__ = (UniqueConstraint("scope", "key"),)

    scope: str = Field(max_length=120, sa_column_kwargs=SHOP)
    key: str = Field(max_length=255, sa_column_kwargs=personal("secret"))
    body_mark: bytes = Field(sa_column_kwargs=personal("secret"))
    status: int = Field(sa_column_kwargs=SHOP)
    answer: Secret = Field(sa_type=encrypted("kept_answers.answer"), sa_column_kwargs=personal("words"))
    created_at: datetime = Field(index=True)


class RateWindow(Row, table=True):
    """How often something was tried in a stretch of time, by whom or from where; `bucket` is a keyed fingerprint."""

    __tablename__ = "rate_windows"
    __table_args__ = (UniqueConstraint("bucket", "began_at"),)

    # PostgreSQL uses up a number for every try, refused ones too: a stranger could come to the end of ordinary ones.
    id: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger().with_variant(Integer(), "sqlite"),
    )
    bucket: bytes = Field(sa_column_kwargs=personal("trace"))
    began_at: datetime = Field(index=True)
    count: int = Field(default=0, sa_column_kwargs=SHOP)


class AuditEntry(Row, table=True):
    """Who did what to which record: the fields' names, and old and new where nothing personal is in them.
    Written in the transaction of the change itself; append-only by trigger. `seal` chains each entry to the one before
    it with a key of the shop; what was written before there were seals has none."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_subject_subject_id", "subject", "subject_id"),)

    at: datetime = Field(index=True)
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)
    actor: str = Field(default="", max_length=60, sa_column_kwargs=SHOP)
    action: AuditAction = Field(sa_type=word(AuditAction), index=True)
    subject: str = Field(max_length=40, sa_column_kwargs=SHOP)
    subject_id: int | None = None
    changes: str = Field(default="{}", sa_column=Column(Text, nullable=False, info={"personal": ""}))
    seal: bytes | None = Field(default=None, sa_column_kwargs=SHOP)

    staff: Staff | None = Relationship()


class DemoMark(Row, table=True):
    """A row the demo shop made: wiping takes exactly these away and leaves the owner's own."""

    __tablename__ = "demo_marks"
    __table_args__ = (UniqueConstraint("table_name", "row_id"),)

    table_name: str = Field(max_length=40, sa_column_kwargs=SHOP)
    row_id: int
