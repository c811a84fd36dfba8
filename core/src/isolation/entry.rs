//! What enters a module: its kind, what it is called, how long it may take.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

/// What kind of work enters a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntryKind {
    /// A request from outside.
    Request,
    /// A scheduled job.
    Job,
    /// A message from a queue.
    Message,
    /// A call from another module.
    Call,
    /// A task that the module spawned through its context.
    Task,
    /// The module's start.
    Start,
    /// The question whether it is ready.
    Ready,
    /// The hand-over of the module's state.
    HandOver,
    /// The module's stop.
    Stop,
}

impl EntryKind {
    /// The kind as a word: a label of a metric or a log field.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Job => "job",
            Self::Message => "message",
            Self::Call => "call",
            Self::Task => "task",
            Self::Start => "start",
            Self::Ready => "ready",
            Self::HandOver => "hand-over",
            Self::Stop => "stop",
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One piece of work that enters a module.
#[derive(Clone)]
pub struct Entry {
    kind: EntryKind,
    label: Cow<'static, str>,
    deadline: Option<Duration>,
    carried: Option<Arc<dyn Any + Send + Sync>>,
}

impl Entry {
    /// An entry of a kind; `label` says what it is, such as `GET /articles/{slug}`.
    #[must_use]
    pub fn new(kind: EntryKind, label: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, label: label.into(), deadline: None, carried: None }
    }

    /// The same entry, given up after this time.
    #[must_use]
    pub fn deadline(self, after: Duration) -> Self {
        Self { deadline: Some(after), ..self }
    }

    /// The same entry, carrying something that an [`Around`](crate::Around) can look at: the
    /// request's head.
    #[must_use]
    pub fn carrying(self, carried: Arc<dyn Any + Send + Sync>) -> Self {
        Self { carried: Some(carried), ..self }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> EntryKind {
        self.kind
    }

    /// What it is.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn shared_label(&self) -> Cow<'static, str> {
        self.label.clone()
    }

    /// After what time it is given up, where that is limited.
    #[must_use]
    pub fn time_limit(&self) -> Option<Duration> {
        self.deadline
    }

    /// What it carries, where it is of type `T`.
    #[must_use]
    pub fn carried<T: Any>(&self) -> Option<&T> {
        self.carried.as_ref().and_then(|carried| carried.downcast_ref())
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("kind", &self.kind).field("label", &self.label).finish_non_exhaustive()
    }
}
