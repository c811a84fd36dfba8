use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(nested, default = 3)]
    port: Inner,
}

fn main() {}
