use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(range = 0..=1)]
    share: f64,
}

fn main() {}
