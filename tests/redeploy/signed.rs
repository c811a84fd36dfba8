//! Objects that arrive from another machine: signed by a key that is trusted, and none that is older.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bedplate::deploy::image::inspect;
use bedplate::deploy::store::signed_comment;
use bedplate_admin_client::blocking::Client;
use bedplate_admin_client::protocol::{ArtifactReference, Deployment, DeploymentRequest, Operation, Options, Refusal};
use bedplate_admin_client::{ClientError, Endpoint, Remote};
use minisign::KeyPair;

use crate::base::{Base, Place};
use crate::load::{Together, under_load};
use crate::workshop::object;

const TOKEN: &str = "the-token-of-the-pipeline-that-builds";

/// A base that other machines can operate, and the key that it trusts.
struct Far {
    place: Place,
    certificate: String,
    keys: KeyPair,
}

impl Far {
    fn new(name: &str) -> Self {
        let keys = KeyPair::generate_unencrypted_keypair().unwrap();
        let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let place = Place::new(name);
        fs::write(place.folder.join("cert.pem"), issued.cert.pem()).unwrap();
        fs::write(place.folder.join("key.pem"), issued.signing_key.serialize_pem()).unwrap();
        let file = place.folder.join("bedplate.toml");
        let settings = fs::read_to_string(&file).unwrap();
        let settings = settings.replace(
            "[deploy]",
            &format!(
                "[starters.admin.remote]\nlisten = \"127.0.0.1:0\"\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\
                 hosts = [\"localhost\"]\ntokens = [{{ name = \"pipeline\", secret = \"{TOKEN}\", may = [\"*\"] }}]\n\n[deploy]\n\
                 trusted_keys = [{{ name = \"ci\", key = \"{}\", modules = [\"plain\"] }}]",
                keys.pk.to_base64()
            ),
        );
        fs::write(file, settings).unwrap();
        Self { place, certificate: issued.cert.pem(), keys }
    }

    fn client(&self, base: &mut Base) -> Client {
        let port = base.process.wait_for("it can be operated", |log| {
            let (_, rest) = log.split_once("operated from other machines on https://127.0.0.1:")?;
            let (port, _) = rest.split_once(|c: char| !c.is_ascii_digit())?;
            Some(port.to_owned())
        });
        let remote = Remote::new(&format!("localhost:{port}"), TOKEN, self.certificate.as_bytes()).unwrap();
        Client::new(Endpoint::Remote(Arc::new(remote))).unwrap()
    }

    fn signed(&self, object: &Path, sequence: u64) -> String {
        sign(&self.keys, object, &comment(object, sequence))
    }
}

fn comment(object: &Path, sequence: u64) -> String {
    let file = inspect(&fs::read(object).unwrap()).unwrap();
    signed_comment(file.label(), file.build_id(), sequence)
}

fn sign(keys: &KeyPair, object: &Path, comment: &str) -> String {
    let bytes = Cursor::new(fs::read(object).unwrap());
    minisign::sign(None, &keys.sk, bytes, Some(comment), None).unwrap().into_string()
}

fn install(client: &Client, object: &Path, signature: Option<String>) -> Result<Deployment, Refusal> {
    let refused = |error: ClientError| error.refusal().clone();
    let digest = client.upload(object).map_err(refused)?.digest;
    let operation = Operation::Install { artifacts: vec![ArtifactReference { digest, signature }] };
    client.deploy_and_follow(&DeploymentRequest::new(operation, Options::default()), |_| ()).map_err(refused)
}

#[test]
fn what_is_not_signed_as_it_must_be_does_not_serve() {
    let far = Far::new("signed");
    let mut base = far.place.start();
    let client = far.client(&mut base);
    let two = object("plain", "two");
    let refusals = |base: &Base, cases: Vec<(&Path, Option<String>, &str)>| {
        under_load(base, Together::No, |load| {
            for (object, signature, code) in cases {
                let refusal = install(&client, object, signature).expect_err(code);
                assert!(refusal.has(code), "{code}: {refusal:?}");
                assert!(!refusal.help.is_empty(), "{refusal:?}");
            }
            load.goes_on(64);
        });
    };
    let stranger = KeyPair::generate_unencrypted_keypair().unwrap();
    refusals(
        &base,
        vec![
            (two, None, "signature-missing"),
            (two, Some("signed, I swear".to_owned()), "signature-unreadable"),
            (two, Some(sign(&stranger, two, &comment(two, 1))), "signature-wrong"),
            // Signed in good faith, and not this file; or for another build.
            (two, Some(far.signed(object("plain", "one"), 1)), "signature-wrong"),
            (two, Some(sign(&far.keys, two, &comment(object("plain", "one"), 1))), "signature-of-another"),
            // The key is not trusted for this module.
            (object("reporter", "two"), Some(far.signed(object("reporter", "two"), 1)), "key-missing"),
        ],
    );
    assert!(base.text("/plain").starts_with("one"));
    let live = install(&client, two, Some(far.signed(two, 5))).unwrap();
    assert_eq!(live.who, "token pipeline");
    assert!(base.text("/plain").starts_with("two"));
    base.end();
}

#[test]
fn an_older_object_that_was_signed_in_good_faith_serves_again_by_a_rollback_alone() {
    let far = Far::new("sequence");
    let mut base = far.place.start();
    let client = far.client(&mut base);
    let (one, two) = (object("plain", "one"), object("plain", "two"));
    install(&client, two, Some(far.signed(two, 5))).unwrap();
    install(&client, one, Some(far.signed(one, 6))).unwrap();
    assert!(base.text("/plain").starts_with("one"));
    let refusal = install(&client, two, Some(far.signed(two, 5))).unwrap_err();
    assert!(refusal.has("signature-outdated"), "{refusal:?}");
    assert!(refusal.to_string().contains("5, after 6"), "{refusal}");
    assert!(base.text("/plain").starts_with("one"));
    base.rollback(&["plain"]);
    assert!(base.text("/plain").starts_with("two"));
    // What it was stored with is verified again at the next start.
    base.end();
    let base = far.place.start();
    assert!(base.text("/plain").starts_with("two"));
    base.end();
    spoil(&far.place.state());
    let base = far.place.start();
    assert!(base.text("/plain").starts_with("one"), "what is not signed any more is not loaded");
    let notes = base.ask("status")["notes"].to_string();
    assert!(notes.contains("`plain` does not come back") && notes.contains("sign"), "{notes}");
    base.end();
}

/// Writes over the signatures that are kept with the objects.
fn spoil(state: &Path) {
    let kept: Vec<PathBuf> =
        fs::read_dir(state.join("artifacts")).unwrap().map(|entry| entry.unwrap().path()).collect();
    for about in kept.iter().filter(|path| path.extension().is_some_and(|end| end == "json")) {
        let mut artifact: serde_json::Value = serde_json::from_slice(&fs::read(about).unwrap()).unwrap();
        if let Some(text) = artifact["signature"]["text"].as_str() {
            artifact["signature"]["text"] = text.replace("sequence=5", "sequence=9").into();
            fs::write(about, artifact.to_string()).unwrap();
        }
    }
}
