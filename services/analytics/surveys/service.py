"""Taking answers: the comment stays in this database, the score goes out as an event and comes back as a count."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.operations.facts import check_answer
from services.analytics.operations.fields import BadFieldError, Plausible
from services.analytics.surveys.schemas import AnswerIn
from services.analytics.tables import SurveyAnswer
from shared import clock, outbox
from shared.contracts.analytics import SurveyAnswered
from shared.errors import InvalidInput, Language
from shared.ids import uuid7


async def record_answer(
    session: AsyncSession, answer: AnswerIn, plausible: Plausible, language: Language
) -> SurveyAnswer:
    """Store an answer and record its event. Raises InvalidInput for a value that cannot be."""
    event = SurveyAnswered(
        score=answer.score, team=answer.team, process=answer.process, answered_at=answer.answered_at or clock.now()
    )
    try:
        check_answer(event, plausible, comment=answer.comment or "")
    except BadFieldError as error:
        message = error.es if language == "es" else error.en
        entry = {"at": f"body.{error.field}", "message": message, "type": error.reason}
        raise InvalidInput(count=1, errors=[entry]) from error
    row = SurveyAnswer(
        id=uuid7(),
        score=answer.score,
        team=answer.team,
        process=answer.process,
        comment=answer.comment,
        answered_at=event.answered_at,
    )
    session.add(row)
    await session.flush()
    outbox.record(session, event, subject=row.id, event_id=row.id)
    return row
