//! Objects that come over the network.

use minisign::KeyPair;

use super::rig::{Rig, keep, name, object, run, serving, versions};
use crate::Base;
use crate::deploy::image::{Digest, inspect};
use crate::deploy::operations::{Done, ObjectReference, OperationError, Options, Request};
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

/// Carries out a request that comes over the network.
async fn from_afar(base: &Base, request: Request) -> Result<Done, OperationError> {
    base.operations().run(request, Options { came: Came::Remotely, ..Options::default() }, |_| ()).await
}

#[tokio::test]
async fn over_the_network_what_came_locally_has_to_be_signed_too() {
    let mut rig = Rig::new(&["comments"]);
    let signer = Signer::new();
    rig.settings = signer.settings();
    let base = rig.start().await;
    let [one, two, three] = ["1", "2", "3"].map(|version| object("comments", version));
    keep(&base, &two, Came::Locally).await.unwrap();
    let by_digest = |bytes: &[u8]| Request::Install(vec![Digest::of(bytes).into()]);
    let signed = |bytes: &[u8], sequence| {
        let signature = Some(signer.sign(bytes, sequence));
        Request::Install(vec![ObjectReference { digest: Digest::of(bytes), signature }])
    };
    assert_eq!(from_afar(&base, by_digest(&two)).await.unwrap_err().code, "signature-missing");
    let planned = base.operations().plan(by_digest(&two), Options { came: Came::Remotely, ..Options::default() }).await;
    assert_eq!(planned.unwrap_err().code, "signature-missing", "a plan loads, too");
    assert_eq!(serving(&base), versions(&[("comments", "1")]));
    run(&base, by_digest(&two)).await.unwrap();
    // What was signed goes by its sequence, although it came locally; the bundle's own as well.
    keep(&base, &three, Came::Locally).await.unwrap();
    from_afar(&base, signed(&three, 7)).await.unwrap();
    assert_eq!(from_afar(&base, by_digest(&one)).await.unwrap_err().code, "signature-missing");
    assert_eq!(from_afar(&base, signed(&one, 6)).await.unwrap_err().code, "signature-outdated");
    assert_eq!(serving(&base), versions(&[("comments", "3")]));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn over_the_network_a_rollback_goes_back_to_what_has_served() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    let [one, two, three] = ["1", "2", "3"].map(|version| object("comments", version));
    for bytes in [&two, &three] {
        keep(&base, bytes, Came::Locally).await.unwrap();
    }
    run(&base, Request::Install(vec![Digest::of(&two).into()])).await.unwrap();
    let back = |bytes: &[u8]| Request::Rollback(vec![name("comments")], Some(Digest::of(bytes)));
    // It was stored, and has never served: that is an install by another name.
    assert_eq!(from_afar(&base, back(&three)).await.unwrap_err().code, "signature-missing");
    assert_eq!(serving(&base), versions(&[("comments", "2")]));
    from_afar(&base, back(&one)).await.unwrap();
    assert_eq!(serving(&base), versions(&[("comments", "1")]));
    run(&base, back(&three)).await.unwrap();
    assert_eq!(serving(&base), versions(&[("comments", "3")]));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_kept_is_the_file_that_is_open_whatever_has_its_name() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upload.so");
    std::fs::write(&path, object("comments", "2")).unwrap();
    let open = std::fs::File::open(&path).unwrap();
    std::fs::write(folder.path().join("other.so"), object("comments", "3")).unwrap();
    std::fs::rename(folder.path().join("other.so"), &path).unwrap();
    let kept = base.operations().keep(open, Came::Remotely).await.unwrap();
    assert_eq!(kept.digest, Digest::of(&object("comments", "2")));
    assert!(base.operations().artifact(Digest::of(&object("comments", "3"))).is_none());
    base.shutdown().await.unwrap();
}
