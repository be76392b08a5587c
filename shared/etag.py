"""Optimistic locking over HTTP: `ETag` says the version, `If-Match` says which one the caller has seen."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Path, Request, Response

from shared.db import Session
from shared.errors import DomainError, NotFound, refuses


class PreconditionRequired(DomainError):
    code, status = "if-match-required", 428
    en = "An edit needs the header If-Match with the ETag you have seen."
    es = "Para modificar hace falta la cabecera If-Match con el ETag que ha visto."
    hint_en = "Read the resource, then send its ETag as If-Match."
    hint_es = "Lea el recurso y envíe su ETag como If-Match."


class PreconditionFailed(DomainError):
    code, status = "if-match-failed", 412
    en = "The resource has changed: it is at version {current} now."
    es = "El recurso ha cambiado: ahora está en la versión {current}."
    hint_en = "Read it again, look at what changed and repeat the edit with the new ETag."
    hint_es = "Léalo de nuevo, mire qué ha cambiado y repita la modificación con el nuevo ETag."


IfMatch = Annotated[str | None, Header(alias="If-Match", description="The ETag that the caller has seen")]


def check_version(if_match: str | None, version: int, *, required: bool = True) -> None:
    """Compare If-Match with the row's version. Raises PreconditionRequired or PreconditionFailed.

    A weak tag counts: ours name a version of the row, and it was a proxy that compressed the answer that weakened it.
    """
    if if_match is None and required:
        raise PreconditionRequired
    seen = "*" if if_match is None else if_match
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in seen.split(",")}
    if "*" not in tags and str(version) not in tags:
        raise PreconditionFailed(current=version)


def row_to_change(get: Callable[..., Awaitable[Any]], path_name: str, *, edit: bool = False) -> Any:
    """Return the dependency that locks the row of the path's id, for use in `Annotated`; the answer has its new ETag.

    `get(session, id, lock=True)` finds the row. If-Match is checked when it is sent; an `edit` needs it.
    """

    @refuses(NotFound, PreconditionFailed, *([PreconditionRequired] if edit else []))
    async def lock(
        request: Request, session: Session, row_id: Annotated[UUID, Path(alias=path_name)], if_match: IfMatch = None
    ) -> Any:
        row = await get(session, row_id, lock=True)
        check_version(if_match, row.version, required=edit)
        request.state.changing = session, row
        return row

    return Depends(lock)


async def send_new_etag(request: Request, response: Response) -> None:
    """Give the answer the ETag of the row that the request changed, if there is one."""
    if changing := getattr(request.state, "changing", None):
        session, row = changing
        await session.flush()  # the change gives the row its version
        set_etag(response, row.version)


def set_etag(response: Response, version: int) -> None:
    response.headers["ETag"] = f'"{version}"'
