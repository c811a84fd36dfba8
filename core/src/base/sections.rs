//! The sections that the settings of a base may have, and what is wrong with what stands in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::ModuleSettings;
use crate::base::config::{CoreSettings, ModuleCoreSettings, StarterCoreSettings};
use crate::descriptors::{ModuleName, StarterDescriptor};
use crate::module::{ModuleSpec, RequiredKind};
use crate::scene::SceneName;
use crate::settings::{KeyPath, Known, SettingProblem, Settings, Tree};

/// Modules by name and scene, as scene and module.
pub(crate) fn members_of(
    specs: &BTreeMap<(ModuleName, SceneName), Arc<ModuleSpec>>,
) -> impl Iterator<Item = (&SceneName, &Arc<ModuleSpec>)> {
    specs.iter().map(|((_, scene), spec)| (scene, spec))
}

/// All sections that the settings may have, with their keys, in a base of these starters and modules.
pub(crate) fn known_sections<'m>(
    starters: &[&'static StarterDescriptor],
    modules: impl IntoIterator<Item = &'m ModuleSpec>,
) -> Known {
    let mut known = Known::new();
    for (section, schema) in CoreSettings::sections() {
        known.add(KeyPath::of([section]), schema);
    }
    for starter in starters {
        let path = KeyPath::of(["starters", starter.name]);
        known.add(path.clone(), StarterCoreSettings::schema());
        known.add(path, (starter.settings.schema)());
    }
    for module in modules {
        let name = module.name.as_str();
        let base = KeyPath::of(["modules", name]);
        // Whether a module is there is the base's to say, not a scene's.
        known.add(base.clone(), ModuleCoreSettings::schema());
        for path in [base, KeyPath::of(["scenes", "*", "modules", name])] {
            for required in module.requirements.as_slice() {
                if let RequiredKind::Settings(settings) = &required.kind {
                    known.add(path.clone(), (settings.schema)());
                }
            }
            for starter in starters {
                known.add(path.join(starter.name), (starter.module_settings.schema)());
            }
        }
    }
    known
}

/// Leaves out the sections of modules that the base had, and that were uninstalled or could not come back: their
/// settings wait for them.
pub(crate) fn forgive_former(problems: &mut Vec<SettingProblem>, former: &BTreeSet<String>) {
    let is_section_of_former = |problem: &SettingProblem| match problem.key.segments() {
        [modules, module] => modules == "modules" && former.contains(module),
        [scenes, _, modules, module] => scenes == "scenes" && modules == "modules" && former.contains(module),
        _ => false,
    };
    problems.retain(|problem| problem.code != "setting-unknown" || !is_section_of_former(problem));
}

/// Reads every section once, so that all that is wrong with values is known.
pub(crate) fn read_sections<'m>(
    tree: &Tree,
    starters: &[&'static StarterDescriptor],
    members: impl IntoIterator<Item = (&'m SceneName, &'m Arc<ModuleSpec>)>,
    problems: &mut Vec<SettingProblem>,
) {
    for starter in starters {
        let paths = [KeyPath::of(["starters", starter.name])];
        (starter.settings.check)(tree, &paths, problems);
    }
    for (scene, module) in members {
        let paths = ModuleSettings { tree, module: &module.name, scene };
        let own = paths.paths(None);
        tree.read::<ModuleCoreSettings>(&own, problems);
        for required in module.requirements.as_slice() {
            if let RequiredKind::Settings(settings) = &required.kind {
                (settings.check)(tree, &own, problems);
            }
        }
        for starter in starters {
            (starter.module_settings.check)(tree, &paths.paths(Some(starter.name)), problems);
        }
    }
}
