//! The program as a whole: it answers on its port, and ends in order when it is asked to.

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bedplate_tests::process::free_address;

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The running program; it does not outlive its test.
struct Hello {
    process: Child,
    http: SocketAddr,
    admin: SocketAddr,
}

impl Hello {
    fn start() -> Self {
        let (http, admin) = (free_address(), free_address());
        let process = Command::new(env!("CARGO_BIN_EXE_hello"))
            .arg("--set")
            .arg(format!("starters.http.address={http}"))
            .arg("--set")
            .arg(format!("starters.admin.address={admin}"))
            .arg("--set")
            .arg(format!("deploy.folder={}", env!("CARGO_TARGET_TMPDIR")))
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self { process, http, admin }
    }

    /// The answer to a request, as soon as the program accepts one.
    fn get(&mut self, address: SocketAddr, path: &str) -> String {
        let give_up = Instant::now() + PATIENCE;
        let mut stream = loop {
            match TcpStream::connect(address) {
                Ok(stream) => break stream,
                Err(error) => {
                    assert_eq!(self.process.try_wait().unwrap(), None, "the program has ended");
                    assert!(Instant::now() < give_up, "nobody listens on {address}: {error}");
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Hello {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn it_says_hello_and_ends_when_asked() {
    let mut hello = Hello::start();
    let (http, admin) = (hello.http, hello.admin);
    let answer = hello.get(http, "/hello");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello\n"), "{answer}");
    assert!(hello.get(http, "/nothing").starts_with("HTTP/1.1 404"));
    assert!(hello.get(admin, "/healthz").starts_with("HTTP/1.1 200"));

    let asked = Command::new("kill").args(["-TERM", &hello.process.id().to_string()]).status().unwrap();
    assert!(asked.success());
    assert!(hello.process.wait().unwrap().success());
}
