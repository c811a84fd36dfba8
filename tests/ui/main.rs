//! What the macros accept, and each of their messages: one mistake a file, named by it.
//!
//! `TRYBUILD=overwrite cargo test -p bedplate-tests --test ui` writes the messages anew. Read them.

#[test]
fn what_the_macros_accept_and_refuse() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
