//! Who may send code over the network: signatures in the form of minisign, by keys that the settings trust.

use minisign_verify::{PublicKey, Signature as Minisign};

use super::artifact::Signature;
use crate::base::TrustedKey;
use crate::compose::Problem;
use crate::deploy::image::{BuildId, ObjectFile, ObjectLabel};

/// What has to stand in the trusted comment of a signature. `cargo bedplate sign` writes it; so does
/// `minisign -S -t "<this>" -m comments.so`.
///
/// It binds the signature to a module, a build and a base, and to a sequence that must not go down, so that an older
/// object which was signed in good faith cannot be sent again.
#[must_use]
pub fn signed_comment(label: &ObjectLabel, build_id: &BuildId, sequence: u64) -> String {
    let module = label.module.as_deref().unwrap_or_default();
    format!("bedplate module={module} build={build_id} base={} sequence={sequence}", label.base_fingerprint)
}

/// Verifies the signature of a file, and that it is over this very module, build and base.
pub(crate) fn verify(
    bytes: &[u8],
    file: &ObjectFile,
    signature: &str,
    keys: &[TrustedKey],
) -> Result<Signature, Problem> {
    let module = file.label().module.as_deref().unwrap_or_default();
    let trusted = keys.iter().filter(|key| key.modules.iter().any(|name| name == "*" || name == module));
    let parsed = Minisign::decode(signature).map_err(|error| {
        refused("signature-unreadable", format!("the signature is no minisign file: {error}"), SIGN)
    })?;
    let mut known = false;
    for key in trusted {
        known = true;
        let public = PublicKey::from_base64(&key.key).map_err(|error| {
            let help = "give the key as minisign prints it, under `deploy.trusted_keys`";
            refused("key-unreadable", format!("the trusted key `{}` cannot be read: {error}", key.name), help)
        })?;
        // Without the older form, which hashes nothing beforehand.
        if public.verify(bytes, &parsed, false).is_ok() {
            let sequence = sequence_of(parsed.trusted_comment(), file)?;
            return Ok(Signature { text: signature.to_owned(), key: key.name.clone(), sequence });
        }
    }
    Err(if known {
        let what = format!("the signature is not that of this file by a key that is trusted for `{module}`");
        refused("signature-wrong", what, SIGN)
    } else {
        let what = format!("no key is trusted for `{module}`");
        refused("key-missing", what, "add the key of who builds it to `deploy.trusted_keys`, and `settings apply`")
    })
}

/// What an artifact that came over the network has to bring.
pub(crate) fn missing(module: &str) -> Problem {
    let what = format!("the object of `{module}` is asked for over the network, or came over it, and is not signed");
    refused("signature-missing", what, SIGN)
}

/// What a sequence that goes down is answered with.
pub(crate) fn outdated(module: &str, sequence: u64, last: u64) -> Problem {
    Problem {
        code: "signature-outdated",
        what: format!(
            "the object of `{module}` is older than what was deployed: it is signed as {sequence}, after {last}"
        ),
        places: Vec::new(),
        help: "sign a new build with a higher sequence, or `rollback` on purpose".to_owned(),
    }
}

const SIGN: &str = "sign it with a key that `deploy.trusted_keys` names: `cargo bedplate sign FILE --key SECRETKEY`";

fn sequence_of(comment: &str, file: &ObjectFile) -> Result<u64, Problem> {
    let sequence = comment.rsplit_once(" sequence=").and_then(|(_, number)| number.parse().ok());
    // The comment is written again and compared whole: there is no second way to write it.
    match sequence {
        Some(sequence) if comment == signed_comment(file.label(), file.build_id(), sequence) => Ok(sequence),
        _ => {
            let wanted = signed_comment(file.label(), file.build_id(), 0);
            let what = format!("the signature is over something else: its trusted comment says `{comment}`");
            let help = format!("{SIGN}; with another tool, the trusted comment is `{wanted}`, counted up");
            Err(refused("signature-of-another", what, &help))
        }
    }
}

fn refused(code: &'static str, what: String, help: &str) -> Problem {
    Problem { code, what, places: Vec::new(), help: help.to_owned() }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;
    use std::sync::LazyLock;

    use minisign::KeyPair;

    use super::*;
    use crate::deploy::image::inspect;
    use crate::deploy::image::tests::objects::Object;

    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| Object::default().make("signed"));

    /// Signs a file with this comment.
    pub(crate) fn signed(keys: &KeyPair, bytes: &[u8], comment: &str) -> String {
        minisign::sign(None, &keys.sk, Cursor::new(bytes), Some(comment), None).unwrap().into_string()
    }

    pub(crate) fn trusted(keys: &KeyPair, modules: &[&str]) -> TrustedKey {
        let modules = modules.iter().map(|&name| name.to_owned()).collect();
        TrustedKey { name: "ci".to_owned(), key: keys.pk.to_base64(), modules }
    }

    fn code(signature: &str, bytes: &[u8], keys: &[TrustedKey]) -> &'static str {
        verify(bytes, &inspect(&BYTES).unwrap(), signature, keys).unwrap_err().code
    }

    #[test]
    fn a_signature_by_a_trusted_key_is_verified() {
        let keys = KeyPair::generate_unencrypted_keypair().unwrap();
        let file = inspect(&BYTES).unwrap();
        let signature = signed(&keys, &BYTES, &signed_comment(file.label(), file.build_id(), 7));
        let other = KeyPair::generate_unencrypted_keypair().unwrap();
        for modules in [&["comments"][..], &["*"], &["articles", "comments"]] {
            let trust = [trusted(&other, &["*"]), trusted(&keys, modules)];
            let verified = verify(&BYTES, &file, &signature, &trust).unwrap();
            assert_eq!((verified.key.as_str(), verified.sequence), ("ci", 7));
        }
    }

    #[test]
    fn what_is_not_signed_for_this_is_refused() {
        let keys = KeyPair::generate_unencrypted_keypair().unwrap();
        let other = KeyPair::generate_unencrypted_keypair().unwrap();
        let file = inspect(&BYTES).unwrap();
        let comment = signed_comment(file.label(), file.build_id(), 7);
        let signature = signed(&keys, &BYTES, &comment);
        let trust = [trusted(&keys, &["comments"])];
        assert_eq!(code(&signature, &BYTES, &[]), "key-missing");
        assert_eq!(code(&signature, &BYTES, &[trusted(&keys, &["articles"])]), "key-missing");
        assert_eq!(code(&signature, &BYTES, &[trusted(&other, &["*"])]), "signature-wrong");
        assert_eq!(code("nonsense", &BYTES, &trust), "signature-unreadable");
        let mut tampered = BYTES.clone();
        *tampered.last_mut().unwrap() ^= 1;
        assert_eq!(code(&signature, &tampered, &trust), "signature-wrong");
        let forged = signature.replace("sequence=7", "sequence=8");
        assert_eq!(code(&forged, &BYTES, &trust), "signature-wrong");
        let broken = TrustedKey { key: "RWnonsense".to_owned(), ..trust[0].clone() };
        assert_eq!(code(&signature, &BYTES, &[broken]), "key-unreadable");
    }

    #[test]
    fn a_signature_over_another_module_build_or_base_is_refused() {
        let keys = KeyPair::generate_unencrypted_keypair().unwrap();
        let file = inspect(&BYTES).unwrap();
        let comment = signed_comment(file.label(), file.build_id(), 7);
        let comments = [
            comment.replace("module=comments", "module=articles"),
            comment.replace("build=", "build=00"),
            comment.replace("base=", "base=00"),
            comment.replace("sequence=7", "sequence=seven"),
            comment.replace("sequence=7", "sequence=+7"),
            format!("{comment} sequence=9"),
            "timestamp:1700000000".to_owned(),
        ];
        for comment in comments {
            let signature = signed(&keys, &BYTES, &comment);
            assert_eq!(code(&signature, &BYTES, &[trusted(&keys, &["comments"])]), "signature-of-another", "{comment}");
        }
    }
}
