//! For any modules: `check` says what a simple model says, and who is required has started before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bedplate::testing::TestBase;
use bedplate::{CallError, Field, Module, ModuleContext, ModuleSpec, Need, Result, ServiceRef};
use proptest::prelude::*;

/// Contracts by number: each is a trait of its own.
macro_rules! contracts {
    ($($trait:ident = $number:literal),+ $(,)?) => {
        $(
            #[bedplate::service]
            trait $trait {
                async fn who(&self) -> Result<usize, CallError>;
            }

            #[bedplate::service]
            impl $trait for Node {
                async fn who(&self) -> Result<usize, CallError> {
                    Ok(self.number)
                }
            }
        )+

        fn publish(spec: ModuleSpec, contract: usize) -> ModuleSpec {
            match contract {
                $($number => spec.publishing::<Node, dyn $trait>(),)+
                _ => unreachable!("there are {CONTRACTS} contracts"),
            }
        }

        fn require(spec: ModuleSpec, contract: usize, need: Need) -> ModuleSpec {
            spec.requiring(|to| match (contract, need) {
                $(
                    ($number, Need::Required) => { to.field::<ServiceRef<dyn $trait>>(Field::new("needs")); }
                    ($number, _) => { to.field::<Option<ServiceRef<dyn $trait>>>(Field::new("may")); }
                )+
                _ => unreachable!("there are {CONTRACTS} contracts"),
            })
        }

        /// Calls what it requires, in its start.
        async fn call(fields: &BTreeMap<usize, Reference>) -> Result<()> {
            for (contract, reference) in fields {
                match (contract, reference) {
                    $(($number, Reference::$trait(reference)) => { reference.who().await?; })+
                    _ => unreachable!("a reference stands under its own number"),
                }
            }
            Ok(())
        }

        enum Reference {
            $($trait(ServiceRef<dyn $trait>),)+
        }

        fn reference(fields: &bedplate::Fields<'_>, contract: usize) -> Result<Reference> {
            Ok(match contract {
                $($number => Reference::$trait(fields.take(Field::new("needs"))?),)+
                _ => unreachable!("there are {CONTRACTS} contracts"),
            })
        }
    };
}

const CONTRACTS: usize = 8;

contracts!(A = 0, B = 1, C = 2, D = 3, E = 4, F = 5, G = 6, H = 7);

struct Node {
    number: usize,
    requires: BTreeMap<usize, Reference>,
    started: Arc<Mutex<Vec<usize>>>,
}

impl Module for Node {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        // Refused where one of them has not started before.
        call(&self.requires).await?;
        self.started.lock().unwrap().push(self.number);
        Ok(())
    }
}

/// What a module of a random graph publishes and needs.
#[derive(Debug, Clone, Default)]
struct Wants {
    name: usize,
    publishes: BTreeSet<usize>,
    requires: BTreeSet<usize>,
    may_have: BTreeSet<usize>,
}

fn wants() -> impl Strategy<Value = Wants> {
    let some = |most| prop::collection::btree_set(0..CONTRACTS, 0..=most);
    // Names repeat now and then.
    (0..60_usize, some(2), some(2), some(2)).prop_map(|(name, publishes, requires, may_have)| Wants {
        name,
        publishes,
        requires,
        may_have,
    })
}

/// Graphs in which most things fit: every contract has one publisher, and needs mostly point back.
fn mostly_right() -> impl Strategy<Value = Vec<Wants>> {
    let edges = prop::collection::vec((0..CONTRACTS, 0..CONTRACTS, 0..12_u8), 0..14);
    edges.prop_map(|edges| {
        let mut modules: Vec<_> =
            (0..CONTRACTS).map(|name| Wants { name, publishes: BTreeSet::from([name]), ..Wants::default() }).collect();
        for (from, to, kind) in edges {
            let (low, high) = (from.min(to), from.max(to));
            match kind {
                0 => drop(modules[from].requires.insert(to)),
                1..4 => drop(modules[from].may_have.insert(to)),
                _ if low < high => drop(modules[high].requires.insert(low)),
                _ => {}
            }
        }
        modules
    })
}

fn spec(number: usize, wants: &Wants, started: &Arc<Mutex<Vec<usize>>>) -> ModuleSpec {
    let (started, needs) = (started.clone(), wants.requires.clone());
    let spec = ModuleSpec::plain(&format!("m{}", wants.name), move |fields| {
        let requires = needs.iter().map(|contract| Ok((*contract, reference(fields, *contract)?)));
        Ok(Node { number, requires: requires.collect::<Result<_>>()?, started: started.clone() })
    });
    let spec = wants.publishes.iter().fold(spec.unwrap(), |spec, contract| publish(spec, *contract));
    let spec = wants.requires.iter().fold(spec, |spec, contract| require(spec, *contract, Need::Required));
    wants.may_have.iter().fold(spec, |spec, contract| require(spec, *contract, Need::Optional))
}

/// The model: which kinds of problem these modules have, by the rules in words.
fn expected(modules: &[Wants]) -> BTreeSet<&'static str> {
    let mut codes = BTreeSet::new();
    let publishers =
        |contract: usize| (0..modules.len()).filter(move |index| modules[*index].publishes.contains(&contract));
    let names: BTreeSet<_> = modules.iter().map(|module| module.name).collect();
    if names.len() < modules.len() {
        codes.insert("duplicate-module");
    }
    for contract in 0..CONTRACTS {
        if publishers(contract).count() > 1 {
            codes.insert("duplicate-publisher");
        }
        if publishers(contract).count() == 0 && modules.iter().any(|module| module.requires.contains(&contract)) {
            codes.insert("missing-service");
        }
    }
    // A circle is there where somebody reaches himself: everybody's reach grows until it does not.
    let mut reach: Vec<BTreeSet<usize>> = modules
        .iter()
        .map(|module| module.requires.iter().flat_map(|contract| publishers(*contract)).collect())
        .collect();
    loop {
        let further: Vec<BTreeSet<usize>> = reach
            .iter()
            .map(|reached| {
                reached.iter().flat_map(|index| reach[*index].iter().copied()).chain(reached.iter().copied()).collect()
            })
            .collect();
        if further == reach {
            break;
        }
        reach = further;
    }
    if reach.iter().enumerate().any(|(index, reached)| reached.contains(&index)) {
        codes.insert("cycle");
    }
    codes
}

fn agrees(modules: &[Wants]) -> Result<(), TestCaseError> {
    let started = Arc::new(Mutex::new(Vec::new()));
    let builder = modules
        .iter()
        .enumerate()
        .fold(TestBase::builder(), |builder, (number, wants)| builder.with(spec(number, wants, &started)));
    let outcome = bedplate::testing::run(builder, |base| async move {
        let checked = base.check().await;
        (checked, base.running().await)
    });
    let model = expected(modules);
    match outcome {
        (Ok(()), Ok(_)) => {
            prop_assert_eq!(model, BTreeSet::new());
            let started = started.lock().unwrap();
            prop_assert_eq!(started.len(), modules.len());
            let position = |number: usize| started.iter().position(|other| *other == number).unwrap();
            for (number, module) in modules.iter().enumerate() {
                for contract in &module.requires {
                    let publisher = modules.iter().position(|other| other.publishes.contains(contract)).unwrap();
                    prop_assert!(position(publisher) < position(number));
                }
            }
        }
        (Err(checked), Err(failed)) => {
            prop_assert_eq!(&checked.problems, &failed.problems);
            let codes: BTreeSet<_> = checked.problems.iter().map(|problem| problem.code).collect();
            prop_assert_eq!(codes, model);
            prop_assert!(started.lock().unwrap().is_empty(), "check starts nothing");
        }
        (checked, started) => {
            prop_assert!(false, "check says {checked:?}, the start {:?}", started.map(|_| ()));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_modules_fit_together_or_not_as_the_model_says(modules in prop::collection::vec(wants(), 0..8)) {
        agrees(&modules)?;
    }

    #[test]
    fn modules_that_mostly_fit_start_in_order(modules in mostly_right()) {
        agrees(&modules)?;
    }
}

#[test]
fn a_chain_and_a_fan_of_many_modules_start() {
    let chain = (0..CONTRACTS).map(|name| Wants {
        name,
        publishes: BTreeSet::from([name]),
        requires: name.checked_sub(1).into_iter().collect(),
        ..Wants::default()
    });
    let fan = (CONTRACTS..200).map(|name| Wants { name, requires: (0..CONTRACTS).collect(), ..Wants::default() });
    let modules: Vec<_> = chain.chain(fan).collect();
    agrees(&modules).unwrap();
}
