//! Swaps of modules in a running base: pairs of objects that were built before, so that nothing but the swap is at
//! work. Each swap is a deployment through the admin socket, and loads a file of its own.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bedplate_admin_client::Client;
use bedplate_admin_client::protocol::{ArtifactReference, Deployment, DeploymentRequest, Operation, Options};

/// Two builds of one module, in the base's store.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The module.
    pub module: String,
    /// The digests: of what serves at first, and of the other one.
    pub digests: [String; 2],
}

/// Swaps modules in turn: A, B, A, …
#[derive(Debug)]
pub struct Swapper {
    client: Client,
    pairs: Vec<Pair>,
    /// How many modules go live in one swap.
    together: usize,
    done: u64,
}

impl Swapper {
    /// Uploads pairs of objects, from two folders with an object for each module.
    ///
    /// # Errors
    ///
    /// Where an object is missing, or the base refuses it.
    pub async fn upload(client: Client, modules: &[String], folders: [&Path; 2], together: usize) -> Result<Self> {
        let mut pairs = Vec::new();
        for module in modules {
            let mut digests = [String::new(), String::new()];
            for (digest, folder) in digests.iter_mut().zip(folders) {
                let file = folder.join(format!("{module}.so"));
                let artifact =
                    client.upload(&file).await.with_context(|| format!("{} cannot be uploaded", file.display()))?;
                *digest = artifact.digest;
            }
            pairs.push(Pair { module: module.clone(), digests });
        }
        let together = together.clamp(1, pairs.len().max(1));
        Ok(Self { client, pairs, together, done: 0 })
    }

    /// How many swaps were made.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// How many objects are loaded by one swap.
    #[must_use]
    pub fn together(&self) -> usize {
        self.together
    }

    /// Makes the next swap, and returns when the new code serves, with how long that took. What was replaced is warm
    /// for `bake`.
    ///
    /// # Errors
    ///
    /// Where the base refuses it.
    pub async fn swap(&mut self, bake: Duration) -> Result<(Deployment, Duration)> {
        let artifacts = self.next().map(|digest| ArtifactReference { digest, signature: None }).collect();
        let begin = Instant::now();
        let deployment = self.ask(Operation::Install { artifacts }, bake).await?;
        self.done += 1;
        Ok((deployment, begin.elapsed()))
    }

    /// Goes back to what the last swap replaced, while that is warm, and returns how long that took. It undoes the
    /// swap: the next one is the same again.
    ///
    /// # Errors
    ///
    /// Where the base refuses it.
    pub async fn back(&mut self) -> Result<(Deployment, Duration)> {
        let begin = Instant::now();
        let modules = self.turn(self.done.saturating_sub(1)).map(|(pair, _)| pair.module.clone()).collect();
        let deployment = self.ask(Operation::Rollback { modules, to: None }, Duration::ZERO).await?;
        let took = begin.elapsed();
        self.done = self.done.saturating_sub(1);
        Ok((deployment, took))
    }

    async fn ask(&self, operation: Operation, bake: Duration) -> Result<Deployment> {
        let bake_ms = Some(u64::try_from(bake.as_millis()).unwrap_or(u64::MAX));
        let request = DeploymentRequest::new(operation, Options { bake_ms, ..Options::default() });
        Ok(self.client.deploy_and_follow(&request, |_| ()).await?)
    }

    /// What the next swap lets serve.
    fn next(&self) -> impl Iterator<Item = String> {
        self.turn(self.done).map(|(pair, build)| pair.digests[build].clone())
    }

    /// The modules of the swap with this number, from 0, each with the build that it gets.
    fn turn(&self, number: u64) -> impl Iterator<Item = (&Pair, usize)> {
        let count = self.pairs.len();
        let first = usize::try_from(number).unwrap_or_default() * self.together;
        // Every module has its turn before the first comes again.
        (first..first + self.together).map(move |number| (&self.pairs[number % count], (number / count + 1) % 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bedplate_admin_client::Endpoint;

    #[test]
    fn modules_take_turns_and_alternate() {
        let pair =
            |module: &str| Pair { module: module.to_owned(), digests: [format!("{module}1"), format!("{module}2")] };
        let client = Client::new(Endpoint::Socket("/nowhere".into()));
        let mut swapper = Swapper { client, pairs: vec![pair("a"), pair("b"), pair("c")], together: 1, done: 0 };
        let mut order = Vec::new();
        for _ in 0..7 {
            order.extend(swapper.next());
            swapper.done += 1;
        }
        assert_eq!(order, ["a2", "b2", "c2", "a1", "b1", "c1", "a2"]);
        let together = Swapper { together: 2, done: 1, ..swapper };
        assert_eq!(together.next().collect::<Vec<_>>(), ["c2", "a1"]);
    }
}
