use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(default = 3)]
    name: String,
}

fn main() {}
