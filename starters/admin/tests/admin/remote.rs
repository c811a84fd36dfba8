//! From another machine: over TLS, with a token, under a name of the base.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bedplate::Result;
use bedplate::base::{Command, Exit, Output};
use bedplate::testing::{TestBase, TestBaseBuilder, run};
use bedplate_admin_client::protocol::{ArtifactReference, DeploymentRequest, Operation, Options};
use bedplate_admin_client::{Client, ClientError, Endpoint, Remote};
use bedplate_starter_admin::{Admin, REDEPLOY_COMMAND, STATUS_COMMAND};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::commands::{exit, status};
use crate::support::{Answer, operated};

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
fn the_bases_own_commands_go_to_another_machine_too() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (base, _) = remote(&folder);
    let place = folder.path().to_owned();
    run(base, |base| async move {
        let (port, far) = (port(&base).await, tempfile::tempdir()?);
        let ask = async |command: Command, arguments: &[&str], token: &str| {
            let (address, certificate) = (format!("localhost:{port}"), place.join("cert.pem"));
            let token_file = far.path().join("token");
            std::fs::write(&token_file, format!("{token}\n")).unwrap();
            let of_remote = ["--remote", &address, "--certificate", certificate.to_str().unwrap(), "--token-file"];
            let arguments = [arguments, &of_remote, &[token_file.to_str().unwrap()]].concat();
            // From a folder in which there is no base.
            exit(command, &arguments, far.path(), Output::Json).await
        };
        assert_eq!(ask(STATUS_COMMAND, &[], READER).await, status(Exit::Done));
        assert_eq!(ask(REDEPLOY_COMMAND, &["quiet"], QUIET).await, status(Exit::Done));
        assert_eq!(ask(REDEPLOY_COMMAND, &["quiet"], READER).await, status(Exit::Failed));
        assert_eq!(exit(STATUS_COMMAND, &[], far.path(), Output::Json).await, status(Exit::NoBase));
        let named = ["status", "--remote", "localhost:1"];
        assert!(STATUS_COMMAND.command_line().try_get_matches_from(named).is_err(), "and which certificate?");
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
fn a_client_that_has_not_agreed_on_keys_does_not_hold_the_bases_end() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (base, certificate) = remote(&folder);
    // What waits for its patience runs into the deadline of the starter's stop, and that is an error.
    run(base.set("starters.admin.patience=1h").set("lifecycle.stop_deadline=5s"), |base| async move {
        let port = port(&base).await;
        let silent = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await?;
        // They are accepted in order: when this one is answered, the silent one is in.
        client(port, OWNER, &certificate).get("status").await.unwrap();
        base.running().await?.shutdown().await?;
        drop(silent);
        Ok(())
    })
}

#[test]
fn whoever_may_not_look_may_not_ask_for_heads() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (base, certificate) = remote(&folder);
    run(base, |base| async move {
        let port = port(&base).await;
        let status = async |method: &str, path: &str, token: &str| {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
            );
            Answer::read(&mut tls(port, &certificate, &request).await.unwrap()).await.unwrap().status
        };
        for path in ["/v1/status", "/v1/history", "/v1/deployments", "/v1/modules"] {
            for method in ["GET", "HEAD"] {
                assert_eq!(status(method, path, QUIET).await, 403, "{method} {path}");
                assert_eq!(status(method, path, READER).await, 200, "{method} {path}");
            }
        }
        assert_eq!(status("HEAD", "/v1/logs?module=other", QUIET).await, 403);
        Ok(())
    })
}

/// A connection on which something was asked.
async fn tls(port: u16, certificate: &str, request: &str) -> Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    let mut stream = TlsConnector::from(Arc::new(config)).connect("localhost".try_into()?, stream).await?;
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
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
