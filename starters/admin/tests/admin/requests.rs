//! What is answered to requests: the lists, and a status of its own for each thing that can be wrong.

use bedplate::Result;
use bedplate::testing::run;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use crate::support::{Answer, Shows, ask, composition, deploy, get, operated, post, socket};

#[test]
fn everything_that_is_listed_is_there() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(operated(&folder).starter::<Shows>(), |base| async move {
        let socket = socket(&base).await;
        for path in
            ["status", "ready", "modules", "routes", "inflight", "history", "transitions", "restarts", "deployments"]
        {
            let answer = get(&socket, &format!("/v1/{path}")).await?;
            assert_eq!((answer.status, &answer.body["version"]), (200, &json!(1)), "{path}: {answer:?}");
            assert!(answer.head.to_lowercase().contains("cache-control: no-store"), "{answer:?}");
        }
        let status = get(&socket, "/v1/status").await?.body;
        assert_eq!(status["phase"], "serving");
        let modules = status["modules"].as_array().unwrap();
        assert!(modules.iter().any(|module| module["instance"]["module"] == "quiet"), "{status}");
        assert_eq!(get(&socket, "/v1/routes").await?.body["routes"][0]["path"], "/a");
        let listed = get(&socket, "/v1").await?.body["paths"].to_string();
        for path in ["POST /v1/artifacts", "GET /v1/deployments\""] {
            assert!(listed.contains(path), "{listed}");
        }
        Ok(())
    })
}

#[test]
fn each_mistake_has_its_status_and_its_code() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        let (json_type, raw) = ("application/json", "application/octet-stream");
        let expect = async |answer: Result<Answer>, status: u16, code: &str| {
            let answer = answer.unwrap();
            assert_eq!((answer.status, answer.code()), (status, code), "{answer:?}");
            assert_eq!(answer.body["version"], 1);
            for part in ["what", "help"] {
                assert!(!answer.body["error"][part].as_str().unwrap().is_empty(), "{answer:?}");
            }
        };
        expect(get(&socket, "/v1/nothing").await, 404, "not-found").await;
        expect(get(&socket, "/").await, 404, "not-found").await;
        expect(get(&socket, "/v1/deployments/none").await, 404, "not-found").await;
        expect(get(&socket, "/v1/routes").await, 404, "no-routes").await;
        expect(get(&socket, "/v1/logs?module=quiet").await, 404, "no-logs").await;
        expect(get(&socket, "/v1/logs").await, 400, "invalid-parameters").await;
        expect(get(&socket, "/v1/logs?module=../x").await, 400, "invalid-parameters").await;
        expect(get(&socket, "/v1/history?limit=many").await, 400, "invalid-parameters").await;
        expect(get(&socket, "/v1/status?verbose=1").await, 400, "invalid-parameters").await;
        expect(get(&socket, "/v1/artifacts").await, 405, "method-not-allowed").await;
        expect(post(&socket, "/v1/status", json_type, b"{}").await, 405, "method-not-allowed").await;
        for path in ["/v1/deployments", "/v1/snapshot"] {
            expect(post(&socket, path, "text/plain", b"{}").await, 415, "unsupported-type").await;
            expect(post(&socket, path, json_type, b"{").await, 400, "invalid-document").await;
            expect(post(&socket, path, json_type, br#"{"version":7}"#).await, 400, "unsupported-version").await;
            expect(post(&socket, path, json_type, br#"{"version":1,"file":"/x"}"#).await, 400, "invalid-document")
                .await;
            expect(post(&socket, path, json_type, &[b' '; 70_000]).await, 413, "document-too-large").await;
        }
        expect(post(&socket, "/v1/artifacts", json_type, b"x").await, 415, "unsupported-type").await;
        expect(post(&socket, "/v1/artifacts", raw, &[0; 65_537]).await, 413, "object-too-large").await;
        let unknown = json!({ "version": 1, "operation": { "install": { "artifacts": [{ "path": "/tmp/x.so" }] } } });
        expect(deploy(&socket, &unknown).await, 400, "invalid-document").await;
        assert_eq!(composition(&socket).await, 1, "nothing of that changed anything");
        Ok(())
    })
}

#[test]
fn a_page_of_another_origin_reaches_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        for (head, code) in [
            ("GET /v1/status HTTP/1.1\r\nhost: evil.example", "foreign-host"),
            ("GET /v1/status HTTP/1.0", "foreign-host"),
            ("GET /v1/status HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example", "foreign-origin"),
            ("POST /v1/deployments HTTP/1.1\r\nhost: localhost\r\norigin: null\r\ncontent-length: 0", "foreign-origin"),
        ] {
            let answer = ask(&socket, head, b"").await?;
            assert_eq!((answer.status, answer.code()), (403, code), "{head}");
        }
        Ok(())
    })
}

#[test]
fn a_client_that_stands_still_is_not_waited_for() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(operated(&folder).set("starters.admin.patience=100ms"), |base| async move {
        let socket = socket(&base).await;
        // Half a head: closed, or told so.
        let mut stream = UnixStream::connect(&socket).await?;
        stream.write_all(b"GET /v1/status HT").await?;
        let answer = Answer::read(&mut stream).await;
        assert!(answer.as_ref().map_or(true, |answer| answer.status == 408), "{answer:?}");
        // Half a document.
        let mut stream = UnixStream::connect(&socket).await?;
        stream
            .write_all(b"POST /v1/deployments HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{")
            .await?;
        let answer = Answer::read(&mut stream).await?;
        assert_eq!((answer.status, answer.code()), (408, "too-slow"));
        Ok(())
    })
}

#[test]
fn a_head_that_is_too_long_or_no_http_ends_its_connection_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        for bytes in
            [b"\x00\xff\r\n\r\n".to_vec(), format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(100_000)).into_bytes()]
        {
            let mut stream = UnixStream::connect(&socket).await?;
            let answer = crate::support::send(&mut stream, &bytes).await;
            assert!(answer.as_ref().map_or(true, |answer| (400..500).contains(&answer.status)), "{answer:?}");
        }
        assert_eq!(get(&socket, "/v1/ready").await?.status, 200);
        Ok(())
    })
}
