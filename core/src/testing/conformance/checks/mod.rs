//! The checks, by what they are about.

mod apart;
mod deployments;
mod ends;
mod entries;
mod generations;
mod starts;

pub(super) use apart::{bases, modules, scenes};
pub(super) use deployments::{
    aborted, before_the_swap, deployed, early_refusal, own_refusal, plan, removed, unchanged,
};
pub(super) use ends::{frees_all, is_bounded};
pub(super) use entries::{inspected, questions, wrapped};
pub(super) use generations::{drains, freed, generations, retired, rollback};
pub(super) use starts::{bad_settings, not_started};
