use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(allowed(1, 2))]
    format: String,
}

fn main() {}
