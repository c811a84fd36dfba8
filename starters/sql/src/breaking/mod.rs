//! What a migration takes away that a generation before may still use.
//!
//! Not a parser of SQL: migrations are full of what one does not know (triggers, extensions, `PRAGMA`), and
//! whatever a parser refuses would have to be refused or let through unread. What is looked for stands at the
//! beginning of a statement, in words that both databases have kept for decades; so it is enough to know where
//! comments, strings and statements end. Where in doubt, a statement is breaking: that costs whoever deploys a
//! look and a word, and the other mistake costs requests.
//!
//! Not seen is what a function does that a migration calls.

mod statement;
mod tokens;

use std::collections::BTreeSet;

use crate::breaking::tokens::{Token, tokens};

/// What is different about the SQL of the two databases, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
}

/// Reads migrations in the order in which they will run.
#[derive(Debug)]
pub(crate) struct Reader {
    dialect: Dialect,
    /// Tables and views that are made by what was read so far: no generation uses them yet.
    made: BTreeSet<String>,
}

impl Reader {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self { dialect, made: BTreeSet::new() }
    }

    /// What the migration takes away, in words; nothing for one that a generation before can live with.
    pub(crate) fn read(&mut self, sql: &str) -> Vec<String> {
        let tokens = tokens(sql, self.dialect);
        let mut found = Vec::new();
        for statement in tokens.split(|token| *token == Token::Symbol(';')) {
            for what in self.statement(statement) {
                if !found.contains(&what) {
                    found.push(what);
                }
            }
        }
        found
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
