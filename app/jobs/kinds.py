"""The work itself, by its name."""

from collections.abc import Mapping

from sqlmodel import Session

from app.actions.idempotency import forget_old_answers
from app.actions.limits import forget_old_tries
from app.actions.merging import forget_merges
from app.actions.traces import forget_old_sign_ins
from app.db import Database
from app.gateways.backups import create_backup
from app.jobs import imports
from app.jobs.design import try_design
from app.jobs.duplicates import find_duplicates
from app.jobs.errands import AnyKind, Done, Errand, Kind, OutsideKind
from app.jobs.photos import forget_photos
from app.jobs.points import check_points, end_points, honour_birthdays, settle_points
from app.jobs.points_notices import tell_of_endings
from app.jobs.surveys import turn_rounds
from app.jobs.tags import apply_rules
from app.jobs.tiers import review_tiers
from app.queries.journal import verify_chain
from app.rules.jobs import LONGEST_LEASE, Hopeless
from app.rules.refusals import words
from app.settings import Settings
from app.vocabulary import JobKind

_FORGOTTEN = words(
    "清掉了 {tries} 个计数、{answers} 份旧回执、{sign_ins} 条过期登录、{uploads} 个没导入的文件、{photos} 张不再保存的照片"
)
_PLANS = words("{n} 次合并过了可以撤销的期限")
_WHOLE = words("{entries} 条，完整无缺")


class JournalBroken(Hopeless):
    """Somebody changed the journal behind the program's back."""

    code = "journal_broken"
    message = words("操作日志从第 {entry} 条起对不上：有人绕过程序改动过，或数据库已损坏")


def _forget_traces(database: Database, settings: Settings, errand: Errand) -> Done:
    with database.writing() as session:
        tries = forget_old_tries(session, now=errand.safe_now)
        answers = forget_old_answers(session, now=errand.safe_now)
        sign_ins = forget_old_sign_ins(session, policy=errand.policy, now=errand.safe_now)
    uploads = imports.forget_old_uploads(database, settings, errand)
    photos = forget_photos(database, settings, errand)
    gone = {"tries": tries, "answers": answers, "sign_ins": sign_ins, "uploads": uploads, "photos": photos}
    return Done(_FORGOTTEN, gone)


def _forget_merges(session: Session, errand: Errand) -> Done:
    return Done(_PLANS, {"n": forget_merges(session, errand.safe_now)})


def _verify_journal(database: Database, settings: Settings, errand: Errand) -> Done:
    with database.reading() as session:
        verdict = verify_chain(session)
    if not verdict.is_whole:
        raise JournalBroken(entry=verdict.broken_id or 0)
    return Done(_WHOLE, {"entries": verdict.entries})


def _backup(database: Database, settings: Settings, errand: Errand) -> Done:
    # It is of this moment, whichever night it is made for.
    return Done(create_backup(database, settings, now=errand.real_now).file.name)


KINDS: Mapping[str, AnyKind] = {
    JobKind.BACKUP: OutsideKind(_backup, lease=LONGEST_LEASE),
    JobKind.VERIFY_JOURNAL: OutsideKind(_verify_journal, lease=LONGEST_LEASE),
    JobKind.FORGET_TRACES: OutsideKind(_forget_traces),
    JobKind.REVIEW_TIERS: Kind(review_tiers),
    JobKind.CHECK_POINTS: OutsideKind(check_points, lease=LONGEST_LEASE),
    JobKind.EXPIRE_POINTS: Kind(end_points),
    JobKind.SETTLE_POINTS: Kind(settle_points),
    JobKind.BIRTHDAYS: Kind(honour_birthdays),
    JobKind.POINTS_NOTICES: Kind(tell_of_endings),
    JobKind.RULE_TAGS: Kind(apply_rules),
    JobKind.SURVEY_WAVES: OutsideKind(turn_rounds, lease=LONGEST_LEASE),
    JobKind.FORGET_MERGES: Kind(_forget_merges),
    JobKind.TRY_DESIGN: OutsideKind(try_design, lease=imports.LEASE),
    JobKind.FIND_DUPLICATES: OutsideKind(find_duplicates, lease=LONGEST_LEASE),
    JobKind.CHECK_IMPORT: OutsideKind(imports.check_import, lease=imports.LEASE),
    JobKind.RUN_IMPORT: OutsideKind(imports.run_import, lease=imports.LEASE),
}
