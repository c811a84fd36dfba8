//! One statement: what it takes away, and what it makes.

use crate::breaking::Reader;
use crate::breaking::tokens::{Token, tokens};

/// What queries do not name: an older generation runs without it.
const UNNAMED: [&str; 3] = ["index", "trigger", "statistics"];

/// What a reader cannot see through.
const UNREADABLE: &str = "runs SQL that is put together when it runs, and cannot be read beforehand";

impl Reader {
    /// What a statement takes away, in words.
    pub(super) fn statement(&mut self, statement: &[Token<'_>]) -> Vec<String> {
        let Some((first, rest)) = statement.split_first() else { return Vec::new() };
        if first.is("create") {
            self.create(rest);
            Vec::new()
        } else if first.is("drop") {
            self.drop(rest)
        } else if first.is("alter") {
            self.alter(rest)
        } else if first.is("do") {
            self.block(rest)
        } else if first.is("pragma") && rest.iter().any(|token| token.is("writable_schema")) {
            vec!["edits the schema by hand (`PRAGMA writable_schema`)".to_owned()]
        } else {
            Vec::new()
        }
    }

    fn create(&mut self, rest: &[Token<'_>]) {
        let Some(kind) = rest.iter().position(|token| token.is("table") || token.is("view")) else { return };
        // Between `CREATE` and the kind stand a few words at most; `CREATE INDEX … ON table (…)` has a name there.
        let qualifies = |token: &Token<'_>| {
            ["global", "local", "temp", "temporary", "unlogged", "virtual", "foreign", "recursive", "materialized"]
                .iter()
                .any(|word| token.is(word))
        };
        let name = &rest[kind + 1..];
        // `IF NOT EXISTS` and `OR REPLACE` may find one that was there before.
        if rest[..kind].iter().all(qualifies)
            && !name.first().is_some_and(|token| token.is("if"))
            && let Some((name, _)) = name_of(name)
        {
            self.made.insert(name.to_lowercase());
        }
    }

    fn drop(&mut self, rest: &[Token<'_>]) -> Vec<String> {
        if rest.first().is_some_and(|kind| UNNAMED.iter().any(|unnamed| kind.is(unnamed))) {
            return Vec::new();
        }
        let words = if rest.first().is_some_and(|kind| kind.is("materialized") || kind.is("foreign")) { 2 } else { 1 };
        let (kind, names) = rest.split_at(words.min(rest.len()));
        let kind: Vec<_> = kind.iter().filter_map(|word| word.name()).map(str::to_lowercase).collect();
        let may_be_made = kind.last().is_some_and(|kind| kind == "table" || kind == "view");
        let mut names = skip(names, &["if", "exists"]);
        let mut found = Vec::new();
        while let Some((name, after)) = name_of(names) {
            if !(may_be_made && self.made.remove(&name.to_lowercase())) {
                found.push(format!("drops the {} `{name}`", kind.join(" ")));
            }
            match after.split_first() {
                Some((Token::Symbol(','), after)) => names = after,
                _ => return found,
            }
        }
        if found.is_empty() {
            found.push(format!("drops what is no table (`DROP {}`)", kind.join(" ").to_uppercase()));
        }
        found
    }

    fn alter(&mut self, rest: &[Token<'_>]) -> Vec<String> {
        let Some((kind, mut rest)) = rest.split_first() else { return Vec::new() };
        if UNNAMED.iter().any(|unnamed| kind.is(unnamed)) {
            return Vec::new();
        }
        let mut kind = *kind;
        if (kind.is("materialized") || kind.is("foreign"))
            && let Some((second, after)) = rest.split_first()
        {
            (kind, rest) = (*second, after);
        }
        let rest = skip(skip(rest, &["if", "exists"]), &["only"]);
        let Some((name, actions)) = name_of(rest) else { return Vec::new() };
        let is_made = self.made.contains(&name.to_lowercase());
        let mut found = Vec::new();
        for action in actions_of(after_name(actions)) {
            let Some(what) = taken_by(action) else { continue };
            if !is_made {
                found.push(format!("{what} of the {} `{name}`", kind.name().unwrap_or_default().to_lowercase()));
            } else if let [rename, to, new @ ..] = action
                && rename.is("rename")
                && to.is("to")
                && let Some((new, _)) = name_of(new)
            {
                // Made under another name.
                self.made.insert(new.to_lowercase());
            }
        }
        found
    }

    /// An anonymous block of PostgreSQL: its statements stand in a string, and behind words of its own.
    fn block(&mut self, rest: &[Token<'_>]) -> Vec<String> {
        let mut found = Vec::new();
        for token in rest {
            let Token::Text(body) = token else { continue };
            let body = tokens(body, self.dialect);
            let is_call =
                |next: Option<&Token<'_>>| next.is_some_and(|next| next.is("function") || next.is("procedure"));
            let mut words = body.iter().enumerate().filter(|(_, token)| token.is("execute"));
            // A trigger executes a function.
            if words.any(|(at, _)| !is_call(body.get(at + 1))) {
                found.push(UNREADABLE.to_owned());
            }
            for statement in body.split(|token| *token == Token::Symbol(';')) {
                let begin = statement.iter().position(|token| token.is("drop") || token.is("alter"));
                found.extend(begin.map(|begin| self.statement(&statement[begin..])).unwrap_or_default());
            }
        }
        found
    }
}

/// What one action of an `ALTER` takes away.
fn taken_by(action: &[Token<'_>]) -> Option<String> {
    let (first, rest) = action.split_first()?;
    let next = |word: &str| rest.first().is_some_and(|token| token.is(word));
    let named = |rest| name_of(rest).map(|(name, _)| format!(" `{name}`")).unwrap_or_default();
    if first.is("rename") {
        return match rest {
            _ if next("constraint") => None,
            _ if next("to") => Some("changes the name".to_owned()),
            _ if next("value") || next("attribute") => Some(format!("renames a {}", rest[0].name()?.to_lowercase())),
            rest => Some(format!("renames the column{}", named(skip(rest, &["column"])))),
        };
    }
    if first.is("drop") {
        return match rest {
            // What is not checked any more, and what is not kept up by the database, is not named by a query.
            _ if next("constraint") || next("not") => None,
            _ if next("default") => Some("drops the default".to_owned()),
            _ if next("attribute") => {
                Some(format!("drops the attribute{}", named(skip(&rest[1..], &["if", "exists"]))))
            }
            rest => Some(format!("drops the column{}", named(skip(skip(rest, &["column"]), &["if", "exists"])))),
        };
    }
    if first.is("alter") {
        let rest = skip(skip(rest, &["column"]), &["attribute"]);
        let (name, change) = name_of(rest)?;
        let change: Vec<_> =
            change.iter().take(3).map(|token| token.name().unwrap_or_default().to_lowercase()).collect();
        let change: Vec<_> = change.iter().map(String::as_str).collect();
        return match change.as_slice() {
            ["type", ..] | ["set", "data", "type"] => Some(format!("changes the type of the column `{name}`")),
            ["set", "not", "null"] => Some(format!("requires a value in the column `{name}`")),
            ["drop", "default" | "identity", ..] => Some(format!("drops the default of the column `{name}`")),
            _ => None,
        };
    }
    if first.is("set") && next("schema") {
        return Some("moves to another schema what was there".to_owned());
    }
    first.is("detach").then(|| "detaches a partition".to_owned())
}

/// A name, with the names before its dots, and what follows it.
fn name_of<'a, 'b>(tokens: &'b [Token<'a>]) -> Option<(String, &'b [Token<'a>])> {
    let (first, mut rest) = tokens.split_first()?;
    let mut name = first.name()?.to_owned();
    while let [Token::Symbol('.'), next, after @ ..] = rest {
        name.push('.');
        name.push_str(next.name()?);
        rest = after;
    }
    Some((name, rest))
}

/// The actions of an `ALTER`, which commas divide that stand in no parentheses.
fn actions_of<'a, 'b>(tokens: &'b [Token<'a>]) -> impl Iterator<Item = &'b [Token<'a>]> {
    let mut depth = 0_usize;
    tokens.split(move |token| {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *token == Token::Symbol(',')
    })
}

/// What follows these words, where they are there.
fn skip<'a, 'b>(tokens: &'b [Token<'a>], words: &[&str]) -> &'b [Token<'a>] {
    let found = tokens.len() >= words.len() && tokens.iter().zip(words).all(|(token, word)| token.is(word));
    if found { &tokens[words.len()..] } else { tokens }
}

/// What follows the star behind a table's name, and the arguments behind a function's.
fn after_name<'a, 'b>(tokens: &'b [Token<'a>]) -> &'b [Token<'a>] {
    let end = match tokens.first() {
        Some(Token::Symbol('*')) => Some(0),
        Some(Token::Symbol('(')) => tokens.iter().position(|token| *token == Token::Symbol(')')),
        _ => None,
    };
    end.map_or(tokens, |end| &tokens[end + 1..])
}
