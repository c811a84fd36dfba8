//! State that lives on: it is handed over, read by the next code, and then nobody's any more.

use std::time::Duration;

use bedplate::{Change, Field, ModuleState, ServiceRef};

use super::{Hands, Starts, Tally, code, deploys, keeping, stats, turns};
use crate::support::{Handed, Script, name, on, requires, states};

#[test]
fn the_state_arrives_and_is_gone_after_the_start() {
    on(keeping(&code()), |base, running| async move {
        let tally: ServiceRef<dyn Tally> = base.service();
        assert_eq!(tally.add(7).await?, (7, 1));
        let steps = deploys(&running, Change::new().put(code().spec()).bake(Duration::from_secs(30))).await??;
        assert_eq!(
            steps,
            ["check", "construct", "migrate", "start", "prepare", "hold", "drain", "hand-over", "take-over", "open"]
        );
        assert_eq!(tally.add(1).await?, (8, 2));
        assert!(running.warm().is_empty(), "what has handed over does not come back");
        let again = running.deploy(Change::new().revive(name("keeper"))).await.unwrap_err();
        assert!(again.has("not-warm"), "{again}");
        base.settled().await?;
        assert_eq!(states(&running, "keeper", 1).last(), Some(&ModuleState::Stopped));
        // A rollback is a deployment like any other, and takes the state along.
        base.swap_to(code().spec()).await?;
        assert_eq!(tally.add(1).await?, (9, 3));
        Ok(())
    });
}

#[test]
fn the_new_code_reads_what_older_code_handed_over() {
    on(keeping(&code()), |base, running| async move {
        let tally: ServiceRef<dyn Tally> = base.service();
        tally.add(2500).await?;
        base.swap_to(code().version(2).spec()).await?;
        assert_eq!(tally.add(1).await?, (2501, 2));
        base.swap_to(code().version(2).spec()).await?;
        assert_eq!(tally.add(1).await?, (2502, 3));
        // Version 1 reads it as its own, and is told what is wrong.
        let error = base.swap_to(code().spec()).await.unwrap_err().to_string();
        assert!(error.contains("what keeper@main#3 handed over (version 2) is no `"), "{error}");
        assert!(error.contains("missing field `total`") && error.contains("handed_over_version"), "{error}");
        assert_eq!(tally.add(1).await?, (2503, 3), "the state is where it was");
        running.deploy(Change::new().put(code().spec()).without_state(name("keeper"))).await?;
        assert_eq!(tally.add(1).await?, (1, 5), "unless nobody wants it");
        Ok(())
    });
}

#[test]
fn a_generation_may_have_nothing_to_hand_over() {
    on(keeping(&code().hands(Hands::Nothing)), |base, _| async move {
        let tally: ServiceRef<dyn Tally> = base.service();
        tally.add(7).await?;
        base.swap_to(code().spec()).await?;
        assert_eq!(tally.add(1).await?, (1, 2));
        Ok(())
    });
}

#[test]
fn where_nothing_may_wait_it_is_handed_over_all_the_same() {
    on(keeping(&code()).set("deploy.hold=0s"), |base, _| async move {
        let tally: ServiceRef<dyn Tally> = base.service();
        tally.add(7).await?;
        base.swap_to(code().spec()).await?;
        assert_eq!(tally.add(1).await?, (8, 2));
        Ok(())
    });
}

#[test]
fn nothing_of_the_module_is_left_behind() {
    // `Handed` is what a scripted neighbour exports: its insides refer to the keeper that is replaced.
    let door = requires::<dyn Tally>(Script::new().entered().named("door"), Field::new("tally"));
    on(keeping(&code()).with(door), |base, running| async move {
        for _ in 0..3 {
            base.swap_to(code().starts(Starts::Err).spec()).await.unwrap_err();
            base.swap_to(code().spec()).await?;
        }
        base.settled().await?;
        turns().await;
        assert!(running.in_flight().iter().all(|entry| entry.label == "sweep"), "{:?}", running.in_flight());
        let handed = crate::support::instance(&running.pin(), "door");
        assert!(handed.exports().unwrap().of::<Handed>().next().is_some());
        assert_eq!(stats(&running).waiting, 0);
        Ok(())
    });
}
