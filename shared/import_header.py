"""Checks of a whole import file: its options, its header, and warnings about them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from shared.column_mapping import NO_MAPPING, ColumnMapping, MappingName
from shared.columns import KINDS
from shared.csv_format.dialect import Dialect
from shared.csv_format.encoding import BadFile
from shared.csv_format.header import (
    SimilarColumn,
    is_custom,
    similar_columns,
    squeezed,
    suggestions,
)
from shared.day_order import Dates
from shared.errors import Refused
from shared.header_synonyms import CUSTOM_FIELDS
from shared.import_job import (
    ChosenEncoding,
    ImportJob,
    Keys,
    OnExisting,
    OnMissing,
    UnknownColumns,
    parse_object_key,
)

_MOST_NAMED = 5
"""The number of columns that a message lists."""


def _word(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _encoding(value: Any) -> Any:
    return None if _word(value) in ("auto", "") else _word(value)


class ObjectOptions(BaseModel, frozen=True):
    """Options of a file that was put into the bucket: its object's `x-amz-meta-…`."""

    encoding: Annotated[ChosenEncoding | None, BeforeValidator(_encoding)] = None
    unknown_columns: Annotated[
        UnknownColumns, BeforeValidator(_word), Field(alias="unknown-columns")
    ] = "check"
    dates: Annotated[Dates, BeforeValidator(_word)] = "iso"
    mapping_name: Annotated[MappingName | None, BeforeValidator(_word), Field(alias="mapping")] = (
        None
    )
    on_existing: Annotated[OnExisting, BeforeValidator(_word), Field(alias="on-existing")] = "keep"
    on_missing: Annotated[OnMissing, BeforeValidator(_word), Field(alias="on-missing")] = "create"
    keys: Annotated[Keys, BeforeValidator(_word)] = "require"


def with_options(job: ImportJob, metadata: Mapping[str, str]) -> ImportJob:
    """Apply the options of a file's object to its job. Raises Refused for an invalid option."""
    try:
        options = ObjectOptions.model_validate(dict(metadata))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        expected = fault.get("ctx", {}).get("expected", "the name of a saved mapping")
        message = (
            f"The object has x-amz-meta-{fault['loc'][0]}: {str(fault['input'])[:100]!r};"
            f" supported: {expected}. Put the file again with one of these."
        )
        raise Refused("invalid_metadata", message) from None
    folder = place.mapping if (place := parse_object_key(job.key)) else None
    if folder is not None and options.mapping_name not in (None, folder):
        message = (
            f"The object is in the folder @{folder}, and has x-amz-meta-mapping:"
            f" {options.mapping_name!r}. Put the file again with one of them."
        )
        raise Refused("invalid_metadata", message)
    if options.keys == "generate" and job.kind != "licenses":
        message = (
            f"The object has x-amz-meta-keys: 'generate', and {job.kind} have no keys to generate."
            " Put the file again without it."
        )
        raise Refused("invalid_metadata", message)
    named = {"mapping_name": options.mapping_name or folder}
    return job.model_copy(update={**vars(options), **named})


def check_header(job: ImportJob, dialect: Dialect, mapping: ColumnMapping = NO_MAPPING) -> None:
    """Raise BadFile if the header belongs to another kind of file, or a column would be lost."""
    similar = _similar(job, dialect, mapping)
    for at in dialect.original:
        if dialect.names[at] in mapping.constants:
            message = (
                f"the header {dialect.columns[at]!r} is the column {dialect.names[at]}, for which"
                " the mapping has a constant; remove the constant, or map the header to null."
            )
            column = dialect.columns[at]
            raise BadFile("duplicate_header", message, line=dialect.header_line, field=column)
    custom = next((at for at in dialect.original if is_custom(dialect.names[at])), None)
    if custom is not None and CUSTOM_FIELDS in {*dialect.names, *mapping.constants}:
        column = dialect.columns[custom]
        message = (
            f"the header {column!r} is a custom field, and {CUSTOM_FIELDS} has all of them; remove"
            " one of them, or map it to null."
        )
        raise BadFile("duplicate_header", message, line=dialect.header_line, field=column)
    if set(KINDS[job.kind].columns).isdisjoint(dialect.names):
        wanted = ", ".join(KINDS[job.kind].columns)
        message = f"the header has none of the columns of this kind of file: {wanted}."
        message += "".join(
            f" Rename or map {column!r} if it is {' or '.join(names)}."
            for column, names in similar[:_MOST_NAMED]
        )
        suggested = suggestions(similar)
        raise BadFile("missing_header", message, line=dialect.header_line, suggested=suggested)
    if similar and job.unknown_columns == "check":
        message = "; ".join(_meant(each) for each in similar[:_MOST_NAMED])
        message += (
            ". Rename or map what is meant, and map to null what is to be left out; to leave all"
            " unknown columns out, import the file with unknown_columns=ignore."
        )
        raise BadFile(
            "unmapped_columns",
            message,
            line=dialect.header_line,
            field=similar[0].column,
            suggested=suggestions(similar),
        )


def detected(
    job: ImportJob, dialect: Dialect, mapping: ColumnMapping = NO_MAPPING
) -> dict[str, Any]:
    """The detected dialect and the warnings, as the job stores and shows them."""
    known = set(KINDS[job.kind].columns)
    unknown = [
        dialect.columns[at]
        for at in dialect.original
        if dialect.columns[at]
        and dialect.names[at] not in known
        and not is_custom(dialect.names[at])
    ]
    return {
        **dialect.model_dump(mode="json"),
        "unknown_columns": unknown,
        "suggested": suggestions(_similar(job, dialect, mapping)),
        "warnings": list(_warnings(job, dialect, mapping)),
    }


def _similar(job: ImportJob, dialect: Dialect, mapping: ColumnMapping) -> tuple[SimilarColumn, ...]:
    original = dialect.original
    return similar_columns(
        [dialect.columns[at] for at in original],
        [dialect.names[at] for at in original],
        [name for name in KINDS[job.kind].columns if name not in mapping.constants],
    )


def _meant(each: SimilarColumn) -> str:
    missing = " or ".join(each.similar)
    return f"the column {each.column!r} is not known and is similar to {missing}, which is missing"


def _warnings(job: ImportJob, dialect: Dialect, mapping: ColumnMapping) -> Iterator[dict[str, Any]]:
    """Warnings about the file, each `{code, message, column}`."""
    found, requested = dialect.encoding, job.encoding
    if requested is None and found == "windows-1252":
        message = "The file is not UTF-8, so it is read as Windows-1252: check letters with accents"
        yield _warning("encoding_assumed", message)
    elif requested not in (None, found):
        message = f"The file is {found} and is read as that, although {requested} was requested"
        yield _warning("encoding_differs", message)
    names = {*dialect.names, *mapping.constants}
    prefix = {"customers": "", "licenses": "customer__"}.get(job.kind)
    if prefix is not None and f"{prefix}email" not in names:
        part = KINDS[job.kind].parts["customer"]
        if not names.isdisjoint(part.columns):
            message = (
                f"There is no column {prefix}email: these customers have no e-mail, and are known"
                " by their reference, or else by their file and row alone"
            )
            yield _warning("no_email_column", message, f"{prefix}email")
    there = {squeezed(column) for column in dialect.columns}
    for header, column in mapping.columns.items():
        if column and squeezed(header) not in there:
            message = f"The mapping has a column {header!r} for {column}, which the file lacks"
            yield _warning("mapped_column_missing", message, header)
    for each in _similar(job, dialect, mapping):
        meant = _meant(each)
        message = f"{meant[0].upper()}{meant[1:]}: it is left out"
        yield _warning("similar_column", message, each.column)


def _warning(code: str, message: str, column: str | None = None) -> dict[str, Any]:
    return {"code": code, "message": message, "column": column}
