//! A still picture of the stage, as SVG: what stands in a figure's place before it runs, and what goes on paper.
//!
//! Its colours are the page's own, and it is dark where its reader's system is.

use std::fmt::Write;
use std::sync::Arc;

use super::{ClusterView, Meter, NodeCard, PodCard, PodClass};

/// The page's tokens: the only place where a colour is written down.
const TOKENS: &str = include_str!("../../static/css/tokens.css");
/// The tokens that a picture needs begin so.
const USED: [&str; 6] = ["--bg:", "--surface:", "--line:", "--ink:", "--ink-2:", "--st-"];

/// The space around frames and between them, in pixels.
const GAP: u32 = 12;
/// A node is at least so wide.
const NODE_WIDTH: u32 = 230;
/// From one line of text to the next.
const ROW: u32 = 24;
/// How wide a letter of the code font is, in tenths of a pixel.
const LETTER: u32 = 70;
/// More of each is counted, not drawn.
const NODES: usize = 12;
const PODS: usize = 6;

/// Fonts and forms. A pod's class has a form of its own besides its colour, as on the page.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:var(--ink)}.name{font:12px ui-monospace,monospace}.more{fill:var(--ink-2)}\
.frame{fill:var(--surface);stroke:var(--line)}.bar{fill:var(--line)}.asked{fill:var(--ink-2)}\
.pod rect{stroke-width:1.5}.glyph{fill:none;stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}\
.wait rect{stroke-dasharray:2 2}.gone rect{stroke-dasharray:5 3}.fail rect{stroke-width:3}.progress rect{fill:var(--surface)}";

/// The picture, so many pixels wide. `caption`: a line below it, which is also its name to those who do not see it.
pub fn picture(view: &ClusterView, width: u32, caption: &str) -> String {
    let mut drawing = Drawing { svg: String::new(), y: GAP };
    let width = width.max(NODE_WIDTH + 2 * GAP);
    if view.totals.pods_pending > 0 {
        drawing.lane(&view.pending, view.totals.pods_pending as usize, width);
    }
    let nodes = &view.nodes[..view.nodes.len().min(NODES)];
    let across = ((width - GAP) / (NODE_WIDTH + GAP)).clamp(1, nodes.len().max(1) as u32);
    let wide = (width - GAP) / across - GAP;
    for row in nodes.chunks(across as usize) {
        drawing.row(row, wide);
    }
    let more = view.nodes.len() - nodes.len();
    if more > 0 {
        drawing.text(GAP, "more", &format!("+{more}"));
        drawing.y += ROW;
    }
    drawing.text(GAP, "more", caption);
    let height = drawing.y + ROW;
    let classes: String = PodClass::ALL.into_iter().map(class_style).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\
         <title>{title}</title><style>:root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}{STYLE}{classes}</style>\
         <rect width=\"{width}\" height=\"{height}\" fill=\"var(--bg)\"/>{svg}</svg>\n",
        title = escaped(caption),
        light = tokens(":root {"),
        dark = tokens("[data-theme=\"dark\"] {"),
        svg = drawing.svg,
    )
}

/// The tokens in use of one theme.
fn tokens(begin: &str) -> String {
    let block = TOKENS.split_once(begin).and_then(|(_, rest)| rest.split_once('}'));
    let lines = block.map_or("", |(block, _)| block).lines().map(str::trim);
    let used = lines.filter(|line| USED.iter().any(|name| line.starts_with(name)));
    used.filter_map(|line| line.split_once(';')).map(|(token, _)| format!("{token};")).collect()
}

fn class_style(class: PodClass) -> String {
    let name = class.as_str();
    format!(
        ".{name} rect{{stroke:var(--st-{name});fill:var(--st-{name}-tint)}}.{name} .glyph{{stroke:var(--st-{name});color:var(--st-{name})}}"
    )
}

/// The markup so far, and where the next thing goes.
struct Drawing {
    svg: String,
    y: u32,
}

impl Drawing {
    /// Pods without a node.
    fn lane(&mut self, pods: &[Arc<PodCard>], count: usize, width: u32) {
        let across = ((width - 3 * GAP) / NODE_WIDTH).max(1);
        let shown = &pods[..pods.len().min(PODS)];
        let rows = (shown.len() as u32).div_ceil(across);
        self.frame(GAP, width - 2 * GAP, (rows + 1) * ROW + GAP);
        self.text(2 * GAP, "more", &format!("Pending: {count}"));
        let wide = (width - 4 * GAP) / across - GAP;
        for (at, pod) in (0u32..).zip(shown) {
            self.pod(pod, 2 * GAP + at % across * (wide + GAP), (at / across + 1) * ROW, wide);
        }
        self.y += (rows + 1) * ROW + 2 * GAP;
    }

    /// Nodes side by side, all as high as the highest.
    fn row(&mut self, nodes: &[Arc<NodeCard>], wide: u32) {
        let lines = |node: &NodeCard| node.pods.len().min(PODS) + usize::from(node.pods.len() > PODS);
        let most = nodes.iter().map(|node| lines(node)).max().unwrap_or(0) as u32;
        let height = (most + 3) * ROW + 2;
        for (at, node) in (0u32..).zip(nodes) {
            self.node(node, GAP + at * (wide + GAP), wide, height);
        }
        self.y += height + GAP;
    }

    fn node(&mut self, node: &NodeCard, x: u32, wide: u32, height: u32) {
        self.frame(x, wide, height);
        let inner = wide - 2 * GAP;
        let status = letters(&node.status, (inner / 2) * 10 / LETTER);
        let room = (inner - status.chars().count() as u32 * LETTER / 10).saturating_sub(GAP);
        self.text(x + GAP, "name", &letters(&node.name, room * 10 / LETTER));
        self.text_to(x + wide - GAP, 0, &status);
        self.meter(node.cpu, "CPU", x + GAP, ROW, inner);
        self.meter(node.memory, "Mem", x + GAP, 2 * ROW - GAP / 2, inner);
        let first = 3 * ROW - 6;
        for (at, pod) in (0u32..).zip(node.pods.iter().take(PODS)) {
            self.pod(pod, x + GAP, first + at * ROW, inner);
        }
        let more = node.pods.len().saturating_sub(PODS);
        if more > 0 {
            self.text_at(x + GAP, first + PODS as u32 * ROW, "more", &format!("+{more}"));
        }
    }

    /// How much of a resource is promised.
    fn meter(&mut self, amounts: Meter, label: &str, x: u32, below: u32, wide: u32) {
        let bar = wide - 4 * GAP;
        let asked = match amounts.allocatable {
            ..=0 => 0,
            whole => i128::from(bar) * i128::from(amounts.requested.clamp(0, whole)) / i128::from(whole),
        };
        self.text_at(x, below, "more", label);
        let (x, y) = (x + 4 * GAP, self.y + below + 10);
        // Writing to a string does not fail, here and below.
        let _ = write!(
            self.svg,
            "<rect class=\"bar\" x=\"{x}\" y=\"{y}\" width=\"{bar}\" height=\"6\"/><rect class=\"asked\" x=\"{x}\" y=\"{y}\" width=\"{asked}\" height=\"6\"/>"
        );
    }

    fn pod(&mut self, pod: &PodCard, x: u32, below: u32, wide: u32) {
        let status = letters(&pod.status, (wide / 2) * 10 / LETTER);
        let room = (wide - status.chars().count() as u32 * LETTER / 10).saturating_sub(3 * GAP + GAP / 2);
        let (class, y, corner) =
            (pod.class.as_str(), self.y + below + 2, if pod.class == PodClass::Done { 0 } else { 4 });
        let _ = write!(
            self.svg,
            "<g class=\"pod {class}\"><rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{}\" rx=\"{corner}\"/><g class=\"glyph\" transform=\"translate({} {}) scale(.875)\">{}</g></g>",
            ROW - 4,
            x + 4,
            y + 3,
            pod.class.drawing(),
        );
        self.text_at(x + 2 * GAP, below, "name", &letters(&pod.name, room * 10 / LETTER));
        self.text_to(x + wide - 6, below, &status);
    }

    fn frame(&mut self, x: u32, wide: u32, height: u32) {
        let y = self.y;
        let _ = write!(
            self.svg,
            "<rect class=\"frame\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{height}\" rx=\"8\"/>"
        );
    }

    fn text(&mut self, x: u32, class: &str, text: &str) {
        self.text_at(x, 0, class, text);
    }

    fn text_at(&mut self, x: u32, below: u32, class: &str, text: &str) {
        let (y, text) = (self.y + below + 17, escaped(text));
        let _ = write!(self.svg, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>");
    }

    /// A text that ends at a place.
    fn text_to(&mut self, x: u32, below: u32, text: &str) {
        let (y, text) = (self.y + below + 17, escaped(text));
        let _ =
            write!(self.svg, "<text class=\"name\" x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{text}</text>");
    }
}

/// At most so many letters: what is left out is in the middle, since names differ at their ends.
fn letters(text: &str, most: u32) -> String {
    let (all, most) = (text.chars().count(), most.max(3) as usize);
    if all <= most {
        return text.to_string();
    }
    let (head, tail) = ((most - 1) / 2, most - 1 - (most - 1) / 2);
    let head: String = text.chars().take(head).collect();
    format!("{head}…{}", text.chars().skip(all - tail).collect::<String>())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Config, Input, Recording};
    use crate::view::Stage;

    fn drawn(replicas: u32, nodes: u32, width: u32) -> String {
        let web = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      nodeSelector: {{disk: ssd}}\n      containers: [{{name: web, image: 'web:1'}}]\n"
        );
        let first = if nodes < 10 { "node-1" } else { "node-01" };
        let mut recording = Recording::new(Config::sized(7, nodes));
        recording.submit(Input::Kubectl {
            line: format!("kubectl label node {first} disk=ssd"),
            stdin: None,
            files: Default::default(),
        });
        recording.submit(Input::Kubectl {
            line: "kubectl apply -f -".into(),
            stdin: Some(web),
            files: Default::default(),
        });
        recording.advance(crate::clock::SimTime::from_secs(30), u64::MAX);
        let view = Stage::default().draw(recording.view(), recording.live().api().store());
        picture(&view, width, "a < b & \"c\"")
    }

    #[test]
    fn what_is_too_much_is_counted_and_what_is_too_long_cut() {
        assert_eq!(letters("web-7c9f6b5d4-x2k4p", 11), "web-7…x2k4p");
        assert_eq!(letters("파드-이름이-길다", 5), "파드…길다");
        assert_eq!(letters("web", 1), "web");
        let svg = drawn(9, 14, 800);
        assert!(svg.contains(">+3</text>"), "nine pods on a node that shows six");
        assert!(svg.contains(">+2</text>"), "fourteen nodes in a picture of twelve");
        assert_eq!(svg.matches("class=\"pod ready\"").count(), PODS);
        assert!(svg.contains("<title>a &lt; b &amp; &quot;c&quot;</title>"));
    }

    #[test]
    fn a_picture_is_small_whole_and_has_both_themes() {
        for (replicas, nodes, width) in [(0, 1, 0), (3, 3, 800), (200, 14, 1_440)] {
            let svg = drawn(replicas, nodes, width);
            assert!(svg.len() < 15_000, "{} bytes", svg.len());
            for tag in ["svg", "style", "g", "text"] {
                let opened =
                    svg.matches(&format!("<{tag} ")).count() + svg.matches(&format!("<{tag}>")).count();
                assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{tag}");
            }
            for token in ["--st-ready:#", "--ink:#", "--bg:#"] {
                assert_eq!(svg.replace(": #", ":#").matches(token).count(), 2, "{token}");
            }
        }
    }
}
