use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting]
    port: u16,
}

fn main() {}
