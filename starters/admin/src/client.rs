//! Asks the admin interface of a running base.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::body::Body;
use axum::http::Request;
use bedplate::base::CommandContext;
use bedplate::settings::KeyPath;
use http_body_util::BodyExt;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::settings::AdminSettings;

/// How long an answer may take. `readyz` asks every module.
const PATIENCE: Duration = Duration::from_secs(30);

/// The JSON at a path of the running base's admin interface, whatever its status.
///
/// # Errors
///
/// Where no base answers, or something else does.
pub(crate) fn ask(ctx: &CommandContext<'_>, path: &str) -> Result<Value> {
    let address = address(ctx)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime does not start")?;
    let answer = async { timeout(PATIENCE, get(address, path)).await.context("it did not answer in time")? };
    runtime.block_on(answer).with_context(|| {
        format!(
            "no base answers on {address} (`starters.admin.address`). Start the base; or, where it listens elsewhere, \
             name the address: `--set starters.admin.address=…`"
        )
    })
}

fn address(ctx: &CommandContext<'_>) -> Result<SocketAddr> {
    let mut problems = Vec::new();
    let path = KeyPath::of(["starters", "admin"]);
    let Some(AdminSettings { address }) = ctx.settings.read(&[path], &mut problems) else {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        bail!("the settings of the admin interface cannot be read: {}", problems.join("\n"));
    };
    reachable(address)
}

/// The address to ask, for one to listen on.
fn reachable(address: SocketAddr) -> Result<SocketAddr> {
    if address.port() == 0 {
        bail!(
            "`starters.admin.address` has port 0, so the running base took one that was free, and its log says which: \
             name it with `--set starters.admin.address={}:…`",
            address.ip()
        );
    }
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(SocketAddr::new(ip, address.port()))
}

async fn get(address: SocketAddr, path: &str) -> Result<Value> {
    let stream = TcpStream::connect(address).await.context("the connection was refused")?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header("host", address.to_string()).body(Body::empty())?;
    let asking = async {
        let response = sender.send_request(request).await?;
        anyhow::Ok(response.into_body().collect().await?.to_bytes())
    };
    // The connection is driven beside the request, and may end with it.
    let driven = async {
        connection.await.ok();
        std::future::pending::<Infallible>().await
    };
    let body = tokio::select! {
        body = asking => body.context("what listens there speaks no HTTP")?,
        never = driven => match never {},
    };
    let value: Value = serde_json::from_slice(&body).context("what listens there is no admin interface of a base")?;
    if value.get("version").and_then(Value::as_u64) != Some(1) {
        bail!("what listens there speaks another version of the admin interface");
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_listen_on_becomes_one_to_ask() {
        let reachable = |text: &str| reachable(text.parse().unwrap()).map(|address| address.to_string());
        assert_eq!(reachable("0.0.0.0:9090").unwrap(), "127.0.0.1:9090");
        assert_eq!(reachable("[::]:9090").unwrap(), "[::1]:9090");
        assert_eq!(reachable("10.1.2.3:9090").unwrap(), "10.1.2.3:9090");
        assert!(reachable("127.0.0.1:0").unwrap_err().to_string().contains("port 0"));
    }
}
