//! How services are referred to: optional, by module, all of them, two versions at once.

use std::any::TypeId;

use bedplate::{
    CallError, Change, Field, Module, ModuleContext, ModuleSpec, Requirement, Result, Service, ServiceRef, ServiceRefs,
};

use crate::support::{Many, Ping, Requires, Script, Scripted, deed, enter, name, plain, requires, with};

/// Has an optional reference.
struct Optional {
    ping: Option<ServiceRef<dyn Ping>>,
    many: ServiceRefs<dyn Many>,
}

impl Module for Optional {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        assert!(self.ping.is_some(), "the reference is there; whether somebody is behind it is asked at each call");
        Ok(())
    }
}

#[bedplate::service]
trait Asks {
    async fn is_there(&self) -> Result<bool, CallError>;
    async fn generation(&self) -> Result<u64, CallError>;
    async fn names(&self) -> Result<Vec<String>, CallError>;
}

#[bedplate::service]
impl Asks for Optional {
    async fn is_there(&self) -> Result<bool, CallError> {
        Ok(self.ping.as_ref().is_some_and(ServiceRef::is_published))
    }

    async fn generation(&self) -> Result<u64, CallError> {
        self.ping.as_ref().unwrap().generation().await
    }

    async fn names(&self) -> Result<Vec<String>, CallError> {
        let mut names = Vec::new();
        for one in self.many.all()? {
            let name = one.name().await?;
            assert_eq!(ServiceRef::module(&one).unwrap().as_str(), name);
            names.push(name);
        }
        Ok(names)
    }
}

fn optional() -> ModuleSpec {
    let spec = ModuleSpec::plain("asks", |fields| {
        Ok(Optional { ping: fields.take(Field::new("ping"))?, many: fields.take(Field::new("many"))? })
    });
    let spec = spec.unwrap().publishing::<Optional, dyn Asks>();
    spec.requiring(|to| {
        to.field::<Option<ServiceRef<dyn Ping>>>(Field::new("ping"));
        to.field::<ServiceRefs<dyn Many>>(Field::new("many"));
    })
}

fn many(name: &str) -> ModuleSpec {
    plain(name).publishing::<Scripted, dyn Many>()
}

#[test]
fn an_optional_service_may_come_and_go() {
    with([optional()], |base, running| async move {
        let asks = base.service::<dyn Asks>();
        assert!(!asks.is_there().await?);
        let refused = asks.generation().await.unwrap_err();
        assert_eq!(refused.to_string(), "nobody publishes `Ping` in scene `main`");
        base.swap_to(plain("provider").publishes_ping()).await?;
        assert!(asks.is_there().await?);
        assert_eq!(asks.generation().await?, 1);
        running.deploy(Change::new().remove(name("provider"))).await?;
        assert!(!asks.is_there().await?);
        base.settled().await
    });
}

#[test]
fn all_publishers_are_called_in_the_order_of_their_names() {
    with([many("c"), many("a"), optional(), many("b")], |base, running| async move {
        let asks = base.service::<dyn Asks>();
        assert_eq!(asks.names().await?, ["a", "b", "c"]);
        running.deploy(Change::new().remove(name("b")).put(many("d"))).await?;
        assert_eq!(asks.names().await?, ["a", "c", "d"]);
        let all = base.services::<dyn Many>().all()?;
        assert_eq!(all.len(), 3);
        assert_eq!(base.service_of::<dyn Many>(&name("c")).name().await?, "c");
        let nobody = base.service_of::<dyn Many>(&name("b")).name().await.unwrap_err();
        assert_eq!(nobody.to_string(), "nobody publishes `Many by b` in scene `main`");
        base.settled().await
    });
}

#[test]
fn a_reference_by_module_calls_that_one() {
    let user = Script::new().entered();
    let user = requires::<dyn Many>(user.named("user"), Field::new("named").from_module("b"));
    with([many("a"), many("b"), user], |_, running| async move {
        let asks = deed(|inside| async move {
            let all = inside.many.all()?;
            let named = all.iter().find(|one| ServiceRef::module(one) == Some(&name("b"))).unwrap();
            assert_eq!(named.name().await?, "b");
            Ok(0)
        });
        enter(&running, "user", asks).await?;
        Ok(())
    });
}

/// Two versions of one contract, as two versions of its crate: same name, different types.
mod version_1 {
    #[bedplate::service]
    pub trait Prices {
        async fn price(&self) -> Result<u32, bedplate::CallError>;
    }
}

mod version_2 {
    #[bedplate::service]
    pub trait Prices {
        /// Where version 1 had `price`.
        #[allow(dead_code, reason = "that nobody calls it is what is shown")]
        async fn close(&self) -> Result<u32, bedplate::CallError>;
        async fn price(&self) -> Result<u32, bedplate::CallError>;
    }
}

struct Shop;

impl Module for Shop {}

#[bedplate::service]
impl version_1::Prices for Shop {
    async fn price(&self) -> Result<u32, CallError> {
        Ok(1)
    }
}

#[bedplate::service]
impl version_2::Prices for Shop {
    async fn close(&self) -> Result<u32, CallError> {
        unreachable_price()
    }

    async fn price(&self) -> Result<u32, CallError> {
        Ok(2)
    }
}

fn unreachable_price() -> Result<u32, CallError> {
    panic!("the other method was meant")
}

#[test]
fn two_versions_of_a_contract_serve_side_by_side() {
    assert_eq!(<dyn version_1::Prices>::CONTRACT.name, <dyn version_2::Prices>::CONTRACT.name);
    let shop = ModuleSpec::plain("shop", |_| Ok(Shop)).unwrap();
    let shop = shop.publishing::<Shop, dyn version_1::Prices>().publishing::<Shop, dyn version_2::Prices>();
    let users = [
        requires::<dyn version_1::Prices>(plain("old"), Field::new("prices")),
        requires::<dyn version_2::Prices>(plain("new"), Field::new("prices")),
    ];
    with([shop].into_iter().chain(users), |base, running| async move {
        assert_eq!(version_1::Prices::price(&base.service::<dyn version_1::Prices>()).await?, 1);
        assert_eq!(version_2::Prices::price(&base.service::<dyn version_2::Prices>()).await?, 2);
        let shop = running.modules().into_iter().find(|info| info.instance.module == name("shop")).unwrap();
        assert_eq!(shop.publishes, ["Prices", "Prices"]);
        // The provider may drop the old one when its last user has gone, and not before.
        let without = || {
            let shop = ModuleSpec::plain("shop", |_| Ok(Shop)).unwrap();
            shop.publishing::<Shop, dyn version_2::Prices>()
        };
        assert!(base.swap_to(without()).await.unwrap_err().has("missing-service"));
        running.deploy(Change::new().put(without()).remove(name("old"))).await?;
        base.settled().await
    });
}

#[test]
fn a_reference_is_the_trait() {
    async fn generic(ping: &impl Ping) -> Result<u64, CallError> {
        ping.generation().await
    }
    async fn object(ping: &dyn Ping) -> Result<u64, CallError> {
        ping.generation().await
    }
    with([plain("a").publishes_ping()], |base, running| async move {
        let ping = base.service::<dyn Ping>();
        assert_eq!((generic(&ping).await?, object(&ping).await?), (1, 1));
        let clone = ping.clone();
        assert_eq!(tokio::spawn(async move { clone.generation().await }).await??, 1);
        assert_eq!(ping.plain(Box::new(|inside| inside.context.id().generation))?, 1, "a plain method too");
        let as_the_module = Box::new(|_: crate::support::Inside| {
            u64::from(bedplate::isolation::current().unwrap().instance.module.as_str() == "a")
        });
        assert_eq!(ping.plain(as_the_module)?, 1);
        let stats = running.modules()[0].stats;
        assert_eq!((stats.calls, stats.in_flight), (5, 0));
        Ok(())
    });
}

#[test]
fn a_substitute_is_published_before_the_start_and_after_it() {
    struct Fake(u64);
    #[bedplate::service]
    impl Ping for Fake {
        async fn generation(&self) -> Result<u64, CallError> {
            Ok(self.0)
        }

        async fn run(&self, _: crate::support::Deed) -> Result<u64, CallError> {
            Ok(self.0)
        }

        fn plain(&self, _: Box<dyn FnOnce(crate::support::Inside) -> u64 + Send>) -> Result<u64, CallError> {
            Ok(self.0)
        }
    }
    let builder = bedplate::testing::TestBase::builder().with(plain("user").requires_ping());
    let tested = bedplate::testing::run(builder, |base| async move {
        base.provide::<dyn Ping, _>(Fake(7)).await?;
        base.running().await?;
        assert_eq!(base.service::<dyn Ping>().generation().await?, 7);
        base.provide::<dyn Ping, _>(Fake(8)).await?;
        assert_eq!(base.service::<dyn Ping>().generation().await?, 8);
        Ok::<_, bedplate::Error>(())
    });
    tested.unwrap();
}

#[test]
fn what_a_module_publishes_elsewhere_is_not_there() {
    use bedplate::__private::{ModuleDescriptor, Presence, ServiceDescriptor, module_parts};
    use bedplate::Construct;

    struct Elsewhere;
    impl Module for Elsewhere {}
    impl Construct for Elsewhere {
        fn requirements(_: &mut bedplate::Requirements) {}
        fn construct(_: &bedplate::Fields<'_>) -> Result<Self> {
            Ok(Self)
        }
    }
    static DESCRIPTOR: ModuleDescriptor = ModuleDescriptor {
        name: "elsewhere",
        summary: "",
        site: bedplate::__private::site!(),
        presence: Presence::Required,
        exclusive: false,
        bedplate: bedplate::__private::VERSION,
        parts: module_parts::<Elsewhere>,
        services: || {
            static SERVICES: std::sync::OnceLock<[ServiceDescriptor; 1]> = std::sync::OnceLock::new();
            SERVICES.get_or_init(|| {
                [ServiceDescriptor {
                    contract: <dyn Ping>::CONTRACT,
                    contract_type: TypeId::of::<dyn Ping>(),
                    publish: |_| None,
                    scenes: &["retail"],
                    site: bedplate::__private::site!(),
                }]
            })
        },
    };
    let elsewhere = || ModuleSpec::from_descriptor(&DESCRIPTOR).unwrap();
    let builder = bedplate::testing::TestBase::builder();
    let error = crate::support::checked(builder.with(elsewhere()).with(plain("user").requires_ping())).unwrap_err();
    assert!(error.has("missing-service"), "{error}");
    // So another one may publish it here.
    with([elsewhere(), plain("here").publishes_ping(), plain("user").requires_ping()], |base, _| async move {
        assert_eq!(base.service::<dyn Ping>().generation().await?, 1);
        Ok(())
    });
}

#[test]
fn a_field_without_a_context_of_its_own_takes_what_it_is_given() {
    let spec = ModuleSpec::plain("a", |fields| {
        let context = ModuleContext::resolve(&Field::new("context"), fields)?;
        assert_eq!((context.module().as_str(), context.scene().as_str()), ("a", "main"));
        assert_eq!(context.id(), fields.context().id());
        Ok(Shop)
    });
    with([spec.unwrap()], |_, _| async { Ok(()) });
}
