//! `conformance!`: one test for each check.

/// Makes one test for each [`Check`](crate::testing::conformance::Check), of the starter that a
/// [`Subject`](crate::testing::conformance::Subject) tells about. See
/// [`bedplate::testing::conformance`](crate::testing::conformance).
#[macro_export]
macro_rules! conformance {
    ($subject:ty) => {
        $crate::__conformance_tests! { $subject;
            WhatIsDeployedIsSeen what_is_deployed_is_seen,
            NothingShowsBeforeTheSwap nothing_shows_before_the_swap,
            WhatIsUnchangedServesOn what_is_unchanged_serves_on,
            WhatIsTakenOutIsGone what_is_taken_out_is_gone,
            ARefusalLeavesNoTrace a_refusal_leaves_no_trace,
            AnAbortedDeploymentLeavesNothing an_aborted_deployment_leaves_nothing,
            AnEarlyRefusalLeavesNothing an_early_refusal_leaves_nothing,
            APlanChangesNothing a_plan_changes_nothing,
            ModulesAreKeptApart modules_are_kept_apart,
            ScenesAreKeptApart scenes_are_kept_apart,
            GenerationsAreKeptApart generations_are_kept_apart,
            WhatDrainsKeepsWhatItWasGiven what_drains_keeps_what_it_was_given,
            ReleaseFreesWhatItGave release_frees_what_it_gave,
            NothingRefersToWhatIsRetired nothing_refers_to_what_is_retired,
            ARollbackServesAgain a_rollback_serves_again,
            WhatWrapsEntriesLetsThemThrough what_wraps_entries_lets_them_through,
            WhatIsShownServes what_is_shown_serves,
            UnknownQuestionsAreLeftToOthers unknown_questions_are_left_to_others,
            BasesAreKeptApart bases_are_kept_apart,
            BadSettingsAreRefused bad_settings_are_refused,
            AFailedStartLeavesNothing a_failed_start_leaves_nothing,
            TheEndIsBounded the_end_is_bounded,
            TheEndFreesAll the_end_frees_all,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($subject:ty; $($check:ident $name:ident,)*) => {
        // Each name is that of its check, and none is left out.
        const _: () = $crate::testing::conformance::complete(&[$(
            ($crate::testing::conformance::Check::$check, ::core::stringify!($name)),
        )*]);

        $(
            #[test]
            fn $name() {
                $crate::testing::conformance::assert::<$subject>($crate::testing::conformance::Check::$check);
            }
        )*
    };
}
