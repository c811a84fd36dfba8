//! The text of a list at one moment: its files, and the digest or commit that it is held to.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::git::Repository;
use super::parse::{self, Root};
use super::{Entry, Origin, cache};
use crate::build::hex;
use crate::failure::Failure;

/// The file of a list in a folder; where it is not there, all files `*.toml` make the list.
pub(crate) const FILE: &str = "market.toml";

/// The largest file of a list, in bytes: more is a mistake in the name of the file.
const LARGEST: u64 = 8 << 20;

/// A list as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// What it is held to: `sha256:…`, or the commit.
    pub(crate) pin: String,
    /// Its files.
    pub(crate) files: Vec<ListFile>,
}

/// One file of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListFile {
    /// What messages call it.
    pub(crate) shown: String,
    pub(crate) text: String,
}

impl Snapshot {
    /// Reads the list `name` where it is now, or, in a repository, at the commit `rev`.
    ///
    /// # Errors
    ///
    /// Where it cannot be reached, or is no text.
    pub(crate) fn read(name: &str, origin: &Origin, rev: Option<&str>) -> Result<Self> {
        match origin {
            Origin::BuiltIn => Ok(Self::built_in()),
            Origin::File { path } => {
                let text = read_text(name, path)?;
                Ok(Self::of(vec![ListFile { shown: path.display().to_string(), text }]))
            }
            Origin::Folder { path } => {
                let texts = files_of(name, path)?.into_iter().map(|file| {
                    let text = read_text(name, &file)?;
                    Ok(ListFile { shown: file.display().to_string(), text })
                });
                Ok(Self::of(texts.collect::<Result<_>>()?))
            }
            Origin::Git { url, path } => {
                let repository = Repository::open(name, url)?;
                let rev = match rev {
                    Some(rev) => rev.to_owned(),
                    None => repository.resolve(None)?,
                };
                Ok(Self { files: repository.read(&rev, path)?, pin: rev })
            }
        }
    }

    /// The list that comes with the tool.
    pub(crate) fn built_in() -> Self {
        let text = include_str!("../../../starters/market.toml").to_owned();
        Self::of(vec![ListFile { shown: format!("starters/{FILE}"), text }])
    }

    fn of(files: Vec<ListFile>) -> Self {
        Self { pin: format!("sha256:{}", digest(&files)), files }
    }

    /// The starters in it.
    ///
    /// # Errors
    ///
    /// Where a file is no list, or two of them have a starter of one name.
    pub(crate) fn entries(&self, origin: &Origin) -> Result<Vec<Entry>> {
        let mut entries: Vec<(&str, Entry)> = Vec::new();
        for file in &self.files {
            for entry in parse::parse(&file.text, &file.shown, self.root(origin))? {
                if let Some((earlier, _)) = entries.iter().find(|(_, other)| other.name == entry.name) {
                    return Err(Failure::error(
                        "market-malformed",
                        format!("{}: the starter `{}` is there twice, first in {earlier}", file.shown, entry.name),
                        "a list has one starter of a name: take one of them out",
                    ));
                }
                entries.push((&file.shown, entry));
            }
        }
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }

    fn root<'a>(&'a self, origin: &'a Origin) -> Root<'a> {
        match origin {
            Origin::BuiltIn => Root::Bedplate("starters"),
            Origin::File { path } => Root::Folder(path.parent().unwrap_or(path)),
            Origin::Folder { path } => Root::Folder(path),
            Origin::Git { url, .. } => Root::Commit { url, rev: &self.pin },
        }
    }

    /// Keeps it in the user's cache, so that a later update can say what changed. That it cannot be kept is no
    /// reason to stop: then the update says less.
    pub(crate) fn keep(&self) {
        let kept = cache::folder("lists").and_then(|folder| {
            let text = serde_json::to_vec(self)?;
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            std::io::Write::write_all(&mut file, &text)?;
            file.persist(folder.join(file_name(&self.pin)))?;
            Ok(())
        });
        drop(kept);
    }

    /// A list of this pin, where one was kept and is what it was.
    pub(crate) fn kept(pin: &str) -> Option<Self> {
        let folder = cache::folder("lists").ok()?;
        let kept: Self = serde_json::from_slice(&fs::read(folder.join(file_name(pin))).ok()?).ok()?;
        let is_whole = pin.strip_prefix("sha256:").is_some_and(|digest| digest == self::digest(&kept.files));
        (kept.pin == pin && is_whole).then_some(kept)
    }
}

fn file_name(pin: &str) -> String {
    format!("{}.json", pin.replace(':', "-"))
}

/// Of one file what `sha256sum market.toml` prints; of several what `sha256sum *.toml | sha256sum` does.
fn digest(files: &[ListFile]) -> String {
    if let [only] = files {
        return hex(only.text.as_bytes());
    }
    let lines: Vec<_> = files
        .iter()
        .map(|file| {
            let name = Path::new(&file.shown).file_name().unwrap_or_default().to_string_lossy();
            format!("{}  {name}\n", hex(file.text.as_bytes()))
        })
        .collect();
    hex(lines.concat().as_bytes())
}

/// The files of a list in a folder, sorted by their names.
fn files_of(name: &str, folder: &Path) -> Result<Vec<PathBuf>> {
    let market = folder.join(FILE);
    if market.exists() {
        return Ok(vec![market]);
    }
    let unreachable = |error: std::io::Error| unreachable(name, folder, &error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreachable)? {
        let path = entry.map_err(unreachable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::error(
            "market-empty",
            format!("the folder of the list `{name}` holds no list: {}", folder.display()),
            format!("it wants a file {FILE}, or several files *.toml"),
        ));
    }
    Ok(files)
}

fn read_text(name: &str, path: &Path) -> Result<String> {
    let file = fs::File::open(path).map_err(|error| unreachable(name, path, &error))?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unreachable(name, path, &error))?;
    as_text(bytes, &path.display().to_string())
}

/// The bytes of a file as the text of a list.
pub(crate) fn as_text(bytes: Vec<u8>, shown: &str) -> Result<String> {
    let no_list =
        |what: &str| Failure::error("market-malformed", format!("{shown}: {what}"), "name the file of a list");
    if bytes.len() as u64 > LARGEST {
        return Err(no_list("the file is larger than 8 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| no_list("the file is no text"))
}

fn unreachable(name: &str, path: &Path, error: &std::io::Error) -> anyhow::Error {
    Failure::error(
        "market-unreachable",
        format!("the list `{name}` cannot be read: {}: {error}", path.display()),
        format!("bring it back, or go on without it: cargo bedplate market forget {name}"),
    )
}

/// The way from a folder to a path, both absolute, with `/` between its parts.
pub(crate) fn relative(to: &Path, from: &Path) -> String {
    let (to, from): (Vec<_>, Vec<_>) = (to.components().collect(), from.components().collect());
    let shared = to.iter().zip(&from).take_while(|(one, other)| one == other).count();
    let up = from[shared..].iter().map(|_| "..".to_owned());
    let down = to[shared..].iter().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<_> = up.chain(down).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// The absolute path of what the user names.
///
/// # Errors
///
/// Where the current folder is gone.
pub(crate) fn absolute(path: &Path, from: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(from.join(path)).with_context(|| format!("{} is no path", path.display()))?;
    Ok(parse::plain(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_goes_up_and_down() {
        let way = |to: &str, from: &str| relative(Path::new(to), Path::new(from));
        assert_eq!(way("/work/starters/http", "/work/starters"), "http");
        assert_eq!(way("/work/audit", "/work/lists"), "../audit");
        assert_eq!(way("/work", "/work"), ".");
    }

    /// The digest that people can make themselves: `sha256sum market.toml`, and `sha256sum *.toml | sha256sum`.
    #[test]
    fn a_digest_is_of_the_file_or_of_the_names_and_digests_of_several() {
        let file = |name: &str, text: &str| ListFile { shown: format!("/lists/{name}"), text: text.to_owned() };
        let one = digest(&[file("market.toml", "abc")]);
        assert_eq!(one, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let two = digest(&[file("a.toml", "abc"), file("b.toml", "")]);
        let lines = format!("{one}  a.toml\n{}  b.toml\n", hex(b""));
        assert_eq!(two, hex(lines.as_bytes()));
        assert_ne!(two, digest(&[file("a.toml", "abc"), file("c.toml", "")]));
    }
}
