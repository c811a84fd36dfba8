mod inner {
    use bedplate::{Module, module};

    #[module]
    pub struct Comments;

    impl Module for Comments {}
}

fn main() {}
