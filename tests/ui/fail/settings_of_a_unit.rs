use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings;

fn main() {}
