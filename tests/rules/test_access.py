"""The role matrix, as the house agreed on it: what is not in this table is refused."""

import pytest
from sqlmodel import SQLModel

import app.models  # noqa: F401  fills the metadata
from app.rules.access import (
    HIDDEN,
    HISTORY,
    KINDS,
    OPEN,
    PAGES,
    PERMISSIONS,
    WAYS,
    Scope,
    grants_of,
    may,
    may_see,
    may_write,
    scope_of,
    sees_only_own,
)
from app.vocabulary import Role

# R list and details, C create, U edit, D delete, X export, W export with whole numbers, I import, N note, Y reply and
# close, F refund a sale, K settle a sign-up, L let redeem again, B take a merge back, V view, P do, S reveal a phone, T retry, c choose in
# another form, h a health note. s: only her own store's, o: only what she served herself there.
LETTERS = {
    "R": ("list", "details"),
    "C": ("create",),
    "U": ("edit",),
    "D": ("delete",),
    "X": ("export",),
    "W": ("export_whole",),
    "I": ("import",),
    "M": ("claim",),
    "F": ("refund",),
    "N": ("note",),
    "Y": ("reply", "close"),
    "V": ("view",),
    "P": ("do",),
    "S": ("reveal",),
    "T": ("retry",),
    "E": ("set",),
    "K": ("settle",),
    "L": ("release",),
    "B": ("undo",),
    "c": ("choose",),
    "h": ("details",),
}
SCOPES = {"": Scope.ALL, "s": Scope.STORE, "o": Scope.OWN}
ROLES = (Role.OWNER, Role.MANAGER, Role.RECEPTION, Role.BEAUTICIAN, Role.MARKETER, Role.AUDITOR)
MATRIX = """
    stores             RCU        s:R        s:R        s:R        s:R        R
    staff              RCUc       s:Rc       s:c        -          -          R
    staff_sessions     R          -          -          -          -          R
    tags               RCUD       RCU        R          R          R          R
    tagged             V          s:V        s:V        -          -          V
    tagging            VP         s:VP       s:VP       -          -          -
    tag_rules          VP         V          -          -          -          V
    tiers              RCUD       R          R          R          R          R
    customers          RCUSXIW    s:RCUSXI   s:RCUS     o:R        -          R
    duplicate_pairs    R          s:R        s:R        -          -          R
    customer_merges    RB         s:RB       -          -          -          R
    health             hU         s:hU       -          o:hU       -          -
    skin_records       RCU        s:RCU      -          o:RCU      -          -
    photos             RCD        s:RCD      -          o:RC       -          -
    social_accounts    RCUD       s:RCUD     s:RCU      o:R        -          R
    contact_events     R          s:R        s:R        -          -          R
    consents           RC         s:RC       s:RC       -          -          RX
    sign_ups           RK         s:RK       s:RK       -          -          R
    treatments         RCUD       RCU        R          R          R          R
    products           RCUD       RCU        R          R          R          R
    purchases          RXIMF      s:RXIMF    s:RMF      o:R        -          RX
    purchase_lines     RX         s:RX       s:R        o:R        -          RX
    points_accounts    RL         s:R        s:R        -          -          R
    points_entries     RX         s:RX       s:R        -          -          RX
    points_lots        R          s:R        s:R        -          -          R
    points_pending     R          s:R        s:R        -          -          R
    points_requests    R          s:R        -          -          -          R
    earning_rules      RCU        R          R          R          R          R
    rule_versions      R          R          -          -          -          R
    rewards            RCUD       RCU        R          R          R          R
    redemptions        R          s:R        s:R        -          -          R
    tier_changes       RX         s:RX       s:R        -          -          RX
    tier_benefits      RCUD       RCU        R          R          R          R
    benefit_uses       RX         s:RX       s:R        o:R        -          RX
    visits             RCUX       s:RCUX     s:RC       o:RC       -          R
    surveys            RCUD       s:RCU      s:R        -          s:R        R
    survey_questions   RCUD       s:RCUD     s:R        -          s:R        R
    survey_responses   RCX        s:RCX      s:RC       o:R        s:R        R
    survey_answers     RX         s:RX       s:R        o:R        s:R        R
    survey_places      RCU        s:RCU      s:R        -          s:R        R
    survey_waves       RCU        s:RCU      s:R        -          s:R        R
    survey_invitations RU         s:RU       s:R        -          -          R
    low_feedbacks      RU         s:RU       s:RU       -          -          R
    improvements       RCU        s:RCU      s:R        -          s:R        R
    complaints         RCUNYS     s:RCUNYS   s:RCNS     s:C        -          R
    complaint_events   R          s:R        s:R        -          -          R
    outbound_messages  R          s:R        -          -          -          R
    policy_settings    RCU        R          -          -          -          R
    import_batches     R          s:R        -          -          -          R
    import_maps        RUD        RUD        -          -          -          R
    api_keys           RCU        -          -          -          -          R
    jobs               RT         R          -          -          -          R
    job_runs           R          R          -          -          -          R
    audit_entries      RX         s:R        -          -          -          RX
    dashboard          V          s:V        s:V        s:V        s:V        V
    desk               VP         s:VP       s:VP       o:V        -          V
    duplicates         VP         s:VP       s:VP       -          -          V
    customer_points    V          s:V        s:V        o:V        -          V
    points_counter     VP         s:VP       s:VP       -          -          -
    counter_sales      VP         s:VP       s:VP       o:VP       -          -
    approvals          VP         s:VP       -          -          -          V
    hand_totals        V          -          -          -          -          V
    customer_tier      VP         s:VP       -          -          -          -
    customer_benefits  VP         s:VP       s:VP       o:VP       -          -
    design             VP         VP         -          -          -          -
    merges             VP         s:VP       -          -          -          -
    cards              VP         s:VP       s:VP       -          -          -
    own_pages          VP         s:VP       s:VP       -          -          -
    photographs        VP         s:VP       -          o:VP       -          -
    purposes           VP         s:V        s:V        -          s:V        V
    posters            VP         s:VP       s:VP       -          s:VP       -
    settings           VP         V          -          -          -          V
    sessions           VP         -          -          -          -          V
    demo               VP         -          -          -          -          -
    journal            VP         s:V        -          -          -          VP
    access             V          -          -          -          -          V
    backups            V          -          -          -          -          V
    imports            VP         s:VP       -          -          -          -
"""


def agreed() -> dict[tuple[str, str], dict[Role, Scope]]:
    """The matrix as (subject, action) → roles and how far."""
    grants: dict[tuple[str, str], dict[Role, Scope]] = {}
    for line in MATRIX.strip().splitlines():
        subject, *cells = line.split()
        for role, cell in zip(ROLES, cells, strict=True):
            scope, _, letters = cell.rpartition(":")
            for letter in letters.replace("-", ""):
                for action in LETTERS[letter]:
                    grants.setdefault((subject, action), {})[role] = SCOPES[scope]
    return grants


def test_the_table_is_what_the_house_agreed_on() -> None:
    assert {grant: dict(roles) for grant, roles in PERMISSIONS.items()} == agreed()


@pytest.mark.parametrize("role", Role)
def test_asking_one_by_one_and_asking_for_all_say_the_same(role: Role) -> None:
    everything = {(subject, action) for subject, action in agreed()}
    assert grants_of(role) == {grant for grant in everything if may(role, *grant)}
    assert grants_of(role)


@pytest.mark.parametrize(
    ("subject", "action"),
    [
        ("customers", "anonymise"),
        ("public_tokens", "list"),
        ("counters", "list"),
        ("demo_marks", "list"),
        ("kept_answers", "list"),
        ("rate_windows", "list"),
        ("", ""),
        ("*", "*"),
    ],
)
@pytest.mark.parametrize("role", Role)
def test_what_is_not_written_is_refused(role: Role, subject: str, action: str) -> None:
    assert not may(role, subject, action)
    if subject != "customers":
        assert scope_of(role, subject) is None


@pytest.mark.parametrize(
    "subject",
    [
        "audit_entries",
        "complaint_events",
        "consents",
        "survey_responses",
        "survey_answers",
        "points_entries",
        "points_lots",
    ],
)
@pytest.mark.parametrize("action", ["edit", "delete"])
@pytest.mark.parametrize("role", Role)
def test_nobody_rewrites_history(role: Role, subject: str, action: str) -> None:
    assert subject in HISTORY
    assert not may(role, subject, action)


def test_every_subject_is_a_table_a_page_or_health() -> None:
    subjects = {subject for subject, _ in PERMISSIONS}
    assert subjects <= set(SQLModel.metadata.tables) | PAGES | {"health"}
    assert subjects >= PAGES


def test_an_auditor_only_looks() -> None:
    looking = {"list", "details", "export", "view"}
    assert {grant for grant in grants_of(Role.AUDITOR) if grant[1] not in looking} == {("journal", "do")}, (
        "checking the journal's seals is looking too"
    )


def test_owner_and_auditor_see_all_stores_and_everybody_else_her_own_where_rows_have_one() -> None:
    for granted in PERMISSIONS.values():
        assert {granted.get(role, Scope.ALL) for role in (Role.OWNER, Role.AUDITOR)} == {Scope.ALL}
    for subject in ("customers", "purchases", "visits", "complaints", "survey_responses", "consents", "staff"):
        assert scope_of(Role.MANAGER, subject) is Scope.STORE


@pytest.mark.parametrize("role", Role)
def test_a_role_reaches_equally_far_in_whatever_it_does_with_a_table(role: Role) -> None:
    for subject in {subject for subject, _ in PERMISSIONS}:
        scopes = {granted[role] for (one, _), granted in PERMISSIONS.items() if one == subject and role in granted}
        assert len(scopes) <= 1, subject


def test_a_beautician_sees_what_she_served_and_nobody_else_is_narrowed_so_far() -> None:
    own = {(role, subject) for subject, _ in PERMISSIONS for role in Role if sees_only_own(role, subject)}
    assert {role for role, _ in own} == {Role.BEAUTICIAN}
    assert {subject for _, subject in own} == {
        "customers", "desk", "health", "skin_records", "photos", "photographs", "social_accounts", "purchases", "purchase_lines",
        "visits", "survey_responses", "survey_answers", "customer_points", "customer_benefits", "benefit_uses",
            "counter_sales",
    }  # fmt: skip
    assert not sees_only_own(Role.BEAUTICIAN, "treatments")
    assert scope_of(Role.BEAUTICIAN, "complaints") is None


@pytest.mark.parametrize("role", [Role.BEAUTICIAN, Role.MARKETER])
def test_answers_are_read_without_who_gave_them(role: Role) -> None:
    for column in ("customer", "contact_name", "contact_masked", "contact_phone"):
        assert not may_see(role, "survey_responses", column, "contact")
    assert may_see(role, "survey_responses", "score", "words")


def test_an_auditor_sees_of_a_customer_the_name_the_masked_phone_and_the_tier() -> None:
    seen = {
        name: may_see(Role.AUDITOR, "customers", name, "contact")
        for name in ("name", "phone_masked", "tier", "email", "address", "note", "birthday")
    }
    assert {name for name, is_seen in seen.items() if is_seen} == {"name", "phone_masked", "tier"}


@pytest.mark.parametrize("role", Role)
def test_secrets_are_shown_to_nobody_and_an_unknown_kind_neither(role: Role) -> None:
    assert not may_see(role, "staff", "password_hash", "secret")
    assert not may_see(role, "customers", "face", "photograph")
    assert may_see(role, "customers", "skin_type", "health") is may(role, "health", "details")
    assert may_write(role, "customers", "skin_type", "health") is may(role, "health", "edit")


def test_every_column_has_a_kind_somebody_decided_about() -> None:
    kinds = {column.info.get("personal", "") for table in SQLModel.metadata.tables.values() for column in table.columns}
    assert kinds <= set(KINDS)


def test_what_is_hidden_is_there() -> None:
    for subject, roles in HIDDEN.items():
        names = set(SQLModel.metadata.tables[subject].columns.keys())
        for role, hidden in roles.items():
            assert may(role, subject, "details"), "hidden from somebody who reads nothing of it"
            assert {name for name in hidden if name not in names} <= {"customer"}


def test_no_route_is_both_open_and_asked_for() -> None:
    assert not set(OPEN) & set(WAYS)
