//! Lists in git repositories, through the `git` program: fetched once, and read from the cache from then on.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result};

use super::cache;
use super::parse::{addresses, is_address, is_commit};
use super::snapshot::{FILE, ListFile, as_text};
use crate::build::hex;
use crate::failure::Failure;

/// A repository that lists are read from, and what the cache holds of it.
#[derive(Debug)]
pub(crate) struct Repository<'a> {
    list: &'a str,
    url: &'a str,
    /// The bare repository in the cache.
    folder: PathBuf,
    /// Two tools at once would be in each other's way. Let go of when the repository is.
    _lock: File,
}

impl<'a> Repository<'a> {
    /// The repository at this address, for the list of this name. Nothing is fetched yet.
    ///
    /// # Errors
    ///
    /// Where it is no address, or there is no cache folder, or no git.
    pub(crate) fn open(list: &'a str, url: &'a str) -> Result<Self> {
        if !is_address(url) {
            return Err(Failure::error(
                "market-address",
                format!("`{}` is no address of a repository", url.escape_debug()),
                addresses(),
            ));
        }
        let cache = cache::folder("repositories")?;
        let folder = cache.join(format!("{}.git", &hex(url.as_bytes())[..16]));
        let locked = File::create(folder.with_extension("lock")).and_then(|lock| lock.lock().map(|()| lock));
        let lock = locked.with_context(|| format!("the cache {} cannot be locked", folder.display()))?;
        let repository = Self { list, url, folder, _lock: lock };
        if !repository.folder.join("HEAD").exists() {
            let made = run(git().args(["init", "--quiet", "--bare", "--"]).arg(&repository.folder))?;
            if !made.status.success() {
                return Err(Failure::error(
                    "no-cache",
                    format!("git cannot make {}: {}", repository.folder.display(), said(&made)),
                    "make the folder writable, or name another one in BEDPLATE_CACHE",
                ));
            }
        }
        Ok(repository)
    }

    /// The commit that a branch or a tag of the repository is at now; with no name, its default branch.
    ///
    /// # Errors
    ///
    /// Where the repository does not answer, or has no such name.
    pub(crate) fn resolve(&self, name: Option<&str>) -> Result<String> {
        if let Some(commit) = name.filter(|name| is_commit(name)) {
            return Ok(commit.to_owned());
        }
        let wanted = name.unwrap_or("HEAD");
        let asked = run(git().args(["ls-remote", "--quiet", "--", self.url]))?;
        if !asked.status.success() {
            return Err(self.unreachable(&asked));
        }
        let text = String::from_utf8_lossy(&asked.stdout).into_owned();
        let commit_of = |reference: &str| {
            text.lines().find_map(|line| {
                let (commit, name) = line.split_once('\t')?;
                (name == reference && is_commit(commit)).then(|| commit.to_owned())
            })
        };
        // A tag with a message points to an object of its own, and that to the commit.
        let found = commit_of(&format!("refs/tags/{wanted}^{{}}"))
            .or_else(|| commit_of(&format!("refs/tags/{wanted}")))
            .or_else(|| commit_of(&format!("refs/heads/{wanted}")))
            .or_else(|| (wanted == "HEAD").then(|| commit_of("HEAD")).flatten());
        found.ok_or_else(|| {
            Failure::error(
                "market-revision",
                format!("the repository {} of the list `{}` has no `{wanted}`", self.url, self.list),
                "name one of its branches or tags, or all 40 hexadecimal digits of a commit",
            )
        })
    }

    /// The files of the list at a commit: the file `path`, or what is a list in the folder `path`.
    ///
    /// # Errors
    ///
    /// Where the commit is neither in the cache nor to be fetched, or has no list there.
    pub(crate) fn read(&self, rev: &str, path: &str) -> Result<Vec<ListFile>> {
        self.fetch(rev)?;
        let path = path.trim_matches('/');
        let names = if self.is_file(rev, path)? { vec![path.to_owned()] } else { self.files_of(rev, path)? };
        if names.is_empty() {
            let place = if path.is_empty() { "its root" } else { path };
            return Err(Failure::error(
                "market-empty",
                format!("the repository {} has no list in {place} at the commit {rev}", self.url),
                format!("it wants a file {FILE}, or several files *.toml; --path says where in the repository"),
            ));
        }
        let files = names.into_iter().map(|name| {
            let shown = format!("{}#{}/{name}", self.url, &rev[..12]);
            let read = self.own(&["cat-file", "blob", &format!("{rev}:{name}")])?;
            if !read.status.success() {
                return Err(Failure::error(
                    "market-malformed",
                    format!("{shown}: git cannot read the file: {}", said(&read)),
                    "name the file of a list",
                ));
            }
            Ok(ListFile { text: as_text(read.stdout, &shown)?, shown })
        });
        files.collect()
    }

    fn is_file(&self, rev: &str, path: &str) -> Result<bool> {
        if path.is_empty() {
            return Ok(false);
        }
        let kind = self.own(&["cat-file", "-t", &format!("{rev}:{path}")])?;
        Ok(kind.stdout.trim_ascii() == b"blob")
    }

    fn files_of(&self, rev: &str, folder: &str) -> Result<Vec<String>> {
        let listed = self.own(&["ls-tree", "-z", "--name-only", &format!("{rev}:{folder}")])?;
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        let below = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let names: Vec<&str> = text.split('\0').filter(|name| name.ends_with(".toml")).collect();
        Ok(match names.contains(&FILE) {
            true => vec![below(FILE)],
            // A repository of code has such files too, and they are no lists.
            false => names
                .into_iter()
                .filter(|name| !matches!(*name, "Cargo.toml" | "rust-toolchain.toml" | "rustfmt.toml" | "clippy.toml"))
                .map(below)
                .collect(),
        })
    }

    /// Has the commit in the cache. A commit never changes, so what is there is not asked for again.
    fn fetch(&self, rev: &str) -> Result<()> {
        if !is_commit(rev) {
            return Err(Failure::error(
                "market-unpinned",
                format!("the list `{}` is pinned to `{}`, which is no commit", self.list, rev.escape_debug()),
                "a list is pinned by all 40 hexadecimal digits of a commit; a branch or a tag may move",
            ));
        }
        if self.has(rev)? {
            return Ok(());
        }
        // What nothing refers to would be cleared away one day.
        let single = format!("{rev}:refs/bedplate/{rev}");
        let one = self.own(&["fetch", "--quiet", "--no-tags", "--", self.url, &single])?;
        if one.status.success() && self.has(rev)? {
            return Ok(());
        }
        // Not every server hands out a commit that is not the end of a branch.
        let all = self.own(&["fetch", "--quiet", "--", self.url, "+refs/heads/*:refs/remotes/origin/*"])?;
        if !all.status.success() {
            return Err(self.unreachable(&all));
        }
        match self.has(rev)? {
            true => Ok(()),
            false => Err(Failure::error(
                "market-revision",
                format!("the repository {} of the list `{}` has no commit {rev}", self.url, self.list),
                format!("pin the list anew: cargo bedplate market update {}", self.list),
            )),
        }
    }

    fn has(&self, rev: &str) -> Result<bool> {
        Ok(self.own(&["cat-file", "-e", &format!("{rev}^{{commit}}")])?.status.success())
    }

    fn unreachable(&self, output: &Output) -> anyhow::Error {
        let cached = fs::read_dir(self.folder.join("refs/bedplate")).into_iter().flatten();
        let mut cached: Vec<_> = cached
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|rev| is_commit(rev))
            .collect();
        cached.sort();
        let cache = match cached.as_slice() {
            [] => "the cache has nothing of it".to_owned(),
            commits => format!("the cache has of it the commits {}", commits.join(", ")),
        };
        Failure::error(
            "market-unreachable",
            format!("the repository {} of the list `{}` cannot be reached: {}", self.url, self.list, said(output)),
            format!(
                "{cache}. Try again when the network is there, or go on without the list: \
                 cargo bedplate market forget {}",
                self.list
            ),
        )
    }

    fn own(&self, arguments: &[&str]) -> Result<Output> {
        run(git().arg("--git-dir").arg(&self.folder).args(["-c", "gc.auto=0"]).args(arguments))
    }
}

/// Git, away from the repository that the tool may have been called in (by a hook, say), and never asking.
fn git() -> Command {
    let mut command = Command::new("git");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"] {
        command.env_remove(variable);
    }
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh")
        .env("LC_ALL", "C")
        .current_dir(Path::new("/"))
        .stdin(std::process::Stdio::null());
    command
}

fn run(command: &mut Command) -> Result<Output> {
    command.output().map_err(|error| {
        Failure::error(
            "no-git",
            format!("git cannot be run: {error}"),
            "install git, or take the list as a file or a folder",
        )
    })
}

/// What git said, in one line.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let told: Vec<_> = lines.filter(|line| line.starts_with("fatal:") || line.starts_with("error:")).collect();
    let line = told.first().copied().or_else(|| text.lines().next()).unwrap_or("git says nothing");
    line.chars().filter(|letter| !letter.is_control()).collect()
}
