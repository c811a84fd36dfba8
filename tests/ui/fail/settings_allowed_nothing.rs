use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(allowed())]
    format: String,
}

fn main() {}
