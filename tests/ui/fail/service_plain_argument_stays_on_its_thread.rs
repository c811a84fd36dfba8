use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    fn get(&self, name: std::rc::Rc<str>) -> Result<u8, CallError>;
}

fn main() {}
