use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(range = 3)]
    port: u16,
}

fn main() {}
