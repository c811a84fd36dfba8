//! The composition as a picture.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::order::curve::{Area, Curve, Point};
use crate::order::graph::{Call, Graph, Node};
use crate::order::layers::{Stand, layers};

const NODE_HEIGHT: usize = 48;
/// Where lines meet a module, from its top: those that lead ahead, and those that lead back.
const AHEAD: usize = 18;
const BACK: usize = 34;
const ROW: usize = 92;
const MARGIN: usize = 32;
/// From the top of the base's box to the first module: the titles of base and scene.
const TOP: usize = 110;
/// The width of a letter of a name and of a label, about.
const LETTER: usize = 8;
const SMALL_LETTER: usize = 7;
/// The height of a line of a label.
const LINE: usize = 15;
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

/// A line of the picture: all contracts by which one module calls another.
struct Line<'g> {
    user: &'g str,
    publisher: &'g str,
    contracts: Vec<String>,
    is_optional: bool,
}

/// Where everything stands.
struct Plan<'g> {
    /// The left upper corner of each module.
    modules: BTreeMap<&'g str, (usize, usize)>,
    /// The left ends of the ways that lines have through columns, from left to right.
    passing: BTreeMap<usize, Vec<(usize, usize)>>,
    node_width: usize,
    width: usize,
    rows: usize,
}

/// Writes it.
pub(super) fn write(graph: &Graph) -> String {
    let lines = lines(&graph.calls);
    let plan = Plan::of(graph, &lines);
    let width = (plan.width + 4 * MARGIN).max(chips_width(&graph.starters) + 4 * MARGIN).max(360);
    let scene_height = plan.rows * ROW + 40;
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
    let drawn: Vec<_> =
        lines.iter().enumerate().filter_map(|(number, line)| Some((line, plan.way(number, line)?))).collect();
    for (line, way) in &drawn {
        let class = if line.is_optional { "call optional" } else { "call" };
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"{}\" marker-end=\"url(#arrow)\"/>", path(way));
    }
    for node in &graph.modules {
        if let Some(at) = plan.modules.get(node.name.as_str()) {
            module(&mut svg, node, *at, plan.node_width);
        }
    }
    // Above all lines, and beside what is written already.
    let mut taken: Vec<Area> = plan.modules.values().map(|at| plan.area(*at)).collect();
    for (line, way) in &drawn {
        label(&mut svg, line, way, &mut taken);
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

/// A line for each pair of modules. Those that a module can do without come last: they give way in a circle.
fn lines(calls: &[Call]) -> Vec<Line<'_>> {
    let mut pairs: BTreeMap<(&str, &str), Line<'_>> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.user != call.publisher) {
        let (user, publisher) = (call.user.as_str(), call.publisher.as_str());
        let empty = || Line { user, publisher, contracts: Vec::new(), is_optional: true };
        let line = pairs.entry((user, publisher)).or_insert_with(empty);
        line.contracts.push(format!("{} {}", call.contract, call.version));
        line.is_optional &= call.optional;
    }
    let mut lines: Vec<_> = pairs.into_values().collect();
    lines.sort_by_key(|line| line.is_optional);
    lines
}

impl<'g> Plan<'g> {
    fn of(graph: &'g Graph, lines: &[Line<'g>]) -> Self {
        let names: Vec<&str> = graph.modules.iter().map(|node| node.name.as_str()).collect();
        let calls: Vec<_> = lines.iter().map(|line| (line.user, line.publisher)).collect();
        let columns = layers(&names, &calls);
        let longest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or_default();
        let name = longest(&mut names.iter().map(|name| name.chars().count() * LETTER));
        let served = longest(&mut graph.modules.iter().map(|node| serves(node).chars().count() * SMALL_LETTER));
        let contract = longest(&mut lines.iter().flat_map(|line| &line.contracts).map(|text| text.chars().count()));
        let node_width = name.max(served).max(138) + 32;
        let gap = (contract * SMALL_LETTER + 110).max(180);
        let rows = columns.iter().map(Vec::len).max().unwrap_or_default().max(1);
        let mut plan = Self {
            modules: BTreeMap::new(),
            passing: BTreeMap::new(),
            node_width,
            width: columns.len().max(1) * (node_width + gap) - gap,
            rows,
        };
        for (column, stands) in columns.into_iter().enumerate() {
            // A short column stands in the middle.
            let shift = (rows - stands.len()) * ROW / 2;
            for (row, stand) in stands.into_iter().enumerate() {
                let at = (2 * MARGIN + column * (node_width + gap), TOP + shift + row * ROW);
                match stand {
                    Stand::Module(name) => {
                        plan.modules.insert(name, at);
                    }
                    Stand::Passing(line) => plan.passing.entry(line).or_default().push(at),
                }
            }
        }
        plan
    }

    fn area(&self, (x, y): (usize, usize)) -> Area {
        Area::new(Point::at(x, y), Point::at(x + self.node_width, y + NODE_HEIGHT))
    }

    /// The way of a line: from the right of whom calls, through the columns between, to the left of whom it calls;
    /// where it leads back, from the left to the right.
    fn way(&self, number: usize, line: &Line<'_>) -> Option<Vec<Curve>> {
        let (from, to) = (*self.modules.get(line.user)?, *self.modules.get(line.publisher)?);
        let width = self.node_width;
        let mut through = self.passing.get(&number).cloned().unwrap_or_default();
        let is_back = to.0 < from.0;
        // Of each place on the way: where the line leaves it, and where it comes to it.
        let (middle, leaves, comes) = if is_back { (BACK, 0, width) } else { (AHEAD, width, 0) };
        if is_back {
            through.reverse();
        }
        let mut way = Vec::new();
        let mut begin = Point::at(from.0 + leaves, from.1 + middle);
        for (x, y) in through {
            let [comes, leaves] = [comes, leaves].map(|side| Point::at(x + side, y + middle));
            way.extend([Curve::between(begin, comes), Curve::between(comes, leaves)]);
            begin = leaves;
        }
        way.push(Curve::between(begin, Point::at(to.0 + comes, to.1 + middle)));
        Some(way)
    }
}

fn path(way: &[Curve]) -> String {
    let mut path = String::new();
    for (index, Curve([from, one, other, to])) in way.iter().enumerate() {
        if index == 0 {
            let _ = write!(path, "M{from}");
        }
        let _ = write!(path, " C{one} {other} {to}");
    }
    path
}

/// The contracts of a line, above the middle of its way (or below, where it leads back), or where else there is room.
fn label(svg: &mut String, line: &Line<'_>, way: &[Curve], taken: &mut Vec<Area>) {
    let longest = line.contracts.iter().map(|text| text.chars().count()).max().unwrap_or_default();
    let (width, height) = (longest * SMALL_LETTER, line.contracts.len() * LINE);
    // Where a line has a way of its own through a column, there is room above it.
    let curve = way.get(way.len() / 2).or(way.first());
    let Some(curve) = curve else { return };
    let [Point { x: from, .. }, .., Point { x: to, .. }] = curve.0;
    let beside = Point::at(0, height / 2 + 5).y * if to < from { 1.0 } else { -1.0 };
    let tries = [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8].map(|part| {
        let Point { x, y } = curve.at(part);
        Area::around(Point { x, y: y + beside }, width, height)
    });
    let area = tries.iter().find(|area| !taken.iter().any(|other| other.meets(area))).unwrap_or(&tries[0]);
    let middle = area.middle();
    for (row, contract) in line.contracts.iter().enumerate() {
        let at = Point { x: middle.x, y: area.top() + Point::at(0, row * LINE + LINE - 4).y };
        let _ = writeln!(
            svg,
            "<text class=\"label\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            at.x,
            at.y,
            escaped(contract)
        );
    }
    taken.push(*area);
}

/// What stands below the name of a module: the contracts that it serves and nobody uses, which no line shows.
fn serves(node: &Node) -> String {
    match node.unused.as_slice() {
        [] => String::new(),
        unused => format!("unused: {}", unused.join(", ")),
    }
}

fn module(svg: &mut String, node: &Node, (x, y): (usize, usize), width: usize) {
    let class = match (node.enabled, node.moved) {
        (false, _) => "off",
        (true, true) => "moved",
        (true, false) => "module",
    };
    let serves = serves(node);
    let middle = x + width / 2;
    let name_at = if serves.is_empty() { NODE_HEIGHT / 2 + 5 } else { NODE_HEIGHT / 2 - 3 };
    let _ = write!(
        svg,
        "<g><title>{}</title><rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{NODE_HEIGHT}\" rx=\"8\"/><text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        escaped(&node.summary),
        y + name_at,
        escaped(&node.name),
    );
    if !serves.is_empty() {
        let (serves, at) = (escaped(&serves), y + NODE_HEIGHT - 10);
        let _ = write!(svg, "<text class=\"small\" x=\"{middle}\" y=\"{at}\" text-anchor=\"middle\">{serves}</text>");
    }
    svg.push_str("</g>\n");
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
        for text in [
            ">comments<",
            ">articles<",
            ">profiles<",
            ">sql<",
            "Serves &lt;comments&gt; &amp; more.",
            ">Articles 1.0.0<",
        ] {
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
    fn several_contracts_between_two_are_one_line_with_both_names() {
        let mut graph = example();
        let mut second = graph.calls[1].clone();
        second.contract = "Drafts".to_owned();
        graph.calls.push(second);
        let svg = write(&graph);
        assert!(svg.contains(">Articles 1.0.0<") && svg.contains(">Drafts 1.0.0<"), "{svg}");
        assert_eq!(svg.matches("class=\"call").count(), 3);
    }

    #[test]
    fn a_circle_leads_back_and_what_nobody_uses_is_shown() {
        let mut graph = example();
        let back = Call { user: "profiles".into(), publisher: "comments".into(), ..graph.calls[0].clone() };
        graph.calls.push(back);
        graph.modules[0].unused = vec!["Counts 1.0.0".to_owned()];
        let svg = write(&graph);
        assert_eq!(svg.matches("class=\"call").count(), 4);
        assert!(svg.contains(">unused: Counts 1.0.0<"), "{svg}");
    }

    /// No label lies on a module or on another label, as far as their letters are as wide as they are taken for.
    #[test]
    fn labels_have_room() {
        let graph = example();
        let lines = lines(&graph.calls);
        let plan = Plan::of(&graph, &lines);
        let mut taken: Vec<Area> = plan.modules.values().map(|at| plan.area(*at)).collect();
        let mut svg = String::new();
        for (number, line) in lines.iter().enumerate() {
            label(&mut svg, line, &plan.way(number, line).unwrap(), &mut taken);
        }
        assert_eq!(taken.len(), 6);
        for (index, area) in taken.iter().enumerate() {
            assert!(!taken[index + 1..].iter().any(|other| other.meets(area)), "{area:?} in {taken:?}");
        }
    }
}
