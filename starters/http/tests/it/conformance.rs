//! The starter behaves as bases and modules rely on.

use std::net::TcpListener;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::routing::get;
use bedplate::testing::conformance::{Look, Subject};
use bedplate::{Exports, InstanceId, Module, ModuleSpec, Result};
use bedplate_starter_http::{Http, HttpTest, Routes, RoutesExt};

use crate::support::exporting;

/// Answers at `/<scene>/<module>` with its id.
struct Named {
    id: InstanceId,
}

impl Module for Named {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        let id = self.id.to_string();
        let path = path(self.id.scene.as_str(), self.id.module.as_str());
        to.routes(Router::new().route(&path, get(move || async move { id })));
    }
}

fn path(scene: &str, module: &str) -> String {
    format!("/{scene}/{module}")
}

/// An address that is in use for as long as the tests run.
fn busy() -> String {
    static BUSY: OnceLock<TcpListener> = OnceLock::new();
    BUSY.get_or_init(|| TcpListener::bind("127.0.0.1:0").unwrap()).local_addr().unwrap().to_string()
}

struct HttpIsTried;

impl Subject for HttpIsTried {
    type Starter = Http;

    fn module(name: &str) -> ModuleSpec {
        ModuleSpec::plain(name, |fields| Ok(Named { id: fields.context().id().clone() })).unwrap()
    }

    async fn seen(at: &Look<'_>) -> Result<Vec<String>> {
        let answer = at.base().http().get(&path(at.scene().as_str(), at.module().as_str())).await?;
        let mut seen = at.shown("routes").iter().map(|_| at.member()).collect::<Vec<_>>();
        if answer.status() == 200 {
            seen.push(answer.text());
        }
        Ok(seen)
    }

    fn refused_settings() -> Vec<String> {
        ["address = \"nowhere\"".to_owned(), "prefix = \"/ends/\"".to_owned(), format!("address = \"{}\"", busy())]
            .map(|line| format!("[starters.http]\n{line}"))
            .into()
    }

    fn refused_module(name: &str) -> Option<ModuleSpec> {
        let twice = || Routes::new(Router::new().route("/twice", get(|| async { "twice" })));
        Some(exporting(name, move || vec![twice(), twice()]))
    }
}

bedplate::conformance!(HttpIsTried);
