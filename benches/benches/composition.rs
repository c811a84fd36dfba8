//! Composing and starting 10, 100 and 1,000 modules, each with 3 services, 20 routes, a required
//! service of its neighbour's, and a start that does nothing.
//!
//! `cargo bench -p bedplate-benches --bench composition`

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(missing_docs, reason = "nothing here is an interface")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use bedplate::base::Assembly;
use bedplate::settings::Sources;
use bedplate::{CallError, Exports, Field, Module, ModuleSpec, ServiceRef};
use bedplate_starter_http::{Http, RoutesExt};

const SIZES: [usize; 3] = [10, 100, 1_000];
const ROUNDS: usize = 5;

macro_rules! contracts {
    ($($name:ident),*) => {$(
        #[bedplate::service(many)]
        pub trait $name {
            async fn number(&self) -> Result<usize, CallError>;
        }

        #[bedplate::service]
        impl $name for Numbered {
            async fn number(&self) -> Result<usize, CallError> {
                Ok(self.number)
            }
        }
    )*};
}

contracts!(First, Second, Third);

struct Numbered {
    number: usize,
    neighbour: Option<ServiceRef<dyn First>>,
}

impl Module for Numbered {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        let router = (0..20).fold(Router::new(), |router, route| {
            let path = format!("/m{}/r{route}/{{id}}", self.number);
            let module = self.clone();
            router.route(&path, get(move || async move { format!("{} {}", module.number, module.neighbour.is_some()) }))
        });
        to.routes(router);
    }
}

fn name(number: usize) -> &'static str {
    // A requirement names its module by a static text; a benchmark may leak a few of them.
    Box::leak(format!("m{number}").into_boxed_str())
}

fn spec(number: usize) -> ModuleSpec {
    let neighbour = number.checked_sub(1).map(|before| Field::new("neighbour").from_module(name(before)));
    let spec = ModuleSpec::plain(name(number), move |fields| {
        Ok(Numbered { number, neighbour: neighbour.map(|field| fields.take(field)).transpose()? })
    })
    .expect("a valid name")
    .publishing::<Numbered, dyn First>()
    .publishing::<Numbered, dyn Second>()
    .publishing::<Numbered, dyn Third>();
    match neighbour {
        Some(field) => spec.requiring(|to| {
            to.field::<ServiceRef<dyn First>>(field);
        }),
        None => spec,
    }
}

fn start(specs: Vec<ModuleSpec>) -> Duration {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let settings = Sources::new().set("starters.http.address=127.0.0.1:0").load().expect("valid settings");
        let assembly = Assembly::new(settings, std::env::temp_dir()).starter::<Http>();
        let assembly = specs.into_iter().fold(assembly, Assembly::module);
        let begin = Instant::now();
        let base = assembly.start().await.expect("the base starts");
        let took = begin.elapsed();
        base.shutdown().await.expect("the base ends in order");
        took
    })
}

fn main() {
    println!("modules   compose and start   per module");
    let mut first = None;
    for size in SIZES {
        let specs: Vec<_> = (0..size).map(spec).collect();
        let mut rounds: Vec<_> = (0..ROUNDS).map(|_| start(specs.clone())).collect();
        rounds.sort_unstable();
        let took = rounds[ROUNDS / 2];
        let each = took.as_secs_f64() * 1e6 / size as f64;
        let ratio = each / *first.get_or_insert(each);
        println!("{size:7}   {:14.1} ms   {each:7.1} us   {ratio:.2} x that of 10", took.as_secs_f64() * 1e3);
    }
    println!("(to hold: linear, and 150 ms for 1,000)");
}
