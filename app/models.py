"""Every table of the shop: columns, constraints, indexes, relations to one. No methods but a name to show.

Five sections: People · Loyalty · Voice · Outreach · Shop. Lists of children are queries, never relations, so that no
page loads them by accident. A relation's target may be deleted only where the foreign key says so.
"""

from datetime import UTC, date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Text, UniqueConstraint, text
from sqlmodel import Field, Relationship

from app.columns import SHOP, Row, Secret, encrypted, ordered_text, personal, word
from app.vocabulary import (
    AuditAction,
    Calendar,
    CategoryOfNeed,
    Channel,
    ComplaintEventKind,
    ComplaintStatus,
    CustomerStatus,
    FeedbackChannel,
    FeedbackKind,
    Gender,
    ImportKind,
    JobStage,
    JobState,
    MessageState,
    Purpose,
    QuestionKind,
    ResponseState,
    Role,
    SaleChannel,
    SkinType,
    Source,
    SurveyMode,
    SurveyStatus,
    TagOrigin,
    TokenPurpose,
    VisitOutcome,
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


class Tag(Row, table=True):
    """A word the shop sorts its customers by."""

    __tablename__ = "tags"

    name: str = Field(max_length=30, unique=True, sa_column_kwargs=SHOP)
    category: CategoryOfNeed = Field(default=CategoryOfNeed.OTHER, sa_type=word(CategoryOfNeed))
    note: str = Field(default="", max_length=200, sa_column_kwargs=SHOP)

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
    valid_months: int = 12
    colour: str = Field(default="rouge", max_length=20, sa_column_kwargs=SHOP)
    benefits: str = Field(default="", max_length=500, sa_column_kwargs=SHOP)
    is_active: bool = True

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
        Index("ix_customers_birth_month_birth_day", "birth_month", "birth_day", "birthday_calendar", "status"),
        Index("ix_customers_created_at_id", "created_at", "id"),
    )

    member_no: str = Field(sa_type=ordered_text(20), unique=True, sa_column_kwargs=personal("contact"))
    name: str = Field(sa_type=ordered_text(80), sa_column_kwargs=personal("name"))
    name_pinyin: str = Field(default="", sa_type=ordered_text(200), sa_column_kwargs=personal("name"))
    name_initials: str = Field(default="", sa_type=ordered_text(40), sa_column_kwargs=personal("name"))
    gender: Gender = Field(default=Gender.UNKNOWN, sa_type=word(Gender), sa_column_kwargs=personal("trait"))

    phone: Secret | None = Field(
        default=None, sa_type=encrypted("customers.phone"), sa_column_kwargs=personal("contact")
    )
    phone_index: bytes | None = Field(default=None, sa_column_kwargs=personal("contact"))
    phone_last4: str = Field(default="", max_length=4, index=True, sa_column_kwargs=personal("contact"))
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
    card_until_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    status: CustomerStatus = Field(default=CustomerStatus.ACTIVE, sa_type=word(CustomerStatus), sa_column_kwargs=SHOP)
    verified_on: date | None = Field(default=None, sa_column_kwargs=SHOP)
    created_at: datetime = Field(default_factory=_now)
    updated_at: datetime = Field(default_factory=_now, sa_column_kwargs={"onupdate": _now})

    tier: Tier = Relationship()
    store: Store | None = Relationship()
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
    given_by: str = Field(default="", max_length=60, sa_column_kwargs=SHOP)
    staff_id: int | None = Field(default=None, foreign_key="staff.id", ondelete="RESTRICT", index=True)

    customer: Customer = Relationship()
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
    )

    order_no: str = Field(sa_type=ordered_text(60), unique=True, sa_column_kwargs=SHOP)
    occurred_at: datetime
    customer_id: int | None = Field(default=None, foreign_key="customers.id", ondelete="RESTRICT")
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    channel: SaleChannel = Field(default=SaleChannel.STORE, sa_type=word(SaleChannel))
    paid_fen: int = Field(sa_type=BigInteger)
    refund_of_id: int | None = Field(default=None, foreign_key="purchases.id", ondelete="RESTRICT", index=True)
    import_batch_id: int | None = Field(default=None, foreign_key="import_batches.id", ondelete="RESTRICT", index=True)
    fingerprint: str = Field(default="", max_length=64, sa_column_kwargs=SHOP)
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


# ── Voice ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Survey(Row, table=True):
    """A questionnaire behind a QR code. Published, its questions are frozen."""

    __tablename__ = "surveys"
    __table_args__ = (CheckConstraint("slug <> ''", name="slug_given"),)

    slug: str = Field(max_length=60, unique=True, sa_column_kwargs=SHOP)
    title: str = Field(max_length=80, sa_column_kwargs=SHOP)
    intro: str = Field(default="", max_length=500, sa_column_kwargs=SHOP)
    thanks: str = Field(default="", max_length=500, sa_column_kwargs=SHOP)
    mode: SurveyMode = Field(default=SurveyMode.OPEN, sa_type=word(SurveyMode))
    status: SurveyStatus = Field(default=SurveyStatus.DRAFT, sa_type=word(SurveyStatus))
    store_id: int | None = Field(default=None, foreign_key="stores.id", ondelete="RESTRICT", index=True)
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    created_at: datetime = Field(default_factory=_now)

    store: Store | None = Relationship()

    def __str__(self) -> str:
        return self.title


class SurveyQuestion(Row, table=True):
    """One question of a survey, one screen on the customer's phone. `options` holds one choice per line."""

    __tablename__ = "survey_questions"
    __table_args__ = (
        UniqueConstraint("survey_id", "key"),
        CheckConstraint("weight >= 0", name="weight_not_negative"),
        CheckConstraint("scale_max BETWEEN 2 AND 10", name="scale_in_range"),
    )

    survey_id: int = Field(foreign_key="surveys.id", ondelete="CASCADE", index=True)
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

    survey: Survey = Relationship()

    def __str__(self) -> str:
        return self.text


class SurveyResponse(Row, table=True):
    """One customer's run through a survey. `submission_id` is hers alone: a double tap cannot answer twice."""

    __tablename__ = "survey_responses"
    __table_args__ = (
        Index("ix_survey_responses_finished_at_id", "finished_at", "id"),
        Index("ix_survey_responses_started_at_id", "started_at", "id"),
        Index("ix_survey_responses_is_low_finished_at", "is_low", "finished_at"),
    )

    survey_id: int = Field(foreign_key="surveys.id", ondelete="RESTRICT", index=True)
    submission_id: str = Field(max_length=64, unique=True, sa_column_kwargs=personal("secret"))
    customer_id: int | None = Field(default=None, foreign_key="customers.id", ondelete="SET NULL", index=True)
    state: ResponseState = Field(default=ResponseState.PARTIAL, sa_type=word(ResponseState), sa_column_kwargs=SHOP)
    score: int | None = Field(default=None, sa_column_kwargs=personal("words"))
    nps: int | None = Field(default=None, sa_column_kwargs=personal("words"))
    is_low: bool = Field(default=False, sa_column_kwargs=personal("words"))
    contact_name: str = Field(default="", max_length=80, sa_column_kwargs=personal("name"))
    contact_phone: Secret | None = Field(
        default=None, sa_type=encrypted("survey_responses.contact_phone"), sa_column_kwargs=personal("contact")
    )
    contact_masked: str = Field(default="", max_length=24, sa_column_kwargs=personal("contact"))
    started_at: datetime
    finished_at: datetime | None = None

    survey: Survey = Relationship()
    customer: Customer | None = Relationship()


class SurveyAnswer(Row, table=True):
    """One answer. `value` is the text or the option's number, `number` the figure where there is one."""

    __tablename__ = "survey_answers"
    __table_args__ = (UniqueConstraint("response_id", "question_id"),)

    response_id: int = Field(foreign_key="survey_responses.id", ondelete="CASCADE", index=True)
    question_id: int = Field(foreign_key="survey_questions.id", ondelete="RESTRICT", index=True)
    question_key: str = Field(max_length=40, sa_column_kwargs=SHOP)
    value: str = Field(sa_column=Column(Text, nullable=False, info={"personal": "words"}))
    number: int | None = Field(default=None, sa_column_kwargs=personal("words"))

    response: SurveyResponse = Relationship()
    question: SurveyQuestion = Relationship()


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
    # Row number, column and reason as JSON; never the refused value itself, which may be a phone.
    rejections: str = Field(default="[]", sa_column=Column(Text, nullable=False, info={"personal": ""}))

    staff: Staff | None = Relationship()


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
