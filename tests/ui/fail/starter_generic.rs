use bedplate::{Composition, Result, Starter, StarterContext, starter};

#[starter(name = "http")]
struct Http<T>(T);

impl Starter for Http<u8> {
    type Prepared = ();

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self(1))
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }
}

fn main() {}
