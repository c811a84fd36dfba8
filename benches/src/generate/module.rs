//! One generated module: as many files as its lines need, of five kinds that take turns.

use std::fmt::Write as _;

use super::names::{capital, topic};
use super::{File, Names, package};

/// The kinds of files.
const KINDS: [&str; 5] = [
    include_str!("../../templates/records.rs.txt"),
    include_str!("../../templates/workflow.rs.txt"),
    include_str!("../../templates/pricing.rs.txt"),
    include_str!("../../templates/report.rs.txt"),
    include_str!("../../templates/import.rs.txt"),
];

/// The crate of the module, with `lines` lines at least.
pub(super) fn files(names: &Names, neighbour: Option<&Names>, lines: usize) -> Vec<File> {
    let folder = format!("modules/{}", names.module);
    let mut files = vec![
        (format!("{folder}/Cargo.toml"), manifest(names, neighbour)),
        (format!("{folder}/src/overview.rs"), overview(names, neighbour)),
    ];
    let mut written = files[1].1.lines().count();
    let mut topics = Vec::new();
    while written < lines || topics.is_empty() {
        let topic = topic(topics.len());
        let kind = KINDS[topics.len() % KINDS.len()];
        let code = kind.replace("Subject", &capital(&topic)).replace("subject", &topic);
        written += code.lines().count();
        files.push((format!("{folder}/src/{topic}.rs"), code));
        topics.push(topic);
    }
    files.push((format!("{folder}/src/lib.rs"), root(names, neighbour, &topics)));
    files
}

fn manifest(names: &Names, neighbour: Option<&Names>) -> String {
    let description = format!("Module: {}.", names.module);
    let mut manifest = package(&names.module, &description, Some("module"));
    for dependency in ["bedplate-starter-http", "bedplate"] {
        let _ = writeln!(manifest, "{dependency}.workspace = true");
    }
    manifest += "axum = { workspace = true, features = [\"json\", \"query\"] }\n";
    for contract in [Some(names), neighbour].into_iter().flatten() {
        let _ =
            writeln!(manifest, "{} = {{ path = \"../../contracts/{}\" }}", contract.contract_package, contract.module);
    }
    manifest += "serde.workspace = true\n";
    manifest
}

/// The crate's root: the module, its state, and where its routes are.
fn root(names: &Names, neighbour: Option<&Names>, topics: &[String]) -> String {
    let Names { module, .. } = names;
    let mut sorted: Vec<_> = topics.iter().map(String::as_str).chain(["overview"]).collect();
    sorted.sort_unstable();
    let mods = sorted.iter().map(|name| format!("mod {name};\n")).collect::<String>();
    let shelves = topics
        .iter()
        .map(|topic| format!("    pub(crate) {topic}: {topic}::{}Shelf,\n", capital(topic)))
        .collect::<String>();
    let routers = sorted.iter().map(|name| format!("            .merge({name}::router())\n")).collect::<String>();
    let (import, field, what) = match neighbour {
        Some(other) => (
            format!("use {}::{}Directory;\n", other.contract, other.capital),
            format!("    neighbour: ServiceRef<dyn {}Directory>,\n", other.capital),
            "Exports, Module, ServiceRef",
        ),
        None => (String::new(), String::new(), "Exports, Module"),
    };
    format!(
        r#"//! `{module}`: one business of a generated base.

#![forbid(unsafe_code)]
#![allow(dead_code, reason = "a generated business keeps more than it asks for")]

{mods}
use std::sync::Arc;
use std::time::{{SystemTime, UNIX_EPOCH}};

use axum::Router;
use bedplate::{{{what}}};
use bedplate_starter_http::RoutesExt;
{import}
/// One business.
#[bedplate::module]
pub struct Business {{
{field}    #[own]
    shelves: Shelves,
}}

/// What it keeps.
#[derive(Debug, Default)]
pub(crate) struct Shelves {{
{shelves}}}

impl Business {{
    /// Seconds since 1970.
    pub(crate) fn now(&self) -> u64 {{
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }}
}}

impl Module for Business {{
    fn exports(self: &Arc<Self>, to: &mut Exports) {{
        let router = Router::new()
{routers}            .with_state(self.clone());
        to.routes(Router::new().nest("/{module}", router));
    }}
}}
"#
    )
}

/// What the module answers to others, and the revision by which its generations are told apart.
fn overview(names: &Names, neighbour: Option<&Names>) -> String {
    let Names { module, contract, capital, .. } = names;
    let (import, around) = match neighbour {
        Some(other) => {
            let import = format!("use {}::{}Directory;\n", other.contract, other.capital);
            let body = "    let first = business.neighbour.revision().await?;\n    \
                            let known = business.neighbour.known(vec![first, REVISION]).await?;\n    \
                            let second = business.neighbour.revision().await?;\n    \
                            Ok(format!(\"{REVISION} {first} {second} {}\", known.len()))";
            (import, body)
        }
        None => {
            let body = "    let _ = business;\n    Ok(format!(\"{REVISION} {REVISION} {REVISION} 0\"))";
            (String::new(), body)
        }
    };
    format!(
        r#"//! What `{module}` answers to others, and which revision of its code answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use bedplate::CallError;
use bedplate_starter_http::HttpError;
{import}use {contract}::{{{capital}Directory, {capital}Summary}};

use crate::Business;

/// Which revision of the code this is.
const REVISION: u64 = 1;

/// The routes.
pub(crate) fn router() -> Router<Arc<Business>> {{
    Router::new().route("/revision", get(revision)).route("/around", get(around))
}}

async fn revision() -> String {{
    format!("revision {{REVISION}}.")
}}

/// The own revision, that of the neighbour, asked twice, and how much the neighbour knows.
async fn around(State(business): State<Arc<Business>>) -> Result<String, HttpError> {{
{around}
}}

fn summary(id: u64) -> {capital}Summary {{
    {capital}Summary {{ id, title: format!("{module} {{id}}"), total_cents: i64::try_from(id).unwrap_or(i64::MAX) }}
}}

#[bedplate::scene_service]
impl {capital}Directory for Business {{
    async fn revision(&self) -> Result<u64, CallError> {{
        Ok(REVISION)
    }}

    async fn summary(&self, id: u64) -> Result<Option<{capital}Summary>, CallError> {{
        Ok((id > 0).then(|| summary(id)))
    }}

    async fn known(&self, ids: Vec<u64>) -> Result<BTreeMap<u64, {capital}Summary>, CallError> {{
        Ok(ids.into_iter().filter(|id| *id > 0).map(|id| (id, summary(id))).collect())
    }}
}}
"#
    )
}
