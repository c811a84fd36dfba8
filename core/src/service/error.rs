//! Why a call was refused, and what an error of a contract means to its caller.

use std::borrow::Cow;
use std::fmt;

use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::service::{Service, ServiceRef, call, call_plain};

/// Why the base refused or gave up a call. Every contract method can meet one of these, so the
/// error type of each has a `From<CallError>`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallError {
    /// Nobody publishes the contract where the call looked.
    #[error("nobody publishes `{contract}` in scene `{scene}`")]
    Unpublished {
        /// The contract.
        contract: Cow<'static, str>,
        /// The scene that was searched.
        scene: String,
    },
    /// The reference belongs to a generation that serves no longer.
    #[error("a reference to `{contract}` was used by {instance}, which is retired")]
    Retired {
        /// The contract.
        contract: Cow<'static, str>,
        /// The instance that took the reference.
        instance: String,
    },
    /// The module that publishes the contract has not started yet.
    #[error("{target} has not started yet")]
    NotStarted {
        /// The module, or module and method, that was called.
        target: String,
    },
    /// The time that was left for the request is spent.
    #[error("{target} did not answer before the deadline")]
    DeadlineExceeded {
        /// The module and method, or entry, that was at work.
        target: String,
    },
    /// The module has as much to do as it is allowed to.
    #[error("{target} is overloaded")]
    Overloaded {
        /// The module and method that refused.
        target: String,
    },
    /// The module panicked. The panic's text stays in the log.
    #[error("{target} panicked")]
    Panicked {
        /// The module and method, or entry, that panicked.
        target: String,
    },
    /// Modules call each other without end: the call is deeper than a request may go.
    #[error("{target} is more than {limit} service calls deep: modules call each other without end")]
    TooDeep {
        /// The module and method that was called.
        target: String,
        /// How deep a request may go.
        limit: u32,
    },
    /// The work was cancelled: a drain reached its deadline.
    #[error("{target} was cancelled")]
    Cancelled {
        /// The entry that was cancelled.
        target: String,
    },
    /// The module is being replaced, and its gate was held for longer than anything waits there.
    #[error("{target} is held at the gate, since its module is being replaced (waited {waited})")]
    Held {
        /// The module and method, or entry, that waited.
        target: String,
        /// How long it has waited: `deploy.hold`, unless it cannot wait.
        waited: String,
    },
    /// The instance was replaced before it took the entry, of which nothing has run: whoever
    /// dispatches it pins anew, and enters where it leads to then.
    #[error("{target} was replaced before it took the entry")]
    Superseded {
        /// The module, and the entry that was not taken.
        target: String,
    },
    /// A starter that wraps entries refused this one.
    #[error("{reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
}

/// What an error means to the one who called, whatever the technology it leaves by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request itself is wrong (HTTP 400).
    Invalid,
    /// Nobody said who is calling (HTTP 401).
    Unauthenticated,
    /// The caller may not (HTTP 403).
    Forbidden,
    /// It is not there (HTTP 404).
    NotFound,
    /// It is there already, or has changed meanwhile (HTTP 409).
    Conflict,
    /// Well formed, but the values do not do (HTTP 422).
    Unprocessable,
    /// The caller has to slow down (HTTP 429).
    TooManyRequests,
    /// A fault of the module (HTTP 500).
    Internal,
    /// Not now; trying again may help (HTTP 503).
    Unavailable,
    /// Not in time (HTTP 504).
    Timeout,
}

/// An error that says what kind it is, so that a handler's `?` gives the right status.
///
/// ```
/// use bedplate::{CallError, ErrorKind, ServiceError};
///
/// #[derive(Debug, thiserror::Error)]
/// enum ProfileError {
///     #[error("no such profile")]
///     NotFound,
///     #[error(transparent)]
///     Call(#[from] CallError),
/// }
///
/// impl ServiceError for ProfileError {
///     fn kind(&self) -> ErrorKind {
///         match self {
///             Self::NotFound => ErrorKind::NotFound,
///             Self::Call(refused) => refused.kind(),
///         }
///     }
/// }
/// ```
pub trait ServiceError: fmt::Display + Send + Sync + 'static {
    /// What the error means to the caller.
    fn kind(&self) -> ErrorKind;

    /// Whether the error is a fault of the module, which a breaker should count.
    ///
    /// By default where the kind is [`Internal`](ErrorKind::Internal),
    /// [`Unavailable`](ErrorKind::Unavailable) or [`Timeout`](ErrorKind::Timeout).
    fn is_fault(&self) -> bool {
        matches!(self.kind(), ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::Timeout)
    }
}

impl ServiceError for CallError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::DeadlineExceeded { .. } => ErrorKind::Timeout,
            Self::Panicked { .. } | Self::TooDeep { .. } => ErrorKind::Internal,
            Self::Refused { .. } => ErrorKind::Forbidden,
            Self::Unpublished { .. }
            | Self::Retired { .. }
            | Self::NotStarted { .. }
            | Self::Overloaded { .. }
            | Self::Held { .. }
            | Self::Superseded { .. }
            | Self::Cancelled { .. } => ErrorKind::Unavailable,
        }
    }
}

impl ServiceError for crate::Error {
    /// That of the refused call among its causes; any other error is a fault of the module.
    fn kind(&self) -> ErrorKind {
        self.chain().find_map(|cause| cause.downcast_ref::<CallError>()).map_or(ErrorKind::Internal, CallError::kind)
    }
}

/// What a contract method returns: a `Result` whose error can express a refused call.
///
/// Recognised by trait, so an alias of `Result` does as well.
#[diagnostic::on_unimplemented(
    message = "a contract method must return a `Result` whose error can express a refused call, and `{Self}` cannot",
    label = "cannot express a refused call",
    note = "every call can be refused (deadline, overload, panic, unpublished): return `Result<T, E>`, where `E` is `CallError` or has a `From<bedplate::CallError>`"
)]
pub trait Refusable: Send + 'static {
    /// The result of a call that was refused.
    fn refused(error: CallError) -> Self;

    /// Calls an async method that returns this; what a reference does.
    #[doc(hidden)]
    fn call<'r, S, F>(reference: &'r ServiceRef<S>, method: usize, invoke: F) -> BoxFuture<'r, Self>
    where
        Self: Sized,
        S: Service + ?Sized,
        F: for<'t> FnOnce(&'t S) -> BoxFuture<'t, Self> + Send + 'r,
    {
        Box::pin(call(reference, method, invoke))
    }

    /// Calls a plain method that returns this; what a reference does.
    #[doc(hidden)]
    fn call_plain<S, F>(reference: &ServiceRef<S>, method: usize, invoke: F) -> Self
    where
        Self: Sized,
        S: Service + ?Sized,
        F: FnOnce(&S) -> Self,
    {
        call_plain(reference, method, invoke)
    }
}

impl<T: Send + 'static, E: Refusal> Refusable for Result<T, E> {
    fn refused(error: CallError) -> Self {
        Err(E::from_refused(error))
    }
}

/// An error that can express a refused call: any that has a `From<CallError>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot express a refused call",
    label = "the error `{Self}` has no `From<bedplate::CallError>`",
    note = "every call can be refused (deadline, overload, panic, unpublished): give `{Self}` a variant `Call(#[from] bedplate::CallError)` with thiserror, or return `CallError` itself"
)]
pub trait Refusal: Send + 'static {
    /// The error of a call that was refused.
    fn from_refused(error: CallError) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<CallError> + Send + 'static> Refusal for E {
    fn from_refused(error: CallError) -> Self {
        Self::from(error)
    }
}
