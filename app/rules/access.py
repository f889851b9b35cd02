"""Who may do what: one table for the back office, its pages, the owner's permission screen and the tests. What is not
written here is refused.

A subject is a table's name, or one of `PAGES`, or `health`: every column marked `personal("health")`, wherever it is
shown. Actions are SQLAdmin's own (list, details, create, edit, delete, export, import); a page is viewed, and what
it does is `do`. To `reveal` is to see a phone number whole, with a reason and a line in the journal; to `choose` is to
name a record in the form of another (the form of a visit names a colleague).

How a new route gets its entry; until it has one it answers 403 to everybody and `tests/admin/test_matrix.py` fails:

1. A register (a view of a table): a line for its table in `_TABLE`.
2. A page of the back office (`BaseView` with `subject` and `@expose(…, identity=…)`): its subject in `PAGES` and a line
   in `_TABLE`. Reading it needs `view`, any other method `do`.
3. A route of its own on a register (`@expose` on a view of a table): the function's name in `WAYS`, with the actions
   that reading and writing need of that register's table.
4. A route outside the back office: its name in `OPEN` with its methods. Those ask for no account; what protects them
   instead (a token, loopback) stands in the route's docstring. A route for programs: its name in `KEYED`.
5. A deed of a record names its (subject, action) itself, in `Deed.needs`; the action stands in `_TABLE`.
6. A new column: `personal("…")` with a kind known to `KINDS`, or `SHOP`; a kind nobody knows is shown to nobody.
   What only some roles may not see of one table stands in `HIDDEN`.
7. A new table: how far "her store's own" reaches in it stands in `queries.scopes.of_store`; without, a role that is kept
   to its store sees no row of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.vocabulary import Role


class Scope(StrEnum):
    """How far a grant reaches: everything, what belongs to her own store (whoever is of no store works in all of
    them), or what she served herself in it. `queries.scopes.visible` says it to the database."""

    ALL = "all"
    STORE = "store"
    OWN = "own"


OWNER, MANAGER, RECEPTION = Role.OWNER, Role.MANAGER, Role.RECEPTION
BEAUTICIAN, MARKETER, AUDITOR = Role.BEAUTICIAN, Role.MARKETER, Role.AUDITOR
ALL, STORE, OWN = Scope.ALL, Scope.STORE, Scope.OWN

READ = ("list", "details")
PAGES = frozenset(
    {
        "purposes", "dashboard", "desk", "tagged", "tagging", "tag_rules", "duplicates", "merges", "photographs",
        "cards", "own_pages", "posters", "settings", "sessions", "demo", "journal", "access", "backups", "imports",
        "customer_tier", "customer_benefits", "design", "customer_points", "points_counter", "approvals", "hand_totals",
        "counter_sales",
    }
)  # fmt: skip

HISTORY = frozenset(
    {
        "audit_entries", "contact_events", "complaint_events", "consents", "survey_responses", "survey_answers",
        "tier_changes", "benefit_uses", "points_accounts", "points_entries", "points_lots", "points_allocations",
    }
)  # fmt: skip
"""What happened stays as it was written: nobody, the owner included, edits or deletes it."""

Grant = tuple[str, str]
Granted = Mapping[Role, Scope]

# Who is meant again and again, and how far.
_OWNER: Granted = {OWNER: ALL}
_LEADERS: Granted = {OWNER: ALL, MANAGER: STORE}
_DESK: Granted = {**_LEADERS, RECEPTION: STORE}
_CARE: Granted = {**_LEADERS, BEAUTICIAN: OWN}
_AUDIT: Granted = {AUDITOR: ALL}
_EVERYONE: Granted = dict.fromkeys(Role, ALL)
_EACH_STORE: Granted = {role: ALL if role in {OWNER, AUDITOR} else STORE for role in Role}
_HOUSE: Granted = {OWNER: ALL, MANAGER: ALL}  # what belongs to the whole house, such as the menu

# Each line: these actions, these roles and how far.
_TABLE: dict[str, tuple[tuple[tuple[str, ...], Granted], ...]] = {
    # People
    "stores": ((READ, _EACH_STORE), (("create", "edit"), _OWNER)),
    "staff": (
        (READ, {**_LEADERS, **_AUDIT}),
        (("create", "edit"), _OWNER),
        (("choose",), _DESK),
    ),
    "staff_sessions": ((READ, {**_OWNER, **_AUDIT}),),
    "tags": ((READ, _EVERYONE), (("create", "edit"), _HOUSE), (("delete",), _OWNER)),
    "tagged": ((("view",), {**_DESK, **_AUDIT}),),
    "tagging": ((("view", "do"), _DESK),),
    "tag_rules": ((("view",), {**_HOUSE, **_AUDIT}), (("do",), _OWNER)),
    "tiers": ((READ, _EVERYONE), (("create", "edit", "delete"), _OWNER)),
    "customers": (
        (READ, {**_DESK, BEAUTICIAN: OWN, **_AUDIT}),
        (("create", "edit", "reveal"), _DESK),
        (("export", "import"), _LEADERS),
        (("export_whole",), _OWNER),
    ),
    "duplicate_pairs": ((READ, {**_DESK, **_AUDIT}),),
    "customer_merges": ((READ, {**_LEADERS, **_AUDIT}), (("undo",), _LEADERS)),
    "health": ((("details", "edit"), _CARE),),
    "skin_records": ((READ, _CARE), (("create", "edit"), _CARE)),
    "photos": ((READ, _CARE), (("create",), _CARE), (("delete",), _LEADERS)),
    "social_accounts": (
        (READ, {**_DESK, BEAUTICIAN: OWN, **_AUDIT}),
        (("create", "edit"), _DESK),
        (("delete",), _LEADERS),
    ),
    "contact_events": ((READ, {**_DESK, **_AUDIT}),),
    "consents": (
        (READ, {**_DESK, **_AUDIT}),
        (("create",), _DESK),
        (("export",), _AUDIT),
    ),
    "sign_ups": ((READ, {**_DESK, **_AUDIT}), (("settle",), _DESK)),
    # Loyalty
    "treatments": ((READ, _EVERYONE), (("create", "edit"), _HOUSE), (("delete",), _OWNER)),
    "products": ((READ, _EVERYONE), (("create", "edit"), _HOUSE), (("delete",), _OWNER)),
    "purchases": (
        (READ, {**_DESK, BEAUTICIAN: OWN, **_AUDIT}),
        (("export",), {**_LEADERS, **_AUDIT}),
        (("import",), _LEADERS),
        (("claim",), _DESK),
        (("refund",), _DESK),
    ),
    "purchase_lines": (
        (READ, {**_DESK, BEAUTICIAN: OWN, **_AUDIT}),
        (("export",), {**_LEADERS, **_AUDIT}),
    ),
    "points_accounts": ((READ, {**_DESK, **_AUDIT}), (("release",), _OWNER)),
    "points_entries": ((READ, {**_DESK, **_AUDIT}), (("export",), {**_LEADERS, **_AUDIT})),
    "points_lots": ((READ, {**_DESK, **_AUDIT}),),
    "points_pending": ((READ, {**_DESK, **_AUDIT}),),
    "points_requests": ((READ, {**_LEADERS, **_AUDIT}),),
    "earning_rules": ((READ, _EVERYONE), (("create", "edit"), _OWNER)),
    "rule_versions": ((READ, {**_HOUSE, **_AUDIT}),),
    "rewards": ((READ, _EVERYONE), (("create", "edit"), _HOUSE), (("delete",), _OWNER)),
    "redemptions": ((READ, {**_DESK, **_AUDIT}),),
    "tier_changes": ((READ, {**_DESK, **_AUDIT}), (("export",), {**_LEADERS, **_AUDIT})),
    "tier_benefits": ((READ, _EVERYONE), (("create", "edit"), _HOUSE), (("delete",), _OWNER)),
    "benefit_uses": ((READ, {**_DESK, BEAUTICIAN: OWN, **_AUDIT}), (("export",), {**_LEADERS, **_AUDIT})),
    "visits": (
        (READ, {**_DESK, BEAUTICIAN: OWN, **_AUDIT}),
        (("create",), {**_DESK, BEAUTICIAN: OWN}),
        (("edit", "export"), _LEADERS),
    ),
    # Voice
    "surveys": (
        (READ, {**_DESK, MARKETER: STORE, **_AUDIT}),
        (("create", "edit"), _LEADERS),
        (("delete",), _OWNER),
    ),
    "survey_questions": (
        (READ, {**_DESK, MARKETER: STORE, **_AUDIT}),
        (("create", "edit", "delete"), _LEADERS),
    ),
    # What was said is read by more people than who said it: see HIDDEN.
    "survey_responses": (
        (READ, {**_DESK, BEAUTICIAN: OWN, MARKETER: STORE, **_AUDIT}),
        (("create",), _DESK),
        (("export",), _LEADERS),
    ),
    "survey_answers": (
        (READ, {**_DESK, BEAUTICIAN: OWN, MARKETER: STORE, **_AUDIT}),
        (("export",), _LEADERS),
    ),
    "survey_places": ((READ, {**_DESK, MARKETER: STORE, **_AUDIT}), (("create", "edit"), _LEADERS)),
    "survey_waves": ((READ, {**_DESK, MARKETER: STORE, **_AUDIT}), (("create", "edit"), _LEADERS)),
    "survey_invitations": ((READ, {**_DESK, **_AUDIT}), (("edit",), _LEADERS)),
    # Whoever is there within the hour sees to it.
    "low_feedbacks": ((READ, {**_DESK, **_AUDIT}), (("edit",), _DESK)),
    "improvements": ((READ, {**_DESK, MARKETER: STORE, **_AUDIT}), (("create", "edit"), _LEADERS)),
    "complaints": (
        (READ, {**_DESK, **_AUDIT}),
        # A beautician may hand in what she heard; a case about herself she must not read, so she reads none.
        (("create",), {**_DESK, BEAUTICIAN: STORE}),
        (("note", "reveal"), _DESK),
        (("edit", "reply", "close"), _LEADERS),
    ),
    "complaint_events": ((READ, {**_DESK, **_AUDIT}),),
    # Outreach
    "outbound_messages": ((READ, {**_LEADERS, **_AUDIT}),),
    # Shop
    "policy_settings": ((READ, {**_HOUSE, **_AUDIT}), (("create", "edit"), _OWNER)),
    "import_batches": ((READ, {**_LEADERS, **_AUDIT}),),
    "import_maps": ((READ, {**_HOUSE, **_AUDIT}), (("edit", "delete"), _HOUSE)),
    "api_keys": ((READ, {**_OWNER, **_AUDIT}), (("create", "edit"), _OWNER)),
    "jobs": ((READ, {**_HOUSE, **_AUDIT}), (("retry",), _OWNER)),
    "job_runs": ((READ, {**_HOUSE, **_AUDIT}),),
    "audit_entries": ((READ, {**_LEADERS, **_AUDIT}), (("export",), {**_OWNER, **_AUDIT})),
    # Pages
    "dashboard": ((("view",), _EACH_STORE),),
    # Whoever may see customers finds them there; what is confirmed or let rest there changes their record.
    "desk": ((("view",), {**_DESK, BEAUTICIAN: OWN, **_AUDIT}), (("do",), _DESK)),
    # Whoever may see a customer sees her points; the counter redeems, records occasions and puts right within the limit.
    "customer_points": ((("view",), {**_DESK, BEAUTICIAN: OWN, **_AUDIT}),),
    "points_counter": ((("view", "do"), _DESK),),
    # Whoever serves her may write down what she bought; a beautician what she sold herself.
    "counter_sales": ((("view", "do"), {**_DESK, BEAUTICIAN: OWN}),),
    "approvals": ((("view",), {**_LEADERS, **_AUDIT}), (("do",), _LEADERS)),
    "hand_totals": ((("view",), {**_OWNER, **_AUDIT}),),
    # Whoever serves her gives her what her tier grants; her tier itself is changed by hand by who leads.
    "customer_tier": ((("view", "do"), _LEADERS),),
    "customer_benefits": ((("view", "do"), {**_DESK, BEAUTICIAN: OWN}),),
    "design": ((("view", "do"), _HOUSE),),
    "merges": ((("view", "do"), _LEADERS),),
    "duplicates": ((("view",), {**_DESK, **_AUDIT}), (("do",), _DESK)),
    "cards": ((("view", "do"), _DESK),),
    "own_pages": ((("view", "do"), _DESK),),
    "photographs": ((("view", "do"), _CARE),),
    "purposes": ((("view",), {**_DESK, MARKETER: STORE, **_AUDIT}), (("do",), _OWNER)),
    "posters": ((("view", "do"), {**_DESK, MARKETER: STORE}),),
    "settings": ((("view",), {**_HOUSE, **_AUDIT}), (("do",), _OWNER)),
    "sessions": ((("view",), {**_OWNER, **_AUDIT}), (("do",), _OWNER)),
    "demo": ((("view", "do"), _OWNER),),
    "journal": ((("view",), {**_LEADERS, **_AUDIT}), (("do",), {**_OWNER, **_AUDIT})),
    "access": ((("view",), {**_OWNER, **_AUDIT}),),
    "backups": ((("view",), {**_OWNER, **_AUDIT}),),
    "imports": ((("view", "do"), _LEADERS),),
}

PERMISSIONS: dict[Grant, Granted] = {
    (subject, action): granted for subject, lines in _TABLE.items() for actions, granted in lines for action in actions
}
"""(subject, action) → the roles that may, and how far. Source: the role matrix of the house."""

KINDS: dict[str, frozenset[Role]] = {
    "": frozenset(Role),
    "name": frozenset(Role),
    "contact": frozenset(Role),
    "birth": frozenset(Role),
    "trait": frozenset(Role),
    "words": frozenset(Role),
    "health": frozenset(PERMISSIONS["health", "details"]),
    "trace": frozenset({OWNER, AUDITOR}),
    "secret": frozenset(),
}
"""Kinds of columns (`columns.personal`) → who sees them in what she may read at all. A kind that is not here is shown to
nobody; a secret never is."""

_IDENTITY = ("customer", "customer_id", "contact_name", "contact_masked", "contact_phone")
_BEYOND_BASICS = ("email", "address", "birthday", "birthday_calendar", "occupation", "income_band", "note", "wechat")

HIDDEN: dict[str, dict[Role, tuple[str, ...]]] = {
    "survey_responses": {BEAUTICIAN: _IDENTITY, MARKETER: _IDENTITY},
    # An auditor checks that the file is in order: name, masked phone and tier are enough for that.
    "customers": {AUDITOR: _BEYOND_BASICS},
}
"""Subject → role → columns and relations it does not see there, although it may read the rest."""


@dataclass(frozen=True)
class Way:
    """What a route asks of its register or page: the actions of which one is enough, for reading (GET, HEAD) and for
    everything else. No action: the method is not for anybody. `deed`: the record's deed asks by itself."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    subject: str = ""
    by_deed: bool = False


WAYS: dict[str, Way] = {
    "index": Way(("view",), subject="dashboard"),
    "page": Way(("view",), ("do",)),
    "list": Way(("list",)),
    "details": Way(("details",)),
    "create": Way(("create",), ("create",)),
    "edit": Way(("edit",), ("edit",)),
    "delete": Way(("delete",), ("delete",)),
    "export_rows": Way(("export",), ("export",)),
    "ajax_lookup": Way(("create", "edit")),
    "do_deed": Way(by_deed=True),
    "of_customer": Way(("list",), ("create",)),
    "receipt": Way(("details",)),
    "tag-customers": Way(("view",), subject="tagging"),
    "print-cards": Way(("view",), subject="cards"),
    "print-poster": Way(("view",), subject="posters"),
}
"""Routes of the back office → what they need: SQLAdmin's by their name, a page as `page`, what is exposed on a register
by the function's name, an action by its slug."""

OPEN: dict[str, frozenset[str]] = {
    # Of the back office: before anybody is signed in.
    "login": frozenset({"GET", "POST"}),
    "logout": frozenset({"POST"}),
    "statics": frozenset({"GET"}),
    "office:enter": frozenset({"GET"}),
    # Files.
    "static": frozenset({"GET"}),
    # Customers' pages: whoever holds the address.
    "notice:door": frozenset({"GET"}),
    "notice:privacy": frozenset({"GET"}),
    "survey:show": frozenset({"GET"}),
    "survey:answer": frozenset({"POST"}),
    "survey:thank": frozenset({"GET"}),
    "survey:follow": frozenset({"GET"}),
    "card:show": frozenset({"GET"}),
    "card:picture": frozenset({"GET"}),
    "card:print": frozenset({"GET"}),
    "me:show": frozenset({"GET"}),
    "me:open": frozenset({"POST"}),
    "me:history": frozenset({"GET"}),
    "me:withdraw": frozenset({"POST"}),
    "me:leave": frozenset({"POST"}),
    "points_rules:show": frozenset({"GET"}),
    "join:show": frozenset({"GET"}),
    "join:thank": frozenset({"GET"}),
    "join:sign_up": frozenset({"POST"}),
    # The first owner's set-up: whoever holds the code, once.
    "setup:show": frozenset({"GET"}),
    "setup:open": frozenset({"POST"}),
    # The machine's own questions: yes or no, and how long ago.
    "health:alive": frozenset({"GET"}),
    "health:ready": frozenset({"GET"}),
    # Numbers: whoever holds the token, or sits on this very machine.
    "health:metrics": frozenset({"GET"}),
    # What a program may ask for, in the form programs read: no shop's own data.
    "api:describe": frozenset({"GET"}),
}
"""Routes that ask for no account, with their methods (HEAD goes with GET)."""

KEYED: dict[str, frozenset[str]] = {
    "api_customer:create": frozenset({"POST"}),
    "api_customer:look_up": frozenset({"POST"}),
    "api_customer:show": frozenset({"GET"}),
    "api_points:show": frozenset({"GET"}),
    "api_purchase:create": frozenset({"POST"}),
    "api_redemption:create": frozenset({"POST"}),
    "api_refund:create": frozenset({"POST"}),
}
"""Routes for tills and other programs, with their methods: they ask for a key of the shop (`routes/callers.py`) and for
nothing else. A key of one store reaches its customers and sells in it."""


def may(role: Role, subject: str, action: str) -> bool:
    """Whether this role may do that; no for whatever the table does not name."""
    return role in PERMISSIONS.get((subject, action), {})


def scope_of(role: Role, subject: str) -> Scope | None:
    """How far this role sees into a table or a page: for lists, records and what a form may name. None: not at all."""
    for action in ("list", "details", "choose", "view"):
        scope = PERMISSIONS.get((subject, action), {}).get(role)
        if scope is not None:
            return scope
    return None


def sees_only_own(role: Role, subject: str) -> bool:
    """Whether a list, a record or a lookup of this table must be narrowed to the person's own rows."""
    return scope_of(role, subject) is OWN


def may_see(role: Role, subject: str, column: str, kind: str = "") -> bool:
    """Whether this role sees a column or relation of a table it may read. `kind` is the column's mark."""
    return role in KINDS.get(kind, frozenset()) and column not in HIDDEN.get(subject, {}).get(role, ())


def may_write(role: Role, subject: str, column: str, kind: str = "") -> bool:
    """Whether a form gives this role the column: health only to whoever may write health notes; else what it sees."""
    if kind == "health":
        return may(role, "health", "edit")
    return kind == "secret" or may_see(role, subject, column, kind)


def grants_of(role: Role) -> frozenset[Grant]:
    """Everything a role may do, as (subject, action)."""
    return frozenset(grant for grant, roles in PERMISSIONS.items() if role in roles)
