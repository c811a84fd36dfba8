use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(rename = "host")]
    port: u16,
    host: String,
}

fn main() {}
