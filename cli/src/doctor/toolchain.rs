//! The compiler and what a bundle needs of it, and the linker.

use std::path::Path;
use std::process::Command;

use crate::doctor::finding::Finding;

/// The oldest compiler that bedplate is built with.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

/// Looks at cargo, rustc, their parts and the linker, as they are in the current folder.
pub(super) fn look() -> Vec<Finding> {
    let mut findings = vec![compiler()];
    findings.extend(target().map(|target| standard_library(&target)));
    findings.push(part("clippy", "cargo-clippy", "`check` uses it: `rustup component add clippy`"));
    findings.push(part("rustfmt", "rustfmt", "`rustup component add rustfmt`"));
    findings.push(linker());
    findings.push(git());
    findings
}

fn compiler() -> Finding {
    let Some(version) = first_line("rustc", &["--version"]) else {
        return Finding::bad("rustc", "rustc does not run", "install the Rust toolchain: https://rustup.rs");
    };
    match version.split_whitespace().nth(1).map(|found| is_older(found, OLDEST)) {
        Some(true) => Finding::bad(
            "rustc",
            format!("{version} is older than {OLDEST}"),
            "`rustup update`, or the version in the project's rust-toolchain.toml",
        ),
        _ => Finding::good("rustc", version),
    }
}

/// Whether a version comes before another, by its first two numbers.
fn is_older(found: &str, oldest: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> {
        text.split(|letter: char| !letter.is_ascii_digit()).take(2).filter_map(|part| part.parse().ok()).collect()
    };
    numbers(found) < numbers(oldest)
}

fn target() -> Option<String> {
    let about = output("rustc", &["--version", "--verbose"])?;
    about.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

/// A bundle carries the standard library as a shared object, which not every toolchain has.
fn standard_library(target: &str) -> Finding {
    let name = "bundle";
    if target.contains("musl") || target.contains("windows") {
        return Finding::warning(
            name,
            format!("no bundle can be made for {target}"),
            "the static binary works: `cargo bedplate build --static`; for live modules use a GNU libc or macOS",
        );
    }
    let Some(sysroot) = first_line("rustc", &["--print", "sysroot"]) else {
        return Finding::unknown(name, "rustc does not say where its libraries are");
    };
    let folder = Path::new(&sysroot).join("lib/rustlib").join(target).join("lib");
    let has = std::fs::read_dir(&folder).is_ok_and(|mut entries| {
        entries.any(|entry| {
            entry.is_ok_and(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.starts_with("libstd-") && (name.ends_with(".so") || name.ends_with(".dylib"))
            })
        })
    });
    if has {
        return Finding::good(name, format!("the toolchain has the shared standard library for {target}"));
    }
    Finding::bad(
        name,
        format!("there is no shared standard library in {}", folder.display()),
        format!("`rustup target add {target}`; some distributions' packages leave it out"),
    )
}

fn part(name: &'static str, program: &str, remedy: &str) -> Finding {
    match first_line(program, &["--version"]) {
        Some(version) => Finding::good(name, version),
        None => Finding::warning(name, "it is not installed", remedy),
    }
}

fn linker() -> Finding {
    match first_line("cc", &["--version"]) {
        Some(version) => Finding::good("linker", version),
        None => Finding::bad(
            "linker",
            "there is no `cc`: nothing can be linked, and SQLite cannot be compiled",
            "install a C compiler: `apt install build-essential`, `xcode-select --install`",
        ),
    }
}

fn git() -> Finding {
    match first_line("git", &["--version"]) {
        Some(version) => Finding::good("git", version),
        None => Finding::warning(
            "git",
            "it is not installed: no deployment knows its commit, and no list of starters comes from a repository",
            "install git",
        ),
    }
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    output(program, arguments)?.lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(is_older("1.94.1", "1.95"));
        assert!(is_older("1.9.0", "1.95"));
        assert!(!is_older("1.95.0", "1.95"));
        assert!(!is_older("1.100.0-nightly", "1.95"));
        assert!(!is_older("2.0.0", "1.95"));
    }

    #[test]
    fn a_toolchain_without_a_shared_library_is_told_apart() {
        assert_eq!(standard_library("x86_64-unknown-linux-musl").state, crate::doctor::finding::State::Warning);
        let none = standard_library("riscv64-nowhere-linux-gnu");
        assert!(none.found.contains("riscv64-nowhere-linux-gnu") && none.remedy.contains("rustup"), "{none}");
    }
}
