//! A type for each way to get it wrong: starters go by their types.

use std::sync::Arc;
use std::time::Duration;

use bedplate::testing::TestBaseBuilder;
use bedplate::testing::conformance::{Given, Look, Subject};
use bedplate::{
    Around, Composition, Inspection, InstanceId, ModuleSpec, Planned, Provided, Question, Result, Staged, Starter,
    StarterContext, starter,
};
use serde_json::Value;

use crate::board::{self, Board};
use crate::boards::{BoardSettings, Boards, Table, Wrong};

macro_rules! boards {
    ($($name:ident $text:literal;)*) => {
        $(
            #[starter(name = $text, provides(Board), settings = BoardSettings)]
            pub(crate) struct $name(Boards);

            impl Starter for $name {
                type Prepared = Table;

                async fn start(ctx: &StarterContext) -> Result<Self> {
                    Ok(Self(Boards::start(Wrong::$name, ctx)?))
                }

                fn provide(&self, to: &mut Provided<'_>) -> Result<()> {
                    self.0.provide(to)
                }

                async fn plan(&self, staged: &Staged<'_>) -> Result<Vec<Planned>> {
                    self.0.plan(staged);
                    Ok(Vec::new())
                }

                async fn prepare(&self, next: &Composition) -> Result<Table> {
                    self.0.prepare(next)
                }

                async fn abort(&self, _: Table) {
                    let now = self.0.base.upgrade().map(|base| base.pin());
                    self.0.abort(now.as_ref().and_then(|now| now.prepared::<Self>()));
                }

                fn committed(&self, now: &Composition) {
                    self.0.committed(now, now.prepared::<Self>().expect("it was prepared"));
                    if self.0.wrong == Wrong::HoldsItself {
                        std::mem::forget(self.0.base.upgrade().and_then(|base| base.starter::<Self>()));
                    }
                }

                async fn release(&self, instance: &InstanceId) {
                    self.0.release(instance);
                }

                fn around(&self) -> Option<Arc<dyn Around>> {
                    self.0.around()
                }

                fn inspect(&self, now: &Composition) -> Vec<Inspection> {
                    self.0.inspect(now.prepared::<Self>())
                }

                async fn answer(&self, question: &Question<'_>) -> Option<Result<Value>> {
                    let knows = question.name == "boards" || self.0.wrong == Wrong::AnswersAll;
                    knows.then(|| Ok(Value::Null))
                }

                async fn drain(&self) -> Result<()> {
                    self.0.drain();
                    Ok(())
                }

                async fn stop(&self) -> Result<()> {
                    self.0.stop().await;
                    Ok(())
                }
            }

            impl Subject for $name {
                type Starter = Self;

                // Many of them wait for what never comes.
                const PATIENCE: Duration = Duration::from_secs(3);

                fn base(with: TestBaseBuilder) -> TestBaseBuilder {
                    with.settings("[lifecycle]\nstop_deadline = \"1s\"")
                }

                fn module(name: &str) -> ModuleSpec {
                    board::notes(name)
                }

                async fn seen(at: &Look<'_>) -> Result<Vec<String>> {
                    Ok(board::seen(at))
                }

                async fn given(to: &Look<'_>) -> Given {
                    board::given(to)
                }

                fn refused_settings() -> Vec<String> {
                    ["boards = 0", "place = \"nowhere\""].map(|line| format!("[starters.{}]\n{line}", $text)).into()
                }

                fn refused_module(name: &str) -> Option<ModuleSpec> {
                    Some(board::long(name))
                }
            }
        )*
    };
}

boards! {
    Nothing "boards-that-behave";
    ServesTheFirstCompositionAlone "serves-the-first-composition-alone";
    ShowsWhatIsPrepared "shows-what-is-prepared";
    PreparesNewOnesAlone "prepares-new-ones-alone";
    KeepsWhatIsGone "keeps-what-is-gone";
    ClearsBeforeItRefuses "clears-before-it-refuses";
    HoldsWhatWasAborted "holds-what-was-aborted";
    WaitsForPrepare "waits-for-prepare";
    CarriesPlansOut "carries-plans-out";
    GivesAllModulesOneBoard "gives-all-modules-one-board";
    GivesAllScenesOneBoard "gives-all-scenes-one-board";
    ReleasesByName "releases-by-name";
    FreesWhenCommitted "frees-when-committed";
    ReleasesNothing "releases-nothing";
    HoldsInstances "holds-instances";
    ServesOnce "serves-once";
    LetsOneInAtATime "lets-one-in-at-a-time";
    SwallowsRefusals "swallows-refusals";
    PanicsWithoutModules "panics-without-modules";
    AnswersAll "answers-all";
    SharesItsTable "shares-its-table";
    TakesAnySettings "takes-any-settings";
    PanicsAtSettings "panics-at-settings";
    EndsItsTaskInDrain "ends-its-task-in-drain";
    HangsAtTheEnd "hangs-at-the-end";
    LeavesATask "leaves-a-task";
    HoldsItself "holds-itself";
}
