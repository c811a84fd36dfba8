//! A contract with async, plain and default methods, an alias of `Result`, and a fake of it.
#![forbid(unsafe_code)]
#![deny(warnings)]

use std::borrow::Cow;
use std::collections::HashMap;

use bedplate::{CallError, MethodKind, Publishers, Service, ServiceRef, service};

#[derive(Debug)]
pub enum ProfileError {
    NotFound,
    Call(CallError),
}

impl From<CallError> for ProfileError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<std::num::ParseIntError> for ProfileError {
    fn from(_: std::num::ParseIntError) -> Self {
        Self::NotFound
    }
}

type Answer<T> = Result<T, ProfileError>;

/// Who is who.
#[service]
pub trait Profiles {
    /// The profile as `viewer` sees it.
    async fn profile(&self, username: String, viewer: Option<u64>) -> Result<String, ProfileError>;

    /// All of them.
    async fn all(&self, target: Cow<'static, str>, reference: u8) -> Answer<HashMap<String, Vec<u8>>> {
        let first: u8 = target.parse()?;
        if reference == 0 {
            return Err(CallError::Refused { reason: "none".into() }.into());
        }
        let name = self.profile("a".into(), None).await?;
        Ok(HashMap::from([(name, vec![first.into()])]))
    }

    fn count(&self) -> Answer<usize>;

    fn boxed(&self, r#type: Box<dyn Fn(&str) -> bool + Send>) -> Answer<Box<dyn std::fmt::Debug + Send>> {
        Ok(Box::new(r#type("a")))
    }
}

#[service(many)]
trait Audit {
    async fn note(&self, _text: String) -> bedplate::Result<()>;
}

struct Fake {
    names: Vec<String>,
}

#[service]
impl Profiles for Fake {
    async fn profile(&self, mut username: String, _viewer: Option<u64>) -> Result<String, ProfileError> {
        username.push('!');
        let digits: u64 = "3".parse()?;
        Ok(format!("{username}{digits}{}", self.names.len()))
    }

    fn count(&self) -> Answer<usize> {
        Ok(self.names.len())
    }
}

struct Generic<T>(T);

#[service]
impl<T: Send + Sync + std::fmt::Display + 'static> Audit for Generic<T> {
    async fn note(&self, _: String) -> bedplate::Result<()> {
        let Generic(_value) = self;
        Ok(())
    }
}

fn main() {
    let contract = <dyn Profiles>::CONTRACT;
    assert_eq!((contract.name, contract.docs), ("Profiles", "Who is who."));
    assert_eq!(contract.publishers, Publishers::One);
    assert_eq!(<dyn Audit>::CONTRACT.publishers, Publishers::Many);
    let methods: Vec<_> = contract.methods.iter().map(|method| (method.name, method.kind, method.signature)).collect();
    assert_eq!(
        methods[0],
        (
            "profile",
            MethodKind::Async,
            "async fn profile(&self, username: String, viewer: Option<u64>) -> Result<String, ProfileError>"
        )
    );
    assert_eq!(methods[2], ("count", MethodKind::Plain, "fn count(&self) -> Answer<usize>"));
    assert_eq!(contract.methods[0].docs, "The profile as `viewer` sees it.");

    let fake = Fake { names: vec!["x".into()] };
    assert!(matches!(fake.count(), Ok(1)));
    assert!(fake.boxed(Box::new(|text| text == "a")).is_ok());
    fn callable(reference: &ServiceRef<dyn Profiles>) -> &dyn Profiles {
        reference
    }
    let _ = (callable, Generic(3).0);
}
