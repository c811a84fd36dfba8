//! Threads that a library keeps for one module: known by their names.

use std::thread;

use crate::descriptors::ModuleName;
use crate::scene::SceneName;

/// The module in a scene that a thread works for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadOwner {
    /// The module.
    pub module: ModuleName,
    /// The scene.
    pub scene: SceneName,
}

/// The name for a thread that works for one module in one scene, as long as it lives: a database
/// connection's, a client's. What it logs is then known to be the module's, by
/// [`thread_owner`].
///
/// Longer names are cut off by some systems' tools, not by [`thread::current`].
#[must_use]
pub fn thread_name(module: &ModuleName, scene: &SceneName) -> String {
    format!("{module}@{scene}")
}

/// The module that this thread works for, where it was named so: for what is not polled by the gate.
///
/// ```
/// use bedplate::isolation::{thread_name, thread_owner};
/// use bedplate::{ModuleName, SceneName};
///
/// let (module, scene) = (ModuleName::new("comments")?, SceneName::main());
/// let thread = std::thread::Builder::new().name(thread_name(&module, &scene)).spawn(thread_owner).unwrap();
/// let owner = thread.join().unwrap().expect("the thread is named after its module");
/// assert_eq!((owner.module, owner.scene), (module, scene));
/// # Ok::<(), bedplate::InvalidName>(())
/// ```
#[must_use]
pub fn thread_owner() -> Option<ThreadOwner> {
    let thread = thread::current();
    let (module, scene) = thread.name()?.split_once('@')?;
    Some(ThreadOwner { module: ModuleName::new(module).ok()?, scene: SceneName::new(scene).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner_on(name: &str) -> Option<ThreadOwner> {
        thread::Builder::new().name(name.to_owned()).spawn(thread_owner).unwrap().join().unwrap()
    }

    #[test]
    fn other_threads_have_no_owner() {
        for name in ["main", "tokio-rt-worker", "a@", "@b", "A@b", "a@b@c"] {
            assert_eq!(owner_on(name), None, "{name}");
        }
    }
}
