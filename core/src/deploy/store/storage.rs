//! The store of object files: each under the digest of its bytes, verified whenever it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use super::artifact::{Artifact, Came, ms_of};
use super::private;
use crate::compose::{Place, Problem};
use crate::deploy::image::Digest;
use crate::sync::lock;

/// How many objects are kept that came over the network and were not yet shown to be signed: those of some deployments
/// that are under way.
const MOST_UNVERIFIED: usize = 32;

/// How large they may be together, in bytes.
const LARGEST_UNVERIFIED: u64 = 1 << 30;

/// The object files that a base keeps.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    artifacts: Mutex<BTreeMap<Digest, Artifact>>,
}

impl Store {
    /// Opens a store, and removes what an interrupted upload or removal has left.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        private::make_folder(&folder)?;
        let mut artifacts = BTreeMap::new();
        let mut files = BTreeSet::new();
        let mut described = BTreeSet::new();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            match name.to_str().and_then(|name| name.rsplit_once('.')) {
                Some((digest, "so")) => drop(digest.parse::<Digest>().map(|digest| files.insert(digest))),
                Some((digest, "json")) => drop(digest.parse::<Digest>().map(|digest| described.insert(digest))),
                _ => {}
            }
            if name.to_str().is_some_and(|name| name.starts_with(private::INCOMING)) {
                fs::remove_file(entry.path())?;
            }
        }
        for digest in files.union(&described) {
            let artifact = read_description(&folder, *digest);
            match artifact {
                Some(artifact) if files.contains(digest) => drop(artifacts.insert(*digest, artifact)),
                _ => remove(&folder, *digest)?,
            }
        }
        Ok(Self { folder, artifacts: Mutex::new(artifacts) })
    }

    /// Keeps a file. One that is there already is kept as it came, unless this one brings a signature.
    pub(crate) fn add(&self, bytes: &[u8], artifact: Artifact) -> Result<Artifact, Problem> {
        let digest = artifact.digest;
        let mut artifact = artifact;
        if let Some(known) = self.artifact(digest) {
            // Who can write the base's files needs no signature for what is theirs.
            if known.came == Came::Locally {
                artifact.came = Came::Locally;
            }
            artifact.signature = artifact.signature.or_else(|| known.signature.clone());
            artifact.received_ms = known.received_ms;
            if (known.came, &known.signature) == (artifact.came, &artifact.signature) && self.bytes(digest).is_ok() {
                return Ok(known);
            }
        }
        let write = || {
            // First the file: a description without one is an orphan, and a file without a description as well.
            private::write(&self.folder, &file_name(digest), bytes)?;
            self.describe(&artifact)
        };
        write().map_err(|error| {
            let problem = disk_problem("the object file cannot be kept", &self.folder, &error);
            // Half of a pair would be removed at the next start; there is no need to wait.
            if self.artifact(digest).is_none() {
                let _ = remove(&self.folder, digest);
            }
            problem
        })?;
        Ok(artifact)
    }

    fn describe(&self, artifact: &Artifact) -> io::Result<()> {
        let text = serde_json::to_vec(artifact).map_err(io::Error::other)?;
        private::write(&self.folder, &description_name(artifact.digest), &text)?;
        lock(&self.artifacts).insert(artifact.digest, artifact.clone());
        Ok(())
    }

    /// What is known of a file.
    pub(crate) fn artifact(&self, digest: Digest) -> Option<Artifact> {
        lock(&self.artifacts).get(&digest).cloned()
    }

    /// All that is kept, the last used first.
    pub(crate) fn artifacts(&self) -> Vec<Artifact> {
        let mut all: Vec<_> = lock(&self.artifacts).values().cloned().collect();
        all.sort_by_key(|artifact| std::cmp::Reverse((artifact.used_ms, artifact.digest)));
        all
    }

    /// The bytes of a file, verified: what is returned is what has the digest, and not what may stand in the file by
    /// the time it is opened again.
    pub(crate) fn bytes(&self, digest: Digest) -> Result<Vec<u8>, Problem> {
        let path = self.folder.join(file_name(digest));
        let bytes = private::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Problem {
                code: "artifact-missing",
                what: format!("the base keeps no object file {}", digest.short()),
                places: Vec::new(),
                help: "send it; `history` lists the ones that are kept".to_owned(),
            },
            _ => disk_problem("a stored object file cannot be read", &path, &error),
        })?;
        if Digest::of(&bytes) == digest {
            return Ok(bytes);
        }
        Err(Problem {
            code: "artifact-tampered",
            what: format!("the stored object file {} is not what was stored: it has another digest", digest.short()),
            places: vec![Place { what: "the file".to_owned(), at: path.display().to_string() }],
            help: "find out who writes into the state folder, remove the file, and send it again".to_owned(),
        })
    }

    /// Notes that a file is deployed now: in its own time, so that nothing has to be written that could be torn.
    pub(crate) fn used(&self, digest: Digest) {
        let now = SystemTime::now();
        let noted = File::options().write(true).open(self.folder.join(file_name(digest)));
        if let Err(error) = noted.and_then(|file| file.set_modified(now)) {
            tracing::warn!(
                target: "bedplate::deploy",
                "it could not be noted that the object file {} was used: {error}", digest.short()
            );
        }
        if let Some(artifact) = lock(&self.artifacts).get_mut(&digest) {
            artifact.used_ms = ms_of(now);
        }
    }

    /// Removes all but the last used ones of each module; `in_use` are never removed. What is not verified takes no
    /// place of theirs: it has a bound of its own.
    ///
    /// Neither does what is sent and never deployed take a place of those that have `served`: of both that many are
    /// kept.
    pub(crate) fn prune(&self, keep: usize, in_use: &BTreeSet<Digest>, served: &BTreeSet<Digest>) {
        let mut kept: BTreeMap<(String, bool), usize> = BTreeMap::new();
        for artifact in self.artifacts().into_iter().filter(|artifact| !artifact.is_unverified()) {
            let count = kept.entry((artifact.module, served.contains(&artifact.digest))).or_default();
            *count += 1;
            if *count > keep && !in_use.contains(&artifact.digest) {
                self.forget(artifact.digest);
            }
        }
    }

    /// Removes the oldest of what came over the network and was not verified, beyond a bound; never `newest`.
    pub(crate) fn bound_unverified(&self, newest: Digest) {
        let mut unverified = self.artifacts();
        unverified.retain(Artifact::is_unverified);
        unverified.sort_by_key(|artifact| std::cmp::Reverse((artifact.digest == newest, artifact.received_ms)));
        let (mut count, mut size) = (0, 0_u64);
        for artifact in unverified {
            count += 1;
            size = size.saturating_add(artifact.size);
            let is_beyond = count > MOST_UNVERIFIED || size > LARGEST_UNVERIFIED;
            if is_beyond && artifact.digest != newest {
                self.forget(artifact.digest);
            }
        }
    }

    fn forget(&self, digest: Digest) {
        lock(&self.artifacts).remove(&digest);
        if let Err(error) = remove(&self.folder, digest) {
            tracing::warn!(
                target: "bedplate::deploy",
                "the object file {} could not be removed: {error}", digest.short()
            );
        }
    }
}

fn file_name(digest: Digest) -> String {
    format!("{digest}.so")
}

fn description_name(digest: Digest) -> String {
    format!("{digest}.json")
}

fn read_description(folder: &Path, digest: Digest) -> Option<Artifact> {
    let bytes = private::read(&folder.join(description_name(digest))).ok()?;
    let mut artifact: Artifact = serde_json::from_slice(&bytes).ok()?;
    let used = fs::metadata(folder.join(file_name(digest))).and_then(|file| file.modified());
    artifact.used_ms = used.map_or(artifact.received_ms, ms_of);
    (artifact.digest == digest).then_some(artifact)
}

fn remove(folder: &Path, digest: Digest) -> io::Result<()> {
    for name in [file_name(digest), description_name(digest)] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// What is reported of a disk that does not do as it should.
pub(crate) fn disk_problem(what: &str, path: &Path, error: &io::Error) -> Problem {
    let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    Problem {
        code: if is_full { "disk-full" } else { "disk-failed" },
        what: format!("{what}: {error}"),
        places: vec![Place { what: "on disk".to_owned(), at: path.display().to_string() }],
        help: if is_full {
            "free some space, or move `deploy.folder` to a larger disk; nothing has changed".to_owned()
        } else {
            "see the owner and the mode of the folder, and the disk; nothing has changed".to_owned()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::artifact::Signature;
    use super::*;
    use crate::deploy::image::SourceLabel;

    fn an_artifact(module: &str, bytes: &[u8], used_ms: u64) -> Artifact {
        Artifact {
            digest: Digest::of(bytes),
            module: module.to_owned(),
            build_id: "00ff".parse().unwrap(),
            base_fingerprint: "base".to_owned(),
            source: SourceLabel::default(),
            size: bytes.len() as u64,
            came: Came::Locally,
            received_ms: 0,
            used_ms,
            signature: None,
        }
    }

    fn add(store: &Store, module: &str, bytes: &[u8], used_ms: u64) -> Digest {
        store.add(bytes, an_artifact(module, bytes, used_ms)).unwrap().digest
    }

    #[test]
    fn a_file_is_found_again_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let digest = add(&Store::open(folder.path().into()).unwrap(), "comments", b"bytes", 1);
        let store = Store::open(folder.path().into()).unwrap();
        assert_eq!(store.bytes(digest).unwrap(), b"bytes");
        assert_eq!(store.artifact(digest).unwrap().module, "comments");
    }

    #[test]
    fn a_changed_file_is_found_out_and_can_be_sent_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().into()).unwrap();
        let digest = add(&store, "comments", b"bytes", 1);
        fs::write(folder.path().join(file_name(digest)), b"other").unwrap();
        assert_eq!(store.bytes(digest).unwrap_err().code, "artifact-tampered");
        add(&store, "comments", b"bytes", 1);
        assert_eq!(store.bytes(digest).unwrap(), b"bytes");
        assert_eq!(store.bytes(Digest::of(b"nothing")).unwrap_err().code, "artifact-missing");
    }

    #[test]
    fn a_signature_is_added_and_never_lost() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().into()).unwrap();
        let digest = add(&store, "comments", b"bytes", 1);
        let signature = Signature { text: "text".to_owned(), key: "ci".to_owned(), sequence: 3 };
        let signed = Artifact { signature: Some(signature.clone()), ..an_artifact("comments", b"bytes", 1) };
        store.add(b"bytes", signed).unwrap();
        add(&store, "comments", b"bytes", 1);
        assert_eq!(store.artifact(digest).unwrap().signature, Some(signature));
    }

    #[test]
    fn what_was_interrupted_is_cleaned_up() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().into()).unwrap();
        let digest = add(&store, "comments", b"bytes", 1);
        let path = |name: String| folder.path().join(name);
        fs::write(path(format!("{}1-1", private::INCOMING)), b"half").unwrap();
        fs::write(path(file_name(Digest::of(b"without description"))), b"without description").unwrap();
        fs::write(path(description_name(Digest::of(b"without file"))), b"{}").unwrap();
        Store::open(folder.path().into()).unwrap();
        let left: BTreeSet<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(left, BTreeSet::from([file_name(digest), description_name(digest)]));
    }

    #[test]
    fn the_last_ones_of_each_module_are_kept_and_what_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().into()).unwrap();
        let comments: Vec<_> = (0..5_u64).map(|index| add(&store, "comments", &[index as u8], index)).collect();
        let article = add(&store, "articles", b"article", 0);
        store.prune(2, &BTreeSet::from([comments[0]]), &BTreeSet::new());
        let kept: BTreeSet<_> = store.artifacts().iter().map(|artifact| artifact.digest).collect();
        assert_eq!(kept, BTreeSet::from([comments[0], comments[3], comments[4], article]));
        assert_eq!(store.bytes(comments[1]).unwrap_err().code, "artifact-missing");
        store.used(comments[3]);
        store.prune(1, &BTreeSet::new(), &BTreeSet::new());
        assert!(store.artifact(comments[3]).is_some() && store.artifact(comments[4]).is_none());
    }

    #[test]
    fn what_was_never_deployed_takes_no_place_of_what_has_served() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().into()).unwrap();
        let served: BTreeSet<_> = (0..2_u64).map(|index| add(&store, "comments", &[index as u8], index)).collect();
        let sent: Vec<_> = (2..7_u64).map(|index| add(&store, "comments", &[index as u8], index)).collect();
        store.prune(2, &BTreeSet::new(), &served);
        let kept: BTreeSet<_> = store.artifacts().iter().map(|artifact| artifact.digest).collect();
        assert_eq!(kept, served.into_iter().chain(sent[3..].iter().copied()).collect());
    }

    #[test]
    fn what_nobody_has_signed_is_bounded_and_takes_no_place_of_what_serves() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().into()).unwrap();
        let verified = add(&store, "comments", b"verified", 0);
        let send = |number: u64, size: u64| {
            let bytes = number.to_le_bytes();
            let of_network =
                Artifact { came: Came::Remotely, received_ms: number, size, ..an_artifact("comments", &bytes, number) };
            let digest = store.add(&bytes, of_network).unwrap().digest;
            store.bound_unverified(digest);
            digest
        };
        let sent: Vec<_> = (1..=MOST_UNVERIFIED as u64 + 2).map(|number| send(number, 8)).collect();
        let is_kept = |digest: &Digest| store.artifact(*digest).is_some();
        assert_eq!(sent.iter().map(is_kept).collect::<Vec<_>>()[..3], [false, false, true]);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2 * (MOST_UNVERIFIED + 1), "and not on the disk");
        store.prune(1, &BTreeSet::new(), &BTreeSet::new());
        assert!(is_kept(&verified), "they were used later, and are nothing to roll back to");
        let large = send(1_000, LARGEST_UNVERIFIED);
        assert!(is_kept(&large) && is_kept(&verified) && !sent.iter().any(is_kept));
    }

    #[test]
    fn a_full_disk_is_called_one() {
        let error = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(disk_problem("it cannot be kept", Path::new("state"), &error).code, "disk-full");
    }
}
