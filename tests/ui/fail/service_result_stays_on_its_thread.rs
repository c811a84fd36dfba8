use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn get(&self) -> Result<std::rc::Rc<str>, CallError>;
}

fn main() {}
