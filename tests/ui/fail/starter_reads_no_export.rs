use bedplate::{Composition, Result, Starter, StarterContext, starter};

struct Routes;

#[starter(name = "http", reads(Routes))]
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
