//! How the leaves of a stage are joined.
//!
//! Between streams, by valid, ready and data. From a leaf that issues beats to the buffer of their results nothing
//! stalls: there ready is constant, and arrays hear of a beat when it is issued, two cycles before it comes.

use crate::plan::{Leaf, Part};

/// The declarations and port connections of one part.
pub(super) struct Wiring {
    pub wires: Vec<String>,
    pub ports: Vec<String>,
}

/// Of every part of a stage, in order.
pub(super) fn of(parts: &[Part]) -> Vec<Wiring> {
    let mut from = "s".to_owned();
    let continues = parts.first().is_some_and(is_free);
    let mut source: Option<&str> = continues.then_some("s");
    let mut all = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        let to = if is_last { "m".to_owned() } else { part.name.clone() };
        let flow = &parts[index + 1..];
        let into_array = flow.iter().take_while(|part| !is_buffer(part)).any(is_array);
        let link = Link { part, from: &from, to: &to, source, is_last, into_array };
        all.push(link.wiring(flow));
        if part.leaf.pace().is_some() {
            source = Some(&part.name);
        } else if is_buffer(part) {
            source = None;
        }
        from = to;
    }
    if let (true, Some(first)) = (continues, all.first_mut()) {
        // Within a pipeline of several stages ready says that a result left it.
        let freed = freed(parts);
        if freed != "m_ready" {
            first.wires.insert(0, format!("wire {freed};"));
        }
        first.wires.push(format!("assign s_ready = {freed};"));
    }
    all
}

/// What says that a result left the buffer behind `parts`.
fn freed(parts: &[Part]) -> String {
    parts.iter().find(|part| is_buffer(part)).map_or("m_ready".into(), |part| format!("{}_freed", part.name))
}

fn is_free(part: &Part) -> bool {
    matches!(part.leaf, Leaf::Unrolled(_) | Leaf::ArgMaxTree { .. })
}

fn is_buffer(part: &Part) -> bool {
    matches!(part.leaf, Leaf::ResultBuffer { .. })
}

fn is_array(part: &Part) -> bool {
    matches!(part.leaf, Leaf::MacArray(_))
}

struct Link<'a> {
    part: &'a Part,
    from: &'a str,
    to: &'a str,
    /// Who issues the beats that come here, where nothing stalls.
    source: Option<&'a str>,
    is_last: bool,
    /// Whether an array further on is told of every beat when it is issued.
    into_array: bool,
}

impl Link<'_> {
    fn wiring(&self, flow: &[Part]) -> Wiring {
        let Link { from, to, .. } = self;
        let stream_in = format!(".s_valid({from}_valid), .s_ready({from}_ready), .s_data({from}_data)");
        let stream_out = format!(".m_valid({to}_valid), .m_ready({to}_ready), .m_data({to}_data)");
        let valid = if self.into_array { format!("unused_{to}_valid") } else { format!("{to}_valid") };
        let data = format!("wire [{}:0] {to}_data;", self.part.width - 1);
        let Some(source) = self.source else {
            if self.part.leaf.pace().is_none() {
                let wires = vec![format!("wire {to}_valid, {to}_ready;"), data];
                return Wiring {
                    wires: self.declared(wires),
                    ports: vec![format!("{stream_in},"), stream_out],
                };
            }
            let freed = freed(flow);
            if matches!(self.part.leaf, Leaf::BeatGate { .. }) {
                let mut wires = vec![format!("wire {to}_valid;"), data];
                wires.extend((freed != "m_ready").then(|| format!("wire {freed};")));
                let ports = vec![
                    format!("{stream_in}, .freed({freed}),"),
                    format!(".m_valid({valid}), .m_data({to}_data)"),
                ];
                return Wiring { wires, ports };
            }
            let told = if self.into_array { "" } else { "unused_" };
            return Wiring {
                wires: vec![format!("wire {told}{to}_issue, {told}{to}_last, {valid}, {freed};"), data],
                ports: vec![
                    format!("{stream_in}, .freed({freed}),"),
                    format!(
                        ".m_issue({told}{to}_issue), .m_last({told}{to}_last), .m_valid({valid}), .m_data({to}_data)"
                    ),
                ],
            };
        };
        match self.part.leaf {
            Leaf::ResultBuffer { .. } => Wiring {
                wires: self.declared(vec![format!("wire {to}_valid, {to}_ready;"), data]),
                ports: vec![
                    format!(
                        ".s_valid({from}_valid), .s_data({from}_data), .freed({}_freed),",
                        self.part.name
                    ),
                    stream_out,
                ],
            },
            Leaf::Unrolled(_) | Leaf::ArgMaxTree { .. } => Wiring {
                wires: self.declared(vec![format!("wire {to}_valid;"), data]),
                ports: vec![
                    format!(".s_valid({from}_valid), .s_data({from}_data),"),
                    format!(".m_valid({to}_valid), .m_data({to}_data)"),
                ],
            },
            Leaf::MacArray(_) => Wiring {
                wires: vec![format!("wire {to}_valid;"), data],
                ports: vec![
                    format!(".s_issue({source}_issue), .s_last({source}_last), .s_data({from}_data),"),
                    format!(".m_valid({to}_valid), .m_data({to}_data)"),
                ],
            },
            _ => Wiring {
                wires: vec![format!("wire {valid}, unused_{to}_ready;"), data],
                ports: vec![
                    format!(
                        ".s_valid({}), .s_ready(unused_{to}_ready), .s_data({from}_data),",
                        if self.into_array { "1'b1".to_owned() } else { format!("{from}_valid") }
                    ),
                    format!(".m_valid({valid}), .m_ready(1'b1), .m_data({to}_data)"),
                ],
            },
        }
    }

    /// The stage's own ports are declared already.
    fn declared(&self, wires: Vec<String>) -> Vec<String> {
        if self.is_last { Vec::new() } else { wires }
    }
}
