use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(check = "valid")]
    port: u16,
}

fn main() {}
