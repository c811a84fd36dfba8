use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(default(3))]
    port: u16,
}

fn main() {}
