"""Sixteen at once, all wanting the same: exact counts with the guard, and what happens without it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from threading import Barrier, Thread

from sqlmodel import Session, col, func, select

from app.actions.complaints import ComplaintIntake, open_complaint, receipt_no
from app.actions.customers import MEMBER_SERIES, create_customer
from app.actions.staff import StaffDetails, create_first_owner, create_staff
from app.actions.submissions import Submission, take_submissions
from app.actions.surveys import finish_response, save_answer
from app.db import Database
from app.models import Complaint, Counter, Customer, Staff, Survey, SurveyAnswer, SurveyResponse, SurveyVersion
from app.queries.staff import has_owner
from app.queries.surveys import survey_sheet
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.vocabulary import FeedbackKind, ResponseState, Role

THREADS = 16
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
_POLICY = Policy()
_SLUG = "satisfaction"


@dataclass(frozen=True)
class Race:
    """What sixteen at once came to. `got` is what was counted and must be `wanted`; `unguarded` is the same count when
    each first looks, and then writes what it saw, and must be another."""

    name: str
    wanted: int
    got: int
    unguarded: int


def all_races(database: Database) -> list[Race]:
    """Every race there is, one after the other."""
    return [race(database) for race in (one_run, one_finish, receipts, member_numbers, one_owner)]


def _at_once(work: Callable[[int, Barrier], object]) -> list[object]:
    """What each of them got; whatever was raised counts as that."""
    start, got = Barrier(THREADS), list[object]([None] * THREADS)

    def run(number: int) -> None:
        start.wait(30)
        try:
            got[number] = work(number, start)
        except Exception as refused:  # noqa: BLE001
            got[number] = refused

    threads = [Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def _looked_first(database: Database, look: Callable[[Session], object], met: Barrier) -> object:
    """What everybody saw before anybody wrote."""
    with database.reading() as session:
        seen = look(session)
    met.wait(30)
    return seen


def one_run(database: Database) -> Race:
    """The same first answer from sixteen taps: all are thanked, and one run begins."""
    run, other = secrets.token_hex(12), secrets.token_hex(12)

    def tap(number: int, met: Barrier) -> bool:
        form = Submission(_SLUG, run, "product", ["5"], False, "", "", "10.0.0.1", NOW)
        with database.writing() as session:
            return take_submissions(session, [form], policy=_POLICY)[0].refusal is None

    def unguarded(number: int, met: Barrier) -> bool:
        def look(session: Session) -> object:
            return session.exec(select(SurveyResponse.id).where(SurveyResponse.submission_id == other)).first()

        if _looked_first(database, look, met) is None:
            with database.writing() as session:
                survey = session.exec(select(Survey)).one()
                version = session.exec(select(SurveyVersion.id)).first() or 0
                ids = {"survey_id": survey.id or 0, "version_id": version}
                session.add(SurveyResponse(**ids, submission_id=other, started_at=NOW))
        return True

    thanked = _at_once(tap).count(True)
    with database.reading() as session:
        whose = select(func.count()).select_from(SurveyResponse).join(SurveyAnswer)
        assert session.exec(whose.where(SurveyResponse.submission_id == run)).one() == 1
    return Race("first answer, the same run: thanked", THREADS, thanked, _at_once(unguarded).count(True))


def one_finish(database: Database) -> Race:
    """The last tap sixteen times: one of them finishes the run."""
    guarded, other = _answered(database), _answered(database)

    def finish(number: int, met: Barrier) -> bool:
        with database.writing() as session:
            survey_id = survey_sheet(session, _SLUG).id
            return not finish_response(session, survey_id, guarded, policy=_POLICY, now=NOW).is_repeat

    def unguarded(number: int, met: Barrier) -> bool:
        def look(session: Session) -> object:
            return session.exec(select(SurveyResponse.state).where(SurveyResponse.submission_id == other)).one()

        is_open = _looked_first(database, look, met) is ResponseState.PARTIAL
        with database.writing() as session:
            response = session.exec(select(SurveyResponse).where(SurveyResponse.submission_id == other)).one()
            response.state, response.finished_at = ResponseState.FINISHED, NOW
            session.add(response)
        return is_open

    return Race("finishing: first ones", 1, _at_once(finish).count(True), _at_once(unguarded).count(True))


def _answered(database: Database) -> str:
    """A run with all its answers."""
    run = secrets.token_hex(12)
    with database.writing() as session:
        sheet = survey_sheet(session, _SLUG)
        for question in sheet.questions:
            typed = [""] if not question.is_required else ["5"]
            save_answer(session, sheet.id, run, question.key, typed, now=NOW)
    return run


def receipts(database: Database) -> Race:
    """Sixteen complaints, of which always four draw the same numbers: each gets one of its own."""

    def complain(number: int, met: Barrier) -> str:
        with database.writing() as session:
            intake = ComplaintIntake(text=f"{number}")
            return open_complaint(session, intake, policy=_POLICY, now=NOW, chance=Random(number // 4)).receipt_no

    def unguarded(number: int, met: Barrier) -> str:
        with database.writing() as session:
            number_drawn = receipt_no(NOW, Random(100 + number // 4))
            kind = FeedbackKind.COMPLAINT
            session.add(Complaint(receipt_no=number_drawn, kind=kind, text="x", opened_at=NOW, due_at=NOW))
        return number_drawn

    return Race("receipt numbers given", THREADS, _different(_at_once(complain)), _different(_at_once(unguarded)))


def member_numbers(database: Database) -> Race:
    """Sixteen new customers: sixteen numbers."""

    def join(number: int, met: Barrier) -> str:
        with database.writing() as session:
            details = CustomerDetails(name=f"客{number}")
            return create_customer(session, details, policy=_POLICY, now=NOW).member_no

    def unguarded(number: int, met: Barrier) -> object:
        def look(session: Session) -> object:
            return session.exec(select(Counter.value).where(Counter.name == MEMBER_SERIES)).one()

        return str(_looked_first(database, look, met))

    given = _different(_at_once(join))
    with database.reading() as session:
        assert len(set(session.exec(select(Customer.member_no)))) >= given
    return Race("member numbers given", THREADS, given, _different(_at_once(unguarded)))


def one_owner(database: Database) -> Race:
    """Sixteen set-ups of a new shop: one owner."""

    def open_shop(number: int, met: Barrier) -> None:
        with database.writing() as session:
            create_first_owner(session, name="店主", login=f"boss{number}", password_hash="x", now=NOW)

    def unguarded(number: int, met: Barrier) -> None:
        if not _looked_first(database, has_owner, met):
            with database.writing() as session:
                details = StaffDetails("店主", f"rival{number}", Role.OWNER)
                create_staff(session, details, password_hash="x", now=NOW)

    def owners() -> int:
        with database.reading() as session:
            return session.exec(select(func.count()).where(col(Staff.role) == Role.OWNER)).one()

    _at_once(open_shop)
    got = owners()
    with database.writing() as session:
        for owner in session.exec(select(Staff)):
            owner.role = Role.RECEPTION
            session.add(owner)
    _at_once(unguarded)
    return Race("owners of a new shop", 1, got, owners() - got)


def _different(got: list[object]) -> int:
    return len({one for one in got if isinstance(one, str)})
