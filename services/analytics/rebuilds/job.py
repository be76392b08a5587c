"""The job behind POST /analytics/rebuilds: find what differs, mend it, and tell."""

from collections.abc import Mapping
from typing import Any

from services.analytics.operations.statements import FOLDS
from services.analytics.rebuilds.service import differs, rebuild_from_facts
from shared.jobs import JobCode, JobContext

REBUILD = "rebuild"


def rebuild_job(url: str) -> JobCode:
    """Return the job's code. A crash leaves everything as it was, or mended."""

    async def run(job: JobContext) -> Mapping[str, Any]:
        found = await rebuild_from_facts(url, job.tenant, swap=True)
        was_right = {table: not differs(found.tables[table]) for table in FOLDS}
        return {"was_right": was_right, "differences": found.tables}

    return run
