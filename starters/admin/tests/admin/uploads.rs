//! Objects on their way into the store: whole, or not at all.

use std::path::Path;

use bedplate::Result;
use bedplate::testing::run;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::support::{Answer, get, operated, post, socket};

const HEAD: &str = "POST /v1/artifacts HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/octet-stream\r\n";

/// What is in the store, finished or not.
fn stored(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("state/uploads")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Waits until the base has begun to keep an upload.
async fn begun(folder: &Path) {
    while stored(folder).is_empty() {
        tokio::task::yield_now().await;
    }
}

/// Waits until nothing of it is kept.
async fn gone(folder: &Path) {
    while !stored(folder).is_empty() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_client_that_is_killed_in_the_middle_leaves_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().to_owned();
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        let mut stream = UnixStream::connect(&socket).await?;
        stream.write_all(format!("{HEAD}content-length: 60000\r\n\r\nhalf of it").as_bytes()).await?;
        begun(&place).await;
        drop(stream);
        gone(&place).await;
        // The same of one that does not say how long it is.
        let mut stream = UnixStream::connect(&socket).await?;
        stream.write_all(format!("{HEAD}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n").as_bytes()).await?;
        begun(&place).await;
        drop(stream);
        gone(&place).await;
        assert_eq!(get(&socket, "/v1/ready").await?.status, 200);
        Ok(())
    })
}

#[test]
fn one_that_stands_still_is_given_up() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().to_owned();
    run(operated(&folder).set("starters.admin.patience=100ms"), |base| async move {
        let socket = socket(&base).await;
        let mut stream = UnixStream::connect(&socket).await?;
        stream.write_all(format!("{HEAD}content-length: 60000\r\n\r\nhalf of it").as_bytes()).await?;
        let answer = Answer::read(&mut stream).await?;
        assert_eq!((answer.status, answer.code()), (408, "too-slow"));
        gone(&place).await;
        Ok(())
    })
}

#[test]
fn one_that_grows_beyond_the_limit_is_cut_off() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().to_owned();
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        // It does not say beforehand how long it will be.
        let mut stream = UnixStream::connect(&socket).await?;
        let (mut reading, mut writing) = stream.split();
        let write = async {
            let piece = [b'x'; 0x4000];
            let mut sent = writing.write_all(format!("{HEAD}transfer-encoding: chunked\r\n\r\n").as_bytes()).await;
            while sent.is_ok() {
                let chunk = [b"4000\r\n".as_slice(), &piece, b"\r\n"].concat();
                sent = writing.write_all(&chunk).await;
            }
        };
        let read = async {
            let mut answer = Vec::new();
            // The base closes a connection that it reads no further.
            let _ = reading.read_to_end(&mut answer).await;
            String::from_utf8_lossy(&answer).into_owned()
        };
        let ((), answer) = tokio::join!(write, read);
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("object-too-large"), "{answer}");
        gone(&place).await;
        Ok(())
    })
}

#[test]
fn what_is_no_object_is_not_kept() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().to_owned();
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        for bytes in [b"".as_slice(), b"\x7fELF", b"no object"] {
            let answer = post(&socket, "/v1/artifacts", "application/octet-stream", bytes).await?;
            assert!((400..500).contains(&answer.status), "{answer:?}");
            assert!(!answer.code().is_empty(), "{answer:?}");
        }
        gone(&place).await;
        Ok(())
    })
}

#[test]
fn what_a_killed_base_had_half_is_cleared_away() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().to_owned();
    std::fs::create_dir_all(place.join("state/uploads"))?;
    std::fs::write(place.join("state/uploads/abc.so"), "half")?;
    run(operated(&folder), |base| async move {
        socket(&base).await;
        assert!(stored(&place).is_empty());
        Ok(())
    })
}
