use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[settings(default = 3)]
    port: u16,
}

fn main() {}
