use bedplate::{Composition, Result, Starter, StarterContext, starter};

struct HttpSettings {
    #[allow(dead_code)]
    port: u16,
}

#[starter(name = "http", settings = HttpSettings)]
struct Http;

impl Starter for Http {
    type Prepared = ();

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self)
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }
}

fn main() {}
