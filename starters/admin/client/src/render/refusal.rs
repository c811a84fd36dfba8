//! What went wrong: what / where / what to do.

use serde_json::{Value, json};

use super::clean;
use crate::protocol::{Problem, Refusal, VERSION};

/// A refusal for people: each thing that is wrong, its places, and what to do.
#[must_use]
pub fn refusal(refusal: &Refusal) -> String {
    let single = match refusal.problems.as_slice() {
        [one] if one.what == refusal.what => true,
        problems => problems.is_empty(),
    };
    let mut parts = Vec::new();
    if single {
        let alone = Problem {
            code: refusal.code.clone(),
            what: refusal.what.clone(),
            places: refusal.problems.first().map(|problem| problem.places.clone()).unwrap_or_default(),
            help: refusal.help.clone(),
        };
        parts.push(problem(&alone));
    } else {
        parts.extend(refusal.problems.iter().map(problem));
        let count = refusal.problems.len();
        let plural = if count == 1 { "problem" } else { "problems" };
        let mut end = format!("error[{}]: {} ({count} {plural})", clean(&refusal.code), clean(&refusal.what));
        if !refusal.help.is_empty() {
            end.push_str(&format!("\n  to do: {}", clean(&refusal.help)));
        }
        parts.push(end);
    }
    parts.join("\n\n")
}

fn problem(problem: &Problem) -> String {
    let mut text = format!("error[{}]: {}", clean(&problem.code), clean(&problem.what));
    for place in &problem.places {
        text.push_str(&format!("\n  where: {} ({})", clean(&place.at), clean(&place.what)));
    }
    if !problem.help.is_empty() {
        text.push_str(&format!("\n  to do: {}", clean(&problem.help)));
    }
    text
}

/// A refusal for tools, as the `--json` of every command writes it.
#[must_use]
pub fn refusal_json(refusal: &Refusal) -> Value {
    json!({ "version": VERSION, "ok": false, "error": refusal })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Place;

    #[test]
    fn a_single_problem_is_said_once_with_its_place() {
        let place = Place { what: "the base's socket".to_owned(), at: "state/admin.sock".to_owned() };
        let one = Problem { code: "no-base".into(), what: "none".into(), places: vec![place], help: "start it".into() };
        let text = refusal(&Refusal::new("no-base", "none", "start it").with_problems(vec![one]));
        assert_eq!(text, "error[no-base]: none\n  where: state/admin.sock (the base's socket)\n  to do: start it");
    }

    #[test]
    fn several_problems_stand_above_what_they_amount_to() {
        let part = |code: &str| Problem { code: code.into(), what: "w".into(), places: vec![], help: "h".into() };
        let text = refusal(&Refusal::new("check", "it does not fit", "").with_problems(vec![part("a"), part("b")]));
        assert_eq!(
            text,
            "error[a]: w\n  to do: h\n\nerror[b]: w\n  to do: h\n\nerror[check]: it does not fit (2 problems)"
        );
    }
}
