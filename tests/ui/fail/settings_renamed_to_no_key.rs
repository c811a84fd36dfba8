use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(rename = "a.b")]
    port: u16,
}

fn main() {}
