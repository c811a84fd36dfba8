//! CPU time (user and system) for an HTTP request through a base, against the same router and the
//! same layers on bare axum, and through a base that also has the metrics starter, which measures
//! every entry: ten rounds in which they take turns, each server in a process of its own.
//!
//! `cargo bench -p bedplate-benches --bench http`

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(missing_docs, reason = "nothing here is an interface")]

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use bedplate::base::Assembly;
use bedplate::settings::Sources;
use bedplate::{Exports, Module, ModuleSpec};
use bedplate_starter_http::{Http, RoutesExt};
use bedplate_starter_metrics::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;

const ROUNDS: usize = 10;
const CONNECTIONS: usize = 16;
const REQUESTS: usize = 2_500;

struct Articles {
    title: String,
}

impl Module for Articles {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.routes(router(self.clone()));
    }
}

/// The router that all sides serve.
fn router(articles: Arc<Articles>) -> Router {
    Router::new()
        .route("/articles", get(|| async { "all of them" }))
        .route("/articles/{slug}", get(article))
        .route("/tags", get(|| async { "none" }))
        .with_state(articles)
}

async fn article(State(articles): State<Arc<Articles>>, Path(slug): Path<String>) -> Json<[String; 2]> {
    Json([slug, articles.title.clone()])
}

fn articles() -> Articles {
    Articles { title: "How to measure".to_owned() }
}

/// Serves until its input is closed.
fn serve(side: &str) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let address = match side {
            "base" => serve_base(assembly()).await,
            "metrics" => serve_base(assembly().starter::<Metrics>()).await,
            _ => serve_bare().await,
        };
        println!("{address}");
        std::io::stdout().flush().expect("the parent reads");
        let closed = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
        closed.await.expect("no panic").expect("the parent closes it");
        std::process::exit(0);
    });
}

fn assembly() -> Assembly {
    let settings = Sources::new()
        .set("starters.http.address=127.0.0.1:0")
        .set("starters.http.access_log=false")
        .load()
        .expect("valid settings");
    let module = ModuleSpec::plain("articles", |_| Ok(articles())).expect("a valid name");
    Assembly::new(settings, std::env::temp_dir()).starter::<Http>().module(module)
}

async fn serve_base(assembly: Assembly) -> SocketAddr {
    let base = assembly.start().await.expect("the base starts");
    let address = base.starter::<Http>().expect("it is in the list").local_address();
    // The base lives until the process exits.
    std::mem::forget(base);
    address
}

async fn serve_bare() -> SocketAddr {
    let router = router(Arc::new(articles()))
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(30)))
        .layer(RequestBodyLimitLayer::new(2_000_000))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(side: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut process = Command::new(program)
            .args(["--serve", side])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child process");
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().expect("piped")).read_line(&mut line).expect("its address");
        Self { process, address: line.trim().parse().expect("an address") }
    }

    /// CPU time of all its threads, in nanoseconds.
    fn cpu(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("Linux");
        let of = |task: std::fs::DirEntry| {
            let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            text.split_whitespace().next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0)
        };
        tasks.flatten().map(of).sum()
    }

    /// CPU time of one request, in nanoseconds.
    async fn measure(&self) -> f64 {
        let before = self.cpu();
        load(self.address).await;
        (self.cpu() - before) as f64 / (CONNECTIONS * REQUESTS) as f64
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().expect("it ends");
    }
}

async fn load(address: SocketAddr) {
    let clients: Vec<_> = (0..CONNECTIONS).map(|_| tokio::spawn(client(address))).collect();
    for client in clients {
        client.await.expect("no panic");
    }
}

async fn client(address: SocketAddr) {
    const REQUEST: &[u8] = b"GET /articles/how-to-measure HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\n\r\n";
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.set_nodelay(true).expect("a TCP stream");
    let mut buffer = vec![0; 4096];
    for _ in 0..REQUESTS {
        stream.write_all(REQUEST).await.expect("open");
        let mut filled = 0;
        loop {
            filled += stream.read(&mut buffer[filled..]).await.expect("open");
            // The body is one JSON array of strings: it ends with `"]`.
            if buffer[..filled].ends_with(b"\"]") {
                break;
            }
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..filled]));
    }
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--serve") {
        return serve(arguments.get(at + 1).map_or("bare", String::as_str));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (bare, base, metrics) = (Server::start("bare"), Server::start("base"), Server::start("metrics"));
        // All warm up.
        for server in [&bare, &base, &metrics] {
            server.measure().await;
        }
        let (mut of_base, mut of_metrics) = (Vec::new(), Vec::new());
        println!("round     bare      base   ratio  with metrics   ratio");
        for round in 1..=ROUNDS {
            let (bare, base, metrics) = (bare.measure().await, base.measure().await, metrics.measure().await);
            of_base.push(base / bare);
            of_metrics.push(metrics / bare);
            println!(
                "{round:5}  {:5.2} us  {:5.2} us   {:.3}      {:5.2} us   {:.3}",
                bare / 1e3,
                base / 1e3,
                base / bare,
                metrics / 1e3,
                metrics / bare,
            );
        }
        println!(
            "median ratio {:.3} (to hold: 1.03); with the metrics starter {:.3}",
            median(of_base),
            median(of_metrics)
        );
    });
}

fn median(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    (ratios[ROUNDS / 2 - 1] + ratios[ROUNDS / 2]) / 2.0
}
