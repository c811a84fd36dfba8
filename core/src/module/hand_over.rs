//! State that lives on: what a generation hands over to the next, as data with a version.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Result;
use crate::isolation::Frame;
use crate::module::{InstanceId, Module};
use crate::settings::ByteSize;

/// How large a state may be where no base is there to say (`deploy.hand_over_limit`): 64 MiB.
const LIMIT: ByteSize = ByteSize::new(64 * 1024 * 1024);

/// The state of a module, as its next generation gets it: JSON, with a version of the module's own.
///
/// It is data and never an object: two generations may lay out the same type in two ways.
pub struct HandOver {
    version: u32,
    json: Vec<u8>,
}

impl HandOver {
    /// A state, in the form of this version. Keys of maps are texts or numbers, as JSON has it.
    ///
    /// # Errors
    ///
    /// Where the state cannot be written as JSON, or is larger than `deploy.hand_over_limit`.
    pub fn of(version: u32, state: &impl Serialize) -> Result<Self> {
        let limit =
            Frame::with_current(|frame| frame?.instance.base.upgrade()).map_or(LIMIT, |base| base.hand_over_limit());
        let mut bounded = Bounded { json: Vec::new(), limit: limit.as_usize(), overrun: false };
        let written = serde_json::to_writer(&mut bounded, state);
        anyhow::ensure!(!bounded.overrun, "the state is larger than `deploy.hand_over_limit`, which is {limit}");
        written?;
        Ok(Self { version, json: bounded.json })
    }

    /// The version of its form.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Its size as JSON, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.json.len()
    }
}

impl fmt::Debug for HandOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandOver").field("version", &self.version).field("size", &self.size()).finish()
    }
}

/// Takes no more than the limit.
struct Bounded {
    json: Vec<u8>,
    limit: usize,
    overrun: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.json.len() + bytes.len() > self.limit {
            self.overrun = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.json.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A state, with who handed it over: what the next generation keeps until its start has ended.
#[derive(Debug)]
pub(crate) struct HandedOver {
    pub(crate) from: InstanceId,
    pub(crate) state: HandOver,
}

impl HandedOver {
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.state.json).map_err(|error| {
            anyhow::anyhow!(
                "what {} handed over (version {}) is no `{}`: {error}; look at `handed_over_version` first",
                self.from,
                self.state.version,
                type_name::<T>(),
            )
        })
    }
}

/// What [`Module::hand_over`] returns where a module does not write it.
pub(crate) struct NothingHandedOver;

impl Future for NothingHandedOver {
    type Output = Result<Option<HandOver>>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(None))
    }
}

/// Whether a module writes its own `hand_over`: its entries are then held while it is replaced.
///
/// The type says so, and nobody has to: a method that is left out returns [`NothingHandedOver`]. An
/// associated constant or a word in `#[module(…)]` beside the method would be forgotten one day, and the
/// state lost without a word. The future borrows the module, so it has no `TypeId`; its name is compared,
/// which one crate writes for both.
pub(crate) fn hands_over<M: Module>() -> bool {
    fn returned<'m, M: Module, F: Future + 'm>(_: impl Fn(&'m M) -> F) -> &'static str {
        type_name::<F>()
    }
    returned(M::hand_over) != type_name::<NothingHandedOver>()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Plain;
    impl Module for Plain {}

    struct Counter(u64);
    impl Module for Counter {
        async fn hand_over(&self) -> Result<Option<HandOver>> {
            Ok(Some(HandOver::of(3, &BTreeMap::from([("count", self.0)]))?))
        }
    }

    struct Never;
    impl Module for Never {
        async fn hand_over(&self) -> Result<Option<HandOver>> {
            Ok(None)
        }
    }

    #[test]
    fn the_type_says_who_hands_over() {
        assert!(!hands_over::<Plain>());
        assert!(hands_over::<Counter>());
        assert!(hands_over::<Never>(), "what it returns is for the moment of the hand-over");
    }

    #[tokio::test]
    async fn a_state_is_json_with_a_version() {
        let state = Counter(7).hand_over().await.unwrap().unwrap();
        assert_eq!((state.version(), state.size()), (3, r#"{"count":7}"#.len()));
        assert!(Plain.hand_over().await.unwrap().is_none());
    }

    #[test]
    fn what_is_too_large_is_not_written_to_its_end() {
        let mut bounded = Bounded { json: Vec::new(), limit: 4, overrun: false };
        assert!(bounded.write_all(b"1234").is_ok());
        assert!(bounded.write_all(b"5").is_err());
        assert!(bounded.overrun);
    }
}
