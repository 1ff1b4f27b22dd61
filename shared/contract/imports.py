"""The views of imports: LicenseSpring's results of each kind, and our own view of all kinds."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from shared.column_mapping import ColumnMapping, MappingName
from shared.csv_format.dialect import Dialect
from shared.day_order import Dates
from shared.import_counts import Progress
from shared.import_job import (
    ChosenEncoding,
    FileFault,
    Keys,
    Kind,
    OnError,
    OnExisting,
    OnMissing,
    State,
    Status,
    UnknownColumns,
)
from shared.import_undo import Reason
from shared.row_results import RowOutcome


class RowFaultView(BaseModel, frozen=True):
    """A fault of a row."""

    column: str | None = None
    field: str | None = None
    code: str
    message: str
    value: Any = None


class FileWarning(BaseModel, frozen=True):
    """A warning about a file as a whole."""

    code: str
    message: str
    column: str | None


class DetectedFile(Dialect, frozen=True, json_schema_serialization_defaults_required=True):
    """The format of a file as it was read, and warnings about the file as a whole."""

    names: tuple[str, ...] = ()
    """As of a `Dialect`; imports of version 0.1.0 have none."""
    unknown_columns: Annotated[list[str], Field(description="Columns that were left out.")] = []
    suggested: Annotated[
        dict[str, str],
        Field(
            description="Columns that some of them may mean, in the form of a mapping's `columns`."
        ),
    ] = {}
    warnings: list[FileWarning] = []


class InvalidRow(BaseModel, frozen=True):
    """A row that was not imported; without a row number, the reason why the file was not."""

    row: Annotated[int | None, Field(description="Data rows are counted from 1.")]
    line: Annotated[int | None, Field(description="The line in the file, from 1.")]
    errors: list[RowFaultView]
    data: Annotated[dict[str, Any], Field(description="The cells, by column.")] = {}
    shortened: Annotated[
        bool, Field(description="Whether values are shortened; `failed.csv` has them in full.")
    ] = False


class RowWarning(BaseModel, frozen=True):
    """A warning about a row that was imported, or a fault of a row that was not."""

    column: str | None = None
    code: str
    message: str
    value: Any = None


class ReportedRow(BaseModel, frozen=True):
    """A row of the file."""

    row: Annotated[int, Field(description="Data rows are counted from 1.")]
    line: Annotated[int, Field(description="The line in the file, from 1.")]


class WarnedRow(ReportedRow, frozen=True):
    """A row that was imported, with its warnings."""

    outcome: Literal["warning"] = "warning"
    warnings: list[RowWarning]


class FailedRow(ReportedRow, frozen=True):
    """A row that was not imported, with its faults."""

    outcome: Literal["failed"] = "failed"
    errors: list[RowWarning]


class KeptRow(ReportedRow, frozen=True):
    """A record of a row that an undo has kept, and the reason. A row can have several."""

    outcome: Literal["kept"] = "kept"
    license_id: int | None = None
    order_id: int | None = None
    customer_id: int | None = None
    reason: Reason
    message: str


class FieldChange(BaseModel, frozen=True):
    """The values of a field before and after a change; null where it has none."""

    before: Any = None
    after: Any = None


class ResultRow(ReportedRow, frozen=True):
    """The result of a row; in a dry run, what would happen, with the ids that records would get."""

    outcome: RowOutcome
    license_id: int | None
    more_license_ids: Annotated[
        tuple[int, ...],
        Field(
            description="Further licenses of a row with a `license__quantity`; 0 for one that was"
            " not created."
        ),
    ] = ()
    order_id: int | None
    customer_id: int | None
    changes: Annotated[
        dict[str, FieldChange] | None,
        Field(
            description="The fields that the row updated. Null for other outcomes, and if the row"
            " ran again after its record had been changed by something else."
        ),
    ]
    kept: Annotated[
        dict[Literal["license_id", "order_id", "customer_id"], Reason] | None,
        Field(
            description="Of an undo: the records of the row that are kept, and why. The others are"
            " removed or set back. Null if none is kept."
        ),
    ] = None


class Result(BaseModel, frozen=True):
    """The number of rows, and the first 100 rows that were not imported."""

    total_row_count: int
    valid_row_count: int
    invalid_rows: list[InvalidRow]


class LicensesResult(Result, frozen=True):
    """LicenseSpring: Retrieve License Import Result."""

    created_customers_count: int
    existed_customers_count: int
    created_orders_count: int
    existed_orders_count: int
    created_licenses_count: int
    existed_licenses_count: int


class CustomersResult(Result, frozen=True):
    """LicenseSpring: Retrieve Customer Import Result."""

    created_customers_count: int
    existed_customers_count: int


class FeaturesResult(Result, frozen=True):
    """LicenseSpring: Retrieve License Feature Import Result."""

    created_license_features: int
    existed_license_features: int


class ImportResult[R: Result](BaseModel, frozen=True):
    """LicenseSpring's result of an import, followed by fields of our own."""

    id: int
    file_name: str
    status: Status
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: Annotated[R | None, Field(description="Null until the import has ended.")]
    warnings: Annotated[
        int | None,
        Field(description="How many rows were imported with warnings; null until the end."),
    ]
    progress: Progress
    errors_url: str
    failed_rows_url: str | None
    dry_run: bool
    on_error: OnError
    file_sha256: str | None
    detected: DetectedFile | None


class Correction(BaseModel, frozen=True):
    """An import that corrects failed rows of another import."""

    id: int
    state: State
    resolved_rows: Annotated[
        int,
        Field(
            description="Its valid rows, once it has written them; 0 for a dry run. Together, all"
            " corrections have at most the rows that failed, and older corrections count first."
        ),
    ]


class PlanView(BaseModel, frozen=True):
    """The plan of a dry run that has finished: what its commit names, and until when."""

    hash: str
    expires_at: datetime
    committed_by: Annotated[int | None, Field(description="The import that commits the plan.")]


class ImportView(BaseModel, frozen=True):
    """An import of any kind."""

    id: int
    kind: Kind
    state: State
    status: Status
    file_name: str
    size: int | None
    dry_run: bool
    on_error: OnError
    external_id: str | None
    encoding: Annotated[ChosenEncoding | None, Field(description="As requested.")]
    unknown_columns: UnknownColumns
    dates: Annotated[Dates, Field(description="How dates are read.")]
    mapping_name: Annotated[
        MappingName | None, Field(description="The saved mapping whose content is in use.")
    ]
    mapping_url: Annotated[
        str | None, Field(description="The mapping of the file's columns; null if it has none.")
    ]
    on_existing: OnExisting
    on_missing: OnMissing
    keys: Annotated[Keys, Field(description="Whether licenses without a key get one.")]
    corrects: Annotated[
        int | None, Field(description="The import whose failed rows this file corrects.")
    ]
    undoes: Annotated[
        int | None, Field(description="The import that this one undoes; see its `undone_by`.")
    ]
    undone_by: Annotated[int | None, Field(description="The import that undoes this one.")]
    plan: Annotated[PlanView | None, Field(description="Of a dry run that has finished.")]
    planned_by: Annotated[
        int | None, Field(description="The dry run whose plan this import commits.")
    ]
    requested_by: Annotated[str, Field(description="The prefix of an API key, or `s3`.")]
    requested_by_name: Annotated[
        str, Field(description="The name of the API key; empty if it has none, or is unknown.")
    ] = ""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int
    progress: Progress
    counts: Annotated[
        dict[str, int] | None,
        Field(
            description="The published counters, how many existing records were updated and how"
            " many were not, and in `warnings` how many rows were imported with warnings. Of an"
            " undo: reverted and kept records, and in `kept_because_…` the reasons. Null until the"
            " end."
        ),
    ]
    stopping: Annotated[
        bool,
        Field(
            description="True while rows in flight of a cancelled or failed import may still be"
            " written: `counts` are not final."
        ),
    ]
    refusal: Annotated[FileFault | None, Field(description="Why the file was not imported.")]
    corrections: Annotated[
        list[Correction],
        Field(description="Imports of its corrected rows, newest first, at most 20."),
    ]
    needs_attention: Annotated[
        bool,
        Field(
            description="True if the import failed, was rejected or has failed rows, until other"
            " imports have corrected them or it is undone. False for dry runs."
        ),
    ]
    errors_url: str
    failed_rows_url: str | None
    file_sha256: str | None
    detected: DetectedFile | None


class MappingEntry(BaseModel, frozen=True):
    """A saved mapping of a list."""

    name: str
    kind: Kind
    updated_at: datetime
    updated_by: Annotated[str, Field(description="The prefix of an API key.")]


class MappingView(ColumnMapping, frozen=True, extra="forbid"):
    """A saved mapping."""

    name: str
    kind: Kind
    updated_at: datetime
    updated_by: Annotated[str, Field(description="The prefix of an API key.")]


class TakenImport(BaseModel, frozen=True):
    """The number of the import. LicenseSpring: Import Licenses from CSV."""

    job_id: Annotated[int, Field(examples=[10])]


class UploadForm(BaseModel, frozen=True):
    """A form to send the file with: these fields, followed by a field `file` with the file."""

    method: Literal["POST"] = "POST"
    url: str
    fields: dict[str, str]
    expires_in: Annotated[int, Field(description="Seconds in which the upload must begin.")]
    parts_url: Annotated[
        str, Field(description="Instead of the form: links to send the file in parts.")
    ]


class UploadParts(BaseModel, frozen=True):
    """Files above 5 GB are sent in parts: POST the part numbers to `parts_url` to get links."""

    method: Literal["PUT"] = "PUT"
    parts_url: str
    part_size: Annotated[int, Field(description="Bytes of every part but the last.")]
    part_count: Annotated[int, Field(description="Parts of a file of the announced size.")]


class PartLink(BaseModel, frozen=True):
    """The URL to PUT a part to; S3 answers with the `ETag` that completing the upload needs."""

    part_number: int
    url: str


class PartLinks(BaseModel, frozen=True):
    """Links for a multipart upload; requesting links again returns links of the same upload."""

    upload_id: str
    part_size: Annotated[int, Field(description="Bytes of every part but the last.")]
    part_count: Annotated[int, Field(description="Parts of a file of the announced size.")]
    parts: list[PartLink]
    complete_url: Annotated[
        str,
        Field(
            description="POST the numbers and ETags of all parts here, as the XML document"
            " `CompleteMultipartUpload`. S3 may answer 200 with an error: read the body."
        ),
    ]
    abort_url: Annotated[str, Field(description="DELETE drops the parts that were sent.")]
    expires_in: Annotated[
        int,
        Field(
            description="Seconds within which a request must begin; after that, request new links."
        ),
    ]


class StartedImport(ImportView, frozen=True):
    """An import and how to send its file; `upload` is null once the file has arrived."""

    upload: UploadForm | UploadParts | None
