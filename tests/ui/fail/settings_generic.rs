use bedplate::Settings;

#[derive(Settings)]
struct HttpSettings<T> {
    port: T,
}

fn main() {}
