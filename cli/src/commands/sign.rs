//! `sign`: makes objects that another machine may install, with keys and signatures in the form of minisign.

use std::fs::{self, OpenOptions};
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use bedplate::deploy::image::{ObjectFile, inspect};
use bedplate::deploy::store::signed_comment;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use minisign::{KeyPair, SecretKey, SecretKeyBox};
use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;

/// The variable that has the password of a key, where nobody is there to be asked.
const PASSWORD: &str = "MINISIGN_PASSWORD";

/// What comes behind the name of what was signed.
const SIGNATURE: &str = ".minisig";

/// The comment that no signature covers.
const UNTRUSTED: &str = "signed by cargo bedplate";

/// The part of the command line.
pub(crate) fn command() -> Command {
    let file = |name: &'static str| Arg::new(name).value_name("FILE").value_parser(value_parser!(PathBuf));
    Command::new("sign")
        .about("Signs objects of modules, so that they can be installed from another machine")
        .arg(
            file("file")
                .num_args(1..)
                .required_unless_present("new-key")
                .help("The objects: `modules/<module>.so` of a bundle. The signature is written beside each, as FILE.minisig"),
        )
        .arg(
            file("key")
                .long("key")
                .value_name("SECRETKEY")
                .required_unless_present("new-key")
                .help("The secret key, as minisign or --new-key wrote it. Its password is asked for, or read from MINISIGN_PASSWORD"),
        )
        .arg(
            Arg::new("sequence")
                .long("sequence")
                .value_name("N")
                .value_parser(value_parser!(u64))
                .help("A number that a base lets only a rollback lower, for each module [default: milliseconds since 1970]"),
        )
        .arg(
            file("new-key")
                .long("new-key")
                .conflicts_with_all(["file", "key", "sequence"])
                .help("Makes a key: the secret one in FILE, the public one beside it with the ending .pub"),
        )
        .arg(
            Arg::new("unencrypted")
                .long("unencrypted")
                .action(ArgAction::SetTrue)
                .requires("new-key")
                .conflicts_with_all(["file", "key"])
                .help("Protects the new key by no password, for a pipeline that keeps it in a safe of its own"),
        )
}

/// Runs `sign`.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<()> {
    if let Some(file) = matches.get_one::<PathBuf>("new-key") {
        return new_key(file, matches.get_flag("unencrypted"), output);
    }
    let files: Vec<&PathBuf> = matches.get_many("file").into_iter().flatten().collect();
    // All are read before the first is signed: it is all of them or none.
    let objects = files.iter().map(|file| Object::read(file)).collect::<Result<Vec<_>>>()?;
    let Some(path) = matches.get_one::<PathBuf>("key") else {
        return Err(Failure::error("no-key", "no key is named", "name one: `--key SECRETKEY`"));
    };
    let key = secret_key(path, output)?;
    let sequence = matches.get_one("sequence").copied().unwrap_or_else(now_ms);
    let mut signed = Vec::new();
    for object in &objects {
        let signature = object.sign(&key, sequence)?;
        let written = beside(object.path);
        fs::write(&written, signature).map_err(|error| cannot_write(&written, &error))?;
        let (label, build_id) = (object.file.label(), object.file.build_id());
        output.line(format!(
            "signed {} as {sequence}: {}",
            label.module.as_deref().unwrap_or_default(),
            written.display()
        ));
        signed.push(json!({
            "file": object.path, "signature": written, "module": label.module, "build_id": build_id,
            "base_fingerprint": label.base_fingerprint, "sequence": sequence,
        }));
    }
    output.object(&json!({ "version": 1, "signed": signed }));
    Ok(())
}

/// An object that is going to be signed.
#[derive(Debug)]
struct Object<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
    file: ObjectFile,
}

impl<'a> Object<'a> {
    fn read(path: &'a Path) -> Result<Self> {
        let shown = path.display();
        let refused = |what: String| {
            Failure::error("no-object", what, "name objects of modules: `modules/<module>.so` of a bundle")
        };
        let bytes = fs::read(path).map_err(|error| refused(format!("{shown} cannot be read: {error}")))?;
        let file = inspect(&bytes).map_err(|flaws| {
            let what: Vec<_> = flaws.iter().map(|flaw| flaw.problem(&shown.to_string()).what).collect();
            refused(format!("{shown} cannot be signed: {}", what.join("; ")))
        })?;
        if file.module().is_none() {
            return Err(refused(format!("{shown} is the object of no module")));
        }
        Ok(Self { path, bytes, file })
    }

    /// The text of its signature: over its bytes, and over what it is in the trusted comment.
    fn sign(&self, key: &SecretKey, sequence: u64) -> Result<String> {
        let comment = signed_comment(self.file.label(), self.file.build_id(), sequence);
        let signed = minisign::sign(None, key, Cursor::new(&self.bytes), Some(&comment), Some(UNTRUSTED));
        let signed = signed.map_err(|error| {
            let what = format!("{} cannot be signed: {error}", self.path.display());
            Failure::error("signing-failed", what, "try again, with another key")
        })?;
        Ok(signed.into_string())
    }
}

/// Reads a secret key. Of one that is protected, the password comes from the environment or from the terminal.
fn secret_key(path: &Path, output: Output) -> Result<SecretKey> {
    let refused = |what: String| {
        let what = format!("the key {} cannot be used: {what}", path.display());
        Failure::error("key-unreadable", what, "name a secret key of minisign's, or make one: `sign --new-key FILE`")
    };
    let text = fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    let boxed = SecretKeyBox::from(text);
    let plain = match SecretKey::from_unencrypted_box(boxed.clone()) {
        Ok(key) => return Ok(key),
        Err(error) => error,
    };
    let password = std::env::var(PASSWORD).ok();
    if password.is_none() && output == Output::Json {
        // The question would stand between the JSON.
        return Err(refused(format!("{plain}, and {PASSWORD} is not set")));
    }
    SecretKey::from_box(boxed, password)
        .map_err(|error| refused(format!("without a password: {plain}; with one: {error} (see {PASSWORD})")))
}

/// Makes a key.
fn new_key(path: &Path, unencrypted: bool, output: Output) -> Result<()> {
    let public = path.with_extension("pub");
    for file in [path, &public] {
        // Looked at before somebody has thought of a password; that nothing is lost is seen to when it is written.
        if file.exists() {
            let error = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(cannot_write(file, &error));
        }
    }
    let made = match (unencrypted, std::env::var(PASSWORD).ok()) {
        (true, _) => KeyPair::generate_unencrypted_keypair(),
        (false, None) if output == Output::Json => {
            let what = format!("a password is needed, and {PASSWORD} is not set");
            return Err(Failure::error("no-password", what, "set it, or make the key `--unencrypted`"));
        }
        (false, password) => KeyPair::generate_encrypted_keypair(password),
    };
    let text = made.and_then(|keys| {
        Ok((keys.sk.to_box(None)?.into_string(), keys.pk.to_box()?.into_string(), keys.pk.to_base64()))
    });
    let (secret_text, public_text, key) = text.map_err(|error| {
        Failure::error("no-key", format!("no key was made: {error}"), format!("set {PASSWORD}, or try again"))
    })?;
    write_new(path, 0o600, &secret_text)?;
    write_new(&public, 0o644, &public_text)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    output.object(&json!({ "version": 1, "secret_key": path, "public_key": public, "key": key }));
    output.line(format!(
        "wrote {}, which nobody else may see, and {}\n  a base trusts it by its settings, for the modules that you name:\n  \
         [deploy]\n  trusted_keys = [{{ name = \"{name}\", key = \"{key}\", modules = [\"*\"] }}]",
        path.display(),
        public.display(),
    ));
    Ok(())
}

/// Writes a file that was not there.
fn write_new(path: &Path, mode: u32, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &io::Error) -> anyhow::Error {
    let what = format!("{} cannot be written: {error}", path.display());
    Failure::error("file-unwritable", what, "see to its folder; a key is never written over")
}

/// Where the signature of an object is looked for: beside it.
fn beside(object: &Path) -> PathBuf {
    let mut name = object.as_os_str().to_owned();
    name.push(SIGNATURE);
    name.into()
}

/// A sequence that rises by itself.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn code(error: &anyhow::Error) -> &'static str {
        error.downcast_ref::<Failure>().unwrap().code
    }

    #[test]
    fn a_new_key_is_its_owners_alone_and_signs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ci.key");
        new_key(&path, true, Output::Json).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let key = secret_key(&path, Output::Json).unwrap();
        let public = fs::read_to_string(folder.path().join("ci.pub")).unwrap();
        let public = minisign::PublicKeyBox::from_string(&public).unwrap().into_public_key().unwrap();
        let signed = minisign::sign(Some(&public), &key, Cursor::new(b"object"), None, None).unwrap();
        minisign::verify(&public, &signed, Cursor::new(b"object"), true, false, false).unwrap();
        // A key is never written over.
        assert_eq!(code(&new_key(&path, true, Output::Json).unwrap_err()), "file-unwritable");
        assert!(secret_key(&path, Output::Json).unwrap() == key);
    }

    #[test]
    fn what_cannot_be_signed_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("comments.so");
        let missing = Object::read(&path).unwrap_err();
        assert!(code(&missing) == "no-object" && missing.to_string().contains("comments.so"), "{missing}");
        fs::write(&path, "no object").unwrap();
        assert_eq!(code(&Object::read(&path).unwrap_err()), "no-object");
        assert_eq!(code(&secret_key(&path, Output::Json).unwrap_err()), "key-unreadable");
    }

    #[test]
    fn the_signature_stands_beside_the_object_where_install_looks_for_it() {
        assert_eq!(beside(Path::new("modules/comments.so")), Path::new("modules/comments.so.minisig"));
    }

    #[test]
    fn either_objects_and_a_key_or_a_new_key() {
        let parse = |arguments: &[&str]| command().try_get_matches_from([&["sign"], arguments].concat()).is_ok();
        assert!(parse(&["a.so", "b.so", "--key", "ci.key", "--sequence", "7"]) && parse(&["--new-key", "ci.key"]));
        assert!(!parse(&["a.so"]) && !parse(&["--key", "ci.key"]) && !parse(&["a.so", "--new-key", "ci.key"]));
        assert!(
            !parse(&["a.so", "--key", "ci.key", "--sequence", "-1"])
                && !parse(&["a.so", "--key", "k", "--unencrypted"])
        );
    }
}
