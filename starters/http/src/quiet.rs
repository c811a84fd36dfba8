//! Runs axum's router building, which panics where it refuses, and returns what the panic said.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`; a panic becomes its text, and nothing is printed.
///
/// The hook is wrapped once, for the whole process: it passes on every panic but those of a thread that
/// is in here. So nothing is replaced while it is used, and other threads are not affected.
pub(crate) fn quietly<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    static WRAPPED: Once = Once::new();
    WRAPPED.call_once(|| {
        let hook = take_hook();
        set_hook(Box::new(move |info| {
            if !QUIET.get() {
                hook(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    QUIET.set(before);
    result.map_err(|payload| match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => {
            payload.downcast::<&str>().map_or_else(|_| "a panic without a text".to_owned(), |text| (*text).to_owned())
        }
    })
}
