//! A list's file, read strictly: what is wrong is named with its file and line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;
use semver::VersionReq;
use serde::Deserialize;
use toml::Spanned;

use super::{Entry, SettingHelp, Source};
use crate::failure::Failure;
use crate::suggest::{did_you_mean, quoted};

/// The version of the format.
pub(crate) const VERSION: i64 = 1;

/// The longest name of a starter, list or package.
const LONGEST_NAME: usize = 64;

/// The addresses that code and links are taken from. Others let git run a program.
const SCHEMES: [&str; 5] = ["https://", "ssh://", "git://", "http://", "file://"];

/// What the paths in a list are relative to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Root<'a> {
    /// Bedplate's own repository, and the folder of the list in it.
    Bedplate(&'a str),
    /// A folder of this machine.
    Folder(&'a Path),
    /// A commit of a git repository.
    Commit { url: &'a str, rev: &'a str },
}

/// Reads the file of a list; `shown` is what messages call it.
///
/// # Errors
///
/// Where it is no list, is of another version of the format, or says something that cannot be.
pub(crate) fn parse(text: &str, shown: &str, root: Root<'_>) -> Result<Vec<Entry>> {
    let file = File { text, shown, root };
    file.check_version()?;
    let read: Document = toml::from_str(text).map_err(|error| file.malformed(&error))?;
    let mut entries: Vec<(Entry, Range<usize>)> = Vec::new();
    for starter in read.starter {
        let span = starter.name.span();
        let entry = file.entry(starter)?;
        if let Some((_, earlier)) = entries.iter().find(|(other, _)| other.name == entry.name) {
            return Err(file.wrong(
                &span,
                format!("the starter `{}` is there twice, first in line {}", entry.name, file.line(earlier)),
                "a list has one starter of a name: take one of them out",
            ));
        }
        entries.push((entry, span));
    }
    Ok(entries.into_iter().map(|(entry, _)| entry).collect())
}

/// Whether a starter, a list or a package can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Whether this is a commit, and no name that may come to mean another one.
pub(crate) fn is_commit(rev: &str) -> bool {
    matches!(rev.len(), 40 | 64) && rev.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Whether git is asked for this address.
pub(crate) fn is_address(url: &str) -> bool {
    SCHEMES.iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme)) && !has_control(url)
}

/// What a message says of the addresses that are taken.
pub(crate) fn addresses() -> String {
    format!("an address starts with {}", SCHEMES.join(", "))
}

#[derive(Deserialize)]
struct Versioned {
    version: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "version")]
    _version: i64,
    #[serde(default)]
    starter: Vec<Starter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Starter {
    name: Spanned<String>,
    #[serde(rename = "crate")]
    package: Spanned<String>,
    version: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
    git: Option<Spanned<String>>,
    rev: Option<Spanned<String>>,
    about: Spanned<String>,
    group: Spanned<String>,
    bedplate: Spanned<String>,
    #[serde(default)]
    provides: Vec<Spanned<String>>,
    #[serde(default)]
    reads: Vec<Spanned<String>>,
    #[serde(default)]
    needs: Vec<Spanned<String>>,
    #[serde(default)]
    excludes: Vec<Spanned<String>>,
    #[serde(default)]
    features: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    links: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    settings: Vec<Setting>,
    #[serde(default)]
    module_settings: Vec<Setting>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    key: Spanned<String>,
    kind: Spanned<String>,
    default: Option<Spanned<String>>,
    #[serde(default)]
    required: bool,
    #[serde(default = "unspoken")]
    help: Spanned<String>,
}

fn unspoken() -> Spanned<String> {
    Spanned::new(0..0, String::new())
}

struct File<'a> {
    text: &'a str,
    shown: &'a str,
    root: Root<'a>,
}

impl File<'_> {
    /// Asked first: a list of a later version may hold what this tool has no name for.
    fn check_version(&self) -> Result<()> {
        let Versioned { version } = toml::from_str(self.text).map_err(|error| self.malformed(&error))?;
        let Some(version) = version else {
            return Err(self.wrong(
                &(0..0),
                "the file does not say which version of the format it is",
                format!("a list of starters begins with `version = {VERSION}`"),
            ));
        };
        if *version.get_ref() != VERSION {
            return Err(self.wrong(
                &version.span(),
                format!("the list is of version {} of the format, and this tool reads {VERSION}", version.get_ref()),
                "take a newer tool: cargo install cargo-bedplate",
            ));
        }
        Ok(())
    }

    fn entry(&self, starter: Starter) -> Result<Entry> {
        let source = self.source(&starter)?;
        let version = match &starter.version {
            Some(version) => self.versions(version)?,
            None => VersionReq::STAR,
        };
        Ok(Entry {
            bedplate: self.versions(&starter.bedplate)?,
            name: self.name(starter.name)?,
            package: self.name(starter.package)?,
            version,
            about: self.text(starter.about)?,
            group: self.name(starter.group)?,
            provides: starter.provides.into_iter().map(|text| self.text(text)).collect::<Result<_>>()?,
            reads: starter.reads.into_iter().map(|text| self.text(text)).collect::<Result<_>>()?,
            needs: starter.needs.into_iter().map(|name| self.name(name)).collect::<Result<_>>()?,
            excludes: starter.excludes.into_iter().map(|name| self.name(name)).collect::<Result<_>>()?,
            settings: starter.settings.into_iter().map(|setting| self.setting(setting)).collect::<Result<_>>()?,
            module_settings: starter
                .module_settings
                .into_iter()
                .map(|setting| self.setting(setting))
                .collect::<Result<_>>()?,
            features: starter
                .features
                .into_iter()
                .map(|(name, about)| Ok((self.text(name)?, self.text(about)?)))
                .collect::<Result<_>>()?,
            links: starter
                .links
                .into_iter()
                .map(|(name, link)| Ok((self.text(name)?, self.link(link)?)))
                .collect::<Result<_>>()?,
            source,
        })
    }

    fn source(&self, starter: &Starter) -> Result<Source> {
        match (&starter.path, &starter.git, &starter.rev) {
            (None, None, None) => match (&starter.version, self.root) {
                (Some(_), Root::Folder(_) | Root::Commit { .. }) => Ok(Source::Registry),
                (None, Root::Folder(_) | Root::Commit { .. }) => Err(self.wrong(
                    &starter.name.span(),
                    format!("nothing says where the starter `{}` comes from", starter.name.get_ref()),
                    "write `version = \"…\"`, `path = \"…\"`, or `git = \"…\"` and `rev = \"…\"`",
                )),
                (_, Root::Bedplate(_)) => Err(self.wrong(
                    &starter.name.span(),
                    format!("the starter `{}` has no folder in the repository", starter.name.get_ref()),
                    "write `path = \"…\"`",
                )),
            },
            (Some(path), None, None) => self.path(path),
            (None, Some(git), Some(rev)) => {
                if !is_address(git.get_ref()) {
                    let what = format!("`{}` is no address of a repository", git.get_ref().escape_debug());
                    return Err(self.wrong(&git.span(), what, addresses()));
                }
                if !is_commit(rev.get_ref()) {
                    return Err(self.wrong(
                        &rev.span(),
                        format!("`{}` is no commit", rev.get_ref().escape_debug()),
                        "a starter is pinned by all 40 hexadecimal digits of a commit; a branch or a tag may move",
                    ));
                }
                Ok(Source::Git { url: git.get_ref().clone(), rev: rev.get_ref().clone() })
            }
            (None, Some(git), None) => Err(self.wrong(
                &git.span(),
                "the commit is missing",
                "write `rev = \"…\"` beside `git`, with all 40 hexadecimal digits",
            )),
            (_, _, Some(rev)) if starter.git.is_none() => {
                Err(self.wrong(&rev.span(), "there is a commit, and no repository", "write `git = \"…\"` beside `rev`"))
            }
            _ => Err(self.wrong(
                &starter.name.span(),
                format!("the starter `{}` comes from a folder and from a repository", starter.name.get_ref()),
                "write `path`, or `git` and `rev`",
            )),
        }
    }

    fn path(&self, path: &Spanned<String>) -> Result<Source> {
        let own = Path::new(path.get_ref());
        let is_inside = own.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        match self.root {
            Root::Folder(folder) => Ok(Source::Path { path: plain(&folder.join(own)) }),
            _ if !is_inside => Err(self.wrong(
                &path.span(),
                format!("the path `{}` leads out of the repository", path.get_ref().escape_debug()),
                "name a folder below that of the list",
            )),
            Root::Bedplate(folder) => Ok(Source::Bedplate { folder: plain(&Path::new(folder).join(own)) }),
            Root::Commit { url, rev } => Ok(Source::Git { url: url.to_owned(), rev: rev.to_owned() }),
        }
    }

    fn setting(&self, setting: Setting) -> Result<SettingHelp> {
        Ok(SettingHelp {
            key: self.text(setting.key)?,
            kind: self.text(setting.kind)?,
            default: setting.default.map(|default| self.text(default)).transpose()?,
            required: setting.required,
            help: self.text(setting.help)?,
        })
    }

    fn name(&self, name: Spanned<String>) -> Result<String> {
        if is_name(name.get_ref()) {
            return Ok(name.into_inner());
        }
        Err(self.wrong(
            &name.span(),
            format!("`{}` is no name", name.get_ref().escape_debug()),
            format!("a name starts with a letter and has letters, digits, `-` and `_`; at most {LONGEST_NAME}"),
        ))
    }

    fn versions(&self, text: &Spanned<String>) -> Result<VersionReq> {
        text.get_ref().parse().map_err(|error| {
            self.wrong(
                &text.span(),
                format!("`{}` is no range of versions: {error}", text.get_ref().escape_debug()),
                "write it as cargo takes it: `0.3`, `>=0.3, <0.5`",
            )
        })
    }

    fn link(&self, link: Spanned<String>) -> Result<String> {
        let is_link = ["https://", "http://"].iter().any(|scheme| link.get_ref().starts_with(scheme));
        if is_link && !has_control(link.get_ref()) {
            return Ok(link.into_inner());
        }
        let what = format!("`{}` is no link", link.get_ref().escape_debug());
        Err(self.wrong(&link.span(), what, "a link starts with https:// or http://"))
    }

    /// What a list says is shown on terminals, which take control characters for commands.
    fn text(&self, text: Spanned<String>) -> Result<String> {
        match has_control(text.get_ref()) {
            false => Ok(text.into_inner()),
            true => Err(self.wrong(
                &text.span(),
                "the text is not one line of plain text",
                "take the control characters and ends of lines out",
            )),
        }
    }

    fn malformed(&self, error: &toml::de::Error) -> anyhow::Error {
        let message = error.message();
        let span = error.span().unwrap_or(0..0);
        let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        match words.split_first() {
            Some((unknown, known)) if message.starts_with("unknown field") => {
                let meant = did_you_mean(unknown, known.iter().copied())
                    .map(|name| format!("did you mean `{name}`? "))
                    .unwrap_or_default();
                let help = format!("{meant}The keys are {}", quoted(known.iter().copied()));
                self.wrong(&span, format!("unknown key `{}`", unknown.escape_debug()), help)
            }
            Some((missing, _)) if message.starts_with("missing field") => {
                self.wrong(&span, format!("the key `{missing}` is missing"), format!("write `{missing} = …`"))
            }
            _ => self.wrong(&span, message, "correct the list"),
        }
    }

    fn line(&self, span: &Range<usize>) -> usize {
        line_of(self.text, span)
    }

    fn wrong(&self, span: &Range<usize>, what: impl AsRef<str>, help: impl Into<String>) -> anyhow::Error {
        let what = format!("{}:{}: {}", self.shown, self.line(span), what.as_ref());
        Failure::error("market-malformed", what, help)
    }
}

/// The line of a place in a text, from 1.
pub(crate) fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// A path without `.` and `..`, by its text alone.
pub(crate) fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            part => plain.push(part),
        }
        plain
    })
}
