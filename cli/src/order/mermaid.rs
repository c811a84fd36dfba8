//! The composition as Mermaid text, which forges and wikis draw.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::order::graph::Graph;

/// Writes it.
pub(super) fn write(graph: &Graph) -> String {
    let mut text = String::from("flowchart LR\n");
    let ids: BTreeMap<&str, String> =
        graph.modules.iter().enumerate().map(|(index, node)| (node.name.as_str(), format!("m{index}"))).collect();
    let _ = writeln!(text, "    subgraph base[\"{}\"]", escaped(&graph.base));
    let _ = writeln!(text, "        subgraph scene[\"scene {}\"]", escaped(graph.scene));
    for node in &graph.modules {
        let off = if node.enabled { "" } else { " (off)" };
        let unused = match node.unused.as_slice() {
            [] => String::new(),
            unused => format!("<br/>unused: {}", escaped(&unused.join(", "))),
        };
        let _ = writeln!(text, "            {}[\"{}{off}{unused}\"]", ids[node.name.as_str()], escaped(&node.name));
    }
    text.push_str("        end\n        subgraph starters\n");
    for (index, starter) in graph.starters.iter().enumerate() {
        let _ = writeln!(text, "            s{index}([\"{}\"])", escaped(starter));
    }
    text.push_str("        end\n    end\n");
    for call in &graph.calls {
        let (Some(user), Some(publisher)) = (ids.get(&*call.user), ids.get(&*call.publisher)) else { continue };
        let line = if call.optional { "-.->" } else { "-->" };
        let _ =
            writeln!(text, "    {user} {line}|\"{} {}\"| {publisher}", escaped(&call.contract), escaped(&call.version));
    }
    let moved: Vec<_> =
        graph.modules.iter().filter(|node| node.moved).map(|node| ids[node.name.as_str()].as_str()).collect();
    if !moved.is_empty() {
        let _ = writeln!(text, "    classDef moved fill:#fde68a,stroke:#b45309,color:#1f2937");
        let _ = writeln!(text, "    class {} moved", moved.join(","));
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "#amp;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::graph::example;

    #[test]
    fn names_calls_and_marks() {
        let text = write(&example());
        assert!(text.starts_with("flowchart LR\n    subgraph base[\"shop\"]"), "{text}");
        assert!(text.contains("m0 -->|\"Articles 1.0.0\"| m1"), "{text}");
        assert!(text.contains("m1 -.->|\"Profiles 1.0.0\"| m2"), "{text}");
        assert!(text.contains("class m0,m1 moved"), "{text}");
        assert!(text.contains("s1([\"sql\"])"), "{text}");
    }

    #[test]
    fn a_name_cannot_break_out_of_its_quotes() {
        assert_eq!(escaped("a\"b<c>&"), "a#quot;b#lt;c#gt;#amp;");
    }
}
