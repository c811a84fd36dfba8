//! The logger of the process: `tracing` knows one, which all bases in the process share.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use crate::layer::LogLayer;
use crate::line::{Colour, Line};
use crate::recent::{Keep, Recent};
use crate::rules::{BaseLevels, Rules, parse_filter};
use crate::{Format, Output, TelemetrySettings};

/// The logger that was installed first in this process.
static SHARED: OnceLock<Arc<Logger>> = OnceLock::new();

/// A filter that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`{filter}` is no filter: {reason}; write a level, and levels for crates, as in `info,sqlx=warn`")]
pub struct InvalidFilter {
    /// The filter as it was given.
    pub filter: String,
    /// What is wrong about it.
    pub reason: String,
}

/// Writes one finished line.
pub(crate) type Sink = Box<dyn Fn(&[u8]) + Send + Sync>;

/// Where a logger stands in its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// This call has installed it.
    Installed,
    /// Another base has installed it before.
    Shared,
    /// The program has a `tracing` subscriber of its own.
    Bypassed,
}

/// Formats, filters and writes what is logged.
pub(crate) struct Logger {
    format: Format,
    colour: Colour,
    sink: Sink,
    rules: ArcSwap<Rules>,
    state: Mutex<State>,
    recent: Recent,
}

#[derive(Debug)]
struct State {
    filter: String,
    bases: BTreeMap<u64, BaseLevels>,
    next_base: u64,
}

impl Logger {
    /// A logger that writes to `sink`.
    pub(crate) fn new(
        format: Format,
        colour: Colour,
        filter: &str,
        keep: Keep,
        sink: Sink,
    ) -> Result<Arc<Self>, InvalidFilter> {
        let targets = targets(filter)?;
        Ok(Arc::new(Self {
            format,
            colour,
            sink,
            rules: ArcSwap::from_pointee(Rules::compile(targets, std::iter::empty())),
            state: Mutex::new(State { filter: filter.to_owned(), bases: BTreeMap::new(), next_base: 0 }),
            recent: Recent::new(keep),
        }))
    }

    /// The logger of this process; installs one by these settings where there is none.
    pub(crate) fn shared(settings: &TelemetrySettings) -> Result<(Arc<Self>, Standing), InvalidFilter> {
        if let Some(shared) = SHARED.get() {
            return Ok((shared.clone(), Standing::Shared));
        }
        let (sink, is_terminal): (Sink, bool) = match settings.output {
            Output::Stderr => {
                (Box::new(|line| ignore(io::stderr().lock().write_all(line))), io::stderr().is_terminal())
            }
            Output::Stdout => (Box::new(|line| ignore(to_stdout(line))), io::stdout().is_terminal()),
        };
        let colour = match is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) {
            true => Colour::Coloured,
            false => Colour::Plain,
        };
        let logger = Self::new(settings.format, colour, &settings.filter, settings.keep(), sink)?;
        let standing = logger.install();
        Ok((if standing == Standing::Shared { SHARED.get().cloned().unwrap_or(logger) } else { logger }, standing))
    }

    /// Makes it the logger of this process, where there is none.
    pub(crate) fn install(self: &Arc<Self>) -> Standing {
        let mut standing = Standing::Shared;
        SHARED.get_or_init(|| {
            let subscriber = Registry::default().with(LogLayer::new(self.clone()));
            standing = match tracing::subscriber::set_global_default(subscriber) {
                Ok(()) => Standing::Installed,
                Err(_) => Standing::Bypassed,
            };
            if standing == Standing::Installed {
                // Libraries that log through `log`. It fails where the program has a logger of its
                // own for it, which then has precedence.
                let _ = tracing_log::LogTracer::init();
                self.limit_log();
            }
            self.clone()
        });
        standing
    }

    pub(crate) fn rules(&self) -> arc_swap::Guard<Arc<Rules>> {
        self.rules.load()
    }

    /// The last lines of each module.
    pub(crate) fn recent(&self) -> &Recent {
        &self.recent
    }

    /// Writes one line, and keeps it.
    pub(crate) fn write(&self, line: Line) {
        let mut text = match self.format {
            Format::Human => line.human(self.colour),
            Format::Json => line.json(),
        };
        text.push('\n');
        // One call a line, so that lines of several threads do not mix.
        (self.sink)(text.as_bytes());
        self.recent.keep(line);
    }

    /// A place for the levels of one more base.
    pub(crate) fn join(&self) -> u64 {
        let mut state = self.state();
        let base = state.next_base;
        state.next_base += 1;
        state.bases.insert(base, BaseLevels::default());
        base
    }

    /// Forgets the levels of a base, and the lines of its modules.
    pub(crate) fn leave(&self, base: u64) {
        self.recent.let_go(base, |_| true);
        let mut state = self.state();
        if state.bases.remove(&base).is_some() {
            self.compile(state);
        }
    }

    /// Changes the levels of a base. `change` says whether there is anything new.
    pub(crate) fn change(&self, base: u64, change: impl FnOnce(&mut BaseLevels) -> Change) {
        let mut state = self.state();
        if state.bases.get_mut(&base).map(change) == Some(Change::Some) {
            self.compile(state);
        }
    }

    /// Reads the levels of a base.
    pub(crate) fn read<T: Default>(&self, base: u64, read: impl FnOnce(&BaseLevels) -> T) -> T {
        self.state().bases.get(&base).map(read).unwrap_or_default()
    }

    pub(crate) fn filter(&self) -> String {
        self.state().filter.clone()
    }

    pub(crate) fn set_filter(&self, filter: &str) -> Result<(), InvalidFilter> {
        targets(filter)?;
        let mut state = self.state();
        state.filter = filter.to_owned();
        self.compile(state);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compile(&self, state: MutexGuard<'_, State>) {
        // It has been read before: `new` and `set_filter` let nothing else in.
        let filter = targets(&state.filter).unwrap_or_default();
        self.rules.store(Arc::new(Rules::compile(filter, state.bases.values())));
        // `tracing` asks the logger again about every call site, which may log: not under the lock.
        drop(state);
        tracing::callsite::rebuild_interest_cache();
        if SHARED.get().is_some_and(|shared| std::ptr::eq(Arc::as_ptr(shared), self)) {
            self.limit_log();
        }
    }

    /// Tells the `log` crate what it need not pass on.
    fn limit_log(&self) {
        log::set_max_level(match self.rules.load().max_level() {
            LevelFilter::OFF => log::LevelFilter::Off,
            LevelFilter::ERROR => log::LevelFilter::Error,
            LevelFilter::WARN => log::LevelFilter::Warn,
            LevelFilter::INFO => log::LevelFilter::Info,
            LevelFilter::DEBUG => log::LevelFilter::Debug,
            _ => log::LevelFilter::Trace,
        });
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger").field("format", &self.format).finish_non_exhaustive()
    }
}

/// Whether a change left anything to compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    Some,
}

fn targets(filter: &str) -> Result<tracing_subscriber::filter::Targets, InvalidFilter> {
    parse_filter(filter).map_err(|error| InvalidFilter { filter: filter.to_owned(), reason: error.to_string() })
}

fn to_stdout(line: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line)?;
    stdout.flush()
}

/// A log that cannot be written has nobody to tell.
fn ignore(_: io::Result<()>) {}
