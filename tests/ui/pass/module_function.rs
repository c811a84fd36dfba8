//! A function as a module: its parameters are requirements, whatever their names.
#![forbid(unsafe_code)]
#![deny(warnings)]

use bedplate::{CallError, Construct, DeclaredModule, Export, Handle, ModuleContext, Requirements, Result, ServiceRef};

#[bedplate::service]
pub trait Greetings {
    async fn greet(&self) -> Result<String, CallError>;
}

#[derive(Clone)]
pub struct Pool;

impl Handle for Pool {
    type Options = &'static str;
}

pub struct Routes(#[allow(dead_code)] String);

impl Export for Routes {}

/// Says hello.
#[bedplate::module(name = "hello")]
pub fn hello(
    to: ModuleContext,
    #[from("other")] from: Option<ServiceRef<dyn Greetings>>,
    #[with("migrations")] mut arguments: Pool,
) -> Result<(Routes, Routes)> {
    arguments = arguments.clone();
    let _ = (from, arguments);
    Ok((Routes(to.module().to_string()), Routes("more".into())))
}

fn main() {
    assert_eq!(hello::DESCRIPTOR.name, "hello");
    assert_eq!(hello::DESCRIPTOR.summary, "Says hello.");
    let mut requirements = Requirements::default();
    hello::requirements(&mut requirements);
    let names: Vec<_> = requirements.as_slice().iter().map(|required| required.field.name).collect();
    assert_eq!(names, ["to", "from", "arguments"]);
}
