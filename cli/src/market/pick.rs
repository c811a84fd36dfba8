//! Finding starters by name, and what comes along with them.

use std::collections::BTreeSet;

use anyhow::Result;
use semver::Version;

use super::{Entry, List, Market};
use crate::failure::Failure;
use crate::suggest::{did_you_mean, quoted};

/// A starter that was picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pick<'m> {
    /// The list that it is of.
    pub(crate) list: &'m List,
    /// What the list says of it.
    pub(crate) entry: &'m Entry,
    /// The starter that needs it, where nobody named it.
    pub(crate) needed_by: Option<&'m str>,
}

impl Market {
    /// The starter of this name, or of this `LIST/NAME`.
    ///
    /// # Errors
    ///
    /// Where no list has it, and then with what was most likely meant; or where several have it.
    pub(crate) fn find(&self, name: &str) -> Result<(&List, &Entry)> {
        let (wanted_list, wanted) = match name.split_once('/') {
            Some((list, name)) => (Some(self.list(list)?), name),
            None => (None, name),
        };
        let lists: Vec<&List> = wanted_list.map_or_else(|| self.lists.iter().collect(), |list| vec![list]);
        let found: Vec<(&List, &Entry)> = lists
            .iter()
            .flat_map(|list| list.entries.iter().map(|entry| (*list, entry)))
            .filter(|(_, entry)| entry.name == wanted)
            .collect();
        match found.as_slice() {
            [only] => Ok(*only),
            [] => Err(unknown(name, wanted, &lists)),
            several => Err(Failure::error(
                "which-starter",
                format!("several lists have a starter `{wanted}`"),
                format!(
                    "say which: {}",
                    several
                        .iter()
                        .map(|(list, entry)| format!("`{}/{wanted}` (the crate {})", list.name, entry.package))
                        .collect::<Vec<_>>()
                        .join(" or ")
                ),
            )),
        }
    }

    /// The list of this name.
    ///
    /// # Errors
    ///
    /// Where there is none, and then with what was most likely meant.
    pub(crate) fn list(&self, name: &str) -> Result<&List> {
        self.lists.iter().find(|list| list.name == name).ok_or_else(|| {
            let names = || self.lists.iter().map(|list| list.name.as_str());
            let meant = did_you_mean(name, names()).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
            Failure::error(
                "unknown-list",
                format!("there is no list `{name}`"),
                format!("{meant}the lists are {}", quoted(names())),
            )
        })
    }

    /// The starters of these names and all that they need, each once, what is needed before what needs it.
    ///
    /// `present` are the names of starters that the base has already: they meet needs, and may be excluded.
    /// `bedplate` is the version of bedplate that the base has.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find); where two exclude each other; where one wants another version of bedplate.
    pub(crate) fn resolve(&self, names: &[String], present: &[String], bedplate: &Version) -> Result<Vec<Pick<'_>>> {
        let mut named: Vec<Pick<'_>> = Vec::new();
        for name in names {
            let (list, entry) = self.find(name)?;
            match named.iter().find(|other| other.entry.name == entry.name) {
                Some(other) if other.list.name != list.name => return Err(twice(other, list)),
                Some(_) => {}
                None => named.push(Pick { list, entry, needed_by: None }),
            }
        }
        let mut picks = Vec::new();
        let mut visited = BTreeSet::new();
        for pick in &named {
            self.gather(*pick, &named, present, &mut visited, &mut picks)?;
        }
        for pick in &picks {
            fits(pick.entry, bedplate)?;
        }
        self.agree(&picks, present)?;
        Ok(picks)
    }

    fn gather<'m>(
        &'m self,
        pick: Pick<'m>,
        named: &[Pick<'m>],
        present: &[String],
        visited: &mut BTreeSet<&'m str>,
        picks: &mut Vec<Pick<'m>>,
    ) -> Result<()> {
        // Also what ends a circle of needs: which of them starts first, the base's own check says.
        if !visited.insert(&pick.entry.name) {
            return Ok(());
        }
        for need in pick.entry.needs.iter().filter(|need| !present.contains(need)) {
            let needed = match named.iter().find(|named| named.entry.name == *need) {
                Some(named) => *named,
                None => {
                    let (list, entry) = self.needed(need, &pick)?;
                    Pick { list, entry, needed_by: Some(&pick.entry.name) }
                }
            };
            self.gather(needed, named, present, visited, picks)?;
        }
        picks.push(pick);
        Ok(())
    }

    /// What a starter needs is first looked for in its own list, then in the one that comes with the tool.
    fn needed(&self, name: &str, by: &Pick<'_>) -> Result<(&List, &Entry)> {
        let own = self.lists.iter().filter(|list| list.name == by.list.name);
        let built_in = self.lists.iter().filter(|list| list.is_built_in());
        let nearest = own.chain(built_in).find_map(|list| Some((list, list.entry(name)?)));
        match nearest {
            Some(found) => Ok(found),
            None => self.find(name).map_err(|error| match error.downcast::<Failure>() {
                Ok(failure) => Failure::error(
                    failure.code,
                    format!("the starter `{}` needs `{name}`: {}", by.entry.name, failure.what),
                    failure.help,
                ),
                Err(error) => error,
            }),
        }
    }

    /// Refuses two that exclude each other, whichever of them says so.
    fn agree(&self, picks: &[Pick<'_>], present: &[String]) -> Result<()> {
        for (index, pick) in picks.iter().enumerate() {
            let others = picks.iter().skip(index + 1).map(|other| (other.entry.name.as_str(), Some(other.entry)));
            let there = present.iter().map(|name| (name.as_str(), self.find(name).ok().map(|(_, entry)| entry)));
            for (other, entry) in others.chain(there).filter(|(other, _)| *other != pick.entry.name) {
                let name = &pick.entry.name;
                let refuses = pick.entry.excludes.iter().any(|excluded| excluded == other);
                let refused = entry.is_some_and(|entry| entry.excludes.contains(name));
                if refuses || refused {
                    let (says, of) = if refuses { (name.as_str(), other) } else { (other, name.as_str()) };
                    return Err(Failure::error(
                        "starters-exclude",
                        format!("the starters `{name}` and `{other}` cannot be in one base: `{says}` excludes `{of}`"),
                        match present.iter().any(|name| name == other) {
                            true => format!("take the other out first: cargo bedplate remove {other}"),
                            false => "leave one of them out".to_owned(),
                        },
                    ));
                }
            }
        }
        Ok(())
    }
}

impl List {
    /// Its starter of this name.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

/// Refuses a starter that does not work with this version of bedplate.
///
/// # Errors
///
/// Where it says that it does not.
pub(crate) fn fits(entry: &Entry, bedplate: &Version) -> Result<()> {
    // A version before `1.2.0` that is on its way to it has what `1.2.0` has.
    let version = Version::new(bedplate.major, bedplate.minor, bedplate.patch);
    if entry.bedplate.matches(&version) {
        return Ok(());
    }
    Err(Failure::error(
        "bedplate-version",
        format!(
            "the starter `{}` works with bedplate {}, and the base has bedplate {bedplate}",
            entry.name, entry.bedplate
        ),
        "take a bedplate that it works with (`bedplate` and its starters in [workspace.dependencies]), or a list with \
         a version of the starter for this one: cargo bedplate market update",
    ))
}

fn twice(one: &Pick<'_>, other: &List) -> anyhow::Error {
    let name = &one.entry.name;
    Failure::error(
        "which-starter",
        format!("the starter `{name}` is wanted from the lists `{}` and `{}`", one.list.name, other.name),
        "a base has one starter of a name: name one of them only",
    )
}

fn unknown(name: &str, wanted: &str, lists: &[&List]) -> anyhow::Error {
    let all = || lists.iter().flat_map(|list| &list.entries).map(|entry| entry.name.as_str());
    let meant = match did_you_mean(wanted, all()) {
        Some(nearest) => format!("did you mean `{nearest}`? "),
        None => String::new(),
    };
    let of = match lists {
        [only] => format!("the list `{}`", only.name),
        several => format!("any of the lists {}", quoted(several.iter().map(|list| list.name.as_str()))),
    };
    Failure::error(
        "unknown-starter",
        format!("the starter `{name}` is not in {of}"),
        format!(
            "{meant}`cargo bedplate market list` shows all; another list is added with `cargo bedplate market use`"
        ),
    )
}
