use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings {
    #[setting(secret)]
    thread: std::thread::Thread,
}

fn main() {}
