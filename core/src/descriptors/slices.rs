//! The registries that the linker and the loader fill.
//!
//! linkme lists what is in an object and costs nothing at run time; inventory lists what is in
//! the process, through constructors, and what it lists never leaves: so modules are in a slice,
//! and starters in the inventory.

use std::panic;

use linkme::distributed_slice;

use crate::compose::Problem;
use crate::descriptors::{ModuleDescriptor, StarterDescriptor};

/// The modules that are linked into this object, in no order.
#[doc(hidden)]
#[distributed_slice]
pub static MODULES: [&'static ModuleDescriptor];

/// The modules that are linked into this object, by name.
///
/// # Errors
///
/// A [`Problem`] where two versions of the core are linked: each would see the other's elements,
/// which linkme finds out and panics about.
pub(crate) fn linked_modules() -> Result<Vec<&'static ModuleDescriptor>, Problem> {
    let mut modules = read_slice(|| MODULES.static_slice().to_vec())?;
    modules.sort_by_key(|module| (module.name, module.site.file, module.site.line));
    Ok(modules)
}

/// The starters that are linked into this process, by name.
pub(crate) fn linked_starters() -> Vec<&'static StarterDescriptor> {
    let mut starters: Vec<_> = inventory::iter::<&'static StarterDescriptor>.into_iter().copied().collect();
    starters.sort_by_key(|starter| (starter.name, starter.site.file));
    starters
}

/// Reads a slice. linkme panics where it finds another one of its name: then there are two cores.
fn read_slice<T>(read: impl FnOnce() -> T + panic::UnwindSafe) -> Result<T, Problem> {
    panic::catch_unwind(read).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map_or("", String::as_str);
        if !text.contains("distributed_slice") {
            panic::resume_unwind(panic);
        }
        Problem {
            code: "two-cores",
            what: format!(
                "two versions of `bedplate` are linked into this program; this one is {}",
                env!("CARGO_PKG_VERSION")
            ),
            places: Vec::new(),
            help: "run `cargo tree -d -i bedplate`, and let every starter and module use the base's version".to_owned(),
        }
    })
}
