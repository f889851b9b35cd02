"""Personal links to surveys: what an address opens."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from app.models import Customer, PublicToken, Survey, SurveyInvitation
from app.rules.surveys import LinkUnknown, check_link
from app.rules.tokens import fingerprint
from app.vocabulary import TokenPurpose


@dataclass(frozen=True)
class Link:
    """A personal link: which survey under which address, whose run, and until when it opens. `name` is how she is
    greeted. Whether it still opens is for `check` to say: whoever has finished may see her thanks for ever."""

    invitation_id: int
    survey_id: int
    slug: str
    submission_id: str
    customer_id: int
    name: str
    wave_id: int | None
    expires_at: datetime
    is_revoked: bool
    is_opened: bool

    def check(self, survey: Survey, now: datetime) -> None:
        """Raises LinkExpired, LinkRevoked, or LinkUnknown where the survey has become anonymous."""
        check_link(survey.mode, expires_at=self.expires_at, is_revoked=self.is_revoked, now=now)


def link_of(session: Session, token: str) -> Link:
    """What a personal address opens. Raises LinkUnknown."""
    wanted = (
        select(PublicToken.revoked_at, SurveyInvitation, Survey, Customer)
        .join(SurveyInvitation, col(SurveyInvitation.id) == PublicToken.subject_id)
        .join(Survey, col(Survey.id) == SurveyInvitation.survey_id)
        .join(Customer, col(Customer.id) == SurveyInvitation.customer_id)
        .where(PublicToken.sha256 == fingerprint(token), PublicToken.purpose == TokenPurpose.SURVEY)
    )
    found = session.exec(wanted).first()
    if found is None:
        raise LinkUnknown
    revoked_at, invitation, survey, customer = found
    return Link(
        invitation_id=invitation.id or 0,
        survey_id=invitation.survey_id,
        slug=survey.slug,
        submission_id=invitation.submission_id,
        customer_id=invitation.customer_id,
        name=customer.name,
        wave_id=invitation.wave_id,
        expires_at=invitation.expires_at,
        is_revoked=revoked_at is not None or invitation.revoked_at is not None,
        is_opened=invitation.opened_at is not None,
    )
