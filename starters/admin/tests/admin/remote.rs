//! From another machine: over TLS, with a token, under a name of the base.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bedplate::Result;
use bedplate::testing::{TestBase, TestBaseBuilder, run};
use bedplate_admin_client::protocol::{ArtifactReference, DeploymentRequest, Operation, Options};
use bedplate_admin_client::{Client, ClientError, Endpoint, Remote};
use bedplate_starter_admin::Admin;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::operated;

const READER: &str = "the-token-of-somebody-who-looks";
const OWNER: &str = "the-token-of-somebody-who-may-all";
const QUIET: &str = "the-token-of-quiet's-own-pipeline";

/// A base that other machines can operate. Returns its certificate as well.
fn remote(folder: &TempDir) -> (TestBaseBuilder, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path().join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
    let settings = format!(
        "[starters.admin.remote]\nlisten = '127.0.0.1:0'\ncertificate = 'cert.pem'\nkey = 'key.pem'\nhosts = ['localhost']\n\
         tokens = [\n\
         {{ name = 'reader', secret = \"{READER}\", may = ['read'] }},\n\
         {{ name = 'owner', secret = \"{OWNER}\", may = ['*'] }},\n\
         {{ name = 'pipeline', secret = \"{QUIET}\", may = ['read:quiet', 'redeploy:quiet'] }},\n]\n"
    );
    (operated(folder).settings(settings), cert.pem())
}

async fn port(base: &TestBase) -> u16 {
    base.starter::<Admin>().await.unwrap().remote_address().unwrap().port()
}

fn client(port: u16, token: &str, certificate: &str) -> Client {
    let remote = Remote::new(&format!("localhost:{port}"), token, certificate.as_bytes()).unwrap();
    Client::new(Endpoint::Remote(Arc::new(remote)))
}

fn redeploy(module: &str) -> DeploymentRequest {
    DeploymentRequest::new(Operation::Redeploy { modules: vec![module.to_owned()] }, Options::default())
}

fn code(error: &ClientError) -> &str {
    &error.refusal().code
}

#[test]
fn a_token_may_what_it_may() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (base, certificate) = remote(&folder);
    run(base, |base| async move {
        let port = port(&base).await;
        let ask = |token| client(port, token, &certificate);
        let status = ask(READER).get("status").await.unwrap();
        assert_eq!(status["phase"], "serving");
        let refused = ask(READER).deploy(&redeploy("quiet")).await.unwrap_err();
        assert_eq!(code(&refused), "not-allowed");
        assert_eq!(code(&ask(READER).snapshot().await.unwrap_err()), "not-allowed");
        let upload = ask(READER).upload(Path::new("Cargo.toml")).await.unwrap_err();
        assert_eq!(code(&upload), "not-allowed");
        let live = ask(QUIET).deploy_and_follow(&redeploy("quiet"), |_| {}).await.unwrap();
        assert_eq!(live.who, "token pipeline");
        assert_eq!(code(&ask(QUIET).get("status").await.unwrap_err()), "not-allowed");
        assert_eq!(code(&ask(QUIET).get("logs?module=other").await.unwrap_err()), "not-allowed");
        // Allowed, and this base has none.
        assert_eq!(code(&ask(QUIET).get("logs?module=quiet").await.unwrap_err()), "no-logs");
        let others = format!("deployments/{}", ask(OWNER).deploy(&redeploy("quiet")).await.unwrap().id);
        assert_eq!(code(&ask(QUIET).get(&others).await.unwrap_err()), "not-allowed");
        assert_eq!(code(&ask(QUIET).deploy(&redeploy("other")).await.unwrap_err()), "not-allowed");
        assert_eq!(ask(OWNER).deploy_and_follow(&redeploy("quiet"), |_| {}).await.unwrap().who, "token owner");
        for wrong in ["wrong", "", &READER[1..]] {
            let error = ask(wrong).get("status").await.unwrap_err();
            assert!(["unknown-token", "no-token"].contains(&code(&error)), "{error}");
        }
        Ok(())
    })
}

#[test]
fn a_certificate_of_somebody_else_is_not_trusted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (base, _) = remote(&folder);
    run(base, |base| async move {
        let other = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem();
        let error = client(port(&base).await, OWNER, &other).get("status").await.unwrap_err();
        assert!(matches!(error, ClientError::NoBase(_)), "{error}");
        Ok(())
    })
}

#[test]
fn without_tls_there_is_no_answer() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (base, _) = remote(&folder);
    run(base, |base| async move {
        let address = SocketAddr::from(([127, 0, 0, 1], port(&base).await));
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
        Ok(())
    })
}

#[test]
fn a_client_that_never_agrees_on_keys_is_given_up() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (base, _) = remote(&folder);
    run(base.set("starters.admin.patience=100ms"), |base| async move {
        let address = SocketAddr::from(([127, 0, 0, 1], port(&base).await));
        let mut stream = TcpStream::connect(address).await?;
        let mut answer = Vec::new();
        // It ends: the base closes the connection.
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty());
        Ok(())
    })
}

#[test]
fn what_is_not_signed_is_not_deployed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (base, certificate) = remote(&folder);
    run(base, |base| async move {
        let artifacts = vec![ArtifactReference { digest: "0".repeat(64), signature: None }];
        let request = DeploymentRequest::new(Operation::Install { artifacts }, Options::default());
        let error =
            client(port(&base).await, OWNER, &certificate).deploy_and_follow(&request, |_| {}).await.unwrap_err();
        assert!(matches!(error, ClientError::Refused(_)), "{error}");
        Ok(())
    })
}

#[test]
fn settings_that_cannot_serve_are_named() -> Result<()> {
    for (assignment, part) in [
        ("starters.admin.remote.certificate=none.pem", "remote.certificate"),
        ("starters.admin.remote.key=cert.pem", "remote.key"),
        ("starters.admin.remote.listen=192.0.2.1:1", "remote.listen"),
    ] {
        let folder = tempfile::tempdir()?;
        let (base, _) = remote(&folder);
        run(base.set(assignment), |base| async move {
            let error = base.running().await.unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
            Ok::<(), bedplate::Error>(())
        })?;
    }
    Ok(())
}
