//! What the starter has given to instances: for each its spaces, without keeping them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bedplate::{Composition, InstanceId};

use crate::cache::Spaces;

/// The spaces of all instances. An instance that could not be made takes its own with it.
#[derive(Default)]
pub(crate) struct Given {
    list: Mutex<Vec<Entry>>,
}

struct Entry {
    id: InstanceId,
    spaces: Weak<Spaces>,
    place: Place,
}

/// Where an instance stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It has not served yet. What it put in while it started is its own.
    Aside,
    Serving,
    /// It has served, and may come back by a rollback.
    Left,
}

impl Given {
    fn list(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, spaces: &Arc<Spaces>) {
        let mut list = self.list();
        list.retain(|entry| entry.spaces.strong_count() > 0);
        list.push(Entry { id: spaces.instance().clone(), spaces: Arc::downgrade(spaces), place: Place::Aside });
    }

    /// The spaces of the instances in `composition`, in their order.
    pub(crate) fn of(&self, composition: &Composition) -> Vec<Arc<Spaces>> {
        let ids = ids(composition);
        let mut found: Vec<_> = self
            .list()
            .iter()
            .filter(|entry| ids.contains(&entry.id))
            .filter_map(|entry| entry.spaces.upgrade())
            .collect();
        found.sort_by(|one, other| one.instance().cmp(other.instance()));
        found
    }

    /// Empties what comes back: the generation between has changed what the entries were read from.
    pub(crate) fn coming_back(&self, next: &Composition) {
        let ids = ids(next);
        let back: Vec<_> = {
            let list = self.list();
            let back = list.iter().filter(|entry| entry.place == Place::Left && ids.contains(&entry.id));
            back.filter_map(|entry| entry.spaces.upgrade()).collect()
        };
        back.iter().for_each(|spaces| spaces.forget());
    }

    /// Notes who serves now. What was left at work before it came back may have put something in until this moment.
    pub(crate) fn serving(&self, now: &Composition) {
        self.coming_back(now);
        let ids = ids(now);
        for entry in self.list().iter_mut() {
            entry.place = match entry.place {
                _ if ids.contains(&entry.id) => Place::Serving,
                Place::Aside => Place::Aside,
                Place::Serving | Place::Left => Place::Left,
            };
        }
    }

    /// Takes out what an instance was given.
    pub(crate) fn take(&self, id: &InstanceId) -> Vec<Arc<Spaces>> {
        self.list().extract_if(.., |entry| entry.id == *id).filter_map(|entry| entry.spaces.upgrade()).collect()
    }

    /// Takes out all.
    pub(crate) fn take_all(&self) -> Vec<Arc<Spaces>> {
        self.list().drain(..).filter_map(|entry| entry.spaces.upgrade()).collect()
    }
}

fn ids(composition: &Composition) -> BTreeSet<&InstanceId> {
    composition.instances().map(|instance| instance.id()).collect()
}
