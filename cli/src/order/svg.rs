//! The composition as a picture.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::order::graph::{Call, Graph, Node};
use crate::order::layers::layers;

const NODE_WIDTH: usize = 170;
const NODE_HEIGHT: usize = 44;
const COLUMN: usize = 330;
const ROW: usize = 84;
const MARGIN: usize = 32;
/// From the top of the base's box to the first module: the titles of base and scene.
const TOP: usize = 110;
/// The width of one letter, about, by which chips are sized.
const LETTER: usize = 8;
const CHIP_HEIGHT: usize = 28;

const STYLE: &str = "
    text { font: 14px system-ui, sans-serif; fill: #1f2937 }
    .title { font-weight: 600; font-size: 16px } .small { font-size: 12px; fill: #4b5563 }
    .base { fill: #f9fafb; stroke: #9ca3af } .scene { fill: #ffffff; stroke: #d1d5db }
    .module { fill: #e0f2fe; stroke: #0369a1 } .moved { fill: #fde68a; stroke: #b45309 } .off { fill: #f3f4f6; stroke: #9ca3af; stroke-dasharray: 4 3 }
    .chip { fill: #ecfdf5; stroke: #047857 }
    .call { fill: none; stroke: #475569; stroke-width: 1.4 } .optional { stroke-dasharray: 6 4 }
    .label { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; font-size: 12px; fill: #334155 }
";

/// Where a module's box begins.
#[derive(Debug, Clone, Copy)]
struct At {
    x: usize,
    y: usize,
}

/// Writes it.
pub(super) fn write(graph: &Graph) -> String {
    let layers = layers(graph);
    let rows = layers.iter().map(Vec::len).max().unwrap_or_default().max(1);
    let mut places = BTreeMap::new();
    for (column, names) in layers.iter().enumerate() {
        // A short column stands in the middle.
        let shift = (rows - names.len()) * ROW / 2;
        for (row, name) in names.iter().enumerate() {
            places.insert(*name, At { x: 2 * MARGIN + column * COLUMN, y: TOP + shift + row * ROW });
        }
    }
    let columns = layers.len().max(1);
    let scene_width = (columns - 1) * COLUMN + NODE_WIDTH + 2 * MARGIN;
    let width = (scene_width + 2 * MARGIN).max(chips_width(&graph.starters) + 4 * MARGIN).max(360);
    let scene_height = rows * ROW + 40;
    let chips_at = TOP - 40 + scene_height + 48;
    let height = chips_at + CHIP_HEIGHT + MARGIN;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto-start-reverse\"><path d=\"M0 0 L10 5 L0 10 z\" fill=\"#475569\"/></marker></defs>\n",
        escaped(&title(graph)),
    );
    let _ = writeln!(
        svg,
        "<rect class=\"base\" x=\"8\" y=\"8\" width=\"{}\" height=\"{}\" rx=\"12\"/>\n<text class=\"title\" x=\"{MARGIN}\" y=\"36\">{}</text>",
        width - 16,
        height - 16,
        escaped(&title(graph)),
    );
    let _ = writeln!(
        svg,
        "<rect class=\"scene\" x=\"{MARGIN}\" y=\"56\" width=\"{}\" height=\"{scene_height}\" rx=\"10\"/>\n<text class=\"small\" x=\"{}\" y=\"78\">scene {}</text>",
        width - 2 * MARGIN,
        MARGIN + 16,
        escaped(graph.scene),
    );
    for call in merged(&graph.calls) {
        line(&mut svg, &call, &places);
    }
    for node in &graph.modules {
        if let Some(at) = places.get(node.name.as_str()) {
            module(&mut svg, node, *at);
        }
    }
    chips(&mut svg, &graph.starters, chips_at);
    svg.push_str("</svg>\n");
    svg
}

fn title(graph: &Graph) -> String {
    match &graph.changed {
        Some(contract) => format!("{}: what a change of {contract} redeploys", graph.base),
        None => graph.base.clone(),
    }
}

/// A line for each pair of modules, with all contracts of it.
fn merged(calls: &[Call]) -> Vec<Call> {
    let mut pairs: BTreeMap<(&str, &str), Call> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.user != call.publisher) {
        let label = format!("{} {}", call.contract, call.version);
        pairs
            .entry((&call.user, &call.publisher))
            .and_modify(|merged| {
                merged.contract = format!("{}, {label}", merged.contract);
                merged.optional &= call.optional;
            })
            .or_insert_with(|| Call { contract: label, ..call.clone() });
    }
    pairs.into_values().collect()
}

fn line(svg: &mut String, call: &Call, places: &BTreeMap<&str, At>) {
    let (Some(from), Some(to)) = (places.get(&*call.user), places.get(&*call.publisher)) else { return };
    let class = if call.optional { "call optional" } else { "call" };
    let middle = NODE_HEIGHT / 2;
    let (x1, y1) = (from.x + NODE_WIDTH, from.y + middle);
    let (x2, y2) = (to.x, to.y + middle);
    let (path, label_x, label_y) = if x2 > x1 {
        let half = usize::midpoint(x1, x2);
        // A line over more than one column goes around what stands between.
        let is_long = x2 - x1 > COLUMN;
        let bend = if is_long { y1.min(y2).saturating_sub(ROW * 2 / 3) } else { usize::midpoint(y1, y2) };
        let path = if is_long {
            format!("M{x1} {y1} C{} {bend} {} {bend} {x2} {y2}", x1 + COLUMN / 2, x2 - COLUMN / 2)
        } else {
            format!("M{x1} {y1} C{half} {y1} {half} {y2} {x2} {y2}")
        };
        let label_y = if is_long { (y1 + y2 + 6 * bend) / 8 } else { bend };
        (path, half, label_y)
    } else {
        // Back, or within a column: around below.
        let (x1, x2) = (from.x + NODE_WIDTH / 2, to.x + NODE_WIDTH / 2);
        let (y1, y2) = (from.y + NODE_HEIGHT, to.y + NODE_HEIGHT);
        let bend = y1.max(y2) + ROW / 2;
        (format!("M{x1} {y1} C{x1} {bend} {x2} {bend} {x2} {y2}"), usize::midpoint(x1, x2), bend - 6)
    };
    let _ = writeln!(
        svg,
        "<path class=\"{class}\" d=\"{path}\" marker-end=\"url(#arrow)\"/>\n<text class=\"label\" x=\"{label_x}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        label_y.saturating_sub(6),
        escaped(&call.contract),
    );
}

fn module(svg: &mut String, node: &Node, at: At) {
    let class = match (node.enabled, node.moved) {
        (false, _) => "off",
        (true, true) => "moved",
        (true, false) => "module",
    };
    let _ = writeln!(
        svg,
        "<g><title>{}</title><rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{NODE_WIDTH}\" height=\"{NODE_HEIGHT}\" rx=\"8\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text></g>",
        escaped(&node.summary),
        at.x,
        at.y,
        at.x + NODE_WIDTH / 2,
        at.y + NODE_HEIGHT / 2 + 5,
        escaped(&node.name),
    );
}

fn chip_width(starter: &str) -> usize {
    starter.chars().count() * LETTER + 24
}

fn chips_width(starters: &[String]) -> usize {
    90 + starters.iter().map(|starter| chip_width(starter) + 10).sum::<usize>()
}

fn chips(svg: &mut String, starters: &[String], y: usize) {
    let _ = writeln!(svg, "<text class=\"small\" x=\"{}\" y=\"{}\">starters</text>", MARGIN + 16, y + 18);
    let mut x = MARGIN + 90;
    for starter in starters {
        let width = chip_width(starter);
        let _ = writeln!(
            svg,
            "<rect class=\"chip\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{CHIP_HEIGHT}\" rx=\"14\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x + width / 2,
            y + 19,
            escaped(starter),
        );
        x += width + 10;
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::graph::example;

    #[test]
    fn everything_is_in_it_and_nothing_breaks_out() {
        let svg = write(&example());
        for text in
            [">comments<", ">articles<", ">profiles<", ">sql<", "Serves &lt;comments&gt; &amp; more.", "Articles 1.0.0"]
        {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert_eq!(svg.matches("class=\"moved\"").count(), 2);
        assert_eq!(svg.matches("class=\"call optional\"").count(), 1);
        assert_eq!(svg.matches("class=\"call").count(), 3);
    }

    #[test]
    fn a_base_without_modules_has_a_picture() {
        let mut graph = example();
        graph.modules.clear();
        graph.calls.clear();
        assert!(write(&graph).ends_with("</svg>\n"));
    }

    #[test]
    fn several_contracts_between_two_are_one_line() {
        let mut graph = example();
        let mut second = graph.calls[1].clone();
        second.contract = "Drafts".to_owned();
        graph.calls.push(second);
        assert!(write(&graph).contains("Articles 1.0.0, Drafts 1.0.0"));
    }
}
