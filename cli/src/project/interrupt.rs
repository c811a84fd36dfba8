//! Ctrl-C, and a polite end, while files are changed: they are put back before the tool ends.

use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::failure::Failure;

/// Whether somebody wants the tool to end.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    has_come: bool,
    /// The program that runs for the tool.
    program: Option<Pid>,
}

impl State {
    fn end_program(&self) {
        if let Some(program) = self.program {
            // It has ended by itself where a terminal told both.
            let _ = kill_process(program, Signal::TERM);
        }
    }
}

impl Interrupt {
    /// From now on such a signal does not end the tool by itself.
    pub(super) fn listen() -> Self {
        let interrupt = Self::default();
        let heard = interrupt.clone();
        // Where somebody listens already, the signal ends what that one does.
        let _ = ctrlc::set_handler(move || heard.come());
        interrupt
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn come(&self) {
        let mut state = self.state();
        state.has_come = true;
        state.end_program();
    }

    fn runs(&self, program: Option<Pid>) {
        let mut state = self.state();
        state.program = program;
        if state.has_come {
            state.end_program();
        }
    }

    /// # Errors
    ///
    /// Where a signal has come.
    pub(super) fn check(&self) -> Result<()> {
        match self.state().has_come {
            false => Ok(()),
            true => Err(Failure::error("interrupted", "it was interrupted", "all files are as they were")),
        }
    }

    /// Runs a program, which ends where a signal comes.
    pub(super) fn output(&self, program: &mut Command) -> Result<Output> {
        self.check()?;
        let program = program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let running = program.spawn().with_context(|| format!("{:?} cannot be run", program.get_program()))?;
        self.runs(i32::try_from(running.id()).ok().and_then(Pid::from_raw));
        let output = running.wait_with_output();
        self.state().program = None;
        self.check()?;
        output.with_context(|| format!("{:?} cannot be waited for", program.get_program()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_ends_with_the_signal() {
        let interrupt = Interrupt::default();
        let output = interrupt.output(Command::new("echo").arg("here")).unwrap();
        assert_eq!(output.stdout, b"here\n");
        let other = interrupt.clone();
        let comes = std::thread::spawn(move || {
            while other.state().program.is_none() {
                std::thread::yield_now();
            }
            other.come();
        });
        let error = interrupt.output(Command::new("sleep").arg("600")).unwrap_err();
        comes.join().unwrap();
        assert_eq!(error.downcast_ref::<Failure>().unwrap().code, "interrupted");
        assert!(interrupt.check().is_err());
    }
}
