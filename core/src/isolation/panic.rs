//! Catches a module's panic and keeps its text for the log, never for the caller.
//!
//! A panic is reported once. The standard library's hook prints where it happened, at once, and whoever
//! catches it knows what was at work: so while a module is at work and its log is read, the hook keeps the
//! place (and the backtrace, where the environment asks for one) for the report of the gate, and prints
//! nothing. Panics of all others, and those that nobody would read about, are printed as ever.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use backtrace::BacktraceSymbol;

use crate::deploy::image::{Named, Names};
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
        Self { text: text_of(info.payload()), place, backtrace: backtrace_if_asked() }
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

/// Where this thread stands, where `RUST_BACKTRACE` asks for it: from the panic to where the thread began, with
/// the names of modules that were loaded late.
fn backtrace_if_asked() -> Option<String> {
    if Backtrace::capture().status() != BacktraceStatus::Captured {
        return None;
    }
    let mut names = Names::default();
    let mut text = String::new();
    let mut number = 0;
    for frame in backtrace::Backtrace::new().frames() {
        let named = |symbol: &BacktraceSymbol| {
            let place = symbol.filename().zip(symbol.lineno());
            Some(Named {
                function: format!("{:#}", symbol.name()?),
                place: place.map(|(file, line)| format!("{}:{line}", file.display())),
            })
        };
        let mut lines: Vec<_> = frame.symbols().iter().filter_map(named).collect();
        if lines.is_empty() {
            // The address is that of the return: the call stands before it.
            lines = names.of((frame.ip() as usize).saturating_sub(1));
        }
        let is = |marker: &str| lines.iter().any(|line| line.function.contains(marker));
        if is("__rust_end_short_backtrace") {
            // So far it was the panic's own way to here.
            text.clear();
            number = 0;
            continue;
        }
        if is("__rust_begin_short_backtrace") {
            break;
        }
        if lines.is_empty() {
            lines.push(Named { function: format!("{:p}", frame.ip()), place: None });
        }
        for Named { function, place } in lines {
            let _ = writeln!(text, "{number:>4}: {function}");
            if let Some(place) = place {
                let _ = writeln!(text, "             at {place}");
            }
            number += 1;
        }
    }
    Some(text)
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
