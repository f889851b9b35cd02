"""Who may do what: one table for the back office, its pages and the tests. What is not written here is refused.

A subject is a table's name, or one of `PAGES`, or `health`: every column marked `personal("health")`, wherever it is
shown. Actions are SQLAdmin's own (list, details, create, edit, delete, export, import); a page is viewed, and what
it does is `do`. To `reveal` is to see a phone number whole, with a reason and a line in the audit.
"""

from app.vocabulary import Role

OWNER, MANAGER, RECEPTION = Role.OWNER, Role.MANAGER, Role.RECEPTION
BEAUTICIAN, MARKETER, AUDITOR = Role.BEAUTICIAN, Role.MARKETER, Role.AUDITOR
EVERYONE = tuple(Role)

READ = ("list", "details")
PAGES = frozenset({"dashboard", "cards", "posters", "settings", "sessions", "demo"})

HISTORY = frozenset({"audit_entries", "complaint_events", "consents", "survey_responses", "survey_answers"})
"""What happened stays as it was written: nobody, the owner included, edits or deletes it."""

Grant = tuple[str, str]
_Granted = tuple[tuple[Role, ...], tuple[str, ...]]

# Each line: these roles, these actions.
_TABLE: dict[str, tuple[_Granted, ...]] = {
    # People
    "stores": ((EVERYONE, READ), ((OWNER,), ("create", "edit"))),
    "staff": (((OWNER, MANAGER, AUDITOR), READ), ((OWNER,), ("create", "edit"))),
    "staff_sessions": (((OWNER, AUDITOR), READ),),
    "tags": ((EVERYONE, READ), ((OWNER, MANAGER), ("create", "edit")), ((OWNER,), ("delete",))),
    "tiers": ((EVERYONE, READ), ((OWNER,), ("create", "edit", "delete"))),
    "customers": (
        ((OWNER, MANAGER, RECEPTION, BEAUTICIAN, AUDITOR), READ),
        ((OWNER, MANAGER, RECEPTION), ("create", "edit", "reveal")),
        ((OWNER, MANAGER), ("export", "import")),
        ((OWNER,), ("delete",)),
    ),
    "health": (((OWNER, MANAGER, BEAUTICIAN), ("details", "edit")),),
    "skin_records": (
        ((OWNER, MANAGER, BEAUTICIAN), READ),
        ((OWNER, MANAGER, BEAUTICIAN), ("create", "edit")),
    ),
    "consents": (
        ((OWNER, MANAGER, RECEPTION, AUDITOR), READ),
        ((OWNER, MANAGER, RECEPTION), ("create",)),
        ((AUDITOR,), ("export",)),
    ),
    # Loyalty
    "treatments": ((EVERYONE, READ), ((OWNER, MANAGER), ("create", "edit")), ((OWNER,), ("delete",))),
    "products": ((EVERYONE, READ), ((OWNER, MANAGER), ("create", "edit")), ((OWNER,), ("delete",))),
    "purchases": (
        ((OWNER, MANAGER, RECEPTION, BEAUTICIAN, AUDITOR), READ),
        ((OWNER, MANAGER, RECEPTION), ("create",)),
        ((OWNER, MANAGER, AUDITOR), ("export",)),
        ((OWNER, MANAGER), ("import",)),
    ),
    "purchase_lines": (
        ((OWNER, MANAGER, RECEPTION, BEAUTICIAN, AUDITOR), READ),
        ((OWNER, MANAGER, AUDITOR), ("export",)),
    ),
    "visits": (
        ((OWNER, MANAGER, RECEPTION, BEAUTICIAN, AUDITOR), READ),
        ((OWNER, MANAGER, RECEPTION, BEAUTICIAN), ("create",)),
        ((OWNER, MANAGER), ("edit", "export")),
    ),
    # Voice
    "surveys": (
        ((OWNER, MANAGER, RECEPTION, MARKETER, AUDITOR), READ),
        ((OWNER, MANAGER), ("create", "edit")),
        ((OWNER,), ("delete",)),
    ),
    "survey_questions": (
        ((OWNER, MANAGER, RECEPTION, MARKETER, AUDITOR), READ),
        ((OWNER, MANAGER), ("create", "edit", "delete")),
    ),
    "survey_responses": (
        ((OWNER, MANAGER, RECEPTION, AUDITOR), READ),
        ((OWNER, MANAGER, RECEPTION), ("create",)),
        ((OWNER, MANAGER), ("export",)),
    ),
    "survey_answers": (((OWNER, MANAGER, RECEPTION, AUDITOR), READ), ((OWNER, MANAGER), ("export",))),
    "complaints": (
        ((OWNER, MANAGER, RECEPTION, AUDITOR), READ),
        # A beautician may hand in what she heard; a case about herself she must not read, so she reads none.
        ((OWNER, MANAGER, RECEPTION, BEAUTICIAN), ("create",)),
        ((OWNER, MANAGER, RECEPTION), ("note", "reveal")),
        ((OWNER, MANAGER), ("edit", "reply", "close")),
    ),
    "complaint_events": (((OWNER, MANAGER, RECEPTION, AUDITOR), READ),),
    # Outreach
    "outbound_messages": (((OWNER, MANAGER, AUDITOR), READ),),
    # Shop
    "policy_settings": (((OWNER, MANAGER, AUDITOR), READ), ((OWNER,), ("create", "edit"))),
    "import_batches": (((OWNER, MANAGER, AUDITOR), READ),),
    "job_runs": (((OWNER, MANAGER, AUDITOR), READ),),
    "audit_entries": (((OWNER, MANAGER, AUDITOR), READ), ((OWNER, AUDITOR), ("export",))),
    # Pages
    "dashboard": ((EVERYONE, ("view",)),),
    "cards": (((OWNER, MANAGER, RECEPTION), ("view", "do")),),
    "posters": (((OWNER, MANAGER, RECEPTION, MARKETER), ("view", "do")),),
    "settings": (((OWNER, MANAGER, AUDITOR), ("view",)), ((OWNER,), ("do",))),
    "sessions": (((OWNER, AUDITOR), ("view",)), ((OWNER,), ("do",))),
    "demo": (((OWNER,), ("view", "do")),),
}

PERMISSIONS: dict[Grant, frozenset[Role]] = {
    (subject, action): frozenset(role for roles, actions in granted if action in actions for role in roles)
    for subject, granted in _TABLE.items()
    for _, actions_named in granted
    for action in actions_named
}
"""(subject, action) → the roles that may. Source: the role matrix of the house."""

OWN_ROWS_ONLY: frozenset[tuple[Role, str]] = frozenset(
    (BEAUTICIAN, subject) for subject in ("customers", "skin_records", "purchases", "purchase_lines", "visits")
)
"""Where a role sees only what it served itself; `queries.scopes.own_rows` narrows the statement."""


def may(role: Role, subject: str, action: str) -> bool:
    """Whether this role may do that; no for whatever the table does not name."""
    return role in PERMISSIONS.get((subject, action), frozenset())


def sees_only_own(role: Role, subject: str) -> bool:
    """Whether a list, a record or a lookup of this table must be narrowed to the person's own rows."""
    return (role, subject) in OWN_ROWS_ONLY


def grants_of(role: Role) -> frozenset[Grant]:
    """Everything a role may do, as (subject, action)."""
    return frozenset(grant for grant, roles in PERMISSIONS.items() if role in roles)
