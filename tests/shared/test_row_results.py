"""Row results: what is stored of the rows of a batch."""

from shared.row_results import CREATED, RowResults, changes_of, noted_changes


def test_results_are_read_as_they_were_stored() -> None:
    results = RowResults.of(11, [2, 3, 5, 6])
    results.created([11])
    results.note([(11, 1, 2, 3), (12, 4, 5, 0), (13, 9, 9, 9)])
    results.updated({12: {"note": ("old", None)}})
    results.note_copies([(14, 2, 3, 8), (14, 0, 3, 6), (14, 1, 3, 7), (13, 1, 2, 5)])
    results.failed([13])

    read = RowResults.read(results.stored())

    assert [tuple(row) for row in read.rows()] == [
        (11, 2, "created", 1, 2, 3, None, (), ()),
        (12, 3, "updated", 4, 5, None, {"note": ["old", None]}, (), ()),
        (13, 5, "failed", None, None, None, None, (), ()),
        (14, 6, "unchanged", 6, None, None, None, [7, 8], ()),
    ]
    assert read.stored() == results.stored()


def test_a_batch_of_new_licenses_is_stored_without_the_lines_that_follow_from_its_first() -> None:
    results = RowResults.of(1, [2, 3])
    results.all_created([7, 8], [5, 5], [0, 0])

    assert results.stored() == (
        b'{"first_row":1,"outcomes":"cc","lines":2,"changes":{},"licenses":[7,8],"orders":[5,5]}'
    )
    assert [row.line for row in RowResults.read(results.stored()).rows()] == [2, 3]


def test_results_of_no_rows_can_be_stored() -> None:
    assert list(RowResults.read(RowResults.of(1, []).stored()).rows()) == []


def test_a_row_that_failed_after_it_was_decided_has_no_changes() -> None:
    results = RowResults.of(1, [2])
    results.updated({1: {"note": (None, "new")}})

    results.failed([1])

    assert [(row.outcome, row.changes) for row in results.rows()] == [("failed", None)]


def test_a_repeated_row_names_its_license_only() -> None:
    results = RowResults.of(1, [2, 3])
    results.all_created([7, 7], [5, 6], [4, 4])

    results.repeat([2])
    results.forget_parts([2])

    assert [tuple(row[2:6]) for row in results.rows()] == [
        ("created", 7, 5, 4),
        ("unchanged", 7, None, None),
    ]
    assert results.count(CREATED) == 1


def test_a_repeated_row_can_be_of_a_batch_without_customers() -> None:
    results = RowResults.of(1, [2])
    results.all_created([7], [5], [0])

    read = RowResults.read(results.stored())
    read.repeat([1])
    read.forget_parts([1])

    assert [tuple(row[2:6]) for row in read.rows()] == [("unchanged", 7, None, None)]


def test_a_repeated_row_of_a_customer_names_the_customer() -> None:
    results = RowResults.of(1, [2])
    results.note([(1, 0, 0, 4)])

    results.repeat([1])

    assert [row.customer_id for row in results.rows()] == [4]


def test_a_record_tells_what_its_last_row_has_changed() -> None:
    record = {"note": "new", "changed_by": "import 1#2", "changed_from": {"fields": {"note": None}}}

    assert noted_changes(record, "import 1#2") == {"note": (None, "new")}
    assert noted_changes(record, "import 1#3") is None
    assert noted_changes({"note": "new"}, "import 1#2") is None
    assert changes_of({"note": "a"}, {}) == {"note": ("a", None)}


def test_an_undo_says_of_each_record_of_a_row_whether_it_is_kept_in_one_order() -> None:
    results = RowResults.of(1, [2, 3, 4, 5])
    results.undo(1, "customer_id", 5, "has_orders")
    results.undo(1, "order_id", 6, "has_licenses")
    results.undo(1, "license_id", 7)
    results.undo(2, "order_id", 8)
    results.undo(3, "customer_id", 9, "has_orders")

    read = RowResults.read(results.stored())
    read.undo(3, "customer_id", 9)

    assert [tuple(row[2:6]) for row in read.rows()] == [
        ("reverted", 7, 6, 5),
        ("reverted", None, 8, None),
        ("reverted", None, None, 9),
        ("unchanged", None, None, None),
    ]
    assert [each for row in read.rows() for each in row.kept] == [
        ("order_id", 6, "has_licenses"),
        ("customer_id", 5, "has_orders"),
    ]
    assert (read.kept_records(), results.kept_records()) == (2, 3)


def test_a_row_with_a_kept_license_is_kept_and_names_that_license() -> None:
    results = RowResults.of(1, [2])
    results.undo(1, "license_id", 7, "used_since")
    results.undo(1, "license_id", 8)

    assert [tuple(row[2:4]) for row in results.rows()] == [("kept", 7)]
