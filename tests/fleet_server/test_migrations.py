from fleet_server import migrate
from fleet_server.db import Database


def test_migrations_build_exactly_the_tables_of_the_code(any_database: Database):
    migrate.check(any_database.engine.url.render_as_string(hide_password=False))


def test_every_migration_has_a_way_back(any_database: Database):
    url = any_database.engine.url.render_as_string(hide_password=False)
    migrate.downgrade(url, "base")
    migrate.upgrade(url)
    migrate.check(url)
