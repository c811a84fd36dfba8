//! The checks by name: what each is about, what to do where it fails, and how it is run.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::time::timeout;

use crate::Result;
use crate::isolation::text_of;
use crate::testing::conformance::checks::*;
use crate::testing::conformance::ground::{Folder, starter};
use crate::testing::conformance::{Finding, Subject};

macro_rules! all_checks {
    ($($(#[doc = $what:literal])* $check:ident, $name:ident, $run:ident, $help:literal;)*) => {
        /// One thing that the suite checks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Check {
            $($(#[doc = $what])* $check,)*
        }

        impl Check {
            /// All of them, in the order of a base's life.
            pub const ALL: &[Self] = &[$(Self::$check,)*];

            /// Its name, which is that of its test.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$check => stringify!($name),)* }
            }

            /// What must hold, in words.
            #[must_use]
            pub fn what(self) -> String {
                let lines: &[&str] = match self { $(Self::$check => &[$($what),*],)* };
                lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
            }

            /// What the author of a starter looks at where it does not.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$check => $help,)* }
            }

            fn run_on<S: Subject>(self, runtime: &tokio::runtime::Runtime, folder: &Folder) -> Result<()> {
                let limit = 6 * S::PATIENCE;
                let late = || format!("the check did not end within {}", humantime::format_duration(limit));
                runtime.block_on(async {
                    match self {
                        $(Self::$check => timeout(limit, $run::<S>(folder)).await,)*
                    }
                    .unwrap_or_else(|_| Err(anyhow::anyhow!(late())))
                })
            }
        }
    };
}

all_checks! {
    /// A module that uses the starter is found at its place as soon as a deployment with it is done: in the first
    /// composition, in a later one, and as a new generation.
    WhatIsDeployedIsSeen, what_is_deployed_is_seen, deployed,
        "`prepare` compiles what is served for all instances of the composition; whatever serves reads it with \
         `Composition::prepared` of the composition that it has pinned";
    /// Nothing of a deployment can be found before its swap, though all is prepared; what serves is as it was.
    NothingShowsBeforeTheSwap, nothing_shows_before_the_swap, before_the_swap,
        "`provide`, `migrate` and `prepare` change nothing that serves or is shown: return it from `prepare`, and let \
         `inspect` show what is in the composition that it is given";
    /// A module that a deployment does not concern is served on, with what it was given.
    WhatIsUnchangedServesOn, what_is_unchanged_serves_on, unchanged,
        "`prepare` is about all instances of the next composition, not only about new ones; keep what was compiled for \
         an instance until its `release`";
    /// A module that is taken out is found no longer, is shown no longer, and can come back.
    WhatIsTakenOutIsGone, what_is_taken_out_is_gone, removed,
        "compile each composition from its own instances, not from what was served before, and forget an instance in \
         `release`";
    /// A deployment that the starter itself refuses leaves no trace, names the module, and what is mended goes live.
    ARefusalLeavesNoTrace, a_refusal_leaves_no_trace, own_refusal,
        "let `prepare` look at everything before it changes anything, and return a `CompositionError` or an error that \
         names the module; `abort` is not called for what was never returned";
    /// A deployment that a later starter refuses leaves no trace, however often.
    AnAbortedDeploymentLeavesNothing, an_aborted_deployment_leaves_nothing, aborted,
        "take back in `abort` what `prepare` began, and in `release` what `provide` gave; hold no instance of a \
         composition that does not serve";
    /// A deployment that is refused before the starter prepares anything leaves no trace, however often.
    AnEarlyRefusalLeavesNothing, an_early_refusal_leaves_nothing, early_refusal,
        "`prepare`, `abort` and `committed` need not follow `provide`: what was given away is taken back in `release` \
         alone";
    /// A deployment that is only planned changes nothing.
    APlanChangesNothing, a_plan_changes_nothing, plan,
        "`plan` looks and changes nothing; the instances of a plan are given handles, and are released, without ever \
         being started";
    /// What one module leaves is not found at the place of another one, and goes with it alone.
    ModulesAreKeptApart, modules_are_kept_apart, modules,
        "give each module its own slice of the technology: key all that is kept by the module's name and its scene";
    /// What a module leaves in one scene is not found in another one.
    ScenesAreKeptApart, scenes_are_kept_apart, scenes,
        "the same module in two scenes is two members: key what is kept by `InstanceId`, or by module and scene";
    /// While two generations are there the new one alone is found, and the end of the old one takes nothing from it.
    GenerationsAreKeptApart, generations_are_kept_apart, generations,
        "`release` names one instance: free what that generation was given, and what is shared only with the last one";
    /// What an instance was given works until it has drained, whether it was replaced or taken out.
    WhatDrainsKeepsWhatItWasGiven, what_drains_keeps_what_it_was_given, drains,
        "free nothing in `committed`: entries are still inside the instances that left; `release` comes when none is";
    /// What an instance was given is closed when it is released, even where something still has it.
    ReleaseFreesWhatItGave, release_frees_what_it_gave, freed,
        "close in `release` what `provide` gave (the pool, the space, the subscription), and let its handles say so; \
         where generations share it, say `Generations::Shared`, and close it with the last one";
    /// Nothing refers to an instance that is retired: neither to the module's object nor to what it exported.
    NothingRefersToWhatIsRetired, nothing_refers_to_what_is_retired, retired,
        "the starter holds instances, their exports or their objects in what `prepare` returned, which goes with the \
         composition; drop in `release` what it holds elsewhere";
    /// A generation that stayed warm keeps what it was given, and is served again by a swap back, however often.
    ARollbackServesAgain, a_rollback_serves_again, rollback,
        "an instance can leave the composition and come back without a `provide`: keep what was compiled for it until \
         its `release`, and do not expect instances in `prepare` to be new";
    /// What wraps entries lets them through once, with their answer, their refusal or their panic, beside others.
    WhatWrapsEntriesLetsThemThrough, what_wraps_entries_lets_them_through, wrapped,
        "`around` awaits `next.run()` once, returns its `Outcome` as it is, and holds no lock meanwhile; its future \
         can be dropped at any `.await`";
    /// What the starter shows is there at any time, under names of its own, and is about modules that serve.
    WhatIsShownServes, what_is_shown_serves, inspected,
        "`inspect` shows what is in the composition that it is given, which may be empty; give each inspection a name \
         that no other starter has";
    /// A question that nobody knows is left to the other starters.
    UnknownQuestionsAreLeftToOthers, unknown_questions_are_left_to_others, questions,
        "`answer` returns `None` at once where the question has a name that is not the starter's own";
    /// Two bases in one process do not see each other, and the end of one takes nothing from the other.
    BasesAreKeptApart, bases_are_kept_apart, bases,
        "keep state in the starter, never in a `static`; what the technology forces on the process (one logger) is \
         shared by all bases, and freed by none";
    /// Settings that the starter refuses keep the base from starting, with an error that names the starter or its
    /// section, and nothing is left.
    BadSettingsAreRefused, bad_settings_are_refused, bad_settings,
        "read the settings with `ctx.settings()` first, check what their types cannot say with `#[setting(check = …)]`, \
         and return an error from `start`: what it has spawned by then must end when it is dropped";
    /// Where another starter or a module fails to start, the starter stops without having served, and leaves nothing.
    AFailedStartLeavesNothing, a_failed_start_leaves_nothing, not_started,
        "`stop` is called without `committed` and without `drain` where the base does not start: end there, or in \
         `Drop`, what `start` has begun";
    /// The end of a base is in order and in time, after deployments and without modules.
    TheEndIsBounded, the_end_is_bounded, is_bounded,
        "`drain` and `stop` return when the starter's own work has ended, and cancel what does not end by itself; they \
         return no error where all is in order";
    /// After the end nothing is left: no handle that works, no task, no reference to the starter; and a base can start
    /// in the same place.
    TheEndFreesAll, the_end_frees_all, frees_all,
        "end in `stop` all tasks that were spawned, and let go of what holds the base: a task or a server with a `Base` \
         keeps both; close files, sockets and locks, so that the next base can have them";
}

impl Check {
    /// Runs it, on a runtime and in a folder of its own.
    ///
    /// # Errors
    ///
    /// What was found.
    pub fn run<S: Subject>(self) -> Result<(), Finding> {
        let finding = |seen| Finding { check: self, starter: starter::<S>().name, seen };
        let tried = || -> Result<()> {
            let folder = Folder::new()?;
            // Two threads, as a base has several: what is not synchronized shows.
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            let result = catch_unwind(AssertUnwindSafe(|| self.run_on::<S>(&runtime, &folder)));
            runtime.shutdown_background();
            result.unwrap_or_else(|payload| Err(anyhow::anyhow!("a panic: {}", text_of(&*payload))))
        };
        tried().map_err(|error| finding(format!("{error:#}")))
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
