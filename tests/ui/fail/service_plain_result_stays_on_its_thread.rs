use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    fn get(&self) -> Result<std::rc::Rc<str>, CallError>;
}

fn main() {}
