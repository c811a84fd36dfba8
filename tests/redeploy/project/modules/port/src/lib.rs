//! Holds a port, on which it says the build's name.

#![forbid(unsafe_code)]

mod mark;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bedplate::{Exports, Module, ModuleContext, Result, Settings};
use bedplate_starter_http::RoutesExt;
use mark::MARK;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// `[modules.port]`
#[derive(Debug, Settings)]
struct PortSettings {
    /// The address to hold.
    #[setting(default = "127.0.0.1:0")]
    address: SocketAddr,
}

/// Holds a port.
#[bedplate::module(exclusive)]
pub struct Port {
    settings: PortSettings,
}

impl Module for Port {
    async fn start(&self, ctx: &ModuleContext) -> Result<()> {
        let listener = TcpListener::bind(self.settings.address).await?;
        let context = ctx.clone();
        ctx.spawn("accept", async move {
            loop {
                tokio::select! {
                    () = context.draining() => return,
                    accepted = listener.accept() => if let Ok((mut stream, _)) = accepted {
                        // A client that is gone needs no answer.
                        let _ = stream.write_all(MARK.as_bytes()).await;
                    },
                }
            }
        });
        Ok(())
    }

    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.routes(Router::new().route("/port", get(|| async { MARK })));
    }
}
