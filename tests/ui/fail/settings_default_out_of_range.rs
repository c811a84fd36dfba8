use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(default = 0, range = 1..=10)]
    port: u16,
}

fn main() {}
