//! Wrappers of entries, that let them in or refuse them.

use std::sync::Arc;

use bedplate::testing::TestBase;
use bedplate::{
    Around, CallError, Change, Composition, Entry, EntryKind, Next, Outcome, Result, Starter, StarterContext, starter,
};
use futures_util::future::BoxFuture;

use crate::support::{Ping, Requires, Script, deed, enter, enter_as, on};

/// Lets in only what carries the word.
#[starter(name = "guard")]
struct Guard;

struct Word(&'static str);

impl Around for Doorman {
    fn around<'a>(&'a self, entry: &'a Entry, next: Next<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match entry.carried::<Word>() {
                Some(Word("panic")) => panic!("the wrapper itself"),
                Some(Word("skip")) => Outcome::Completed,
                Some(Word("friend")) => next.run().await,
                _ => Outcome::Refused(CallError::Refused { reason: "say the word".into() }),
            }
        })
    }
}

struct Doorman;

impl Starter for Guard {
    type Prepared = ();

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self)
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }

    fn around(&self) -> Option<Arc<dyn Around>> {
        Some(Arc::new(Doorman))
    }
}

#[test]
fn a_wrapper_lets_entries_in_or_refuses_them() {
    let module = Script::new().entered().named("a").publishes_ping();
    on(TestBase::builder().starter::<Guard>().with(module), |_, running| async move {
        let say = |word| Entry::new(EntryKind::Request, "test").carrying(Arc::new(Word(word)));
        let friend =
            enter_as(&running, "a", say("friend"), deed(|inside| async move { inside.ping.generation().await }));
        assert_eq!(friend.await?, 1);
        let refused = enter(&running, "a", deed(|_| async { panic!("not let in") })).await.unwrap_err();
        assert_eq!(refused, CallError::Refused { reason: "say the word".into() });
        let skipped = enter_as(&running, "a", say("skip"), deed(|_| async { panic!("not run") })).await.unwrap_err();
        assert!(matches!(skipped, CallError::Refused { .. }), "{skipped}");
        let panicked = enter_as(&running, "a", say("panic"), deed(|_| async { panic!("not run") })).await;
        assert_eq!(panicked, Err(CallError::Panicked { target: "a (test)".into() }));
        assert!(running.in_flight().is_empty());
        assert_eq!(running.modules()[0].stats.panics, 0, "it was not the module's");
        running.deploy(Change::new()).await?;
        Ok(())
    });
}
