use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(nested = 3)]
    port: u16,
}

fn main() {}
