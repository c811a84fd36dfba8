//! What is breaking, and what only looks so.

use super::*;

fn read(dialect: Dialect, sql: &str) -> Vec<String> {
    Reader::new(dialect).read(sql)
}

fn both(sql: &str) -> Vec<String> {
    let (sqlite, postgres) = (read(Dialect::Sqlite, sql), read(Dialect::Postgres, sql));
    assert_eq!(sqlite, postgres, "{sql}");
    sqlite
}

#[test]
fn what_drops_or_renames_is_named() {
    for (sql, expected) in [
        ("DROP TABLE notes", "drops the table `notes`"),
        ("drop table if exists main.\"Notes\" cascade;", "drops the table `main.Notes`"),
        ("CREATE TABLE a (b int); DROP VIEW v", "drops the view `v`"),
        ("ALTER TABLE notes DROP COLUMN text", "drops the column `text` of the table `notes`"),
        ("alter table notes drop text", "drops the column `text` of the table `notes`"),
        ("ALTER TABLE notes RENAME TO memos", "changes the name of the table `notes`"),
        ("ALTER TABLE notes RENAME COLUMN text TO body", "renames the column `text` of the table `notes`"),
        ("ALTER TABLE notes RENAME text TO body", "renames the column `text` of the table `notes`"),
        ("/* tidy up */ -- at last\nDROP -- really\n TABLE /* yes */ notes", "drops the table `notes`"),
        ("SELECT 1;;\n;ALTER TABLE notes DROP COLUMN text", "drops the column `text` of the table `notes`"),
    ] {
        assert_eq!(both(sql), [expected], "{sql}");
    }
}

#[test]
fn what_adds_is_not() {
    for sql in [
        "",
        "-- DROP TABLE notes",
        "/* DROP TABLE notes; */ SELECT 1",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, dropped TEXT DEFAULT 'DROP TABLE notes; ALTER TABLE a RENAME TO b')",
        "INSERT INTO notes (text) VALUES ('it''s; DROP TABLE notes; --')",
        "CREATE TABLE \"a; DROP TABLE notes\" (id INTEGER)",
        "ALTER TABLE notes ADD COLUMN \"drop\" TEXT",
        "ALTER TABLE notes ADD COLUMN price NUMERIC(10, 2) DEFAULT (1 + 2)",
        "ALTER TABLE notes DROP CONSTRAINT long",
        "ALTER TABLE notes ALTER COLUMN text DROP NOT NULL",
        "ALTER TABLE notes RENAME CONSTRAINT a TO b",
        "DROP INDEX IF EXISTS by_text; CREATE INDEX by_text ON notes (text)",
        "DROP TRIGGER touch",
        "CREATE INDEX by_table ON notes (\"table\")",
        "UPDATE notes SET text = 'x' WHERE text IS NULL",
        "DELETE FROM notes WHERE id = 1",
        "CREATE TRIGGER touch AFTER UPDATE ON notes BEGIN UPDATE notes SET at = 1; DELETE FROM old; END",
    ] {
        assert_eq!(both(sql), Vec::<String>::new(), "{sql}");
    }
}

#[test]
fn what_older_code_cannot_write_or_read_is_breaking() {
    for (sql, expected) in [
        ("ALTER TABLE notes ALTER COLUMN text TYPE bytea USING text::bytea", "changes the type of the column `text`"),
        ("ALTER TABLE notes ALTER text SET DATA TYPE int", "changes the type of the column `text`"),
        ("ALTER TABLE ONLY notes ALTER COLUMN text SET NOT NULL", "requires a value in the column `text`"),
        ("ALTER TABLE IF EXISTS notes ALTER COLUMN text DROP DEFAULT", "drops the default of the column `text`"),
        ("ALTER TABLE notes SET SCHEMA attic", "moves to another schema what was there"),
        ("ALTER TABLE notes DETACH PARTITION old", "detaches a partition"),
    ] {
        assert_eq!(both(sql), [format!("{expected} of the table `notes`")], "{sql}");
    }
    let several = both("ALTER TABLE notes ADD a NUMERIC(1, 2), DROP COLUMN b, DROP COLUMN IF EXISTS c CASCADE");
    assert_eq!(several, ["drops the column `b` of the table `notes`", "drops the column `c` of the table `notes`"]);
    assert_eq!(both("DROP TABLE a, b"), ["drops the table `a`", "drops the table `b`"]);
}

#[test]
fn what_the_migrations_made_themselves_nobody_uses_yet() {
    let rebuilt = "CREATE TABLE notes_new (id INTEGER); INSERT INTO notes_new SELECT id FROM notes; \
                   DROP TABLE notes; ALTER TABLE notes_new RENAME TO notes";
    assert_eq!(both(rebuilt), ["drops the table `notes`"], "the new table's name is nobody's business");
    assert_eq!(both("CREATE TEMP TABLE Work AS SELECT 1; DROP TABLE work"), Vec::<String>::new());
    assert_eq!(both("CREATE VIEW v AS SELECT 1; DROP VIEW v; DROP VIEW v"), ["drops the view `v`"]);
    assert_eq!(both("CREATE TABLE IF NOT EXISTS notes (id int); DROP TABLE notes"), ["drops the table `notes`"]);
    assert_eq!(both("CREATE OR REPLACE VIEW v AS SELECT 1; DROP VIEW v"), ["drops the view `v`"]);
    assert_eq!(both("CREATE INDEX a ON notes (id); DROP TABLE notes"), ["drops the table `notes`"]);
    assert_eq!(both("CREATE TABLE a (b int); ALTER TABLE a RENAME TO c; DROP TABLE c"), Vec::<String>::new());

    let mut reader = Reader::new(Dialect::Sqlite);
    assert_eq!(reader.read("CREATE TABLE notes (id INTEGER, text TEXT)"), Vec::<String>::new());
    assert_eq!(reader.read("ALTER TABLE notes DROP COLUMN text"), Vec::<String>::new(), "a migration before made it");
}

#[test]
fn names_of_sqlite_may_stand_in_brackets() {
    assert_eq!(read(Dialect::Sqlite, "DROP TABLE [my notes]"), ["drops the table `my notes`"]);
    assert_eq!(read(Dialect::Sqlite, "DROP TABLE `notes`"), ["drops the table `notes`"]);
    assert_eq!(read(Dialect::Sqlite, "CREATE TABLE [a;DROP TABLE b] (id)"), Vec::<String>::new());
    let comment = "/* /* */ DROP TABLE notes";
    assert_eq!(read(Dialect::Sqlite, comment), ["drops the table `notes`"], "comments do not nest");
    assert_eq!(read(Dialect::Sqlite, "SELECT $a$; DROP TABLE notes; --$a$"), ["drops the table `notes`"]);
    let by_hand = read(Dialect::Sqlite, "PRAGMA writable_schema = ON");
    assert_eq!(by_hand, ["edits the schema by hand (`PRAGMA writable_schema`)"]);
    assert_eq!(read(Dialect::Sqlite, "PRAGMA foreign_keys = OFF"), Vec::<String>::new());
}

#[test]
fn postgres_quotes_in_its_own_ways() {
    let none = Vec::<String>::new();
    assert_eq!(read(Dialect::Postgres, "/* /* */ DROP TABLE notes; */ SELECT 1"), none, "comments nest");
    assert_eq!(read(Dialect::Postgres, "/* /* */ */ DROP TABLE notes"), ["drops the table `notes`"]);
    assert_eq!(read(Dialect::Postgres, r"SELECT E'\'; DROP TABLE notes; --'"), none);
    assert_eq!(read(Dialect::Postgres, r"SELECT '\'; DROP TABLE notes; --'"), ["drops the table `notes`"]);
    assert_eq!(read(Dialect::Postgres, "SELECT $1; DROP TABLE notes"), ["drops the table `notes`"]);
    let function = "CREATE FUNCTION f() RETURNS void AS $body$ BEGIN DROP TABLE notes; END $body$ LANGUAGE plpgsql";
    assert_eq!(read(Dialect::Postgres, function), none, "it does not run now");
    for (sql, expected) in [
        ("ALTER FUNCTION f(int, text) RENAME TO g", "changes the name of the function `f`"),
        ("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'", "renames a value of the type `mood`"),
        ("ALTER TYPE point3 DROP ATTRIBUTE IF EXISTS z", "drops the attribute `z` of the type `point3`"),
        ("ALTER MATERIALIZED VIEW totals RENAME TO sums", "changes the name of the view `totals`"),
        ("DROP MATERIALIZED VIEW IF EXISTS totals", "drops the materialized view `totals`"),
        ("DROP SCHEMA attic CASCADE", "drops the schema `attic`"),
        ("DROP FUNCTION f(int)", "drops the function `f`"),
    ] {
        assert_eq!(read(Dialect::Postgres, sql), [expected], "{sql}");
    }
    for sql in ["ALTER TYPE mood ADD VALUE 'meh'", "ALTER SEQUENCE s OWNED BY notes.id", "ALTER INDEX a RENAME TO b"] {
        assert_eq!(read(Dialect::Postgres, sql), none, "{sql}");
    }
}

#[test]
fn blocks_of_postgres_are_looked_into() {
    let block = |body: &str| read(Dialect::Postgres, &format!("DO $$ BEGIN {body} END $$"));
    assert_eq!(block("DROP TABLE notes;"), ["drops the table `notes`"]);
    assert_eq!(
        block("IF true THEN ALTER TABLE notes DROP COLUMN text; END IF;"),
        ["drops the column `text` of the table `notes`"]
    );
    assert_eq!(
        block("EXECUTE 'DROP ' || 'TABLE notes';"),
        ["runs SQL that is put together when it runs, and cannot be read beforehand"]
    );
    let trigger = "CREATE TRIGGER t BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION f();";
    assert_eq!(block(trigger), Vec::<String>::new());
    assert_eq!(
        read(Dialect::Postgres, "DO LANGUAGE plpgsql 'BEGIN DROP TABLE notes; END'"),
        ["drops the table `notes`"]
    );
}

#[test]
fn what_is_not_closed_is_read_to_its_end() {
    for sql in
        ["SELECT 'open", "SELECT \"open", "/* open", "-- open", "DROP", "ALTER", "ALTER TABLE", "DROP TABLE", "DO"]
    {
        let _ = (read(Dialect::Sqlite, sql), read(Dialect::Postgres, sql));
    }
    assert_eq!(read(Dialect::Postgres, "SELECT $a$ open; DROP TABLE notes"), Vec::<String>::new());
}
