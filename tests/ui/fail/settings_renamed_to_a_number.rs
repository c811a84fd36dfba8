use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(rename = 3)]
    port: u16,
}

fn main() {}
