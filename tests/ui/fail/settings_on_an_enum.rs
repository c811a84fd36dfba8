use bedplate::Settings;

#[derive(Settings)]
enum HttpSettings {
    One,
}

fn main() {}
