use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(range)]
    port: u16,
}

fn main() {}
