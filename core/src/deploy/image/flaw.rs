//! Why an object file is not loaded, in the form what / where / what to do.

use std::fmt;

use super::label::{ENTRY_SYMBOL, LABEL_FORMAT};
use crate::compose::{Place, Problem};

/// One reason for not loading an object file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// The file has no bytes.
    Empty,
    /// The file ends before what it says it holds.
    Truncated {
        /// What is missing.
        part: String,
    },
    /// The file is no program at all.
    NotAnObject,
    /// The file contradicts itself.
    Malformed {
        /// What is wrong.
        what: String,
    },
    /// The file is for another system or another machine.
    ForeignMachine {
        /// What it is for.
        is: String,
        /// What this base runs on.
        wants: String,
    },
    /// The file is a program, or a part of one, and no shared object.
    NotShared {
        /// What it is.
        is: &'static str,
    },
    /// The file has no label: bedplate's tool has not linked it.
    NoLabel,
    /// The label cannot be read.
    UnreadableLabel {
        /// Why not.
        why: String,
    },
    /// The label has a form that this base does not know.
    OtherFormat {
        /// The form of the label.
        is: u32,
    },
    /// The file does not export the entry of a module.
    NoEntry,
    /// The file carries no build id.
    NoBuildId,
    /// The object is another module than was asked for.
    OtherModule {
        /// The module that it is; `None` for a base library.
        is: Option<String>,
        /// The module that was asked for.
        asked: String,
    },
    /// The object's own code says another name, or another version of bedplate, than its label.
    LabelLies {
        /// What differs.
        what: &'static str,
        /// What the label says.
        label: String,
        /// What the code says.
        code: String,
    },
    /// The object was built for another base.
    OtherBase(Difference),
    /// Something of the object would run while it is loaded, before anything can be checked.
    Constructor(Constructor),
    /// The object does not use the base library.
    WithoutBase {
        /// The file name of the base library.
        library: String,
    },
    /// The object needs a library that neither the base nor the system has: it would be loaded unseen.
    OtherLibrary {
        /// The file name of the library.
        library: String,
    },
    /// The object carries a second copy of a crate that lives in the base library.
    DefinedTwice {
        /// The crate.
        crate_name: String,
        /// What is defined twice.
        symbol: String,
    },
    /// The loader would have to write into the object's code.
    TextRelocations,
    /// The object asks for a stack that can be executed, or for memory that is both written and executed.
    ExecutableData,
}

/// One part in which an object and the base differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The part.
    pub part: Part,
    /// What the object has.
    pub object: String,
    /// What the base has.
    pub base: String,
}

/// The parts that an object and its base must have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The compiler.
    Compiler,
    /// The target triple.
    Target,
    /// The profile.
    Profile,
    /// The flags of code generation.
    Flags,
    /// The version of bedplate.
    Bedplate,
    /// The lock file: a crate has another version.
    LockFile(String),
    /// A crate has other features.
    Features(String),
    /// A crate of the base has another source.
    BaseSource(String),
    /// A contract in the base has another source.
    Contract(String),
    /// A crate that the object expects in the base library is not there.
    MissingCrate(String),
    /// The fingerprint of the base, and nothing that the object itself uses.
    Fingerprint,
}

/// A function that the loader would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constructor {
    /// The crate that the function belongs to; `None` for one that is not Rust, or has no name.
    pub crate_name: Option<String>,
    /// The function, or its address where it has no name.
    pub function: String,
    /// What makes the loader run it: `.init_array`, `DT_INIT`.
    pub through: &'static str,
}

impl Constructor {
    /// Whether a list of crates and functions exempts it.
    pub(super) fn is_allowed(&self, allowed: &[String]) -> bool {
        let normal = |name: &str| name.replace('-', "_");
        allowed.iter().any(|name| {
            self.crate_name.as_deref().is_some_and(|own| normal(own) == normal(name)) || self.function == *name
        })
    }
}

impl Flaw {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "object-empty",
            Self::Truncated { .. } => "object-truncated",
            Self::NotAnObject => "not-an-object",
            Self::Malformed { .. } => "object-malformed",
            Self::ForeignMachine { .. } => "object-foreign",
            Self::NotShared { .. } => "object-not-shared",
            Self::NoLabel => "object-unlabelled",
            Self::UnreadableLabel { .. } => "label-unreadable",
            Self::OtherFormat { .. } => "label-format",
            Self::NoEntry => "object-without-entry",
            Self::NoBuildId => "object-without-build-id",
            Self::OtherModule { .. } => "other-module",
            Self::LabelLies { .. } => "label-untrue",
            Self::OtherBase(difference) => difference.part.code(),
            Self::Constructor(_) => "object-constructor",
            Self::WithoutBase { .. } => "object-without-base",
            Self::OtherLibrary { .. } => "object-needs-library",
            Self::DefinedTwice { .. } => "object-defines-base",
            Self::TextRelocations => "object-text-relocations",
            Self::ExecutableData => "object-executable-data",
        }
    }

    /// The report of it. `file` names the file for people.
    #[must_use]
    pub fn problem(&self, file: &str) -> Problem {
        Problem {
            code: self.code(),
            what: self.to_string(),
            places: vec![Place { what: "the object".to_owned(), at: file.to_owned() }],
            help: self.help(),
        }
    }

    fn help(&self) -> String {
        let text = match self {
            Self::Empty | Self::Truncated { .. } | Self::Malformed { .. } => "send the whole file again",
            Self::NotAnObject | Self::NotShared { .. } | Self::NoLabel | Self::NoEntry | Self::NoBuildId => {
                "give it the object that `cargo bedplate build` writes into `modules/` of the bundle"
            }
            Self::ForeignMachine { wants, .. } => return format!("build the module for {wants}"),
            Self::UnreadableLabel { .. } | Self::OtherFormat { .. } | Self::LabelLies { .. } => {
                "build the module with the `cargo bedplate` of the version that built this base"
            }
            Self::OtherModule { is: Some(is), .. } => return format!("deploy it as `{is}`, or send the object meant"),
            Self::OtherModule { is: None, .. } => "this is a base library: send the object of a module",
            Self::OtherBase(difference) => return difference.part.help(),
            Self::Constructor(constructor) => {
                return format!(
                    "let the module do without it, put the crate into the base, or exempt it: `allow_constructors = \
                     [\"{}\"]` under `[deploy]`",
                    constructor.crate_name.as_deref().unwrap_or(&constructor.function)
                );
            }
            Self::OtherLibrary { library } => {
                return format!(
                    "put the crate that needs it into the base, or exempt it: `allow_constructors = [\"{library}\"]` \
                     under `[deploy]`"
                );
            }
            Self::WithoutBase { .. } | Self::DefinedTwice { .. } | Self::TextRelocations | Self::ExecutableData => {
                "link the module with `cargo bedplate build`, and not by hand"
            }
        };
        text.to_owned()
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::Truncated { part } => write!(f, "the file is cut off: {part} is beyond its end"),
            Self::NotAnObject => f.write_str("the file is neither an ELF nor a Mach-O object"),
            Self::Malformed { what } => write!(f, "the file contradicts itself: {what}"),
            Self::ForeignMachine { is, wants } => write!(f, "the object is for {is}, and this base runs on {wants}"),
            Self::NotShared { is } => write!(f, "the file is {is}, and no shared object"),
            Self::NoLabel => f.write_str("the object has no label: `cargo bedplate` has not linked it"),
            Self::UnreadableLabel { why } => write!(f, "the object's label cannot be read: {why}"),
            Self::OtherFormat { is } => {
                write!(f, "the object's label has the form {is}, and this base reads the form {LABEL_FORMAT}")
            }
            Self::NoEntry => write!(f, "the object does not export `{ENTRY_SYMBOL}`: it holds no module"),
            Self::NoBuildId => f.write_str("the object has no build id, so it could not prove that its code runs"),
            Self::OtherModule { is: Some(is), asked } => {
                write!(f, "the object is the module `{is}`, and `{asked}` was asked for")
            }
            Self::OtherModule { is: None, asked } => {
                write!(f, "the object is a base library, and the module `{asked}` was asked for")
            }
            Self::LabelLies { what, label, code } => {
                write!(f, "the object's label says the {what} is `{label}`, and its code says `{code}`")
            }
            Self::OtherBase(difference) => difference.fmt(f),
            Self::Constructor(constructor) => constructor.fmt(f),
            Self::WithoutBase { library } => write!(f, "the object does not use the base library `{library}`"),
            Self::OtherLibrary { library } => write!(
                f,
                "the object needs the library `{library}`, whose code would run while it is loaded, before anything \
                 can be checked"
            ),
            Self::DefinedTwice { crate_name, symbol } => write!(
                f,
                "the object carries a copy of `{crate_name}`, which lives in the base library: it defines `{symbol}`"
            ),
            Self::TextRelocations => f.write_str("the object was not built as position-independent code"),
            Self::ExecutableData => f.write_str("the object wants memory that is both written and executed"),
        }
    }
}

impl fmt::Display for Constructor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.crate_name {
            Some(name) => write!(f, "the crate `{name}` has code that runs while the object is loaded, ")?,
            None => f.write_str("the object has code that runs while it is loaded, ")?,
        }
        write!(f, "before anything can be checked: `{}` ({})", self.function, self.through)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, object, base } = self;
        match part {
            Part::Fingerprint => write!(f, "the object was built for the base {object}, and this is the base {base}"),
            _ => write!(f, "{part}: the object was built with {object}, the base with {base}"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compiler => f.write_str("compiler"),
            Self::Target => f.write_str("target"),
            Self::Profile => f.write_str("profile"),
            Self::Flags => f.write_str("flags"),
            Self::Bedplate => f.write_str("version of bedplate"),
            Self::LockFile(name) | Self::MissingCrate(name) => write!(f, "lock file, version of `{name}`"),
            Self::Features(name) => write!(f, "feature set of `{name}`"),
            Self::BaseSource(name) => write!(f, "base source, metadata of `{name}`"),
            Self::Contract(name) => write!(f, "contract `{name}`, its metadata"),
            Self::Fingerprint => f.write_str("base"),
        }
    }
}

impl Part {
    fn code(&self) -> &'static str {
        match self {
            Self::Compiler => "other-compiler",
            Self::Target => "other-target",
            Self::Profile => "other-profile",
            Self::Flags => "other-flags",
            Self::Bedplate => "other-bedplate",
            Self::LockFile(_) | Self::MissingCrate(_) => "other-lock-file",
            Self::Features(_) => "other-features",
            Self::BaseSource(_) => "other-base-source",
            Self::Contract(_) => "other-contract",
            Self::Fingerprint => "other-base",
        }
    }

    fn help(&self) -> String {
        let text = match self {
            Self::Compiler => "build the module with the compiler of the base (`rust-toolchain.toml` pins it)",
            Self::Target => "build the module for the base's target",
            Self::Profile | Self::Flags => "build the module as the base is built: with or without `--release`",
            Self::Bedplate | Self::LockFile(_) | Self::MissingCrate(_) => {
                "build the module with the base's `Cargo.lock`, or build and restart the base with the new one"
            }
            Self::Features(_) => "build the base and all its modules in one workspace, and restart the base",
            Self::BaseSource(_) | Self::Contract(_) => {
                "build the module against the sources that the base was built from, or build and restart the base"
            }
            Self::Fingerprint => "build the module against this base, or build and restart the base",
        };
        text.to_owned()
    }
}
