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
use bedplate_tests::tool;
use minisign::KeyPair;
use serde_json::Value;

use crate::base::{Base, Place};
use crate::load::{Together, under_load};
use crate::workshop::{self, object};

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
        Client::new(Endpoint::Remote(Arc::new(self.remote(base)))).unwrap()
    }

    fn remote(&self, base: &mut Base) -> Remote {
        Remote::new(&self.address(base), TOKEN, self.certificate.as_bytes()).unwrap()
    }

    fn address(&self, base: &mut Base) -> String {
        let port = base.process.wait_for("it can be operated", |log| {
            let (_, rest) = log.split_once("operated from other machines on https://127.0.0.1:")?;
            let (port, _) = rest.split_once(|c: char| !c.is_ascii_digit())?;
            Some(port.to_owned())
        });
        format!("localhost:{port}")
    }

    /// A copy of an object, where its signature is going to be written.
    fn copied(&self, object: &Path) -> PathBuf {
        let copy = self.place.folder.join(object.file_name().unwrap());
        fs::copy(object, &copy).unwrap();
        copy
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
        let mut artifact: Value = serde_json::from_slice(&fs::read(about).unwrap()).unwrap();
        if let Some(text) = artifact["signature"]["text"].as_str() {
            artifact["signature"]["text"] = text.replace("sequence=5", "sequence=9").into();
            fs::write(about, artifact.to_string()).unwrap();
        }
    }
}

/// What `cargo bedplate sign` answers.
fn tool_signs(folder: &Path, arguments: &[&str]) -> Value {
    let mut tool = tool::command(folder, &workshop::target());
    let output = tool.args(["bedplate", "sign", "--json"]).args(arguments).output().unwrap();
    let (done, answer) = tool::answer(&output);
    assert!(done, "{answer}");
    answer
}

#[test]
fn what_the_tool_has_signed_is_installed_from_another_machine() {
    let far = Far::new("signed-by-the-tool");
    let folder = far.place.folder.clone();
    let made = tool_signs(&folder, &["--new-key", "ci.key", "--unencrypted"]);
    fs::write(folder.join("token"), TOKEN).unwrap();
    let mut base = far.place.start();
    let address = far.address(&mut base);
    let there = |arguments: &[&str]| {
        let of_remote = ["--remote", &address, "--certificate", "cert.pem", "--token-file", "token", "--json"];
        let output = far.place.run(&[arguments, &of_remote].concat());
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        if output.status.success() {
            Ok(answer)
        } else {
            Err(answer["error"]["code"].as_str().unwrap_or_default().to_owned())
        }
    };
    let [one, two] = ["one", "two"].map(|mark| far.copied(object("plain", mark)).to_str().unwrap().to_owned());
    assert_eq!(there(&["install", &two]).unwrap_err(), "signature-missing");
    // With the sequence that it takes by itself, and the signature beside the object.
    let signed = tool_signs(&folder, &[&two, "--key", "ci.key"]);
    assert_eq!(signed["signed"][0]["module"], "plain", "{signed}");
    assert_eq!(there(&["install", &two]).unwrap_err(), "signature-wrong");
    // The base trusts the tool's key in place of the test's as soon as it has read its settings anew.
    let settings = fs::read_to_string(folder.join("bedplate.toml")).unwrap();
    let settings = settings.replace(&far.keys.pk.to_base64(), made["key"].as_str().unwrap());
    fs::write(folder.join("bedplate.toml"), settings).unwrap();
    there(&["settings", "apply"]).unwrap();
    there(&["install", &two]).unwrap();
    assert!(base.text("/plain").starts_with("two"));
    // The bundle's own object came with it, and is older by its sequence; over the network that counts.
    assert_eq!(there(&["install", &one]).unwrap_err(), "signature-missing");
    tool_signs(&folder, &[&one, "--key", "ci.key", "--sequence", "5"]);
    assert_eq!(there(&["install", &one]).unwrap_err(), "signature-outdated");
    assert!(base.text("/plain").starts_with("two"));
    there(&["rollback", "plain"]).unwrap();
    assert!(base.text("/plain").starts_with("one"));
    base.end();
}

#[test]
fn an_object_that_is_not_there_is_refused_before_somebody_can_send_it() {
    let far = Far::new("not-there");
    let mut base = far.place.start();
    let client = bedplate_admin_client::Client::new(Endpoint::Remote(Arc::new(far.remote(&mut base))));
    let artifacts = vec![ArtifactReference { digest: "0".repeat(64), signature: None }];
    let request = DeploymentRequest::new(Operation::Install { artifacts }, Options::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Not a deployment that fails later: none is begun.
    let refused = runtime.block_on(client.deploy(&request)).unwrap_err();
    assert_eq!(refused.refusal().code, "artifact-missing", "{refused}");
    base.end();
}
