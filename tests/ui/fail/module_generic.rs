use bedplate::{Module, module};

#[module]
struct Comments<T> {
    #[own]
    recent: Vec<T>,
}

impl<T: Send + Sync + Default + 'static> Module for Comments<T> {}

fn main() {}
