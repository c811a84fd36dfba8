use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(default = 3)]
    port: Option<u16>,
}

fn main() {}
