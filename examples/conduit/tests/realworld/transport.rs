//! The base as part of the test's own process: everything is linked into one program.

use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate_starter_http::{Http, HttpTest};
use bedplate_starter_sql::SqlStarter;

use crate::api::{Answer, Api};

/// The settings of the example, with passwords that are cheap to hash.
const SETTINGS: &str = r#"
    [starters.http]
    prefix = "/api"
    [starters.http.cors]
    origins = ["*"]
    headers = ["authorization", "content-type"]
    [modules.identity.password]
    memory = "64KiB"
    rounds = 1
"#;

/// Runs a test on a base of its own, with all modules and empty databases.
pub(crate) fn conduit(test: impl AsyncFnOnce(Api)) {
    bedplate::testing::run(builder(), async |base| test(Api { transport: Transport { base } }).await);
}

fn builder() -> TestBaseBuilder {
    TestBase::builder()
        .starter::<Http>()
        .starter::<SqlStarter>()
        .module::<identity::IdentityModule>()
        .module::<profiles::ProfilesModule>()
        .module::<articles::ArticlesModule>()
        .module::<favorites::FavoritesModule>()
        .module::<comments::CommentsModule>()
        .settings(SETTINGS)
}

/// The way to the base.
#[derive(Clone)]
pub(crate) struct Transport {
    base: TestBase,
}

impl Transport {
    /// Sends a request, and waits for its answer.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        let request = self.base.http().request(method.parse().unwrap(), path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_owned()),
            None => request,
        };
        let response = request.await.unwrap();
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), text: response.text() }
    }

    /// Replaces a module by a new generation.
    pub(crate) async fn swap(&self, module: &str) {
        let swapped = match module {
            "articles" => self.base.swap::<articles::ArticlesModule>().await,
            "comments" => self.base.swap::<comments::CommentsModule>().await,
            "identity" => self.base.swap::<identity::IdentityModule>().await,
            other => panic!("nobody swaps `{other}`"),
        };
        swapped.unwrap();
    }
}
