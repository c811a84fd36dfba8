//! A small starter with all that the suite looks at, and a switch for each way to get one thing wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bedplate::{
    Around, Composition, Content, Entry, Inspection, Instance, InstanceId, ModuleName, Next, Outcome, Provided, Result,
    SceneName, Settings, Staged, StarterContext, WeakBase,
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use crate::board::{Board, TooLong, lock};

/// What the starter gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    Nothing,
    ServesTheFirstCompositionAlone,
    ShowsWhatIsPrepared,
    PreparesNewOnesAlone,
    KeepsWhatIsGone,
    ClearsBeforeItRefuses,
    HoldsWhatWasAborted,
    WaitsForPrepare,
    CarriesPlansOut,
    GivesAllModulesOneBoard,
    GivesAllScenesOneBoard,
    ReleasesByName,
    FreesWhenCommitted,
    ReleasesNothing,
    HoldsInstances,
    ServesOnce,
    LetsOneInAtATime,
    SwallowsRefusals,
    PanicsWithoutModules,
    AnswersAll,
    SharesItsTable,
    TakesAnySettings,
    PanicsAtSettings,
    EndsItsTaskInDrain,
    HangsAtTheEnd,
    LeavesATask,
    HoldsItself,
}

#[derive(Debug, Settings)]
pub(crate) struct BoardSettings {
    /// How many boards there may be.
    #[setting(default = 100, range = 1..)]
    pub(crate) boards: usize,
    /// Where the boards hang. That it exists is found out at the start.
    #[setting(default = "hall")]
    pub(crate) place: String,
}

type Member = (ModuleName, SceneName);

/// The boards of one composition. What the starter prepares.
pub(crate) type Table = BTreeMap<Member, Board>;

/// What a starter must not have.
static TABLE_OF_ALL_BASES: Mutex<Table> = Mutex::new(Table::new());

pub(crate) struct Boards {
    pub(crate) wrong: Wrong,
    pub(crate) base: WeakBase,
    given: Mutex<BTreeMap<InstanceId, Board>>,
    state: Mutex<State>,
    one_at_a_time: Arc<tokio::sync::Mutex<()>>,
    task: Option<AbortHandle>,
}

/// What a starter that behaves has no need of.
#[derive(Default)]
struct State {
    shown: Table,
    serving: BTreeSet<InstanceId>,
    left: BTreeSet<InstanceId>,
    waiting: BTreeSet<Member>,
    planned: BTreeSet<Member>,
    preparing: Vec<Arc<Instance>>,
    held: Vec<Arc<Instance>>,
    compositions: usize,
}

impl Boards {
    pub(crate) fn start(wrong: Wrong, ctx: &StarterContext) -> Result<Self> {
        let settings: BoardSettings = ctx.settings()?;
        if settings.place == "nowhere" {
            assert!(wrong != Wrong::PanicsAtSettings, "there is no such place");
            anyhow::ensure!(wrong == Wrong::TakesAnySettings, "`starters.{}.place` is nowhere", ctx.name());
        }
        anyhow::ensure!(settings.boards > 0, "the range of the setting says so");
        let forever = || tokio::spawn(std::future::pending::<()>()).abort_handle();
        let task = match wrong {
            Wrong::LeavesATask | Wrong::EndsItsTaskInDrain => Some(forever()),
            _ => None,
        };
        Ok(Self {
            wrong,
            base: ctx.weak_base(),
            given: Mutex::default(),
            state: Mutex::default(),
            one_at_a_time: Arc::default(),
            task,
        })
    }

    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == wrong
    }

    /// Shows what it has kept, where one that behaves shows what is in the composition.
    fn shows_its_own(&self) -> bool {
        self.is(Wrong::ShowsWhatIsPrepared) || self.is(Wrong::ClearsBeforeItRefuses)
    }

    pub(crate) fn provide(&self, to: &mut Provided<'_>) -> Result<()> {
        let staged = to.staged();
        if !staged.needs::<Board>() {
            return Ok(());
        }
        let (id, mut given) = (staged.id(), lock(&self.given));
        if self.is(Wrong::WaitsForPrepare) && !lock(&self.state).waiting.insert(member(id)) {
            anyhow::bail!("{id} was to be prepared first");
        }
        let shared = given.iter().find(|(other, _)| {
            other.generation == id.generation
                && (self.is(Wrong::GivesAllModulesOneBoard) && other.scene == id.scene
                    || self.is(Wrong::GivesAllScenesOneBoard) && other.module == id.module)
        });
        let board = shared.map(|(_, board)| board.clone()).unwrap_or_default();
        given.insert(id.clone(), board.clone());
        to.insert(board);
        Ok(())
    }

    pub(crate) fn plan(&self, staged: &Staged<'_>) {
        if self.is(Wrong::CarriesPlansOut) {
            lock(&self.state).planned.insert(member(staged.id()));
        }
    }

    pub(crate) fn prepare(&self, next: &Composition) -> Result<Table> {
        let mut state = lock(&self.state);
        state.waiting.clear();
        if let Some((instance, _)) = next.exports::<TooLong>().next() {
            if self.is(Wrong::ClearsBeforeItRefuses) {
                state.shown.clear();
            }
            anyhow::bail!("what `{}` shows is too long for a board", instance.module());
        }
        if self.is(Wrong::HoldsWhatWasAborted) {
            state.preparing = next.instances().cloned().collect();
        }
        let given = lock(&self.given);
        let mut table: Table = next
            .instances()
            .map(|instance| instance.id())
            .filter(|id| match self.wrong {
                Wrong::ServesTheFirstCompositionAlone => state.compositions == 0 || state.serving.contains(*id),
                Wrong::PreparesNewOnesAlone => !state.serving.contains(*id),
                Wrong::ServesOnce => !state.left.contains(*id),
                _ => true,
            })
            .filter_map(|id| Some((member(id), given.get(id)?.clone())))
            .collect();
        if self.is(Wrong::KeepsWhatIsGone) {
            for (member, board) in &state.shown {
                table.entry(member.clone()).or_insert_with(|| board.clone());
            }
        }
        if self.is(Wrong::ShowsWhatIsPrepared) {
            state.shown = table.clone();
        }
        Ok(table)
    }

    /// The table that serves now takes the place of the one that was prepared.
    pub(crate) fn abort(&self, now: Option<&Table>) {
        if self.shows_its_own() {
            lock(&self.state).shown = now.cloned().unwrap_or_default();
        }
    }

    pub(crate) fn committed(&self, now: &Composition, table: &Table) {
        let ids: BTreeSet<_> = now.instances().map(|instance| instance.id().clone()).collect();
        if self.is(Wrong::FreesWhenCommitted) {
            let given = lock(&self.given);
            given.iter().filter(|(id, _)| !ids.contains(*id)).for_each(|(_, board)| board.close());
        }
        let mut state = lock(&self.state);
        if self.is(Wrong::SharesItsTable) {
            let mut all = lock(&TABLE_OF_ALL_BASES);
            state.shown.keys().for_each(|member| drop(all.remove(member)));
            all.extend(table.iter().map(|(member, board)| (member.clone(), board.clone())));
        }
        if self.is(Wrong::HoldsInstances) {
            state.held.extend(now.instances().cloned());
        }
        let left: Vec<_> = state.serving.difference(&ids).cloned().collect();
        state.left.extend(left);
        state.serving = ids;
        state.shown = table.clone();
        state.compositions += 1;
        state.planned.clear();
        state.preparing.clear();
    }

    pub(crate) fn release(&self, id: &InstanceId) {
        if self.is(Wrong::ReleasesNothing) {
            return;
        }
        let mut given = lock(&self.given);
        let Some(board) = given.remove(id) else { return };
        // A board that others have stays open for them.
        if !given.values().any(|other| other.is(&board)) {
            board.close();
        }
        if self.is(Wrong::ReleasesByName) {
            given.iter().filter(|(other, _)| member(other) == member(id)).for_each(|(_, board)| board.close());
        }
    }

    pub(crate) fn inspect(&self, table: Option<&Table>) -> Vec<Inspection> {
        let state = lock(&self.state);
        let table = match self.wrong {
            Wrong::SharesItsTable => lock(&TABLE_OF_ALL_BASES).clone(),
            _ if self.shows_its_own() => state.shown.clone(),
            _ => table.cloned().unwrap_or_default(),
        };
        assert!(!(self.is(Wrong::PanicsWithoutModules) && table.is_empty()), "there is always a module");
        let planned = state.planned.iter().map(|member| (member, BTreeSet::new()));
        let rows = table.iter().map(|(member, board)| (member, board.notes())).chain(planned);
        let rows: Vec<Value> = rows
            .map(|((module, scene), notes)| json!({ "module": module.as_str(), "scene": scene.as_str(), "notes": notes }))
            .collect();
        vec![Inspection { name: "boards", content: Content::Json(rows.into()) }]
    }

    pub(crate) fn around(&self) -> Option<Arc<dyn Around>> {
        Some(Arc::new(Wraps { wrong: self.wrong, one_at_a_time: self.one_at_a_time.clone() }))
    }

    pub(crate) fn drain(&self) {
        if let Some(task) = self.task.as_ref().filter(|_| self.is(Wrong::EndsItsTaskInDrain)) {
            task.abort();
        }
    }

    pub(crate) async fn stop(&self) {
        std::mem::take(&mut *lock(&self.given)).into_values().for_each(|board| board.close());
        if self.is(Wrong::SharesItsTable) {
            let mut all = lock(&TABLE_OF_ALL_BASES);
            lock(&self.state).shown.keys().for_each(|member| drop(all.remove(member)));
        }
        if self.is(Wrong::HangsAtTheEnd) && lock(&self.state).compositions > 0 {
            std::future::pending::<()>().await;
        }
    }
}

fn member(id: &InstanceId) -> Member {
    (id.module.clone(), id.scene.clone())
}

struct Wraps {
    wrong: Wrong,
    one_at_a_time: Arc<tokio::sync::Mutex<()>>,
}

impl Around for Wraps {
    fn around<'a>(&'a self, _: &'a Entry, next: Next<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let _alone = match self.wrong {
                Wrong::LetsOneInAtATime => Some(self.one_at_a_time.lock().await),
                _ => None,
            };
            match next.run().await {
                Outcome::Refused(_) if self.wrong == Wrong::SwallowsRefusals => Outcome::Completed,
                outcome => outcome,
            }
        })
    }
}
