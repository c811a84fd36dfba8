use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(default = "loud", allowed("text", "json"))]
    format: String,
}

fn main() {}
