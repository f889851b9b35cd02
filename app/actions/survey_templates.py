"""Surveys of the house: a draft with questions that work, one for each occasion, to be changed as the shop likes."""

from datetime import datetime

from sqlmodel import Session

from app.actions.survey_sheets import SurveyDetails, create_survey
from app.actions.survey_versions import save_question, save_rule
from app.models import Survey
from app.rules.survey_templates import TEMPLATES
from app.vocabulary import SurveyOccasion


def survey_from_template(
    session: Session, occasion: SurveyOccasion, slug: str, *, now: datetime, store_id: int | None = None
) -> Survey:
    """A draft for that occasion under this address. Raises what `create_survey` finds."""
    template = TEMPLATES[occasion]
    details = SurveyDetails(
        slug, template.title, template.intro, template.thanks, template.mode, store_id, occasion=occasion
    )
    survey = create_survey(session, details, now=now)
    for question in template.questions:
        save_question(session, survey.id or 0, question)
    for rule in template.rules:
        for target in rule.targets or ("",):
            save_rule(session, survey.id or 0, rule.conditions, deed=rule.deed, target=target, match=rule.match)
    return survey
