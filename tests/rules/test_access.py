"""The role matrix, as the house agreed on it: what is not in this table is refused."""

import pytest
from sqlmodel import SQLModel

import app.models  # noqa: F401  fills the metadata
from app.rules.access import HISTORY, OWN_ROWS_ONLY, PAGES, PERMISSIONS, grants_of, may, sees_only_own
from app.vocabulary import Role

# R list and details, C create, U edit, D delete, X export, I import, N note, Y reply and close, V view, P do, S reveal a phone.
LETTERS = {
    "R": ("list", "details"),
    "C": ("create",),
    "U": ("edit",),
    "D": ("delete",),
    "X": ("export",),
    "I": ("import",),
    "N": ("note",),
    "Y": ("reply", "close"),
    "V": ("view",),
    "P": ("do",),
    "S": ("reveal",),
    "h": ("details",),
}
ROLES = (Role.OWNER, Role.MANAGER, Role.RECEPTION, Role.BEAUTICIAN, Role.MARKETER, Role.AUDITOR)
MATRIX = """
    stores             RCU      R        R     R    R  R
    staff              RCU      R        -     -    -  R
    staff_sessions     R        -        -     -    -  R
    tags               RCUD     RCU      R     R    R  R
    tiers              RCUD     R        R     R    R  R
    customers          RCUDXIS  RCUXIS   RCUS  R    -  R
    health             hU       hU       -     hU   -  -
    skin_records       RCU      RCU      -     RCU  -  -
    consents           RC       RC       RC    -    -  RX
    treatments         RCUD     RCU      R     R    R  R
    products           RCUD     RCU      R     R    R  R
    purchases          RCXI     RCXI     RC    R    -  RX
    purchase_lines     RX       RX       R     R    -  RX
    visits             RCUX     RCUX     RC    RC   -  R
    surveys            RCUD     RCU      R     -    R  R
    survey_questions   RCUD     RCUD     R     -    R  R
    survey_responses   RCX      RCX      RC    -    -  R
    survey_answers     RX       RX       R     -    -  R
    complaints         RCUNYS   RCUNYS   RCNS  C    -  R
    complaint_events   R        R        R     -    -  R
    outbound_messages  R        R        -     -    -  R
    policy_settings    RCU      R        -     -    -  R
    import_batches     R        R        -     -    -  R
    job_runs           R        R        -     -    -  R
    audit_entries      RX       R        -     -    -  RX
    dashboard          V        V        V     V    V  V
    cards              VP       VP       VP    -    -  -
    posters            VP       VP       VP    -    VP -
    settings           VP       V        -     -    -  V
    sessions           VP       -        -     -    -  V
    demo               VP       -        -     -    -  -
"""


def agreed() -> dict[tuple[str, str], set[Role]]:
    """The matrix as (subject, action) → roles."""
    grants: dict[tuple[str, str], set[Role]] = {}
    for line in MATRIX.strip().splitlines():
        subject, *cells = line.split()
        for role, cell in zip(ROLES, cells, strict=True):
            for letter in cell.replace("-", ""):
                for action in LETTERS[letter]:
                    grants.setdefault((subject, action), set()).add(role)
    return grants


def test_the_table_is_what_the_house_agreed_on() -> None:
    assert {grant: set(roles) for grant, roles in PERMISSIONS.items()} == agreed()


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
        ("", ""),
        ("*", "*"),
    ],
)
@pytest.mark.parametrize("role", Role)
def test_what_is_not_written_is_refused(role: Role, subject: str, action: str) -> None:
    assert not may(role, subject, action)


@pytest.mark.parametrize(
    "subject", ["audit_entries", "complaint_events", "consents", "survey_responses", "survey_answers"]
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
    assert {action for _, action in grants_of(Role.AUDITOR)} == {"list", "details", "export", "view"}


def test_a_beautician_sees_what_she_served_and_nobody_else_is_narrowed() -> None:
    assert sees_only_own(Role.BEAUTICIAN, "customers")
    assert {role for role, _ in OWN_ROWS_ONLY} == {Role.BEAUTICIAN}
    assert all(may(Role.BEAUTICIAN, subject, "list") for _, subject in OWN_ROWS_ONLY)
    assert not sees_only_own(Role.BEAUTICIAN, "treatments")
