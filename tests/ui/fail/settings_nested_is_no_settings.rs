use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(nested)]
    tls: String,
}

fn main() {}
