//! Reading the lists: each is held to its pin before anything in it counts.

use std::env;
use std::path::Path;

use anyhow::Result;

use super::parse::is_commit;
use super::pins::{self, Pinned, check_name};
use super::snapshot::{Snapshot, absolute};
use super::{BUILT_IN, List, Market, Origin};
use crate::failure::Failure;

impl Market {
    /// Reads all lists: the one that comes with the tool, those that the `Cargo.toml` in the folder `project`
    /// names, and `extra` ones, each as `[NAME=]FILE`, `[NAME=]FOLDER` or `[NAME=]git+URL#COMMIT`.
    ///
    /// # Errors
    ///
    /// Where a list cannot be reached or understood, is not what it was pinned to, or where two have one name.
    pub(crate) fn open(project: Option<&Path>, extra: &[String]) -> Result<Self> {
        let mut lists = vec![built_in()?];
        if let Some(project) = project {
            for pinned in pins::read(project)? {
                lists.push(read_pinned(pinned)?);
            }
        }
        for argument in extra {
            let named = Argument::read(argument)?;
            if let Some(there) = lists.iter().find(|list| list.name == named.name) {
                return Err(Failure::error(
                    "market-twice",
                    format!("there are two lists `{}`: {}, and {}", named.name, there.origin, named.origin),
                    format!("give this one a name of its own: --list NAME={}", named.place),
                ));
            }
            lists.push(named.list()?);
        }
        Ok(Self { lists })
    }
}

fn built_in() -> Result<List> {
    let snapshot = Snapshot::built_in();
    let entries = snapshot.entries(&Origin::BuiltIn)?;
    Ok(List { name: BUILT_IN.to_owned(), origin: Origin::BuiltIn, pin: None, entries })
}

/// Reads a list that the project names, if it is what it was pinned to.
fn read_pinned(pinned: Pinned) -> Result<List> {
    let Pinned { name, origin, pin, place } = pinned;
    let snapshot = Snapshot::read(&name, &origin, pin.as_deref())?;
    match pin {
        None => {
            let key = if matches!(origin, Origin::Git { .. }) { "rev" } else { "digest" };
            Err(Failure::error(
                "market-unpinned",
                format!("the list `{name}` is not pinned ({place}); it is {} now", snapshot.pin),
                format!("read it, and pin it: cargo bedplate market update {name}, or write {key} = \"…\" there"),
            ))
        }
        Some(pin) if pin != snapshot.pin => Err(Failure::error(
            "market-pin",
            format!(
                "the list `{name}` is not what it was pinned to ({place})\n  pinned: {}\n  found:  {}, {origin}",
                pin.escape_debug(),
                snapshot.pin
            ),
            format!("see what changed, and pin it anew: cargo bedplate market update {name}"),
        )),
        Some(pin) => {
            let entries = snapshot.entries(&origin)?;
            if !matches!(origin, Origin::Git { .. }) {
                snapshot.keep();
            }
            Ok(List { name, origin, pin: Some(pin), entries })
        }
    }
}

/// A list that the command line names.
#[derive(Debug, PartialEq, Eq)]
struct Argument<'a> {
    name: String,
    /// The argument without the name.
    place: &'a str,
    origin: Origin,
    pin: Option<&'a str>,
}

impl<'a> Argument<'a> {
    fn read(argument: &'a str) -> Result<Self> {
        let (name, place) = match argument.split_once('=') {
            Some((name, place)) if super::parse::is_name(name) => (Some(name.to_owned()), place),
            _ => (None, argument),
        };
        let (origin, pin, own) = match place.strip_prefix("git+") {
            Some(address) => {
                let (url, rev) = match address.rsplit_once('#') {
                    Some((url, rev)) => (url, Some(rev)),
                    None => (address, None),
                };
                let own = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                let own = own.strip_suffix(".git").unwrap_or(own).to_owned();
                (Origin::Git { url: url.to_owned(), path: String::new() }, rev, own)
            }
            None => {
                let (path, digest) = match place.rsplit_once("#sha256:") {
                    Some((path, _)) => (path, Some(&place[path.len() + 1..])),
                    None => (place, None),
                };
                let path = absolute(Path::new(path), &env::current_dir()?)?;
                let own = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let origin = if path.is_dir() { Origin::Folder { path } } else { Origin::File { path } };
                (origin, digest, own)
            }
        };
        let name = name.unwrap_or(own);
        check_name(&name)?;
        Ok(Self { name, place, origin, pin })
    }

    /// Reads it. A file of this machine that the user names needs no pin: what it says was there a moment ago.
    fn list(self) -> Result<List> {
        let Self { name, place, origin, pin } = self;
        let is_git = matches!(origin, Origin::Git { .. });
        if is_git && !pin.is_some_and(is_commit) {
            let now = Snapshot::read(&name, &origin, None)?.pin;
            let address = place.split('#').next().unwrap_or(place);
            return Err(Failure::error(
                "market-unpinned",
                format!("the list `{name}` is not pinned to a commit; it is at {now} now"),
                format!("read it, and name the commit: --list {address}#{now}"),
            ));
        }
        let snapshot = Snapshot::read(&name, &origin, pin)?;
        if let Some(pin) = pin.filter(|pin| **pin != snapshot.pin) {
            return Err(Failure::error(
                "market-pin",
                format!("the list `{name}` is not what it was pinned to\n  pinned: {pin}\n  found:  {}", snapshot.pin),
                "see what changed in it, and name the digest that was found",
            ));
        }
        let entries = snapshot.entries(&origin)?;
        Ok(List { name, origin, pin: pin.map(str::to_owned), entries })
    }
}
