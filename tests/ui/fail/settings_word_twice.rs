use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(default = 3, default = 4)]
    port: u16,
}

fn main() {}
