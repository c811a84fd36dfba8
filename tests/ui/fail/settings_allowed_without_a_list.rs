use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(allowed = "text")]
    format: String,
}

fn main() {}
