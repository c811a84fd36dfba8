//! Objects that come over the network.

use minisign::KeyPair;

use super::rig::{Rig, keep, name, object, run, serving, versions};
use crate::Base;
use crate::deploy::image::{Digest, inspect};
use crate::deploy::operations::{Done, ObjectReference, OperationError, Request};
use crate::deploy::store::tests::signed;
use crate::deploy::store::{Came, signed_comment};

struct Signer {
    keys: KeyPair,
}

impl Signer {
    fn new() -> Self {
        Self { keys: KeyPair::generate_unencrypted_keypair().unwrap() }
    }

    fn settings(&self) -> String {
        let key = self.keys.pk.to_base64();
        format!("[deploy]\ntrusted_keys = [{{ name = \"ci\", key = \"{key}\", modules = [\"comments\"] }}]\n")
    }

    fn sign(&self, bytes: &[u8], sequence: u64) -> String {
        let file = inspect(bytes).unwrap();
        signed(&self.keys, bytes, &signed_comment(file.label(), file.build_id(), sequence))
    }
}

async fn install(base: &Base, bytes: &[u8], signature: Option<String>) -> Result<Done, OperationError> {
    let digest = keep(base, bytes, Came::Remotely).await?.digest;
    run(base, Request::Install(vec![ObjectReference { digest, signature }])).await
}

#[tokio::test]
async fn what_comes_over_the_network_has_to_be_signed() {
    let mut rig = Rig::new(&["comments"]);
    let signer = Signer::new();
    rig.settings = signer.settings();
    let base = rig.start().await;
    let two = object("comments", "2");
    assert_eq!(install(&base, &two, None).await.unwrap_err().code, "signature-missing");
    let stranger = Signer::new().sign(&two, 1);
    assert_eq!(install(&base, &two, Some(stranger)).await.unwrap_err().code, "signature-wrong");
    let of_another = signer.sign(&object("comments", "3"), 1);
    assert_eq!(install(&base, &two, Some(of_another)).await.unwrap_err().code, "signature-wrong");
    assert_eq!(serving(&base), versions(&[("comments", "1")]));
    install(&base, &two, Some(signer.sign(&two, 1))).await.unwrap();
    assert_eq!(serving(&base), versions(&[("comments", "2")]));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn only_a_rollback_goes_back_to_an_older_sequence() {
    let mut rig = Rig::new(&["comments"]);
    let signer = Signer::new();
    rig.settings = signer.settings();
    let base = rig.start().await;
    let [two, three, four] = ["2", "3", "4"].map(|version| object("comments", version));
    install(&base, &two, Some(signer.sign(&two, 5))).await.unwrap();
    install(&base, &three, Some(signer.sign(&three, 7))).await.unwrap();
    // Signed in good faith, and older than what serves.
    let outdated = install(&base, &two, None).await.unwrap_err();
    // Before anything of it is loaded: no step of a deployment has begun.
    assert_eq!((outdated.code, outdated.step), ("signature-outdated", ""));
    assert_eq!(install(&base, &four, Some(signer.sign(&four, 6))).await.unwrap_err().code, "signature-outdated");
    assert_eq!(serving(&base), versions(&[("comments", "3")]));
    run(&base, Request::Rollback(vec![name("comments")], Some(Digest::of(&two)))).await.unwrap();
    assert_eq!(serving(&base), versions(&[("comments", "2")]));
    install(&base, &four, Some(signer.sign(&four, 6))).await.unwrap();
    assert_eq!(serving(&base), versions(&[("comments", "4")]));
    base.shutdown().await.unwrap();
    drop(base);
    // What was deployed is known after a restart.
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("comments", "4")]));
    assert_eq!(install(&base, &two, None).await.unwrap_err().code, "signature-outdated");
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_signature_is_verified_again_at_the_restart() {
    let mut rig = Rig::new(&["comments"]);
    let signer = Signer::new();
    rig.settings = signer.settings();
    let base = rig.start().await;
    let two = object("comments", "2");
    install(&base, &two, Some(signer.sign(&two, 1))).await.unwrap();
    base.shutdown().await.unwrap();
    drop(base);
    // The key is trusted no longer.
    rig.settings = Signer::new().settings();
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("comments", "1")]));
    let notes = base.operations().status().await.notes;
    assert!(notes.iter().any(|note| note.text.contains("the signature is not that of this file")), "{notes:?}");
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_came_over_the_network_is_no_longer_so_when_it_comes_locally() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    let two = object("comments", "2");
    assert_eq!(install(&base, &two, None).await.unwrap_err().code, "signature-missing");
    keep(&base, &two, Came::Locally).await.unwrap();
    assert!(run(&base, Request::Install(vec![Digest::of(&two).into()])).await.is_ok());
    base.shutdown().await.unwrap();
}
