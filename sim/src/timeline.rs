//! A trace for people: who led, who was down, what was broken, what was decided. As text and as one HTML page.
//!
//! Both are made from the trace alone, so that they show nothing that a replay would not show.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a node was in one look at all nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// `Leader`, `Follower`, `Candidate`, `Learner` or `Stopped`; `down` when it did not run.
    role: String,
    term: u64,
    applied: u64,
}

/// A stretch of time in which a node was one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    from_ms: u64,
    to_ms: u64,
    seen: Seen,
}

/// Everything of a trace that a reader looks for first.
#[derive(Debug, Default)]
pub struct Timeline {
    spans: BTreeMap<u64, Vec<Span>>,
    events: Vec<(u64, String)>,
    plan: Vec<String>,
    end_ms: u64,
}

/// `  12.345 text` into milliseconds and text.
fn split(line: &str) -> Option<(u64, &str)> {
    let (time, text) = line.trim_start().split_once(' ')?;
    let (seconds, millis) = time.split_once('.')?;
    Some((seconds.parse::<u64>().ok()? * 1_000 + millis.parse::<u64>().ok()?, text))
}

/// One part of a line of nodes: `1 Leader term 3 applied 17 0a1b`.
fn node(part: &str) -> Option<(u64, Seen)> {
    let words: Vec<&str> = part.split_whitespace().collect();
    let [id, role, "term", term, "applied", applied, ..] = words[..] else { return None };
    Some((id.parse().ok()?, Seen { role: role.into(), term: term.parse().ok()?, applied: applied.parse().ok()? }))
}

impl Timeline {
    /// Reads a trace. Lines of an unknown form stand as events.
    pub fn of(trace: &str) -> Timeline {
        let mut timeline = Timeline::default();
        let mut known: Vec<u64> = Vec::new();
        for (at, text) in trace.lines().filter_map(split) {
            timeline.end_ms = timeline.end_ms.max(at);
            if let Some(plan) = text.strip_prefix("plan: ") {
                timeline.plan.push(plan.into());
            } else if let Some(nodes) = text.strip_prefix("nodes") {
                let seen: BTreeMap<u64, Seen> = nodes.split('|').filter_map(node).collect();
                known.extend(seen.keys());
                known.sort_unstable();
                known.dedup();
                for id in &known {
                    let down = Seen { role: "down".into(), term: 0, applied: 0 };
                    timeline.look(*id, at, seen.get(id).cloned().unwrap_or(down));
                }
            } else if !text.contains(" file ") {
                timeline.events.push((at, text.into()));
            }
        }
        timeline
    }

    fn look(&mut self, id: u64, at: u64, seen: Seen) {
        let spans = self.spans.entry(id).or_default();
        match spans.last_mut() {
            Some(last) if last.seen.role == seen.role && last.seen.term == seen.term => {
                last.to_ms = at;
                last.seen.applied = seen.applied;
            }
            last => {
                if let Some(last) = last {
                    last.to_ms = at;
                }
                spans.push(Span { from_ms: at, to_ms: at, seen });
            }
        }
    }

    /// Changes of leadership and everything that happened, in order of time.
    pub fn text(&self) -> String {
        let mut lines: Vec<(u64, String)> = self.events.clone();
        for (id, spans) in &self.spans {
            for span in spans {
                let Seen { role, term, applied } = &span.seen;
                let what = match role.as_str() {
                    "Leader" => {
                        format!("node {id} leads term {term}, until {} s, applied {applied}", seconds(span.to_ms))
                    }
                    "Candidate" => format!("node {id} stands for election in term {term}"),
                    "down" => format!("node {id} is down until {} s", seconds(span.to_ms)),
                    _ => continue,
                };
                lines.push((span.from_ms, what));
            }
        }
        lines.sort_by_key(|(at, _)| *at);
        let mut out: String = self.plan.iter().map(|line| format!("plan: {line}\n")).collect();
        for (at, what) in lines {
            // Writing to a string does not fail.
            let _ = writeln!(out, "{:>9} {what}", seconds(at));
        }
        out
    }

    /// One page without scripts: a lane for each node, a mark for each fault, and the list of what happened.
    pub fn html(&self) -> String {
        const WIDTH: u64 = 1_200;
        const LANE: usize = 34;
        let x = |ms: u64| 60 + ms * (WIDTH - 80) / self.end_ms.max(1);
        let mut svg = String::new();
        for (lane, (id, spans)) in self.spans.iter().enumerate() {
            let y = 20 + lane * LANE;
            let _ = write!(svg, "<text x=\"4\" y=\"{}\">node {id}</text>", y + 15);
            for span in spans {
                let Seen { role, term, applied } = &span.seen;
                let width = (x(span.to_ms) - x(span.from_ms)).max(1);
                let _ = write!(
                    svg,
                    "<rect class=\"{}\" x=\"{}\" y=\"{y}\" width=\"{width}\" height=\"22\"><title>{} to {} s: {role}, term {term}, applied {applied}</title></rect>",
                    role.to_lowercase(),
                    x(span.from_ms),
                    seconds(span.from_ms),
                    seconds(span.to_ms)
                );
            }
        }
        let height = 30 + self.spans.len() * LANE;
        for (at, what) in self.events.iter().filter(|(_, what)| broken(what)) {
            let _ = write!(
                svg,
                "<line class=\"fault\" x1=\"{0}\" x2=\"{0}\" y1=\"8\" y2=\"{height}\"><title>{1} s: {2}</title></line>",
                x(*at),
                seconds(*at),
                escape(what)
            );
        }
        let rows: String = self
            .events
            .iter()
            .map(|(at, what)| {
                let class = if what.starts_with("violation") {
                    "bad"
                } else if broken(what) {
                    "fault"
                } else {
                    ""
                };
                format!("<tr class=\"{class}\"><td>{}</td><td>{}</td></tr>\n", seconds(*at), escape(what))
            })
            .collect();
        let plan: String = self.plan.iter().map(|line| format!("{}\n", escape(line))).collect();
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Simulated run</title>\n<style>{STYLE}</style>\n\
             <h1>Simulated run</h1>\n<pre>{plan}</pre>\n\
             <p><b class=\"leader\">leads</b> <b class=\"follower\">follows</b> <b class=\"candidate\">stands</b> \
             <b class=\"learner\">learns</b> <b class=\"down\">down</b>; a line marks a fault. Rest the pointer on anything.</p>\n\
             <svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">{svg}</svg>\n<table>\n{rows}</table></html>\n"
        )
    }
}

const STYLE: &str = "body{font:14px/1.4 system-ui,sans-serif;margin:24px;color:#1b1f24}svg{width:100%;font-size:12px}\
pre{background:#f4f5f7;padding:12px;overflow:auto}table{border-collapse:collapse;font:12px monospace}td{padding:1px 12px 1px 0;vertical-align:top}\
.leader{fill:#1a7f37;background:#1a7f37;color:#fff}.follower{fill:#b6d7c0;background:#b6d7c0}.candidate{fill:#e3b341;background:#e3b341}\
.learner{fill:#9ec5fe;background:#9ec5fe}.down,.stopped{fill:#6e7781;background:#6e7781;color:#fff}b{padding:1px 6px;border-radius:3px}\
line.fault{stroke:#cf222e;stroke-width:1;opacity:.5}tr.fault{color:#a40e26}tr.bad{color:#fff;background:#a40e26}";

/// Whether an event is something that was broken on purpose.
fn broken(what: &str) -> bool {
    ["fault ", "cut ", "loss of "].iter().any(|word| what.starts_with(word)) || what.ends_with(" crashed")
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "   0.000 plan: seed 7\n   0.100 nodes | 1 Follower term 0 applied 0 aa | 2 Leader term 1 applied 1 bb\n   \
                         0.200 nodes | 1 Follower term 0 applied 1 bb | 2 Leader term 1 applied 2 cc\n   0.250 fault Crash { node: 2 } begins\n   \
                         0.250 n2 crashed\n   0.300 nodes | 1 Leader term 2 applied 2 cc\n   0.900 violation <x>: lost\n   1.000 node 1 file log.redb 00\n";

    #[test]
    fn leaders_and_outages_stand_in_the_text() {
        let text = Timeline::of(TRACE).text();
        for line in [
            "plan: seed 7",
            "0.100 node 2 leads term 1, until 0.300 s, applied 2",
            "0.250 n2 crashed",
            "0.300 node 1 leads term 2, until 0.300 s, applied 2",
            "0.300 node 2 is down until 0.300 s",
            "0.900 violation <x>: lost",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert!(!text.contains("log.redb"), "{text}");
    }

    #[test]
    fn the_page_has_a_lane_for_each_node_and_nothing_unescaped() {
        let page = Timeline::of(TRACE).html();
        assert_eq!(page.matches("<text").count(), 2);
        assert!(page.contains("&lt;x&gt;") && !page.contains("<x>"), "{page}");
        assert!(page.contains("class=\"leader\"") && page.contains("class=\"down\""));
        assert!(page.contains("tr class=\"bad\""));
        // An empty trace is a page too.
        assert!(Timeline::of("").html().contains("<svg"));
    }
}
