//! For each check a starter that breaks it: the suite names that check.

use std::collections::BTreeSet;

use bedplate::testing::conformance::{Check, Subject};

use crate::subjects as starter;

bedplate::conformance!(starter::Nothing);

/// The checks that find something, of all.
fn found<S: Subject>() -> BTreeSet<Check> {
    Check::ALL.iter().copied().filter(|check| check.run::<S>().is_err()).collect()
}

/// It is found, and nothing else but what may come with it.
fn finds<S: Subject>(check: Check, others: &[Check]) {
    let mut found = found::<S>();
    assert!(found.remove(&check), "{check} does not find it; these do: {found:?}");
    let others = BTreeSet::from_iter(others.iter().copied());
    assert!(found.is_subset(&others), "these find it as well: {:?}", found.difference(&others));
}

macro_rules! broken {
    ($($name:ident: $starter:ident breaks $check:ident $(and $($also:ident)+)?;)*) => {
        $(
            #[test]
            fn $name() {
                finds::<starter::$starter>(Check::$check, &[$($(Check::$also),+)?]);
            }
        )*

        #[test]
        fn each_check_is_broken_by_a_starter() {
            let broken = BTreeSet::from([$(Check::$check),*]);
            assert_eq!(broken, Check::ALL.iter().copied().collect());
        }
    };
}

broken! {
    one_that_serves_its_first_modules_alone: ServesTheFirstCompositionAlone breaks WhatIsDeployedIsSeen and NothingShowsBeforeTheSwap WhatIsTakenOutIsGone
        ARefusalLeavesNoTrace AnAbortedDeploymentLeavesNothing AnEarlyRefusalLeavesNothing APlanChangesNothing
        ScenesAreKeptApart GenerationsAreKeptApart NothingRefersToWhatIsRetired ARollbackServesAgain BasesAreKeptApart
        WhatIsUnchangedServesOn;
    one_that_shows_what_is_prepared: ShowsWhatIsPrepared breaks NothingShowsBeforeTheSwap and WhatIsShownServes;
    one_that_prepares_new_modules_alone: PreparesNewOnesAlone breaks WhatIsUnchangedServesOn and WhatIsTakenOutIsGone ModulesAreKeptApart ScenesAreKeptApart
        BasesAreKeptApart;
    one_that_keeps_what_is_gone: KeepsWhatIsGone breaks WhatIsTakenOutIsGone and WhatIsShownServes;
    one_that_clears_before_it_refuses: ClearsBeforeItRefuses breaks ARefusalLeavesNoTrace;
    one_that_holds_what_was_aborted: HoldsWhatWasAborted breaks AnAbortedDeploymentLeavesNothing and APlanChangesNothing;
    one_that_waits_for_prepare: WaitsForPrepare breaks AnEarlyRefusalLeavesNothing;
    one_that_carries_plans_out: CarriesPlansOut breaks APlanChangesNothing;
    one_that_gives_all_modules_one_board: GivesAllModulesOneBoard breaks ModulesAreKeptApart and WhatIsDeployedIsSeen NothingShowsBeforeTheSwap
        WhatIsUnchangedServesOn WhatIsTakenOutIsGone AnAbortedDeploymentLeavesNothing AnEarlyRefusalLeavesNothing
        ReleaseFreesWhatItGave NothingRefersToWhatIsRetired BasesAreKeptApart TheEndIsBounded TheEndFreesAll
        ARefusalLeavesNoTrace APlanChangesNothing;
    one_that_gives_all_scenes_one_board: GivesAllScenesOneBoard breaks ScenesAreKeptApart;
    one_that_releases_by_name: ReleasesByName breaks GenerationsAreKeptApart and NothingShowsBeforeTheSwap ARefusalLeavesNoTrace AnAbortedDeploymentLeavesNothing
        AnEarlyRefusalLeavesNothing APlanChangesNothing ScenesAreKeptApart WhatDrainsKeepsWhatItWasGiven
        ReleaseFreesWhatItGave NothingRefersToWhatIsRetired ARollbackServesAgain BasesAreKeptApart WhatIsDeployedIsSeen
        WhatIsUnchangedServesOn WhatIsTakenOutIsGone;
    one_that_frees_when_committed: FreesWhenCommitted breaks WhatDrainsKeepsWhatItWasGiven and ARollbackServesAgain;
    one_that_releases_nothing: ReleasesNothing breaks ReleaseFreesWhatItGave;
    one_that_holds_instances: HoldsInstances breaks NothingRefersToWhatIsRetired and ARollbackServesAgain;
    one_that_serves_an_instance_once: ServesOnce breaks ARollbackServesAgain;
    one_that_lets_one_in_at_a_time: LetsOneInAtATime breaks WhatWrapsEntriesLetsThemThrough;
    one_that_swallows_refusals: SwallowsRefusals breaks WhatWrapsEntriesLetsThemThrough;
    one_that_panics_without_modules: PanicsWithoutModules breaks WhatIsShownServes;
    one_that_answers_all: AnswersAll breaks UnknownQuestionsAreLeftToOthers;
    one_that_shares_its_table: SharesItsTable breaks BasesAreKeptApart;
    one_that_takes_any_settings: TakesAnySettings breaks BadSettingsAreRefused;
    one_that_panics_at_settings: PanicsAtSettings breaks BadSettingsAreRefused;
    one_that_ends_its_task_in_drain: EndsItsTaskInDrain breaks AFailedStartLeavesNothing;
    one_that_hangs_at_the_end: HangsAtTheEnd breaks TheEndIsBounded;
    one_that_leaves_a_task: LeavesATask breaks TheEndFreesAll and AFailedStartLeavesNothing;
    one_that_holds_itself: HoldsItself breaks TheEndFreesAll;
}
