use bedplate::Settings;

#[derive(Settings)]
#[setting(check = 3)]
struct HttpSettings {
    port: u16,
}

fn main() {}
