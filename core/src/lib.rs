//! Bedplate: one base, many modules, one binary.
//!
//! A **base** carries the runtime and the shared technology, as **starters**. Each business is a
//! **module**: a crate with [`#[module]`](macro@module) on one type. Modules call each other
//! through **contracts**: traits with [`#[service]`](macro@service).

extern crate self as bedplate;

pub mod base;
pub mod compose;
pub mod deploy;
pub mod descriptors;
pub mod isolation;
mod module;
mod scene;
mod service;
pub mod settings;
mod starter;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;

pub use anyhow::Error;
#[doc = include_str!("base/macro.md")]
pub use bedplate_macros::base;
#[doc = include_str!("module/attribute.md")]
pub use bedplate_macros::module;
#[doc = include_str!("service/scene_service.md")]
pub use bedplate_macros::scene_service;
#[doc = include_str!("service/attribute.md")]
pub use bedplate_macros::service;
#[doc = include_str!("starter/attribute.md")]
pub use bedplate_macros::starter;
#[cfg(feature = "testing")]
#[doc = include_str!("testing/attribute.md")]
pub use bedplate_macros::test;

pub use crate::base::Base;
pub use crate::compose::Composition;
pub use crate::deploy::{
    Change, ChangedSetting, ComeAlong, Committing, ContractName, Deployed, DeploymentOutcome, Difference, Ended,
    LaterStep, Ledger, Occasion, Pinned, Plan, PlannedModule, PlannedWork, Progress, RestartAction, RestartInfo, Step,
    WarmInfo,
};
pub use crate::descriptors::{InvalidName, ModuleName, Site};
pub use crate::isolation::{Admission, Entry, EntryKind};
pub use crate::module::{
    Construct, DeclaredModule, Export, Exports, Field, Fields, HandOver, Handle, Instance, InstanceId, IntoExports,
    LifecycleEvent, LifecycleHistory, Module, ModuleContext, ModuleSpec, ModuleState, Need, PublishedService, Required,
    RequiredKind, Requirement, Requirements, TaskInfo, TaskOutcome,
};
pub use crate::scene::SceneName;
pub use crate::service::{
    CallError, Contract, ErrorKind, ImplementedBy, Method, MethodKind, Published, Publishers, Refusable, Refusal,
    Service, ServiceError, ServiceRef, ServiceRefs,
};
pub use crate::settings::{ByteSize, Secret, Settings};
pub use crate::starter::{
    Around, Content, DeclaredStarter, Handles, Inspection, Next, Outcome, Planned, Provided, Question, Staged, Starter,
    StarterContext, WeakBase,
};

/// What generated code checks types with; here, since messages name them by this path.
#[doc(hidden)]
pub use crate::service::{ContractAnswer, ContractArgument, FromModule};

/// The result of anything that can fail in a module or a starter.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What generated code calls. Nothing here is for people: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::__object_entry as object_entry;
    pub use crate::__services_slice as services_slice;
    pub use crate::__settings_requirement as settings_requirement;
    pub use crate::__site as site;
    pub use crate::base::{BaseInfo, Command, Kind, Linked, Listed, main};
    pub use crate::descriptors::{
        HandleInfo, MODULES, ModuleDescriptor, Presence, ServiceDescriptor, SettingsInfo, StartOrder, StarterDescriptor,
    };
    pub use crate::module::{Arguments, ModuleParts, VERSION, declared_parts, is_crate_root, module_parts};
    pub use crate::service::{call, call_plain};
    pub use crate::settings::Schema;
    pub use crate::starter::{ErasedStart, declared_start, erased_start, type_info};
    pub use futures_util::future::BoxFuture;
    pub use inventory;
    pub use linkme;
    pub use std::any::TypeId;
}
