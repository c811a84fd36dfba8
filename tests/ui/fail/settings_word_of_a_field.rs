use bedplate::Settings;

#[derive(Settings)]
#[setting(default)]
struct HttpSettings {
    port: u16,
}

fn main() {}
