//! A wrapper around every entry into a module.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::isolation::Entry;
use crate::module::InstanceId;
use crate::service::CallError;

/// Wraps every entry into a module: requests, jobs, messages. Service calls stay inside an entry
/// and are not wrapped again.
pub trait Around: Send + Sync + 'static {
    /// Runs `next`, or refuses the entry by returning [`Outcome::Refused`] without it.
    fn around<'a>(&'a self, entry: &'a Entry, next: Next<'a>) -> BoxFuture<'a, Outcome>;

    /// Whether the wrapper looks at what an entry carries ([`Entry::carried`]): a copy of the request's
    /// head, say, which nobody makes where no wrapper wants it. Asked once for each composition.
    fn wants_carried(&self) -> bool {
        true
    }
}

/// How an entry ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The module's code ran to its end.
    Completed,
    /// The gate refused the entry, or gave it up.
    Refused(CallError),
}

/// The rest of an entry: the other wrappers, and the module.
pub struct Next<'a> {
    instance: &'a InstanceId,
    rest: BoxFuture<'a, Outcome>,
}

impl<'a> Next<'a> {
    pub(crate) fn new(instance: &'a InstanceId, rest: BoxFuture<'a, Outcome>) -> Self {
        Self { instance, rest }
    }

    /// The instance that is entered: module, scene, generation.
    #[must_use]
    pub fn instance(&self) -> &'a InstanceId {
        self.instance
    }

    /// Goes on with the entry.
    pub async fn run(self) -> Outcome {
        self.rest.await
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next")
    }
}
