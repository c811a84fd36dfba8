use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(defualt = 3)]
    port: u16,
}

fn main() {}
