//! The names in a generated base.

/// What businesses are called.
const BUSINESSES: [&str; 20] = [
    "orders",
    "invoices",
    "customers",
    "shipments",
    "payments",
    "catalog",
    "stock",
    "returns",
    "suppliers",
    "bookings",
    "tickets",
    "payroll",
    "assets",
    "projects",
    "fleet",
    "loyalty",
    "reviews",
    "campaigns",
    "insurance",
    "training",
];

/// What they keep.
const SUBJECTS: [&str; 25] = [
    "entry",
    "approval",
    "quote",
    "figure",
    "statement",
    "contact",
    "handover",
    "rate",
    "survey",
    "ledger",
    "batch",
    "claim",
    "tariff",
    "audit",
    "journal",
    "document",
    "transfer",
    "discount",
    "forecast",
    "manifest",
    "account",
    "inspection",
    "fee",
    "usage",
    "feed",
];

/// The names of one module.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// Of the module and its crate: `orders`.
    pub(super) module: String,
    /// Of the crate with its contract, in code: `orders_contract`.
    pub(super) contract: String,
    /// The same name, in a manifest: `orders-contract`.
    pub(super) contract_package: String,
    /// Of its types: `Orders`.
    pub(super) capital: String,
}

impl Names {
    /// The names of the module with this number, from 0.
    pub(super) fn of(index: usize) -> Self {
        let name = BUSINESSES[index % BUSINESSES.len()];
        let module = numbered(name, index / BUSINESSES.len());
        Self {
            contract: format!("{module}_contract"),
            contract_package: format!("{module}-contract"),
            capital: capital(&module),
            module,
        }
    }
}

/// What the file with this number, from 0, is about: `entry`.
pub(super) fn topic(index: usize) -> String {
    numbered(SUBJECTS[index % SUBJECTS.len()], index / SUBJECTS.len())
}

/// The name with a capital: `Entry`.
pub(super) fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// The first has no number.
fn numbered(name: &str, round: usize) -> String {
    if round == 0 { name.to_owned() } else { format!("{name}{}", round + 1) }
}
