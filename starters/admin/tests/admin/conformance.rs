//! The starter behaves as bases and modules rely on.

use std::net::{SocketAddr, TcpListener};
use std::sync::OnceLock;

use bedplate::testing::TestBaseBuilder;
use bedplate::testing::conformance::{Look, Subject};
use bedplate::{Module, ModuleSpec, Result};
use bedplate_starter_admin::Admin;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::support::{Answer, get, send};

/// Is listed.
struct Listed;

impl Module for Listed {}

/// An address that is in use for as long as the tests run.
fn busy() -> SocketAddr {
    static BUSY: OnceLock<TcpListener> = OnceLock::new();
    BUSY.get_or_init(|| TcpListener::bind("127.0.0.1:0").unwrap()).local_addr().unwrap()
}

/// The path on the port that is for probes.
async fn probed(address: SocketAddr, path: &str) -> Result<Answer> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    send(&mut TcpStream::connect(address).await?, request.as_bytes()).await
}

struct AdminIsTried;

impl Subject for AdminIsTried {
    type Starter = Admin;

    fn base(with: TestBaseBuilder) -> TestBaseBuilder {
        with.settings("[starters.admin]\nsocket = true")
    }

    fn module(name: &str) -> ModuleSpec {
        ModuleSpec::plain(name, |_| Ok(Listed)).unwrap()
    }

    async fn seen(at: &Look<'_>) -> Result<Vec<String>> {
        let admin = at.base().starter::<Admin>().await?;
        let modules = probed(admin.local_address(), "/modules").await?;
        let status = get(admin.socket().unwrap(), "/v1/status").await?;
        anyhow::ensure!((modules.status, status.status) == (200, 200), "{modules:?} {status:?}");
        let here =
            |instance: &&Value| instance["module"] == at.module().as_str() && instance["scene"] == at.scene().as_str();
        let listed = modules.body["modules"].as_array().into_iter().flatten().map(|module| &module["instance"]);
        Ok(listed.filter(here).map(|instance| format!("{}#{}", at.member(), instance["generation"])).collect())
    }

    fn refused_settings() -> Vec<String> {
        ["address = \"nowhere\"".to_owned(), "news = \"1h\"".to_owned(), format!("address = \"{}\"", busy())]
            .map(|line| format!("[starters.admin]\n{line}"))
            .into()
    }

    fn refused_module(_: &str) -> Option<ModuleSpec> {
        None
    }
}

bedplate::conformance!(AdminIsTried);
