//! What a migration means for the connections of a warm pool: statements that they keep prepared.
//!
//! A statement that was prepared before a column came has one column too few for ever. PostgreSQL refuses it
//! ("cached plan must not change result type"); sqlx's SQLite answers it as if there were no row. Whatever a
//! connection has prepared must therefore not outlive a change of its schema.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The schema that the connections of one pool see.
#[derive(Debug, Default)]
pub(crate) struct Schema(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many migrations run.
    changing: usize,
    /// When the last one ended.
    changed: Option<Instant>,
}

/// What is to be done with a connection before it is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Nothing.
    Valid,
    /// What it has prepared is forgotten: the schema is changing.
    Doubtful,
    /// It is closed: it was opened before the schema changed.
    Stale,
}

/// A change that goes on, until it is dropped.
#[derive(Debug)]
pub(crate) struct Changing(Vec<Arc<Schema>>);

impl Schema {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done with a connection of this age.
    pub(crate) fn kept(&self, age: Duration) -> Kept {
        let state = self.state();
        if state.changing > 0 {
            Kept::Doubtful
        } else if state.changed.is_some_and(|changed| age >= changed.elapsed()) {
            Kept::Stale
        } else {
            Kept::Valid
        }
    }
}

impl Changing {
    /// The schemas change from now on.
    pub(crate) fn begin(schemas: Vec<Arc<Schema>>) -> Self {
        schemas.iter().for_each(|schema| schema.state().changing += 1);
        Self(schemas)
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        for schema in &self.0 {
            let mut state = schema.state();
            state.changing -= 1;
            state.changed = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_as_good_as_what_it_saw() {
        let schema = Arc::new(Schema::default());
        assert_eq!(schema.kept(Duration::from_secs(3600)), Kept::Valid, "nothing has changed");
        let (one, other) = (Changing::begin(vec![schema.clone()]), Changing::begin(vec![schema.clone()]));
        assert_eq!(schema.kept(Duration::ZERO), Kept::Doubtful);
        drop(one);
        assert_eq!(schema.kept(Duration::ZERO), Kept::Doubtful, "another one goes on");
        drop(other);
        assert_eq!(schema.kept(Duration::from_secs(3600)), Kept::Stale);
        assert_eq!(schema.kept(Duration::ZERO), Kept::Valid, "it was opened afterwards");
    }
}
