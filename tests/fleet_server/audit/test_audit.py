from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import delete, update

from fleet_server import audit
from fleet_server.audit import service
from fleet_server.audit.models import AuditEntry


def record(database, sentence: str) -> None:
    with database.transaction() as session:
        audit.record(session, "ada", sentence)


def test_an_untouched_log_is_whole(any_database):
    for number in range(5):
        record(any_database, f"ada did {number}.")
    with any_database.reading() as session:
        assert service.first_break(session) is None
        assert [entry.sentence for entry in service.latest(session, before=None, limit=2)] == [
            "ada did 4.",
            "ada did 3.",
        ]


def test_a_changed_sentence_breaks_the_chain_where_it_stands(any_database):
    for number in range(5):
        record(any_database, f"ada did {number}.")
    with any_database.transaction() as session:
        session.execute(update(AuditEntry).where(AuditEntry.id == 3).values(sentence="ada did nothing."))
    with any_database.reading() as session:
        assert service.first_break(session) == 3


def test_a_removed_entry_breaks_the_chain_after_it(any_database):
    for number in range(5):
        record(any_database, f"ada did {number}.")
    with any_database.transaction() as session:
        session.execute(delete(AuditEntry).where(AuditEntry.id == 2))
    with any_database.reading() as session:
        assert service.first_break(session) == 3


def test_a_page_of_the_log_is_checked_for_itself(any_database):
    for number in range(9):
        record(any_database, f"ada did {number}.")
    with any_database.reading() as session:
        page = service.latest(session, before=8, limit=4)
    assert service.break_within(page) is None
    page[1].sentence = "ada did nothing."
    assert service.break_within(page) == page[1].id


def test_what_is_rolled_back_leaves_no_sentence(any_database):
    try:
        with any_database.transaction() as session:
            audit.record(session, "ada", "ada did it.")
            raise RuntimeError("the use case failed")
    except RuntimeError:
        pass
    with any_database.reading() as session:
        assert service.latest(session, before=None, limit=1) == []


def test_parallel_entries_form_one_chain(any_database):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: record(any_database, f"ada did {number}."), range(24)))
    with any_database.reading() as session:
        assert service.first_break(session) is None
        assert len(service.latest(session, before=None, limit=100)) == 24
