//! A starter with every argument.
#![forbid(unsafe_code)]
#![deny(warnings)]

use std::any::TypeId;
use std::process::ExitCode;

use bedplate::base::{Command, CommandContext};
use bedplate::{Composition, DeclaredStarter, Export, Handle, Result, Settings, Starter, StarterContext, starter};

#[derive(Settings)]
struct HttpSettings {
    /// The port, 0 for any.
    #[setting(default = 8080)]
    port: u16,
}

#[derive(Settings)]
struct PerModule {
    #[setting(default = "/")]
    prefix: String,
}

#[derive(Clone)]
struct Client;

impl Handle for Client {
    type Options = ();
}

struct Routes;

impl Export for Routes {}

const ROUTES: Command = Command::new("routes", "Lists the routes.", routes);

fn routes(_: &CommandContext<'_>) -> ExitCode {
    ExitCode::SUCCESS
}

#[starter(name = "telemetry", early, test_settings = "level = 'debug'")]
struct Telemetry;

impl Starter for Telemetry {
    type Prepared = ();

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self)
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }
}

/// Serves routes.
#[starter(
    name = "http",
    after(Telemetry),
    needs(Telemetry),
    provides(Client),
    reads(Routes),
    settings = HttpSettings,
    module_settings = PerModule,
    commands(ROUTES, self::ROUTES),
)]
enum Http {
    Running,
}

impl Starter for Http {
    type Prepared = u8;

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self::Running)
    }

    async fn prepare(&self, _: &Composition) -> Result<u8> {
        Ok(1)
    }
}

fn main() {
    let http = Http::DESCRIPTOR;
    assert_eq!((http.name, http.summary), ("http", "Serves routes."));
    assert_eq!((http.needs[0].type_id)(), TypeId::of::<Telemetry>());
    assert_eq!((http.provides[0].type_id)(), TypeId::of::<Client>());
    assert_eq!((http.reads[0].type_id)(), TypeId::of::<Routes>());
    assert_eq!(http.commands.len(), 2);
    let linked = bedplate::__private::inventory::iter::<&'static bedplate::__private::StarterDescriptor>;
    let mut names: Vec<_> = linked.into_iter().map(|starter| starter.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["http", "telemetry"]);
    let settings = HttpSettings { port: 1 };
    let _ = (settings.port, PerModule { prefix: String::new() }.prefix);
}
