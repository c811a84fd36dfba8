//! Which object of each module a base comes back with: what was deployed last, as far as that can be used.

use std::collections::{BTreeMap, BTreeSet};

use super::bundle::Bundle;
use super::bundled::{Bundled, Checked};
use super::note::Note;
use crate::base::DeploySettings;
use crate::compose::{Place, Problem};
use crate::deploy::image::{Digest, Disagreement, Member, disagreements};
use crate::deploy::journal::Committed;
use crate::deploy::store::Came;
use crate::descriptors::ModuleName;
use crate::module::ModuleSpec;

/// What a base comes back with.
pub(super) struct ComeBack<'a> {
    bundled: &'a Bundled,
    settings: &'a DeploySettings,
    notes: &'a mut Vec<Note>,
    choices: BTreeMap<String, Choice>,
    /// Modules that did not serve, and come back with those that did only where they go with them.
    idle: BTreeSet<String>,
    /// Modules of the bundle that somebody has uninstalled.
    uninstalled: BTreeMap<String, Digest>,
    /// What is loaded stays so: nothing is loaded twice.
    loaded: BTreeMap<Digest, ModuleSpec>,
}

/// Which object of a module is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// That of the bundle.
    Bundle(Digest),
    /// The one that was deployed last.
    Last { digest: Digest, bundle: Option<Digest> },
}

/// Whether what was chosen holds, or was chosen anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choices {
    Hold,
    Changed,
}

impl Choice {
    fn digest(self) -> Digest {
        match self {
            Self::Bundle(digest) | Self::Last { digest, .. } => digest,
        }
    }
}

impl<'a> ComeBack<'a> {
    /// Chooses for each module what was deployed last, unless the bundle was built anew since.
    pub(super) fn new(
        bundled: &'a Bundled,
        settings: &'a DeploySettings,
        last: Option<&Committed>,
        notes: &'a mut Vec<Note>,
    ) -> Self {
        let of_bundle = bundled.digests();
        let choices = of_bundle.iter().map(|(name, digest)| (name.clone(), Choice::Bundle(*digest))).collect();
        let (idle, uninstalled, loaded) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let mut back = Self { bundled, settings, notes, choices, idle, uninstalled, loaded };
        if let Some(last) = last {
            back.choose(last, &of_bundle);
        }
        back
    }

    fn choose(&mut self, last: &Committed, of_bundle: &BTreeMap<String, Digest>) {
        let is_newer = |name: &str| of_bundle.contains_key(name) && of_bundle.get(name) != last.bundle.get(name);
        let served = last.members.iter().filter_map(|member| Some((&member.module, member.digest?)));
        for (name, digest) in served.chain(last.absent.iter().map(|(name, digest)| (name, *digest))) {
            let bundle = of_bundle.get(name).copied();
            if bundle == Some(digest) {
                continue;
            }
            if is_newer(name) {
                let text = format!(
                    "`{name}` comes from the bundle, which was built anew, and not with {} that was deployed last",
                    digest.short()
                );
                self.notes.push(Note::told(name, text));
            } else {
                self.choices.insert(name.clone(), Choice::Last { digest, bundle });
            }
        }
        for name in &last.removed {
            if is_newer(name) {
                let text = format!("`{name}` had been uninstalled, and comes back: the bundle was built anew with it");
                self.notes.push(Note::told(name, text));
            } else if let Some(choice) = self.choices.remove(name) {
                self.uninstalled.insert(name.clone(), choice.digest());
                self.notes.push(Note::told(name, format!("`{name}` stays out: it was uninstalled")));
            }
        }
        let served = |name: &str| last.members.iter().any(|member| member.module == name);
        self.idle = self.choices.keys().filter(|name| !served(name) && !is_newer(name)).cloned().collect();
    }

    /// Loads what was chosen. What cannot be used, or does not go with the rest, is the bundle's, and the log says why.
    ///
    /// # Errors
    ///
    /// What is wrong with the bundle itself.
    pub(super) fn load(mut self) -> Result<Vec<ModuleSpec>, Vec<Problem>> {
        // Ends: each round that changes something has fewer modules that are not the bundle's, or fewer modules.
        loop {
            let (checked, choices) = self.check_all()?;
            if choices == Choices::Hold
                && self.agree(&checked)? == Choices::Hold
                && self.load_all(&checked)? == Choices::Hold
            {
                break;
            }
        }
        let Self { notes, choices, mut loaded, .. } = self;
        for (name, choice) in &choices {
            if let Choice::Last { digest, .. } = choice {
                let text = format!("`{name}` comes back with {}, which was deployed last", digest.short());
                notes.push(Note::told(name, text));
            }
        }
        Ok(choices.values().filter_map(|choice| loaded.remove(&choice.digest())).collect())
    }

    /// Reads and checks what was chosen.
    fn check_all(&mut self) -> Result<(Vec<Checked>, Choices), Vec<Problem>> {
        let (mut checked, mut problems, mut choices) = (Vec::new(), Vec::new(), Choices::Hold);
        for (name, choice) in self.choices.clone() {
            match (self.check(&name, choice.digest()), choice) {
                (Ok(one), _) => checked.push(one),
                (Err(found), Choice::Bundle(_)) => problems.extend(found),
                (Err(found), Choice::Last { .. }) => {
                    self.fall_back(&name, &told(&found));
                    choices = Choices::Changed;
                }
            }
        }
        if problems.is_empty() { Ok((checked, choices)) } else { Err(problems) }
    }

    fn check(&self, name: &str, digest: Digest) -> Result<Checked, Vec<Problem>> {
        let Ok(module) = ModuleName::new(name) else {
            return Err(vec![Problem {
                code: "invalid-name",
                what: format!("`{name}` is no name of a module"),
                places: vec![Place { what: "the manifest".to_owned(), at: Bundle::FILE.to_owned() }],
                help: "build the bundle again: `cargo bedplate build`".to_owned(),
            }]);
        };
        self.bundled.checked(digest, Some(&module), None, Came::Locally, self.settings)
    }

    /// Whether the objects agree. Where they do not, what did not serve is left out; else all are the bundle's, which
    /// was built as one, and not a mixture.
    fn agree(&mut self, checked: &[Checked]) -> Result<Choices, Vec<Problem>> {
        let members: Vec<_> =
            checked.iter().map(|one| Member { module: &one.module, label: one.file.label() }).collect();
        let disagree = disagreements(&members);
        if disagree.is_empty() {
            return Ok(Choices::Hold);
        }
        let mut is_settled = false;
        for found in &disagree {
            for module in found.together.iter().filter(|module| self.idle.contains(module.as_str())) {
                if let Some(choice) = self.choices.remove(module.as_str()) {
                    let (short, why) = (choice.digest().short(), found.problem().what);
                    let text = format!("`{module}`, which did not serve, is left out with {short}: {why}");
                    self.notes.push(Note::warning(Some(module.as_str()), text));
                    is_settled = true;
                }
            }
        }
        if is_settled {
            return Ok(Choices::Changed);
        }
        let last: Vec<_> = self
            .choices
            .iter()
            .filter(|(_, choice)| matches!(choice, Choice::Last { .. }))
            .map(|(name, _)| name.clone())
            .collect();
        if last.is_empty() {
            return Err(disagree.iter().map(Disagreement::problem).collect());
        }
        for found in &disagree {
            let why = found.problem().what;
            let text = format!(
                "all modules come from the bundle, since those that were deployed last do not go with it: {why}"
            );
            self.notes.push(Note::warning(None, text));
        }
        last.iter().for_each(|name| self.fall_back(name, "it does not go with the others"));
        // Others of the bundle may require them: better a module too many than a base that does not start.
        for (name, digest) in std::mem::take(&mut self.uninstalled) {
            let text = format!("`{name}` had been uninstalled, and comes back with all modules of the bundle");
            self.notes.push(Note::warning(Some(&name), text));
            self.choices.insert(name, Choice::Bundle(digest));
        }
        Ok(Choices::Changed)
    }

    /// Loads what was checked.
    fn load_all(&mut self, checked: &[Checked]) -> Result<Choices, Vec<Problem>> {
        let (mut problems, mut choices) = (Vec::new(), Choices::Hold);
        for one in checked {
            if self.loaded.contains_key(&one.file.digest()) {
                continue;
            }
            let name = one.module.as_str();
            match (self.bundled.load(one, self.settings), self.choices.get(name)) {
                (Ok(spec), _) => drop(self.loaded.insert(one.file.digest(), spec)),
                (Err(found), Some(Choice::Last { .. })) => {
                    self.fall_back(name, &told(&found));
                    choices = Choices::Changed;
                }
                (Err(found), _) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(choices) } else { Err(problems) }
    }

    /// What was deployed last cannot be used: it is the bundle's, or there is none.
    fn fall_back(&mut self, name: &str, why: &str) {
        let Some(Choice::Last { digest, bundle }) = self.choices.remove(name) else { return };
        let instead = match bundle {
            Some(digest) => {
                self.choices.insert(name.to_owned(), Choice::Bundle(digest));
                "that of the bundle serves in its place"
            }
            None => "it is left out",
        };
        let short = digest.short();
        let text = format!("`{name}` does not come back with {short}, which was deployed last: {why}; {instead}");
        self.notes.push(Note::warning(Some(name), text));
    }
}

fn told(problems: &[Problem]) -> String {
    let why: Vec<_> = problems.iter().map(|problem| problem.what.as_str()).collect();
    why.join("; ")
}
