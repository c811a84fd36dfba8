//! What a module is: its life, its requirements, its context and what it hands to the base.

mod construct;
mod context;
mod erased;
mod exports;
mod hand_over;
mod instance;
mod instance_state;
mod lifecycle;
mod register;
mod spec;
mod state;
mod task;

pub use construct::{Construct, Field, Fields, Handle, Need, Required, RequiredKind, Requirement, Requirements};
pub(crate) use context::Background;
pub use context::ModuleContext;
pub(crate) use erased::ErasedModule;
pub use exports::{Export, Exports, IntoExports};
pub use hand_over::HandOver;
pub(crate) use hand_over::{HandedOver, NothingHandedOver, hands_over};
pub use instance::{Instance, InstanceId, PublishedService};
pub(crate) use instance_state::InstanceState;
pub use lifecycle::Module;
#[doc(hidden)]
pub use register::{Arguments, VERSION, declared_parts, is_crate_root};
pub use spec::{DeclaredModule, ModuleParts, ModuleSpec, module_parts};
pub use state::{LifecycleEvent, LifecycleHistory, ModuleState};
pub use task::{TaskInfo, TaskOutcome};
