//! Catches a module's panic and keeps its text for the log, never for the caller.
//!
//! A panic is reported once. The standard library's hook prints where it happened, at once, and whoever
//! catches it knows what was at work: so while a module is at work and its log is read, the hook keeps the
//! place (and the backtrace, where the environment asks for one) for the report of the gate, and prints
//! nothing. Panics of all others, and those that nobody would read about, are printed as ever.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::isolation::Frame;

/// What a panic said.
#[derive(Debug)]
pub(crate) struct PanicText {
    text: String,
    /// Where it happened, where the hook has kept that.
    pub(crate) at: Option<PanicPlace>,
}

impl fmt::Display for PanicText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where a panic happened.
#[derive(Debug)]
pub(crate) struct PanicPlace {
    text: String,
    /// File, line and column.
    pub(crate) place: String,
    /// Where `RUST_BACKTRACE` asks for it.
    pub(crate) backtrace: Option<String>,
}

impl PanicPlace {
    fn of(info: &PanicHookInfo<'_>) -> Self {
        let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        let backtrace = Backtrace::capture();
        let is_captured = backtrace.status() == BacktraceStatus::Captured;
        let text = text_of(info.payload());
        Self { text, place, backtrace: is_captured.then(|| backtrace.to_string()) }
    }

    /// Nobody else has said that there was this panic: the module has caught it itself, or it led to
    /// another one.
    pub(super) fn tell(self) {
        let Self { text, place, backtrace } = self;
        tracing::error!(
            target: "bedplate::isolation", panic = text, at = place, backtrace,
            "a panic at {place} did not come out of the module: {text}"
        );
    }
}

/// Lets the gate report the panics of modules, in the place of the standard library's hook. Once for the
/// process; the hook of before is asked for all others.
pub(crate) fn report_panics_once() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            let is_read = tracing::enabled!(target: "bedplate::isolation", tracing::Level::ERROR);
            if !is_read || !Frame::keep_panic(|| PanicPlace::of(info)) {
                before(info);
            }
        }));
    });
}

/// Runs `f`; a panic becomes its text.
///
/// What `f` touched is not used again after a panic: the work is dropped.
pub(crate) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, PanicText> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let text = text_of(&*payload);
        // The payload's own drop is module code too. One that panics again is not dropped a third time.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
        PanicText { text, at: Frame::take_panic() }
    })
}

/// The text of a panic that was caught.
pub(crate) fn text_of(payload: &dyn Any) -> String {
    payload
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic with a value that is no text".to_owned())
}
