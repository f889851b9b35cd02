"""The field's words, once each. `docs/glossary.md` has every one with its Chinese."""

from enum import StrEnum


class Gender(StrEnum):
    """How a customer wishes to be addressed; unknown is a normal answer."""

    FEMALE = "female"
    MALE = "male"
    UNKNOWN = "unknown"


class Calendar(StrEnum):
    """The calendar a birthday is kept in."""

    SOLAR = "solar"
    LUNAR = "lunar"


class CustomerStatus(StrEnum):
    """Whether the shop may use the record: restricted keeps it, erased has no identity left."""

    ACTIVE = "active"
    RESTRICTED = "restricted"
    ERASED = "erased"


class Channel(StrEnum):
    """A way to reach a customer."""

    SMS = "sms"
    WECHAT = "wechat"
    EMAIL = "email"
    PHONE = "phone"


class Source(StrEnum):
    """Where a customer first came from, on line and off."""

    STORE = "store"
    EVENT = "event"
    HOTLINE = "hotline"
    CARD = "card"
    REFERRAL = "referral"
    WEBSITE = "website"
    SOCIAL = "social"
    SURVEY = "survey"
    EMAIL = "email"
    IMPORT = "import"
    OTHER = "other"


class SkinType(StrEnum):
    """The skin type a beautician writes down."""

    DRY = "dry"
    OILY = "oily"
    COMBINATION = "combination"
    NORMAL = "normal"
    SENSITIVE = "sensitive"


class Purpose(StrEnum):
    """What a customer consents to; each needs its own yes."""

    MEMBERSHIP = "membership"
    SERVICE_CARE = "service_care"
    MARKETING = "marketing"
    PERSONALISATION = "personalisation"
    HEALTH_RECORD = "health_record"
    PHOTOS = "photos"
    PHOTOS_PUBLIC = "photos_public"
    GUARDIAN = "guardian"


class SocialPlatform(StrEnum):
    """Where a customer follows the shop or belongs to one of its groups."""

    OFFICIAL_ACCOUNT = "official_account"
    WECOM = "wecom"
    WECHAT_GROUP = "wechat_group"
    XIAOHONGSHU = "xiaohongshu"
    DOUYIN = "douyin"
    WEIBO = "weibo"
    DIANPING = "dianping"
    OTHER = "other"


class ContactKind(StrEnum):
    """A way to a customer whose changes are kept."""

    PHONE = "phone"
    WECHAT = "wechat"
    EMAIL = "email"
    ADDRESS = "address"


class ContactEventKind(StrEnum):
    """What became of a way to a customer."""

    REPLACED = "replaced"
    INVALID = "invalid"
    VALID = "valid"


class TimelineKind(StrEnum):
    """What can happen with a customer, as her page tells it."""

    VISIT = "visit"
    PURCHASE = "purchase"
    POINTS = "points"
    SKIN = "skin"
    SURVEY = "survey"
    COMPLAINT = "complaint"
    MESSAGE = "message"
    CONSENT = "consent"
    CONTACT = "contact"
    TIER = "tier"


class PairState(StrEnum):
    """What the shop says about two records that look alike."""

    OPEN = "open"
    DISTINCT = "distinct"


class Alike(StrEnum):
    """What speaks for two records being one person, or against it."""

    NAME = "name"
    SOUND = "sound"
    NO_SURNAME = "no_surname"
    ONE_LETTER = "one_letter"
    SURNAME = "surname"
    BIRTHDAY = "birthday"
    DAY = "day"
    DIGITS = "digits"
    PHONE = "phone"
    LAST4 = "last4"
    WECHAT = "wechat"
    EMAIL = "email"
    STORE = "store"
    OTHER_BIRTHDAY = "other_birthday"
    OTHER_GENDER = "other_gender"


class PhotoKind(StrEnum):
    """When a photo was taken: before the treatment or after it."""

    BEFORE = "before"
    AFTER = "after"


class SignUpState(StrEnum):
    """What became of a sign-up by QR code: a new member, or somebody whose phone was known and whom a person must see."""

    NEW = "new"
    KNOWN = "known"
    SETTLED = "settled"


class PointsKind(StrEnum):
    """Why points moved."""

    OPENING = "opening"
    EARN = "earn"
    REDEEM = "redeem"
    EXPIRE = "expire"
    ADJUST = "adjust"
    REVERSE = "reverse"
    MERGE = "merge"


class EarningKind(StrEnum):
    """What an earning rule gives points for, or what it does to the points of a sale."""

    PURCHASE = "purchase"
    CAMPAIGN = "campaign"
    BONUS = "bonus"
    EVENT = "event"
    REFERRAL = "referral"
    SHARING = "sharing"
    PROFILE = "profile"
    BIRTHDAY = "birthday"
    SUGGESTION = "suggestion"


class ExpiryKind(StrEnum):
    """When points of a rule end: never, so many months after they came in, or on a fixed day every year or every two."""

    NEVER = "never"
    MONTHS = "months"
    YEARLY = "yearly"
    TWO_YEARLY = "two_yearly"


class RoundUp(StrEnum):
    """To the end of what the last day of points is moved."""

    NONE = "none"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class AdjustReason(StrEnum):
    """Why somebody changes points by hand."""

    CORRECTION = "correction"
    MISSED_SALE = "missed_sale"
    COMPENSATION = "compensation"
    GOODWILL = "goodwill"
    OTHER = "other"


class RequestState(StrEnum):
    """Where a change of points stands that a second person must approve."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"


class RewardKind(StrEnum):
    """What points are redeemed for."""

    PRODUCT = "product"
    SERVICE = "service"
    COUPON = "coupon"
    CASH_OFF = "cash_off"


class TierWindow(StrEnum):
    """Which purchases count towards a tier."""

    ROLLING = "rolling"
    CALENDAR_YEAR = "calendar_year"
    SINCE_CHANGE = "since_change"
    LIFETIME = "lifetime"


class TierWhy(StrEnum):
    """Why a customer's tier changed."""

    REACHED = "reached"
    REFUND = "refund"
    REVIEW = "review"
    MANUAL = "manual"
    MANUAL_OVER = "manual_over"
    TABLE = "table"
    MERGE = "merge"
    IMPORT = "import"


class BenefitKind(StrEnum):
    """What a tier gives besides its discount and its points."""

    FREE_CARE = "free_care"
    GIFT = "gift"
    PRIORITY = "priority"
    PRIVILEGE = "privilege"


class RuleSubject(StrEnum):
    """Rows whose earlier values are kept, because a sale told late is judged by the rules of its day."""

    EARNING_RULE = "earning_rule"
    TIER = "tier"


class TagOrigin(StrEnum):
    """Who put a tag on a customer."""

    MANUAL = "manual"
    IMPORT = "import"
    RULE = "rule"


class Role(StrEnum):
    """What a person in the shop may do; see `app/rules/access.py`."""

    OWNER = "owner"
    MANAGER = "manager"
    RECEPTION = "reception"
    BEAUTICIAN = "beautician"
    MARKETER = "marketer"
    AUDITOR = "auditor"


class CategoryOfNeed(StrEnum):
    """What a treatment, a product or a customer's wish is about."""

    SKIN = "skin"
    HAIR = "hair"
    NAILS = "nails"
    MAKEUP = "makeup"
    BODY = "body"
    OTHER = "other"


class SaleChannel(StrEnum):
    """Where a sale happened."""

    STORE = "store"
    ONLINE = "online"
    WECHAT = "wechat"
    PHONE = "phone"


class VisitOutcome(StrEnum):
    """How a visit turned out for the customer's skin, hair or nails."""

    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    REACTION = "reaction"
    UNKNOWN = "unknown"


class SurveyMode(StrEnum):
    """Whether answers belong to a person (identified), to nobody (anonymous), or to whoever scanned (open)."""

    OPEN = "open"
    ANONYMOUS = "anonymous"
    IDENTIFIED = "identified"


class SurveyStatus(StrEnum):
    """A draft may be edited; a published survey is frozen; a closed one takes no answers."""

    DRAFT = "draft"
    PUBLISHED = "published"
    CLOSED = "closed"


class QuestionKind(StrEnum):
    """How a question is answered."""

    RATING = "rating"
    NPS = "nps"
    CHOICE = "choice"
    CHOICES = "choices"
    YES_NO = "yes_no"
    MATRIX = "matrix"
    TEXT = "text"
    CONTACT = "contact"


class SurveyOccasion(StrEnum):
    """What a survey is for; the templates of the house are one of each."""

    AFTER_VISIT = "after_visit"
    QUARTERLY = "quarterly"
    EVENT = "event"
    STAFF = "staff"
    COURSE_END = "course_end"
    OTHER = "other"


class VersionState(StrEnum):
    """A draft is being written; the published one is asked now and frozen; retired ones were asked before."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class LogicMatch(StrEnum):
    """How many of a skip rule's conditions must hold."""

    ANY = "any"
    ALL = "all"


class LogicDeed(StrEnum):
    """What a skip rule does: shows a question that is hidden otherwise, skips one, or ends the survey there."""

    SHOW = "show"
    SKIP = "skip"
    END = "end"


class AnswerTest(StrEnum):
    """What a skip rule asks of an answer. Of several ticked boxes, `is` means that this one is among them."""

    IS = "is"
    IS_NOT = "is_not"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    ANSWERED = "answered"


class MemberField(StrEnum):
    """What of the member file an answer under her own name fills in."""

    SKIN_TYPE = "skin_type"
    PREFERRED_CHANNEL = "preferred_channel"
    GENDER = "gender"
    OCCUPATION = "occupation"
    INCOME_BAND = "income_band"
    TAGS = "tags"
    VISIT_EFFECT = "visit_effect"


class WaveState(StrEnum):
    """Where a round of a survey stands."""

    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"


class WaveAudience(StrEnum):
    """Whom a round of a survey asks; a segment is a tag."""

    EVERYONE = "everyone"
    MEMBERS = "members"
    SEGMENT = "segment"


class ResponseWay(StrEnum):
    """How the answers came: by a code on the wall, a shared tablet, the web, a personal link, a telephone interview, an
    on-site observation, or from another program."""

    QR = "qr"
    KIOSK = "kiosk"
    WEB = "web"
    LINK = "link"
    INTERVIEW = "interview"
    OBSERVATION = "observation"
    API = "api"


class ImprovementState(StrEnum):
    """Where the mending of a weak dimension stands."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class ResponseState(StrEnum):
    """Partial answers are kept; finished ones count."""

    PARTIAL = "partial"
    FINISHED = "finished"


class FeedbackKind(StrEnum):
    """What a customer tells the shop."""

    COMPLAINT = "complaint"
    SUGGESTION = "suggestion"
    PRAISE = "praise"
    QUESTION = "question"
    REVIEW = "review"


class FeedbackChannel(StrEnum):
    """Where the shop heard it."""

    SURVEY = "survey"
    WEB = "web"
    COUNTER = "counter"
    HOTLINE = "hotline"
    WECHAT = "wechat"
    PLATFORM = "platform"
    PAPER = "paper"


class ComplaintStatus(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    WAITING = "waiting"
    SOLVED = "solved"
    CLOSED = "closed"


class ComplaintEventKind(StrEnum):
    """What happened to a case. A note is internal; a reply reaches the customer."""

    OPENED = "opened"
    ASSIGNED = "assigned"
    NOTE = "note"
    REPLY = "reply"
    SOLUTION = "solution"
    WAITING = "waiting"
    CUSTOMER = "customer"
    CLOSED = "closed"
    REOPENED = "reopened"


class TokenPurpose(StrEnum):
    """What an unguessable address opens."""

    CARD = "card"
    SURVEY = "survey"
    CASE = "case"
    SETUP = "setup"
    MEMBER = "member"


class MessageState(StrEnum):
    """Where an outbound message stands."""

    WAITING = "waiting"
    SENT = "sent"
    HELD = "held"
    FAILED = "failed"


class JobKind(StrEnum):
    """What the machine does by itself, by the names `rouge jobs` knows."""

    BACKUP = "backup"
    VERIFY_JOURNAL = "verify-journal"
    FORGET_TRACES = "forget-traces"
    REVIEW_TIERS = "review-tiers"
    RULE_TAGS = "rule-tags"
    FIND_DUPLICATES = "find-duplicates"
    FORGET_MERGES = "forget-merges"
    CHECK_IMPORT = "check-import"
    RUN_IMPORT = "run-import"
    CHECK_POINTS = "check-points"
    EXPIRE_POINTS = "expire-points"
    SETTLE_POINTS = "settle-points"
    POINTS_NOTICES = "points-notices"
    BIRTHDAYS = "birthdays"
    TRY_DESIGN = "try-design"
    SURVEY_WAVES = "survey-waves"


class JobState(StrEnum):
    """How a run of a job went."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class JobStage(StrEnum):
    """Where a job in the outbox stands; dead ones wait for a person and are never deleted."""

    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    DEAD = "dead"


class ImportKind(StrEnum):
    """What a file brings in."""

    CUSTOMERS = "customers"
    PURCHASES = "purchases"
    TREATMENTS = "treatments"
    PRODUCTS = "products"
    POINTS = "points"


class ImportMode(StrEnum):
    """What a file may do to records that are there, and to those that are not."""

    BOTH = "both"
    CREATE = "create"
    UPDATE = "update"


class ImportStage(StrEnum):
    """Where a file stands on its way in, and out again."""

    UPLOADED = "uploaded"
    CHECKED = "checked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    REVERTED = "reverted"


class AuditAction(StrEnum):
    """What somebody did."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGOUT = "logout"
    EXPORT = "export"
    PRINT = "print"
    REVEAL = "reveal"
    IMPORT = "import"
    BACKUP = "backup"
    RESTORE = "restore"
    REFUSED = "refused"
    SESSION_ENDED = "session_ended"
    MERGE = "merge"
    UNMERGE = "unmerge"
    REVERT = "revert"
