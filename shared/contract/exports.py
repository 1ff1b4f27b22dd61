"""The view of an export."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from shared.export_job import ExportProgress, ExportState
from shared.import_job import FileFault, Kind


class ExportView(BaseModel, frozen=True):
    """An export of any kind."""

    id: int
    kind: Kind
    state: ExportState
    product: Annotated[str | None, Field(description="The short code of the product.")]
    customer: int | None
    created_at__gte: datetime | None
    created_at__lt: datetime | None
    external_id: str | None
    requested_by: Annotated[str, Field(description="The prefix of an API key.")]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int
    progress: ExportProgress
    count: Annotated[int, Field(description="Rows that are written, without the header.")]
    left_out: Annotated[
        int,
        Field(
            description="Licenses that a file can't name: with neither a key nor users, or without"
            " a key in a bundle. Of features, those of licenses without a key."
        ),
    ]
    size: Annotated[int | None, Field(description="Bytes of the file; null until it is complete.")]
    file_url: Annotated[
        str | None, Field(description="Where to download the file; null unless there is one.")
    ]
    expires_at: Annotated[datetime | None, Field(description="When the file is deleted.")]
    refusal: Annotated[FileFault | None, Field(description="Why the export failed.")]
