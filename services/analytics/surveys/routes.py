"""Survey answers over HTTP."""

from typing import Annotated

from fastapi import APIRouter
from sqlalchemy import select

from services.analytics.language import CallerLanguage
from services.analytics.plausible import PlausibleNow
from services.analytics.surveys.schemas import AnswerIn, AnswerOut
from services.analytics.surveys.service import record_answer
from services.analytics.tables import SurveyAnswer
from shared.auth import Principal, requires
from shared.db import ReadSession, Session
from shared.errors import problems
from shared.idempotency import Idempotent, KeyInProgress, KeyReused
from shared.pagination import InvalidCursor, Page, PageOf, fetch_page
from shared.routing import ServiceRoute

router = APIRouter(prefix="/analytics/survey-answers", tags=["survey answers"], route_class=ServiceRoute)

CanAnswer = Annotated[Principal, requires("analytics.survey-answers:write")]
CanReadComments = Annotated[Principal, requires("analytics.survey-answers:read-personal")]


@router.post("", status_code=201, responses=problems(KeyReused, KeyInProgress), dependencies=[Idempotent])
async def answer_survey(
    body: AnswerIn, session: Session, _by: CanAnswer, plausible: PlausibleNow, language: CallerLanguage
) -> AnswerOut:
    """Store an answer; its score counts in internal_satisfaction shortly after."""
    return AnswerOut.model_validate(await record_answer(session, body, plausible, language))


@router.get("", responses=problems(InvalidCursor))
async def list_answers(session: ReadSession, _by: CanReadComments, page: PageOf) -> Page[AnswerOut]:
    """List answers with their comments, newest first."""
    return await fetch_page(session, select(SurveyAnswer), SurveyAnswer.id, page, AnswerOut.model_validate)
