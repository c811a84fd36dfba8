use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings(u16);

fn main() {}
