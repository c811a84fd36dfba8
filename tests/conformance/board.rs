//! What the small starter gives to modules, and the modules that use it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bedplate::testing::conformance::{Given, Look};
use bedplate::{Export, Exports, Field, Handle, Module, ModuleContext, ModuleSpec, Result};

/// A board for notes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board(Arc<Mutex<Slate>>);

#[derive(Debug, Default)]
struct Slate {
    notes: BTreeSet<String>,
    closed: bool,
}

impl Handle for Board {
    type Options = ();
}

impl Board {
    pub(crate) fn pin(&self, note: String) {
        lock(&self.0).notes.insert(note);
    }

    pub(crate) fn notes(&self) -> BTreeSet<String> {
        lock(&self.0).notes.clone()
    }

    pub(crate) fn close(&self) {
        *lock(&self.0) = Slate { notes: BTreeSet::new(), closed: true };
    }
}

/// A module that pins its id to its board.
struct Notes {
    board: Board,
}

impl Module for Notes {
    async fn start(&self, ctx: &ModuleContext) -> Result<()> {
        self.board.pin(ctx.id().to_string());
        Ok(())
    }
}

/// A module that uses the starter.
pub(crate) fn notes(name: &str) -> ModuleSpec {
    let make = |fields: &bedplate::Fields<'_>| Ok(Notes { board: fields.take(Field::new("board"))? });
    ModuleSpec::plain(name, make).unwrap().requiring(|to| {
        to.field::<Board>(Field::new("board"));
    })
}

/// What can be found at a place.
pub(crate) fn seen(at: &Look<'_>) -> Vec<String> {
    let boards = at.shown("boards");
    let notes = boards.iter().filter_map(|board| board["notes"].as_array()).flatten();
    notes.filter_map(|note| note.as_str()).map(str::to_owned).collect()
}

/// Whether an instance's board works.
pub(crate) fn given(to: &Look<'_>) -> Given {
    match to.object::<Notes>().is_some_and(|module| !lock(&module.board.0).closed) {
        true => Given::Works,
        false => Given::Freed,
    }
}

/// What no board can show.
pub(crate) struct TooLong;

impl Export for TooLong {}

struct Long;

impl Module for Long {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.add(TooLong);
    }
}

/// A module that the starter refuses.
pub(crate) fn long(name: &str) -> ModuleSpec {
    ModuleSpec::plain(name, |_| Ok(Long)).unwrap()
}

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// Whether both are the same board.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
