//! Objects that serve no longer and stay mapped: what they cost, and how much of it there may be.

use serde::{Deserialize, Serialize};

use super::identity::{BuildId, Digest};
use super::memory::{Cost, count_mappings, listed, mappings_limit};
use crate::compose::Problem;

/// How much retired objects may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budgets {
    /// How many of them.
    pub(crate) count: u64,
    /// Memory of their own, in bytes.
    pub(crate) anonymous: u64,
    /// Mappings of the whole process.
    pub(crate) mappings: u64,
    /// Their files, in bytes.
    pub(crate) disk: u64,
}

/// What retired objects hold, and how much they may.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredReport {
    /// Each budget.
    pub budgets: Vec<BudgetReport>,
    /// The retired objects, the oldest first.
    pub objects: Vec<RetiredObject>,
}

/// How much of one budget is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetReport {
    /// What is counted: `count`, `anonymous`, `mappings`, `disk`.
    pub name: String,
    /// How much there is, in pieces or bytes; `None` where this platform cannot tell.
    pub used: Option<u64>,
    /// How much there may be, in pieces or bytes.
    pub limit: u64,
    /// Where that leaves it.
    pub state: BudgetState,
}

/// Where a budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetState {
    /// There is room.
    Ample,
    /// Four fifths are used: time to plan a restart.
    Low,
    /// Nothing is loaded any more.
    Spent,
}

/// One object that is mapped and serves no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredObject {
    /// The module.
    pub module: String,
    /// The digest of its file.
    pub digest: Digest,
    /// Its build id.
    pub build_id: BuildId,
    /// The file that it is mapped from.
    pub file: String,
    /// The size of the file, in bytes.
    pub disk: u64,
    /// Memory of its own, in bytes; `None` where this platform cannot tell.
    pub anonymous: Option<u64>,
    /// Its mappings; `None` where this platform cannot tell.
    pub mappings: Option<u64>,
}

/// How many mappings are kept free: for the next object, and for threads and memory of the process itself.
const SPARE_MAPPINGS: u64 = 1024;

/// What one more object is taken to need, before it is measured.
const MAPPINGS_OF_ONE: u64 = 8;

/// What was measured last, and is carried forward until it is measured anew.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// All mappings of the process; `None` where this platform cannot tell.
    pub(super) mappings: Option<u64>,
    /// Memory of the retired objects themselves, in bytes.
    pub(super) anonymous: Option<u64>,
    /// How many objects were retired when that was measured.
    retired: u64,
    loads_since: u64,
}

impl Measured {
    /// One more object was loaded.
    pub(super) fn loaded(&mut self) {
        self.loads_since += 1;
        self.mappings = self.mappings.map(|mappings| mappings + MAPPINGS_OF_ONE);
    }

    /// Whether it is time to ask the kernel again: the more is used, the sooner. Asking costs time in proportion to
    /// what there is.
    pub(super) fn is_due(&self, mappings_limit: u64) -> bool {
        let is_tight =
            self.mappings.is_some_and(|mappings| mappings.saturating_mul(5) > mappings_limit.saturating_mul(4));
        self.mappings.is_none() || self.loads_since >= if is_tight { 16 } else { 128 }
    }

    /// Asks the kernel for what these spans cost. Returns what each costs, where it tells.
    pub(super) fn measure(&mut self, retired: &[std::ops::Range<usize>]) -> Option<Vec<Cost>> {
        self.loads_since = 0;
        self.retired = retired.len() as u64;
        let Ok(list) = listed(retired) else {
            self.mappings = count_mappings().ok();
            return None;
        };
        self.mappings = Some(list.mappings);
        self.anonymous = Some(list.costs.iter().map(|cost| cost.anonymous).sum());
        Some(list.costs)
    }

    /// What so many retired objects hold, going by what was measured.
    fn anonymous_of(&self, retired: u64) -> Option<u64> {
        let anonymous = self.anonymous?;
        if self.retired == 0 || retired <= self.retired {
            return Some(anonymous);
        }
        Some(u64::try_from(u128::from(anonymous) * u128::from(retired) / u128::from(self.retired)).unwrap_or(u64::MAX))
    }
}

/// How many mappings the process may have: as the settings say, and short of the kernel's own limit.
pub(super) fn mappings_budget(budgets: &Budgets) -> u64 {
    let kernel = mappings_limit().map(|limit| limit.saturating_sub(SPARE_MAPPINGS));
    kernel.map_or(budgets.mappings, |kernel| kernel.min(budgets.mappings))
}

/// Where the budgets stand for this many retired objects, with files of this size.
pub(super) fn stand(budgets: &Budgets, measured: &Measured, count: u64, disk: u64) -> Vec<BudgetReport> {
    [
        ("count", Some(count), budgets.count),
        ("anonymous", measured.anonymous_of(count), budgets.anonymous),
        ("mappings", measured.mappings, mappings_budget(budgets)),
        ("disk", Some(disk), budgets.disk),
    ]
    .into_iter()
    .map(|(name, used, limit)| {
        let state = match used {
            Some(used) if used >= limit => BudgetState::Spent,
            Some(used) if u128::from(used) * 5 >= u128::from(limit) * 4 => BudgetState::Low,
            _ => BudgetState::Ample,
        };
        BudgetReport { name: name.to_owned(), used, limit, state }
    })
    .collect()
}

/// What a spent budget is answered with.
pub(super) fn spent(budget: &BudgetReport) -> Problem {
    Problem {
        code: "retired-budget",
        what: format!(
            "no more code is loaded: the budget `deploy.retired.{}` of what replaced generations leave in the process \
             is spent: {} of {}",
            budget.name,
            budget.used.unwrap_or_default(),
            budget.limit
        ),
        places: Vec::new(),
        help: "restart the base (`systemctl restart` its unit): it ends what it has in order, and comes back with the \
               generations that serve now; or raise the budget where memory and the kernel's `vm.max_map_count` allow it"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGETS: Budgets = Budgets { count: 10, anonymous: 1000, mappings: 1000, disk: 100 };

    fn states(measured: &Measured, count: u64, disk: u64) -> Vec<BudgetState> {
        stand(&BUDGETS, measured, count, disk).iter().map(|budget| budget.state).collect()
    }

    #[test]
    fn a_budget_warns_before_it_is_spent() {
        use BudgetState::{Ample, Low, Spent};
        let measured = |mappings, anonymous| Measured {
            mappings: Some(mappings),
            anonymous: Some(anonymous),
            retired: 10,
            loads_since: 0,
        };
        assert_eq!(states(&measured(799, 799), 7, 79), [Ample, Ample, Ample, Ample]);
        assert_eq!(states(&measured(800, 800), 8, 80), [Low, Low, Low, Low]);
        assert_eq!(states(&measured(999, 999), 9, 99), [Low, Low, Low, Low]);
        assert_eq!(states(&measured(1000, 1000), 10, 100), [Spent, Spent, Spent, Spent]);
        // What cannot be told is no reason for anything.
        assert_eq!(states(&Measured::default(), 0, 0), [Ample, Ample, Ample, Ample]);
    }

    #[test]
    fn what_was_measured_is_carried_forward() {
        let mut measured = Measured { mappings: Some(100), anonymous: Some(200), retired: 2, loads_since: 0 };
        assert!(!measured.is_due(1000));
        (0..16).for_each(|_| measured.loaded());
        assert_eq!(measured.mappings, Some(100 + 16 * MAPPINGS_OF_ONE));
        assert_eq!(measured.anonymous_of(8), Some(800));
        assert!(!measured.is_due(1000));
        assert!(measured.is_due(200), "little is left: it is measured more often");
        assert!(Measured::default().is_due(1000), "nothing was measured yet");
    }

    #[test]
    fn the_kernel_has_the_last_word_on_mappings() {
        let budgets = Budgets { mappings: u64::MAX, ..BUDGETS };
        if let Some(limit) = mappings_limit() {
            assert_eq!(mappings_budget(&budgets), limit - SPARE_MAPPINGS);
        }
    }
}
