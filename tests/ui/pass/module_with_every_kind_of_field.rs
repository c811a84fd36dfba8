//! A private module struct with every kind of field, its state, and what it publishes.
#![forbid(unsafe_code)]
#![deny(warnings)]

use std::sync::{Arc, Mutex};

use bedplate::{
    CallError, Construct, DeclaredModule, Exports, Handle, Module, ModuleContext, Need, RequiredKind, Requirements,
    Result, ServiceRef, ServiceRefs,
};

#[bedplate::service]
trait Profiles {
    async fn name(&self, id: u64) -> Result<String, CallError>;
}

#[bedplate::service(many)]
trait Audit {
    fn note(&self, text: String) -> Result<(), CallError>;
}

#[derive(Clone)]
struct Pool;

struct Migrations(u32);

impl Handle for Pool {
    type Options = Migrations;
}

#[derive(Debug, PartialEq)]
struct Recent(usize);

/// Comments on
/// articles.
///
/// And more.
#[bedplate::module(name = "red-comments", optional)]
struct Comments {
    context: ModuleContext,
    profiles: ServiceRef<dyn Profiles>,
    #[from("billing")]
    billing: ServiceRef<dyn Profiles>,
    audit: Option<ServiceRef<dyn Audit>>,
    everybody: ServiceRefs<dyn Audit>,
    #[with(Migrations(7))]
    pool: Pool,
    cache: Option<Pool>,
    #[cfg(any())]
    absent: NoSuchType,
    #[own]
    count: Mutex<u64>,
    #[own = Recent(3)]
    recent: Recent,
    #[own(vec![1, 2])]
    r#type: Vec<u8>,
}

impl Module for Comments {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        *self.count.lock().unwrap() = self.profiles.name(1).await?.len() as u64;
        self.billing.name(2).await?;
        if let Some(audit) = &self.audit {
            audit.note("started".into())?;
        }
        Ok(())
    }

    fn exports(self: &Arc<Self>, _: &mut Exports) {
        let _ = (&self.context, &self.everybody, &self.pool, &self.cache, &self.recent, &self.r#type);
    }
}

#[bedplate::scene_service(scenes("retail", "merchant"))]
impl Audit for Comments {
    fn note(&self, text: String) -> Result<(), CallError> {
        *self.count.lock().unwrap() += text.len() as u64;
        Ok(())
    }
}

mod elsewhere {
    use bedplate::{CallError, Result, scene_service};

    use crate::{Comments, Profiles};

    #[scene_service]
    impl Profiles for Comments {
        async fn name(&self, id: u64) -> Result<String, CallError> {
            Ok(format!("{id} of {}", self.count.lock().unwrap()))
        }
    }
}

fn main() {
    let descriptor = Comments::DESCRIPTOR;
    assert_eq!(descriptor.name, "red-comments");
    assert_eq!(descriptor.summary, "Comments on articles.");
    assert_eq!(descriptor.site.line, 38);
    assert!(descriptor.site.file.ends_with("module_with_every_kind_of_field.rs"));

    let mut requirements = Requirements::default();
    Comments::requirements(&mut requirements);
    let names: Vec<_> = requirements.as_slice().iter().map(|required| required.field.name).collect();
    assert_eq!(names, ["context", "profiles", "billing", "audit", "everybody", "pool", "cache"]);
    let billing = &requirements.as_slice()[2];
    assert_eq!((billing.field.from, billing.field.line), (Some("billing"), 43));
    let RequiredKind::Handle { options: Some(options), need: Need::Required, .. } = &requirements.as_slice()[5].kind
    else {
        panic!("a handle with options");
    };
    assert_eq!(options.downcast_ref::<Migrations>().unwrap().0, 7);

    let mut services: Vec<_> = (descriptor.services)().iter().collect();
    services.sort_by_key(|service| service.contract.name);
    assert_eq!(services.len(), 2);
    assert_eq!(services[0].contract.name, "Audit");
    assert_eq!(services[0].scenes, ["retail", "merchant"]);
    assert_eq!(services[1].contract.name, "Profiles");
    assert_eq!(services[1].contract_type, std::any::TypeId::of::<dyn Profiles>());
    assert!((services[1].publish)(Arc::new(3)).is_none());
    assert!(bedplate::__private::MODULES.iter().any(|module| module.name == "red-comments"));
}
