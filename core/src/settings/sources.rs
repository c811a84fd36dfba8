//! Where settings come from: files, the profile's files, the environment, the command line.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::node::{Naming, Node, Table};
use super::suggest::did_you_mean;
use super::{KeyPath, Origin, SettingProblem, Tree, environment, file};

/// The sources of a base's settings, from the lowest layer to the highest: files in the order they were named,
/// the profile's variant of each file, the environment, and `--set`.
///
/// ```
/// use bedplate::settings::Sources;
///
/// let tree = Sources::new()
///     .text("bedplate.toml", "[modules.comments]\nmax_length = 500")
///     .environment([("BEDPLATE__MODULES__COMMENTS__MAX_LENGTH".to_owned(), "800".to_owned())])
///     .set("modules.comments.max_length=900")
///     .load();
/// assert!(tree.is_ok());
/// ```
#[derive(Clone, Default)]
pub struct Sources {
    files: Vec<FileSource>,
    profile: Option<String>,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
}

#[derive(Clone)]
enum FileSource {
    Required(PathBuf),
    Optional(PathBuf),
    Text { name: String, text: String },
}

impl Sources {
    /// No sources: every setting has its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a settings file that must be there.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(FileSource::Required(path.into()));
        self
    }

    /// Adds a settings file that may be absent.
    #[must_use]
    pub fn optional_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(FileSource::Optional(path.into()));
        self
    }

    /// Adds a settings file from memory; `name` is what messages call it.
    #[must_use]
    pub fn text(mut self, name: impl Into<String>, toml: impl Into<String>) -> Self {
        self.files.push(FileSource::Text { name: name.into(), text: toml.into() });
        self
    }

    /// Names the profile: of each file `x.toml` named so far or later, `x.<profile>.toml` beside it goes on top.
    /// At least one of these must exist, so that a misspelled profile does not pass unseen.
    #[must_use]
    pub fn profile(mut self, profile: Option<impl Into<String>>) -> Self {
        self.profile = profile.map(Into::into);
        self
    }

    /// Adds environment variables; those that do not begin with `BEDPLATE__` are passed over.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment.extend(variables);
        self
    }

    /// Adds what followed a `--set`: `a.b=c`. A later one overrides an earlier one.
    #[must_use]
    pub fn set(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Reads all sources.
    ///
    /// # Errors
    ///
    /// Every file that cannot be read, every TOML syntax error, every malformed variable and `--set`, all together.
    pub fn load(self) -> Result<Tree, Vec<SettingProblem>> {
        let mut problems = Vec::new();
        let mut layers: Vec<Table> = Vec::new();
        let main_file = self.files.first().map(FileSource::name);
        for source in &self.files {
            layers.extend(source.read(&mut problems));
        }
        if let Some(profile) = &self.profile {
            layers.extend(profile_layers(profile, &self.files, &mut problems));
        }
        layers.extend(environment::layers(self.environment, &mut problems));
        for argument in &self.arguments {
            match argument_layer(argument) {
                Ok(layer) => layers.push(layer),
                Err(problem) => problems.push(*problem),
            }
        }
        if problems.is_empty() {
            Ok(Tree::new(layers, main_file))
        } else {
            SettingProblem::arrange(&mut problems);
            Err(problems)
        }
    }
}

impl FileSource {
    fn name(&self) -> String {
        match self {
            Self::Required(path) | Self::Optional(path) => path.display().to_string(),
            Self::Text { name, .. } => name.clone(),
        }
    }

    fn path(&self) -> Option<&Path> {
        match self {
            Self::Required(path) | Self::Optional(path) => Some(path),
            Self::Text { .. } => None,
        }
    }

    fn read(&self, problems: &mut Vec<SettingProblem>) -> Option<Table> {
        let read = match self {
            Self::Text { name, text } => file::read(name, text),
            Self::Required(path) | Self::Optional(path) => match std::fs::read_to_string(path) {
                Ok(text) => file::read(&self.name(), &text),
                Err(error) if error.kind() == ErrorKind::NotFound && matches!(self, Self::Optional(_)) => {
                    return None;
                }
                Err(error) => {
                    let what = format!("the settings file {} cannot be read: {error}", self.name());
                    let help = match error.kind() {
                        ErrorKind::NotFound => "create it, or name another file",
                        ErrorKind::InvalidData => "save it as UTF-8",
                        _ => "make it readable for the user that the base runs as",
                    };
                    Err(vec![source_problem("setting-file", what, help.to_owned())])
                }
            },
        };
        read.map_err(|found| problems.extend(found)).ok()
    }
}

fn profile_layers(profile: &str, files: &[FileSource], problems: &mut Vec<SettingProblem>) -> Vec<Table> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if profile.is_empty() || !profile.chars().all(fits) {
        let what = format!("{profile:?} is not the name of a profile");
        let help = "use letters, digits, - and _ only: the name is a part of a file's name".to_owned();
        problems.push(source_problem("setting-profile", what, help));
        return Vec::new();
    }
    let variants: Vec<_> = files.iter().filter_map(FileSource::path).map(|path| variant(path, profile)).collect();
    if !variants.is_empty() && !variants.iter().any(|path| path.exists()) {
        let names: Vec<_> = variants.iter().map(|path| path.display().to_string()).collect();
        let others: Vec<_> = files.iter().filter_map(FileSource::path).flat_map(profiles_beside).collect();
        let meant = did_you_mean(profile, others.iter().map(String::as_str))
            .map(|name| format!("did you mean the profile {name}? Otherwise "))
            .unwrap_or_default();
        let what = format!("the profile {profile} has no file: {} does not exist", names.join(", "));
        let help = format!("{meant}create the file (it may be empty), or name no profile");
        problems.push(source_problem("setting-profile", what, help));
    }
    variants.into_iter().filter_map(|path| FileSource::Optional(path).read(problems)).collect()
}

/// `bedplate.toml` of the profile `dev` is `bedplate.dev.toml`.
fn variant(path: &Path, profile: &str) -> PathBuf {
    path.with_extension(match path.extension() {
        Some(extension) => format!("{profile}.{}", extension.to_string_lossy()),
        None => profile.to_owned(),
    })
}

/// The profiles that have a file beside this one, for "did you mean".
fn profiles_beside(path: &Path) -> Vec<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let Ok(entries) = std::fs::read_dir(folder.unwrap_or(Path::new("."))) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| {
            let profile = name.strip_prefix(&stem)?.strip_prefix('.')?.strip_suffix(".toml")?;
            Some(profile.to_owned())
        })
        .collect()
}

fn argument_layer(argument: &str) -> Result<Table, Box<SettingProblem>> {
    // The value may be a secret: a message repeats nothing that follows the key.
    let key_part: String =
        argument.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-.\"' ".contains(*c)).collect();
    let help = "write --set section.key=value".to_owned();
    let Some((key, value)) = split_argument(argument) else {
        let what = format!("`--set {key_part}…` has no `=` after its key");
        return Err(Box::new(source_problem("setting-argument", what, help)));
    };
    let path: KeyPath =
        key.parse().map_err(|error| Box::new(source_problem("setting-argument", format!("--set: {error}"), help)))?;
    let origin = Origin::CommandLine { text: path.to_string() };
    Ok(environment::single(&path, Naming::Exact, Node::text(value, origin)))
}

/// Splits at the first `=` that is not inside quotes.
fn split_argument(argument: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (index, c) in argument.char_indices() {
        match (quote, c) {
            (None, '=') => return Some((&argument[..index], &argument[index + 1..])),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

fn source_problem(code: &'static str, what: String, help: String) -> SettingProblem {
    SettingProblem { code, key: KeyPath::root(), what, origin: None, declared: None, help }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(sources: Sources) -> Vec<SettingProblem> {
        sources.load().err().unwrap_or_default()
    }

    #[test]
    fn a_malformed_argument_is_reported_without_what_may_be_a_secret() {
        let found = problems(Sources::new().set("db.password:hunter2").set("a b=1"));
        assert_eq!(found.len(), 2);
        let text = format!("{}{}", found[0], found[1]);
        assert!(text.contains("`--set db.password…` has no `=`"), "{text}");
        assert!(text.contains("needs quotes"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn an_absent_file_matters_only_where_it_is_required() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bedplate.toml");
        assert!(Sources::new().optional_file(&path).load().is_ok());
        let found = problems(Sources::new().file(&path));
        assert_eq!(found[0].code, "setting-file");
        assert!(found[0].what.contains(&path.display().to_string()));
    }

    #[test]
    fn a_misspelled_profile_is_reported_with_the_one_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bedplate.toml");
        std::fs::write(folder.path().join("bedplate.staging.toml"), "").unwrap();
        assert!(Sources::new().optional_file(&path).profile(Some("staging")).load().is_ok());
        let found = problems(Sources::new().optional_file(&path).profile(Some("stagging")));
        assert_eq!(found[0].code, "setting-profile");
        assert!(found[0].help.contains("did you mean the profile staging?"), "{}", found[0]);
        let found = problems(Sources::new().optional_file(&path).profile(Some("../x")));
        assert!(found[0].what.contains("is not the name of a profile"));
    }
}
