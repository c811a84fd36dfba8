//! A base in a test: built from an explicit list, with substitutes for services, and ended with
//! the test. Several can run in one process at once.
//!
//! ```
//! use bedplate::testing::TestBase;
//! use bedplate::{Module, ModuleSpec};
//!
//! struct Quiet;
//! impl Module for Quiet {}
//!
//! let builder = TestBase::builder().with(ModuleSpec::plain("quiet", |_| Ok(Quiet)).unwrap());
//! bedplate::testing::run(builder, |base| async move {
//!     let running = base.running().await?;
//!     assert_eq!(running.modules()[0].instance.module.as_str(), "quiet");
//!     base.swap_to(ModuleSpec::plain("quiet", |_| Ok(Quiet))?).await?;
//!     assert_eq!(running.modules()[0].instance.generation, 2);
//!     Ok::<_, bedplate::Error>(())
//! })
//! # .unwrap();
//! ```

mod base;
mod builder;
pub mod conformance;
mod folder;
mod probe;
mod run;
mod time;

pub use base::TestBase;
pub use builder::TestBaseBuilder;
pub use run::run;
