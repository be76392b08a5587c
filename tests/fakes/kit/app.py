"""A service as small as possible, to meet the kernel from a service's side."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy import String, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared import outbox
from shared.app import Runtime, Service
from shared.auth import Principal, requires
from shared.db import ReadSession, Session, service_metadata
from shared.errors import DomainError, NotFound, problems
from shared.etag import IfMatch, check_version, set_etag
from shared.events import EventData
from shared.idempotency import Idempotent, KeyInProgress
from shared.ids import uuid7
from shared.jobs import JobContext, create_job
from shared.pagination import Page, PageOf, fetch_page
from shared.routing import STREAMS, ServiceRoute
from shared.schemas import Instant, Name, RequestModel, ResponseModel
from shared.settings import ServiceSettings
from shared.work import HumanWork


class KitSettings(ServiceSettings):
    section: ClassVar[str] = "kit"


class KitTable(DeclarativeBase):
    metadata = service_metadata("kit")


class Thing(KitTable):
    __tablename__ = "thing"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    tenant_id: Mapped[str] = mapped_column(server_default=text("current_setting('trastienda.tenant')"))
    name: Mapped[str] = mapped_column(String(200))
    count: Mapped[int] = mapped_column(default=0)


class ThingMade(EventData, frozen=True, kw_only=True):
    type: ClassVar[str] = "kit.thing.made.v1"
    topic: ClassVar[str] = "kit.things"

    n: int
    text: str = ""


class ThingIn(RequestModel):
    name: Name
    weight: float | None = None
    count: int | None = None
    at: Instant | None = None
    tags: dict[str, Any] | None = None


class ThingOut(ResponseModel):
    id: UUID
    name: str


class Unlucky(DomainError):
    code, status = "unlucky", 409
    en, es = "No luck with {name}.", "Sin suerte con {name}."


Call = Callable[[], Awaitable[None]]
CanRead = Annotated[Principal, requires("kit.things:read")]
CanWrite = Annotated[Principal, requires("kit.things:write")]
router = APIRouter(prefix="/kit", tags=["kit"], route_class=ServiceRoute)
arrived, gate = asyncio.Event(), asyncio.Event()  # a thing called `waits` sets the one and waits for the other


@router.post("/things", status_code=201, dependencies=[Idempotent], responses=problems(Unlucky, KeyInProgress))
async def make(
    received: ThingIn, response: Response, session: Session, _by: CanWrite, work: HumanWork, more: int = 0
) -> ThingOut:
    thing = Thing(id=uuid7(), name=received.name, count=(received.count or 0) + more)
    session.add(thing)
    await session.flush()
    if received.name == "waits":
        arrived.set()
        await gate.wait()
    if received.name == "refused":
        raise Unlucky(name=received.name)
    event = ThingMade(n=1, text=received.name * (1_000_000 if received.name == "x" else 1))
    outbox.record(session, event, subject=thing.id, work=work.on("kit", "make", thing.id))
    set_etag(response, 1)
    response.headers["Location"] = f"/kit/things/{thing.id}"
    return ThingOut(id=thing.id, name=thing.name)


@router.get("/things")
async def list_all(session: ReadSession, _by: CanRead, page: PageOf) -> Page[ThingOut]:
    return await fetch_page(session, select(Thing), Thing.id, page, ThingOut.model_validate)


@router.get("/things/{thing_id}", responses=problems(NotFound))
async def get(thing_id: UUID, session: ReadSession, _by: CanRead, if_match: IfMatch = None) -> ThingOut:
    thing = await session.get(Thing, thing_id)
    if thing is None:
        raise NotFound
    check_version(if_match, thing.count, required=False)
    return ThingOut.model_validate(thing)


@router.get("/search")
async def search(session: ReadSession, _by: CanRead, name: str) -> list[str]:
    return list(await session.scalars(select(Thing.name).where(Thing.name == name)))


@router.get("/write-while-reading")
async def write_while_reading(session: ReadSession, _by: CanRead) -> None:
    session.add(Thing(name="never"))
    await session.flush()


@router.get("/broken")
async def broken(_by: CanRead) -> None:
    raise RuntimeError("the password is tiger")


@router.get("/slow")
async def slow(session: Session, _by: CanRead) -> None:
    session.add(Thing(name="slow"))
    await session.flush()
    await session.execute(text("SELECT pg_sleep(60)"))


@router.get("/who")
async def who(by: CanRead) -> dict[str, str]:
    return {"tenant": by.tenant, "id": by.id}


@router.post("/streams", openapi_extra=STREAMS)
async def stream(request: Request, session: Session, _by: CanWrite) -> dict[str, int]:
    session.add(Thing(name="streamed"))
    await session.flush()
    return {"size": sum([len(chunk) async for chunk in request.stream()])}


@router.post("/countings", status_code=202)
async def count(session: Session, by: CanWrite, to: int) -> dict[str, str]:
    return {"job": str(await create_job(session, "count", {"to": to}, by))}


async def _count(context: JobContext) -> Mapping[str, Any]:
    for n in range(int(context.cursor.get("n", 0)), int(context.params["to"])):
        await context.checkpoint({"n": n + 1}, n + 1, int(context.params["to"]))
    return {"counted": context.done}


def _jobs(_runtime: Runtime) -> Mapping[str, Callable[[JobContext], Awaitable[Mapping[str, Any]]]]:
    return {"count": _count}


SERVICE = Service(
    name="kit",
    settings=KitSettings,
    metadata=KitTable.metadata,
    migrations=Path(__file__).with_name("migrations"),
    routers=[router],
    events=[ThingMade],
    jobs=_jobs,
)
